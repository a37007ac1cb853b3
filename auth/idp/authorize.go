package idp

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"fachwerk/auth"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// authorize begins a login for a client (RFC 6749 4.1.1, Core 3.1.2).
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	raw, err := op.ParseAuthorizeRequest(r, p.op.Decoder())
	if err != nil {
		p.fail(w, r, http.StatusBadRequest, "bad_request")
		return
	}
	// As long as client and redirect URI are not known to belong together,
	// nothing is sent there.
	client, ok := p.clients[raw.ClientID]
	to, good := client.redirectTarget(raw.RedirectURI)
	if !ok || !good {
		p.fail(w, r, http.StatusBadRequest, "bad_client")
		return
	}
	req, oidcErr := p.checkRequest(r, client, raw)
	if oidcErr != nil {
		p.answerError(w, r, to, raw.State, oidcErr)
		return
	}
	s, signedIn, err := p.session(r)
	if err != nil {
		p.fault(w, r, err)
		return
	}
	signedIn = signedIn && !req.Again && (raw.MaxAge == nil || p.now().Sub(s.AuthTime) < time.Duration(*raw.MaxAge)*time.Second) &&
		(req.HintSubject == "" || req.HintSubject == s.Subject)
	switch {
	case signedIn && client.Native && slices.Contains(raw.Prompt, oidc.PromptNone):
		e := oidc.ErrInteractionRequired().WithDescription("the person must be asked")
		e.ErrorType = "consent_required" // OpenID Connect Core 3.1.2.6
		p.answerError(w, r, to, req.State, e)
	case signedIn:
		p.proceed(w, r, req, s)
	case slices.Contains(raw.Prompt, oidc.PromptNone):
		p.answerError(w, r, to, req.State, oidc.ErrLoginRequired())
	default:
		network := auth.Network(p.cfg.Remote(r))
		if p.begun.Judge("", network) != auth.Free {
			p.fail(w, r, http.StatusTooManyRequests, "busy")
			return
		}
		p.begun.Failed("", network)
		id := secret()
		if err := p.put(r.Context(), ticketRequest, id, "", req, requestFor); err != nil {
			p.fault(w, r, err)
			return
		}
		http.Redirect(w, r, client.LoginURL(id), http.StatusSeeOther)
	}
}

// checkRequest holds a request against what this provider offers.
func (p *Provider) checkRequest(r *http.Request, client opClient, raw *oidc.AuthRequest) (request, *oidc.Error) {
	switch {
	case raw.RequestParam != "":
		return request{}, oidc.ErrRequestNotSupported()
	case raw.ResponseType != oidc.ResponseTypeCode:
		return request{}, oidc.ErrUnauthorizedClient().WithDescription("response_type must be code")
	case raw.ResponseMode != "" && raw.ResponseMode != oidc.ResponseModeQuery:
		return request{}, oidc.ErrInvalidRequest().WithDescription("response_mode must be query")
	case raw.CodeChallenge == "" || raw.CodeChallengeMethod != oidc.CodeChallengeMethodS256:
		return request{}, oidc.ErrInvalidRequest().WithDescription("PKCE with S256 is needed")
	case len(raw.CodeChallenge) != 43: // SHA-256 in base64url
		return request{}, oidc.ErrInvalidRequest().WithDescription("the code challenge is malformed")
	case len(raw.State) > 2048 || len(raw.Nonce) > 2048:
		return request{}, oidc.ErrInvalidRequest().WithDescription("state or nonce is too long")
	}
	maxAge, err := op.ValidateAuthReqPrompt(raw.Prompt, raw.MaxAge)
	if err != nil {
		return request{}, oidc.DefaultToServerError(err, "prompt")
	}
	raw.MaxAge = maxAge
	scopes, err := op.ValidateAuthReqScopes(client, raw.Scopes)
	if err != nil {
		return request{}, oidc.DefaultToServerError(err, "scope")
	}
	ctx := op.ContextWithIssuer(r.Context(), p.cfg.Issuer)
	hinted, err := op.ValidateAuthReqIDTokenHint(ctx, raw.IDTokenHint, p.op.IDTokenHintVerifier(ctx))
	if err != nil {
		return request{}, oidc.DefaultToServerError(err, "id_token_hint")
	}
	return request{
		ClientID: client.ID, RedirectURI: raw.RedirectURI, State: raw.State, Nonce: raw.Nonce,
		Scopes: scopes, Challenge: raw.CodeChallenge, LoginHint: bounded(raw.LoginHint),
		Locales: bounded(r.Form.Get("ui_locales")), HintSubject: hinted,
		Again: slices.Contains(raw.Prompt, oidc.PromptLogin) || slices.Contains(raw.Prompt, oidc.PromptSelectAccount),
	}, nil
}

// bounded leaves out what nobody sends in earnest.
func bounded(s string) string {
	if len(s) > 320 {
		return ""
	}
	return s
}

// proceed gives the code, but asks first where the client is anybody's program.
func (p *Provider) proceed(w http.ResponseWriter, r *http.Request, req request, s session) {
	if p.clients[req.ClientID].Native {
		p.askConsent(w, r, req, s)
		return
	}
	p.answerCode(w, r, req, s)
}

// answerCode sends the browser back with a code (RFC 6749 4.1.2).
func (p *Provider) answerCode(w http.ResponseWriter, r *http.Request, req request, s session) {
	to, ok := p.targetOf(req)
	if !ok {
		p.fail(w, r, http.StatusBadRequest, "bad_client")
		return
	}
	code := secretOf(s.Subject)
	req.LoginHint, req.HintSubject = "", "" // for the page alone, which is over
	g := grant{Request: req, Subject: s.Subject, SID: s.SID, AuthTime: s.AuthTime, Family: secretOf(s.Subject)}
	if err := p.put(r.Context(), ticketCode, code, s.Subject, &g, codeFor); err != nil {
		p.fault(w, r, err)
		return
	}
	p.redirect(w, r, to, url.Values{"code": {code}}, req.State)
}

// answerError sends the browser back with an error (RFC 6749 4.1.2.1).
func (p *Provider) answerError(w http.ResponseWriter, r *http.Request, to target, state string, e *oidc.Error) {
	p.log.Info("authorization request refused", "error", e.ErrorType, "why", e.Description)
	answer := url.Values{"error": {string(e.ErrorType)}}
	if e.Description != "" {
		answer.Set("error_description", e.Description)
	}
	p.redirect(w, r, to, answer, state)
}
