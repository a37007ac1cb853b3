package idp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fachwerk/auth"
)

// Kinds of tickets; the id is always the hash of what a browser or client
// holds. The owner of those that belong to a person is their subject, and they lie at
// the person's home, which what is held for them names (auth.HomeToken).
const (
	ticketRequest = "idp.request" // an authorization request that waits for a login
	ticketSession = "idp.session" // a browser that is signed in
	ticketConsent = "idp.consent" // an authorization request that waits for a yes
	ticketCode    = "idp.code"    // an authorization code
	ticketRefresh = "idp.refresh" // a refresh token
	ticketFamily  = "idp.family"  // what refresh tokens that come of one code have in common
	ticketSpent   = "idp.spent"   // a code or refresh token that was used
)

// secret makes 256 random bits as text.
func secret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails; it ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// secretOf makes one to a ticket of a person.
func secretOf(subject string) string {
	ref, _ := refOf(subject)
	return auth.HomeToken(ref.Tenant, secret())
}

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// request is an authorization request that was checked.
type request struct {
	ClientID    string
	RedirectURI string
	State       string
	Nonce       string
	Scopes      []string
	Challenge   string // PKCE, S256
	LoginHint   string
	Locales     string
	HintSubject string // of id_token_hint
	Again       bool   // the password is asked for even if someone is signed in
}

// session is a browser in which someone is signed in.
type session struct {
	Subject  string
	SID      string // told to clients; not the cookie
	AuthTime time.Time
}

// grant is what a code or refresh token stands for.
type grant struct {
	Request  request
	Subject  string
	SID      string
	AuthTime time.Time
	Family   string // all tokens that come of one code
	// When and where a refresh token was given for it last.
	Used     time.Time
	UsedFrom string
}

// spent remembers a used code or refresh token, so that using it again ends
// all that came of it (RFC 6749 4.1.2, RFC 9700 4.14.2).
type spent struct {
	Subject, Family string
	At              time.Time
}

// put keeps v under the hash of id.
func (p *Provider) put(ctx context.Context, kind, id, owner string, v any, lasts time.Duration) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	err = p.cfg.Tickets.PutTicket(ctx, auth.Ticket{Tenant: auth.TokenHome(id), Kind: kind, ID: hashed(id), Owner: owner, Value: value, Expires: p.now().Add(lasts)})
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

// get reads what put kept; false if it is not there (any more).
func (p *Provider) get(ctx context.Context, kind, id string, v any) (bool, error) {
	return p.read(ctx, kind, id, v, p.cfg.Tickets.Ticket)
}

// take reads and removes it: of many takers one gets it.
func (p *Provider) take(ctx context.Context, kind, id string, v any) (bool, error) {
	return p.read(ctx, kind, id, v, p.cfg.Tickets.TakeTicket)
}

func (p *Provider) read(ctx context.Context, kind, id string, v any, from func(context.Context, int64, string, string) (auth.Ticket, error)) (bool, error) {
	if id == "" || len(id) > 200 {
		return false, nil
	}
	t, err := from(ctx, auth.TokenHome(id), kind, hashed(id))
	if errors.Is(err, auth.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", kind, err)
	}
	if err := json.Unmarshal(t.Value, v); err != nil {
		return false, fmt.Errorf("%s: %w", kind, err)
	}
	return true, nil
}

// person finds whose subject it is; false if they are gone or disabled.
func (p *Provider) person(ctx context.Context, subject string) (auth.Person, bool, error) {
	ref, ok := refOf(subject)
	if !ok {
		return auth.Person{}, false, nil
	}
	who, err := p.cfg.People.PersonByRef(ctx, ref)
	if errors.Is(err, auth.ErrNotFound) {
		return auth.Person{}, false, nil
	}
	if err != nil {
		return auth.Person{}, false, err
	}
	return who, !who.Disabled, nil
}
