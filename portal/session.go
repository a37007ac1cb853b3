package portal

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"fachwerk/auth"
)

// visitor is who asks for a page.
type visitor struct {
	*auth.Principal
	session auth.Session
	cookie  string
}

func (v *visitor) ref() auth.AccountRef {
	return auth.AccountRef{Tenant: v.Tenant, Account: v.Account}
}

// Cookies are bound to this host where the browser knows how (RFC 6265bis 4.1.3).
func (p *Portal) cookieName(name string) string {
	if p.secure {
		return "__Host-fachwerk-" + name
	}
	return "fachwerk-portal-" + name
}

func (p *Portal) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	http.SetCookie(w, &http.Cookie{
		Name: p.cookieName(name), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: p.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (p *Portal) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(p.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// visitor finds who is signed in; nil if nobody.
func (p *Portal) visitor(ctx context.Context, r *http.Request) (*visitor, error) {
	value := p.cookie(r, "session")
	if value == "" {
		return nil, nil
	}
	principal, session, err := p.c.RelyingParty.Lookup(ctx, value)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &visitor{Principal: principal, session: session, cookie: value}, nil
}

// known is visitor for pages that must appear even if nobody can be looked up.
func (p *Portal) known(r *http.Request) *visitor {
	v, err := p.visitor(r.Context(), r)
	if err != nil {
		return nil
	}
	return v
}

type pageFunc func(w http.ResponseWriter, r *http.Request, v *visitor)

// signedIn sends who is not signed in to the provider, and back here.
func (p *Portal) signedIn(next pageFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := p.visitor(r.Context(), r)
		if err != nil {
			p.fail(w, r, nil, err)
			return
		}
		if v == nil {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				p.onward(w, r, loginPath("/devices", false))
				return
			}
			http.Redirect(w, r, loginPath(r.URL.RequestURI(), false), http.StatusSeeOther)
			return
		}
		next(w, r, v)
	}
}

// form lets a POST through only with the token of a page of this session.
func (p *Portal) form(next pageFunc) pageFunc {
	return func(w http.ResponseWriter, r *http.Request, v *visitor) {
		if err := readForm(r); err != nil {
			p.message(w, r, v, http.StatusBadRequest, "error.form")
			return
		}
		if !hmac.Equal([]byte(r.PostForm.Get("token")), []byte(p.formToken(v))) {
			p.message(w, r, v, http.StatusForbidden, "error.form")
			return
		}
		next(w, r, v)
	}
}

// readForm reads what a form holds, files included, into memory: the request is
// bounded already.
func readForm(r *http.Request) error {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return r.ParseMultipartForm(bodyMax)
	}
	return r.ParseForm()
}

func (p *Portal) formToken(v *visitor) string {
	if v == nil {
		return ""
	}
	mac := hmac.New(sha256.New, p.c.Secret)
	mac.Write([]byte("portal form\x00"))
	mac.Write(v.session.ID)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// loginPath begins a sign-in that ends at back, a path of this origin.
func loginPath(back string, fresh bool) string {
	q := url.Values{"return": {back}}
	if fresh {
		q.Set("fresh", "1")
	}
	return "/login?" + q.Encode()
}

// login begins a sign-in; fresh=1 asks the provider for the password again. Where
// people sign in at different providers, and nothing says whose this one is, the
// address is asked for first.
func (p *Portal) login(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	o := auth.StartOptions{
		Tenant: q.Get("tenant"), Invitation: q.Get("invitation"), Session: p.cookie(r, "session"), Fresh: q.Get("fresh") == "1",
	}
	if o.Tenant == "" && o.Invitation == "" && p.known(r) == nil {
		several, err := p.c.RelyingParty.Several(r.Context())
		if err != nil {
			p.fail(w, r, nil, err)
			return
		}
		if several {
			p.render(w, r, nil, http.StatusOK, "login", loginPage{Return: localPath(q.Get("return"))})
			return
		}
	}
	if to, ok := p.begin(w, r, q.Get("return"), o); ok {
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

type loginPage struct {
	Return  string // where to go then
	Address string
	Errors  formErrors
}

// loginByAddress begins the sign-in of whoever has that address, at the provider of its
// domain. Which addresses there are it tells nobody.
func (p *Portal) loginByAddress(w http.ResponseWriter, r *http.Request) {
	if err := readForm(r); err != nil {
		p.message(w, r, nil, http.StatusBadRequest, "error.form")
		return
	}
	page := loginPage{Return: localPath(r.PostForm.Get("return")), Address: strings.TrimSpace(r.PostForm.Get("address"))}
	if _, domain, ok := strings.Cut(page.Address, "@"); !ok || domain == "" || len(page.Address) > 320 {
		page.Errors = formErrors{{"address", "wrong.login"}}
		p.render(w, r, nil, http.StatusUnprocessableEntity, "login", page)
		return
	}
	if to, ok := p.begin(w, r, page.Return, auth.StartOptions{Address: page.Address}); ok {
		p.onward(w, r, to)
	}
}

// begin begins a sign-in and tells where it goes on; false if it has answered already.
func (p *Portal) begin(w http.ResponseWriter, r *http.Request, back string, o auth.StartOptions) (to string, ok bool) {
	network := auth.Network(p.c.Remote(r))
	if p.begun.Judge("", network) != auth.Free {
		p.fail(w, r, p.known(r), auth.ErrThrottled)
		return "", false
	}
	p.begun.Failed("", network)
	o.Locales, o.StateCookie = string(p.language(r, "")), p.cookie(r, "state")
	to, state, err := p.c.RelyingParty.Start(r.Context(), back, o)
	if err != nil {
		p.fail(w, r, p.known(r), err)
		return "", false
	}
	p.setCookie(w, "state", state, 600)
	return to, true
}

// callback ends a sign-in.
func (p *Portal) callback(w http.ResponseWriter, r *http.Request) {
	done, err := p.c.RelyingParty.Finish(r.Context(), r.PathValue("issuer"), r.URL.Query(), p.cookie(r, "state"), p.cookie(r, "session"), r.UserAgent())
	if err != nil {
		p.fail(w, r, p.known(r), err)
		return
	}
	p.setCookie(w, "session", done.CookieValue, 0)
	http.Redirect(w, r, done.ReturnTo, http.StatusSeeOther)
}

// logout ends the session here and, where the provider offers it, there.
func (p *Portal) logout(w http.ResponseWriter, r *http.Request, v *visitor) {
	to, err := p.c.RelyingParty.Logout(r.Context(), v.cookie)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.setCookie(w, "session", "", -1)
	if to == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	p.onward(w, r, to)
}
