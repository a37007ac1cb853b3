package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"fachwerk/auth"
)

// nameMax is how many characters a device's name may have, as auth has it.
const nameMax = 80

// services are those an app password can be made for, by the form's names.
var services = []struct {
	scope auth.Scope
	key   string
}{
	{auth.MailRead, "service.read"}, {auth.MailSend, "service.send"}, {auth.Calendars, "service.calendar"},
	{auth.Contacts, "service.contacts"}, {auth.Files, "service.files"},
}

func serviceKeys(s auth.Scope) (keys []string) {
	for _, x := range services {
		if s&x.scope != 0 {
			keys = append(keys, x.key)
		}
	}
	return keys
}

// preset is a sensible choice of services; Key is a text key, with ".what" behind
// it an example.
type preset struct {
	Name, Key string
	Scopes    auth.Scope
}

// ownChoice is the form's name for what is ticked one by one.
const ownChoice = "own"

// presets are in the order in which they are offered; the first is chosen unless
// something else is asked for.
var presets = []preset{
	{"suite", "preset.suite", auth.MailRead | auth.MailSend | auth.Calendars | auth.Contacts},
	{"phone", "preset.phone", auth.Calendars | auth.Contacts},
	{"files", "preset.files", auth.Files},
}

// presets are those of which all is offered.
func (p *Portal) presets() (list []preset) {
	for _, x := range presets {
		if p.scopes()&x.Scopes == x.Scopes {
			list = append(list, x)
		}
	}
	return list
}

// presetOf names the preset for these services, or the choice one by one.
func presetOf(s auth.Scope) string {
	for _, x := range presets {
		if x.Scopes == s {
			return x.Name
		}
	}
	return ownChoice
}

// secretPage shows a new app password, once.
type secretPage struct {
	Name, Address, Secret string
	Scopes                []string
	Client                string      // text key of the program it was made for, "" for none
	Parts                 []setupPart // how that is set up: the password is needed on the way
}

// appPasswordForm is what a person chose for a new app password.
type appPasswordForm struct {
	Name    string
	For     string // name of a preset, or ownChoice
	Scopes  auth.Scope
	Expires string // days as text, "" for never
	Client  string // name of the program whose page led here, "" for none
}

// readAppPasswordForm reads the form, or the query that brings it back after a
// fresh sign-in. A preset counts for more than what is ticked.
func readAppPasswordForm(values url.Values) appPasswordForm {
	f := appPasswordForm{Name: strings.TrimSpace(values.Get("name")), For: ownChoice, Expires: values.Get("expires")}
	if c, ok := clientNamed(values.Get("client")); ok {
		f.Client = c.Name
	}
	for _, x := range services {
		if values.Get(x.key) != "" {
			f.Scopes |= x.scope
		}
	}
	for _, x := range presets {
		if values.Get("for") == x.Name {
			f.For, f.Scopes = x.Name, x.Scopes
		}
	}
	return f
}

// startForm is what the form shows at first. Without any choice in the query it is
// the first preset, or all there is to choose from where there is none.
func (p *Portal) startForm(query url.Values) appPasswordForm {
	f := readAppPasswordForm(query)
	if f.Scopes == 0 {
		f.Scopes = p.scopes()
		if list := p.presets(); len(list) > 0 {
			f.For, f.Scopes = list[0].Name, list[0].Scopes
		}
	}
	return f
}

// query undoes readAppPasswordForm.
func (f appPasswordForm) query() string {
	q := url.Values{"name": {f.Name}}
	if f.Client != "" {
		q.Set("client", f.Client)
	}
	if f.Expires != "" {
		q.Set("expires", f.Expires)
	}
	if f.For != ownChoice {
		q.Set("for", f.For)
		return q.Encode()
	}
	for _, x := range services {
		if f.Scopes&x.scope != 0 {
			q.Set(x.key, "1")
		}
	}
	return q.Encode()
}

// Has tells the page whether a service is ticked.
func (f appPasswordForm) Has(key string) bool {
	for _, x := range services {
		if x.key == key {
			return f.Scopes&x.scope != 0
		}
	}
	return false
}

// makeAppPassword makes one for a device. Without a fresh sign-in the person
// goes to the provider first and comes back to the form, filled in.
func (p *Portal) makeAppPassword(w http.ResponseWriter, r *http.Request, v *visitor) {
	f := readAppPasswordForm(r.PostForm)
	var wrong formErrors
	if f.Name == "" || utf8.RuneCountInString(f.Name) > nameMax || strings.ContainsFunc(f.Name, unicode.IsControl) {
		wrong = append(wrong, formError{"name", "wrong.device"})
	}
	if f.Scopes &= p.scopes(); f.Scopes == 0 {
		wrong = append(wrong, formError{"services", "wrong.service"})
	}
	if len(wrong) > 0 {
		p.showDevices(w, r, v, http.StatusUnprocessableEntity, f, wrong)
		return
	}
	expires, err := expiry(p.c.Now(), f.Expires)
	if err != nil {
		p.message(w, r, v, http.StatusBadRequest, "error.form")
		return
	}
	_, secret, err := p.c.Authenticator.NewAppPassword(r.Context(), v.Principal, f.Name, f.Scopes, expires)
	if errors.Is(err, auth.ErrStale) {
		p.onward(w, r, loginPath("/devices?"+f.query()+"#new", true))
		return
	}
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	page := secretPage{Name: f.Name, Address: v.Address, Secret: secret, Scopes: serviceKeys(f.Scopes)}
	if c, ok := clientNamed(f.Client); ok {
		page.Client, page.Parts = c.Title, p.setupParts(c, v.Address)
	}
	p.render(w, r, v, http.StatusOK, "secret", page)
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
	http.Redirect(w, r, "/devices?done=password", http.StatusSeeOther)
}
