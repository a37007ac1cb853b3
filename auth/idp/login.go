package idp

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"fachwerk/auth"
)

// Cookies. On https their names have the prefix that binds them to this host
// and to https (RFC 6265bis 4.1.3.2); on loopback http they have names of
// their own, for cookies do not tell ports apart.
const (
	cookieSession = "idp-session" // who is signed in
	cookieForm    = "idp-form"    // against forged forms
	cookieDevice  = "idp-device"  // that someone has signed in here before, for the throttle
)

// deviceFor is how long a browser is known to the throttle at most.
const deviceFor = 180 * 24 * time.Hour

func (p *Provider) cookieName(name string) string {
	if p.secure {
		return "__Host-" + name
	}
	return "fachwerk-" + name
}

// setCookie sets one for a time; lasts 0 is until the browser is closed,
// below 0 removes it.
func (p *Provider) setCookie(w http.ResponseWriter, name, value string, lasts time.Duration) {
	c := &http.Cookie{
		Name: p.cookieName(name), Value: value, Path: "/",
		HttpOnly: true, Secure: p.secure, SameSite: http.SameSiteLaxMode,
	}
	switch {
	case lasts < 0:
		c.MaxAge = -1
	case lasts > 0:
		c.MaxAge = int(lasts / time.Second)
	}
	http.SetCookie(w, c)
}

// cookie gives a cookie's value if it is one of our secrets.
func (p *Provider) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(p.cookieName(name))
	if err != nil {
		return ""
	}
	value := c.Value
	if name == cookieSession {
		_, value, _ = strings.Cut(value, ".") // whose it is stands in front
	}
	if raw, err := base64.RawURLEncoding.DecodeString(value); err != nil || len(raw) != 32 {
		return ""
	}
	return c.Value
}

// session tells who is signed in in this browser.
func (p *Provider) session(r *http.Request) (session, bool, error) {
	var s session
	ok, err := p.get(r.Context(), ticketSession, p.cookie(r, cookieSession), &s)
	if err != nil || !ok {
		return session{}, false, err
	}
	_, active, err := p.person(r.Context(), s.Subject)
	return s, active, err
}

// formToken gives the value that forms carry: the same as in a cookie, which
// another site can neither read nor (by its prefix) set.
func (p *Provider) formToken(w http.ResponseWriter, r *http.Request) string {
	token := p.cookie(r, cookieForm)
	if token == "" {
		token = secret()
		p.setCookie(w, cookieForm, token, 0)
	}
	return token
}

// genuine tells whether a form was sent by our own page.
func (p *Provider) genuine(r *http.Request) bool {
	var cross http.CrossOriginProtection // Sec-Fetch-Site and Origin
	if cross.Check(r) != nil {
		return false
	}
	cookie := p.cookie(r, cookieForm)
	return cookie != "" && subtle.ConstantTimeCompare([]byte(cookie), []byte(r.PostForm.Get("form"))) == 1
}

// showLogin shows the form for a request that waits.
func (p *Provider) showLogin(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	var req request
	ok, err := p.get(r.Context(), ticketRequest, id, &req)
	switch {
	case err != nil:
		p.fault(w, r, err)
	case !ok:
		p.fail(w, r, http.StatusBadRequest, "expired")
	default:
		p.loginPage(w, r, http.StatusOK, id, req, req.LoginHint, "")
	}
}

// doLogin checks the password and sends the browser on: back to the client, or to the
// question whether it may.
func (p *Provider) doLogin(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.fail(w, r, http.StatusBadRequest, "bad_request")
		return
	}
	id := r.PostForm.Get("id")
	var req request
	ok, err := p.get(r.Context(), ticketRequest, id, &req)
	if err != nil {
		p.fault(w, r, err)
		return
	}
	if !ok {
		p.fail(w, r, http.StatusBadRequest, "expired")
		return
	}
	address := strings.TrimSpace(r.PostForm.Get("address"))
	if !p.genuine(r) {
		p.loginPage(w, r, http.StatusForbidden, id, req, bounded(address), "forged")
		return
	}
	who, err := p.check(r, address, r.PostForm.Get("password"))
	if err != nil {
		status, message := refusal(err)
		if status == http.StatusServiceUnavailable {
			p.log.Error("a login could not be checked", "err", err)
		}
		p.loginPage(w, r, status, id, req, bounded(address), message)
		return
	}
	// The request counts once.
	if ok, err = p.take(r.Context(), ticketRequest, id, &req); err != nil {
		p.fault(w, r, err)
		return
	}
	if l := chosenLanguage(r); l != "" {
		req.Locales = l // for the question that may come
	}
	if !ok {
		p.fail(w, r, http.StatusBadRequest, "expired")
		return
	}
	s, err := p.signIn(w, r, who)
	if err != nil {
		p.fault(w, r, err)
		return
	}
	p.proceed(w, r, req, s)
}

