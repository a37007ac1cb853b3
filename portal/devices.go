package portal

import (
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fachwerk/auth"
)

// start is the first page: what can be set up, or the way to sign in.
func (p *Portal) start(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r.Context(), r)
	if err != nil {
		p.fail(w, r, nil, err)
		return
	}
	p.render(w, r, v, http.StatusOK, "start", clients)
}

type devicesPage struct {
	Passwords []passwordRow
	Sessions  []sessionRow
	Full      bool
	Limit     int
	Fresh     bool   // a password can be made without signing in again
	Name      string // suggested for the next one
}

type passwordRow struct {
	auth.AppPassword
	Services []string // text keys
	Expired  bool
}

type sessionRow struct {
	auth.Session
	Number string
	Here   bool
	Device string
}

// devices lists app passwords and sessions.
func (p *Portal) devices(w http.ResponseWriter, r *http.Request, v *visitor) {
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
	page := devicesPage{
		Full: len(list) >= auth.MaxAppPasswords, Limit: auth.MaxAppPasswords,
		Fresh: p.fresh(v), Name: strings.TrimSpace(r.URL.Query().Get("name")),
	}
	for _, a := range list {
		page.Passwords = append(page.Passwords, passwordRow{
			AppPassword: a, Services: serviceKeys(a.Scopes), Expired: !a.Expires.IsZero() && p.c.Now().After(a.Expires),
		})
	}
	for _, s := range sessions {
		page.Sessions = append(page.Sessions, sessionRow{
			Session: s, Number: hex.EncodeToString(s.ID), Here: string(s.ID) == string(v.session.ID), Device: browser(s.UserAgent),
		})
	}
	p.render(w, r, v, http.StatusOK, "devices", page)
}

func (p *Portal) fresh(v *visitor) bool {
	return !v.AuthTime.IsZero() && p.c.Now().Sub(v.AuthTime) < auth.Fresh-30*time.Second
}

var services = []struct {
	scope auth.Scope
	key   string
}{{auth.MailRead, "service.read"}, {auth.MailSend, "service.send"}}

func serviceKeys(s auth.Scope) (keys []string) {
	for _, x := range services {
		if s&x.scope != 0 {
			keys = append(keys, x.key)
		}
	}
	return keys
}

// secretPage shows a new app password, once.
type secretPage struct {
	Name, Address, Secret string
	Scopes                []string
}

// makeAppPassword makes one for a device. Without a fresh sign-in the person
// goes to the provider first and comes back to the form.
func (p *Portal) makeAppPassword(w http.ResponseWriter, r *http.Request, v *visitor) {
	name := strings.TrimSpace(r.PostForm.Get("name"))
	var scopes auth.Scope
	for _, x := range services {
		if r.PostForm.Get(x.key) != "" {
			scopes |= x.scope
		}
	}
	if scopes == 0 {
		p.message(w, r, v, http.StatusBadRequest, "error.service")
		return
	}
	expires, err := expiry(p.c.Now(), r.PostForm.Get("expires"))
	if err != nil {
		p.message(w, r, v, http.StatusBadRequest, "error.form")
		return
	}
	_, secret, err := p.c.Authenticator.NewAppPassword(r.Context(), v.Principal, name, scopes, expires)
	if errors.Is(err, auth.ErrStale) {
		back := "/devices?" + url.Values{"name": {name}}.Encode() + "#new"
		http.Redirect(w, r, "/login?"+url.Values{"fresh": {"1"}, "return": {back}}.Encode(), http.StatusSeeOther)
		return
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.render(w, r, v, http.StatusOK, "secret", secretPage{
		Name: name, Address: v.Address, Secret: secret, Scopes: serviceKeys(scopes),
	})
}

// expiry reads the choice of days; "" is never.
func expiry(now time.Time, days string) (time.Time, error) {
	if days == "" {
		return time.Time{}, nil
	}
	n, err := strconv.Atoi(days)
	if err != nil || n < 1 || n > 3650 {
		return time.Time{}, errors.New("unknown expiry")
	}
	return now.AddDate(0, 0, n), nil
}

func (p *Portal) endAppPassword(w http.ResponseWriter, r *http.Request, v *visitor) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		p.message(w, r, v, http.StatusNotFound, "error.gone")
		return
	}
	if err := p.c.Authenticator.RevokeAppPassword(r.Context(), v.ref(), id); err != nil {
		p.fail(w, r, v, err)
		return
	}
	http.Redirect(w, r, "/devices", http.StatusSeeOther)
}

func (p *Portal) endSession(w http.ResponseWriter, r *http.Request, v *visitor) {
	id, err := hex.DecodeString(r.PathValue("id"))
	if err != nil {
		p.message(w, r, v, http.StatusNotFound, "error.gone")
		return
	}
	if err := p.c.Sessions.EndSession(r.Context(), v.ref(), id); err != nil {
		p.fail(w, r, v, err)
		return
	}
	http.Redirect(w, r, "/devices", http.StatusSeeOther)
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
