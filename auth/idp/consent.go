package idp

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"fachwerk/auth"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// consent is a request of a native client that waits for a person's word, in the browser
// where they are signed in. Nobody vouches for who listens at a loopback address, so that
// no code is given there without it, whoever is signed in already (RFC 8252 8.6, RFC 6749
// 10.2); and since the word is for the one who asked, it is remembered nowhere.
type consent struct {
	Request request
	Session session
}

// askConsent leads the browser to the question.
func (p *Provider) askConsent(w http.ResponseWriter, r *http.Request, req request, s session) {
	req.LoginHint, req.HintSubject = "", "" // for the login page alone
	id := secretOf(s.Subject)
	if err := p.put(r.Context(), ticketConsent, id, s.Subject, consent{req, s}, consentFor); err != nil {
		p.fault(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, pathConsent+"?id="+url.QueryEscape(id), http.StatusSeeOther)
}

// asked finds a question that waits for this browser's person: of a session that has
// ended meanwhile, or another's, there is none.
func (p *Provider) asked(r *http.Request, id string) (c consent, ok bool, err error) {
	ok, err = p.get(r.Context(), ticketConsent, id, &c)
	if err != nil || !ok {
		return c, false, err
	}
	s, signedIn, err := p.session(r)
	return c, err == nil && signedIn && s.Subject == c.Session.Subject && s.SID == c.Session.SID, err
}

// showConsent asks.
func (p *Provider) showConsent(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("id")
	c, ok, err := p.asked(r, id)
	switch {
	case err != nil:
		p.fault(w, r, err)
	case !ok:
		p.fail(w, r, http.StatusBadRequest, "expired")
	default:
		p.consentPage(w, r, http.StatusOK, id, c, "")
	}
}

// doConsent takes the answer; whatever is not a yes is a no.
func (p *Provider) doConsent(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.fail(w, r, http.StatusBadRequest, "bad_request")
		return
	}
	id := r.PostForm.Get("id")
	c, ok, err := p.asked(r, id)
	if err != nil {
		p.fault(w, r, err)
		return
	}
	if !ok {
		p.fail(w, r, http.StatusBadRequest, "expired")
		return
	}
	if !p.genuine(r) {
		p.consentPage(w, r, http.StatusForbidden, id, c, "forged")
		return
	}
	// The question counts once.
	if ok, err = p.take(r.Context(), ticketConsent, id, &c); err != nil {
		p.fault(w, r, err)
		return
	}
	to, known := p.targetOf(c.Request)
	switch {
	case !ok:
		p.fail(w, r, http.StatusBadRequest, "expired")
	case !known:
		p.fail(w, r, http.StatusBadRequest, "bad_client")
	case r.PostForm.Get("answer") != "allow":
		p.answerError(w, r, to, c.Request.State, oidc.ErrAccessDenied().WithDescription("the person said no"))
	default:
		p.answerCode(w, r, c.Request, c.Session)
	}
}

// consentPage says who would get what of whom.
func (p *Provider) consentPage(w http.ResponseWriter, r *http.Request, status int, id string, c consent, message string) {
	who, active, err := p.person(r.Context(), c.Session.Subject)
	if err != nil {
		p.fault(w, r, err)
		return
	}
	if !active {
		p.fail(w, r, http.StatusBadRequest, "expired")
		return
	}
	data := p.newPage(r, c.Request.Locales)
	data.ID, data.Form, data.Address = id, p.formToken(w, r), who.Address
	data.Error = data.T[message]
	for _, scope := range append(strings.Fields(auth.AllScopes.String()), ScopeAdmin, oidc.ScopeOpenID, oidc.ScopeOfflineAccess) {
		if slices.Contains(c.Request.Scopes, scope) {
			data.May = append(data.May, data.T["may_"+scope])
		}
	}
	to, _ := p.targetOf(c.Request)
	p.render(w, status, "consent.html", data, to.form())
}
