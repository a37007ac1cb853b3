package idp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fachwerk/auth"

	"github.com/zitadel/oidc/v3/pkg/op"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// endSession is RP-initiated logout (RP-Initiated Logout 1.0). A request that
// proves by its id_token_hint whose session it means is done at once; another
// one is asked about, for anybody can make a browser call this address.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request) {
	raw, err := op.ParseEndSessionRequest(r, p.op.Decoder())
	if err != nil {
		p.fail(w, r, http.StatusBadRequest, "bad_request")
		return
	}
	ctx := op.ContextWithIssuer(r.Context(), p.cfg.Issuer)
	asked, err := op.ValidateEndSessionRequest(ctx, raw, p.op)
	if err != nil {
		p.log.Info("logout request refused", "err", err)
		p.fail(w, r, http.StatusBadRequest, "bad_logout")
		return
	}
	s, signedIn, err := p.session(r)
	if err != nil {
		p.fault(w, r, err)
		return
	}
	to := p.farewell(asked, raw.PostLogoutRedirectURI)
	confirmed := r.Method == http.MethodPost && p.genuine(r)
	proven := asked.UserID != "" && (!signedIn || asked.UserID == s.Subject)
	if signedIn && !proven && !confirmed {
		p.logoutPage(w, r, raw, to)
		return
	}
	if signedIn {
		if _, err := p.take(r.Context(), ticketSession, p.cookie(r, cookieSession), &session{}); err != nil {
			p.fault(w, r, err)
			return
		}
		p.setCookie(w, cookieSession, "", -1)
		p.tellClients(s.Subject, s.SID)
	}
	if to.URL == nil {
		p.message(w, r, http.StatusOK, "signed_out")
		return
	}
	answer := url.Values{}
	if raw.State != "" {
		answer.Set("state", raw.State)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to.with(answer), http.StatusSeeOther)
}

// PersonDisabled ends all that a person has opened here and tells the clients.
// Whoever disables, removes or gives a new password to a person calls it.
func (p *Provider) PersonDisabled(ctx context.Context, ref auth.AccountRef) error {
	if err := Forget(ctx, p.cfg.Tickets, ref); err != nil {
		return err
	}
	p.tellClients(Subject(ref), "")
	return nil
}

// Forget ends a person's sessions and refresh tokens at the provider, without
// telling the clients: for a process that runs no provider, such as the
// command line when it sets a new password.
func Forget(ctx context.Context, tickets auth.Tickets, ref auth.AccountRef) error {
	// Families before their tokens, see keep.
	for _, kind := range []string{ticketSession, ticketConsent, ticketCode, ticketFamily, ticketRefresh} {
		if err := tickets.DeleteTickets(ctx, ref.Tenant, kind, Subject(ref)); err != nil {
			return fmt.Errorf("ending the sessions of a person: %w", err)
		}
	}
	return nil
}

// tellClients sends back-channel logout tokens in the background; sid empty
// means all sessions of the subject.
func (p *Provider) tellClients(subject, sid string) {
	for _, c := range p.clients {
		if c.BackChannelLogoutURI == "" {
			continue
		}
		p.sending.Go(func() {
			var err error
			for _, pause := range []time.Duration{0, time.Second, 5 * time.Second} {
				if !p.sleep(pause) {
					break
				}
				if err = p.tell(c.Client, subject, sid); err == nil {
					return
				}
			}
			p.log.Warn("a client did not take the logout", "client", c.ID, "err", err)
		})
	}
}

// sleep gives false if the provider is closing.
func (p *Provider) sleep(d time.Duration) bool {
	if d == 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-p.quit.Done():
		return false
	}
}

// tell sends one logout token (Back-Channel Logout 1.0, 2.4 and 2.5).
func (p *Provider) tell(c Client, subject, sid string) error {
	// Not bound to quit: a token that is being sent still arrives.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	now := p.now()
	claims := map[string]any{
		"iss": p.cfg.Issuer, "sub": subject, "aud": c.ID, "jti": secret(),
		"iat": now.Unix(), "exp": now.Add(logoutFor).Unix(),
		"events": map[string]any{logoutEvent: map[string]any{}},
	}
	if sid != "" {
		claims["sid"] = sid
	}
	token, err := p.sign(ctx, "logout+jwt", claims)
	if err != nil {
		return err
	}
	body := url.Values{"logout_token": {token}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackChannelLogoutURI, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := *p.cfg.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("a redirect") } // only configured URIs
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, bodyMax))
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
