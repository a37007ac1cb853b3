package auth

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// logoutFor is how old a logout token may be.
const logoutFor = 10 * time.Minute

// BackChannel answers the provider's back-channel logout: a POST of a
// logout_token (OpenID Connect Back-Channel Logout 1.0, 2.5 to 2.8). It needs
// no cookie and has no CSRF check: the token is the proof. The request's path value
// "issuer" is the client's name, see [ClientName]; there is none at the URI of the
// configuration's issuer.
func (rp *RelyingParty) BackChannel() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST only", http.StatusMethodNotAllowed)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), 2*fetchTimeout)
		defer cancel()
		ended, err := rp.logoutRequest(ctx, w, r)
		switch {
		case errors.Is(err, ErrUnavailable):
			rp.log.Warn("back-channel logout could not be done", "err", err)
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		case err != nil:
			rp.log.Warn("back-channel logout refused", "err", err)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request"})
		default:
			rp.log.Info("back-channel logout", "sessions", ended)
			w.WriteHeader(http.StatusOK)
		}
	})
}

func (rp *RelyingParty) logoutRequest(ctx context.Context, w http.ResponseWriter, r *http.Request) (ended int, err error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return 0, errors.New("not a form")
	}
	r.Body = http.MaxBytesReader(w, r.Body, 2*tokenMax)
	if err := r.ParseForm(); err != nil {
		return 0, err
	}
	if n := len(r.PostForm["logout_token"]); n != 1 {
		return 0, fmt.Errorf("%d logout tokens", n)
	}
	_, at, err := rp.client(ctx, r.PathValue("issuer"))
	if err != nil {
		return 0, err
	}
	t, err := at.logoutToken(ctx, r.PostForm.Get("logout_token"), rp.now())
	if err != nil {
		return 0, err
	}
	// A token counts once: later it would end sessions that began after it.
	jti := Ticket{
		Kind: ticketLogout, ID: hex.EncodeToString(digest(at.binding.URL + "\x00" + t.TokenID)),
		Expires: rp.now().Add(logoutFor + time.Minute),
	}
	fresh, err := rp.cfg.Tickets.AddTicket(ctx, jti)
	if err != nil {
		return 0, unavailable(err)
	}
	if !fresh {
		return 0, errors.New("the token was used before")
	}
	ended, err = rp.cfg.Sessions.EndSessionsOf(ctx, at.binding.URL, t.Subject, t.SessionID)
	if err != nil {
		// Nothing was done; the provider may send it again.
		_, _ = rp.cfg.Tickets.TakeTicket(context.WithoutCancel(ctx), jti.Tenant, jti.Kind, jti.ID)
		return 0, unavailable(err)
	}
	return ended, nil
}

func (c *client) logoutToken(ctx context.Context, raw string, now time.Time) (*oidc.LogoutToken, error) {
	// 2.4 recommends logout+jwt; some providers still write JWT or nothing.
	if typ := tokenType(raw); typ != "logout+jwt" && typ != "jwt" && typ != "" {
		return nil, fmt.Errorf("typ %q is not a logout token's", typ)
	}
	v, why := c.issuer.verifier(oidc.Config{ClientID: c.binding.ClientID}, false)
	// It checks issuer, audience, expiry, events, sub or sid, jti, no nonce.
	t, err := v.VerifyLogout(ctx, raw)
	if err = why(err); err != nil {
		return nil, err
	}
	switch {
	case t.IssuedAt.IsZero() || now.Add(leeway).Before(t.IssuedAt):
		return nil, errors.New("the token comes from the future")
	case now.Sub(t.IssuedAt) > logoutFor:
		return nil, errors.New("the token is old")
	}
	return t, nil
}