// refusal is what the page says; it is the same for unknown names, people
// without a password, disabled ones and wrong passwords.
func refusal(err error) (status int, message string) {
	switch {
	case errors.Is(err, auth.ErrDenied):
		return http.StatusUnauthorized, "denied"
	case errors.Is(err, auth.ErrThrottled):
		return http.StatusTooManyRequests, "throttled"
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable, "busy"
	}
	return http.StatusServiceUnavailable, "unavailable"
}

// check is the password's: one argon2 run whoever is named, unless there were
// too many failures.
func (p *Provider) check(r *http.Request, address, password string) (auth.Person, error) {
	ctx := r.Context()
	places := []string{auth.Network(p.cfg.Remote(r))}
	if device := p.cookie(r, cookieDevice); device != "" {
		places = append(places, "device "+hashed(device))
	}
	if len(address) > 320 {
		address = ""
	}
	if p.throttle.Judge(address, places...) != auth.Free {
		return auth.Person{}, auth.ErrThrottled
	}
	// What is being checked counts as failed until it is not, so that nobody gets further by
	// asking all at once.
	known, settled := p.throttle.Begin(address, places...)
	defer settled()
	who, phc, err := p.find(ctx, address)
	if err != nil {
		return auth.Person{}, err
	}
	ok, err := p.gate.verify(ctx, places[0], known, phc, password)
	if errors.Is(err, errShare) {
		p.throttle.Failed("", places...) // the places' own doing, and no word on the name
		p.log.Info("login put off", "protocol", "oidc", "network", places[0], "err", err)
		return auth.Person{}, auth.ErrThrottled
	}
	if err != nil {
		return auth.Person{}, err
	}
	if !ok || who.Disabled {
		p.throttle.Failed(address, places...)
		p.log.Info("login refused", "protocol", "oidc", "network", places[0], "by", auth.ByPassword)
		return auth.Person{}, auth.ErrDenied
	}
	return who, nil
}

// find gives a person and the hash of their password; nobody and nothing for
// an unknown name.
func (p *Provider) find(ctx context.Context, address string) (auth.Person, string, error) {
	who, err := p.cfg.People.PersonByAddress(ctx, address)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return auth.Person{}, "", err
	}
	// Asked for unknown names too, so that the reads are the same.
	phc, err := p.cfg.Passwords.PasswordHash(ctx, who.AccountRef)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return auth.Person{}, "", err
	}
	return who, phc, nil
}

// signIn makes the browser's session anew, whatever it had before.
func (p *Provider) signIn(w http.ResponseWriter, r *http.Request, who auth.Person) (session, error) {
	ctx := r.Context()
	if old := p.cookie(r, cookieSession); old != "" {
		var was session
		if _, err := p.take(ctx, ticketSession, old, &was); err != nil {
			return session{}, err
		}
	}
	cookie := secretOf(Subject(who.AccountRef))
	s := session{Subject: Subject(who.AccountRef), SID: secret()[:22], AuthTime: p.now()}
	if err := p.put(ctx, ticketSession, cookie, s.Subject, s, sessionFor); err != nil {
		return session{}, err
	}
	p.setCookie(w, cookieSession, cookie, sessionFor)
	device := p.cookie(r, cookieDevice)
	if device == "" {
		device = secret()
	}
	p.setCookie(w, cookieDevice, device, deviceFor)
	p.throttle.Succeeded(r.PostForm.Get("address"), auth.Network(p.cfg.Remote(r)), "device "+hashed(device))
	return s, nil
}
