package portal

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"fachwerk/auth"
)

type startPage struct {
	Kinds   []string
	Clients []clientCard
}

// start is the first page: what can be set up, or the way to sign in.
func (p *Portal) start(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r.Context(), r)
	if err != nil {
		p.fail(w, r, nil, err)
		return
	}
	p.render(w, r, v, http.StatusOK, "start", startPage{p.kinds(), p.cards("")})
}

type devicesPage struct {
	Passwords []passwordRow
	Programs  []programRow // let in at the embedded provider
	Sessions  []sessionRow
	Full      bool
	Limit     int
	Fresh     bool // a password can be made without signing in again
	Form      appPasswordForm
	Presets   []preset
	Services  []string // text keys of what an app password can be made for
	Days      []int    // to choose an expiry from
	Errors    formErrors
	Done      string // text key of what was just done, "" for nothing
}

func (x devicesPage) done() string { return x.Done }

// devicesDone are what the page may be told, in its query, to say.
var devicesDone = map[string]string{"password": "devices.ended", "session": "sessions.ended", "program": "programs.ended", "all": "sessions.ended.all"}

type passwordRow struct {
	auth.AppPassword
	Services []string // text keys
	Expired  bool
	By, From string // text key of what used it last, and the address that came from; "" where it is not known
}

type sessionRow struct {
	auth.Session
	Number string
	Here   bool
	Device string
}

// usedBy are the text keys of the protocols that app passwords are used in.
var usedBy = map[string]string{"imap": "by.imap", "submission": "by.submission", "dav": "by.dav"}

// devices lists app passwords and sessions.
func (p *Portal) devices(w http.ResponseWriter, r *http.Request, v *visitor) {
	p.showDevices(w, r, v, http.StatusOK, p.startForm(r.URL.Query()), nil)
}

func (p *Portal) showDevices(w http.ResponseWriter, r *http.Request, v *visitor, status int, form appPasswordForm, wrong formErrors) {
	list, err := p.c.AppPasswords.AppPasswords(r.Context(), v.ref())
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	sessions, err := p.c.Sessions.SessionsOf(r.Context(), v.ref())
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	programs, err := p.programs(r.Context(), v.ref())
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	page := devicesPage{
		Programs: programs,
		Full:     len(list) >= auth.MaxAppPasswords, Limit: auth.MaxAppPasswords,
		Fresh: p.fresh(v), Form: form, Errors: wrong,
		Presets: p.presets(), Services: serviceKeys(p.scopes()), Days: []int{30, 90, 365},
		Done: devicesDone[r.URL.Query().Get("done")],
	}
	for _, a := range list {
		row := passwordRow{AppPassword: a, Services: serviceKeys(a.Scopes), Expired: !a.Expires.IsZero() && p.c.Now().After(a.Expires)}
		protocol, from, _ := strings.Cut(a.LastUsedBy, " ")
		if row.By = usedBy[protocol]; row.By != "" {
			row.From = from
		}
		page.Passwords = append(page.Passwords, row)
	}
	for _, s := range sessions {
		page.Sessions = append(page.Sessions, sessionRow{
			Session: s, Number: hex.EncodeToString(s.ID), Here: bytes.Equal(s.ID, v.session.ID), Device: browser(s.UserAgent),
		})
	}
	p.render(w, r, v, status, "devices", page)
}

func (p *Portal) fresh(v *visitor) bool {
	return !v.AuthTime.IsZero() && p.c.Now().Sub(v.AuthTime) < auth.Fresh-30*time.Second
}

func (p *Portal) endSession(w http.ResponseWriter, r *http.Request, v *visitor) {
	id, err := hex.DecodeString(r.PathValue("id"))
	switch {
	case err != nil:
		p.message(w, r, v, http.StatusNotFound, "error.gone")
		return
	case bytes.Equal(id, v.session.ID):
		p.logout(w, r, v) // else the provider would sign in again at once
		return
	}
	if err := p.c.Sessions.EndSession(r.Context(), v.ref(), id); err != nil {
		p.fail(w, r, v, err)
		return
	}
	http.Redirect(w, r, "/devices?done=session", http.StatusSeeOther)
}

// browser names what a person would call the program, from its User-Agent.
func browser(userAgent string) string {
	name := ""
	for _, b := range []struct{ mark, name string }{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	} {
		if strings.Contains(userAgent, b.mark) {
			name = b.name
			break
		}
	}
	for _, s := range []struct{ mark, name string }{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	} {
		if strings.Contains(userAgent, s.mark) {
			return strings.TrimPrefix(name+", "+s.name, ", ")
		}
	}
	return name
}
