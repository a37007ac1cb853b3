package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// BearerIssuer is an OpenID provider whose access tokens open accounts.
type BearerIssuer struct {
	// URL is the issuer identifier, compared exactly with iss.
	URL string
	// Audience is our resource name, which aud must hold; never a client id.
	Audience string
	// Scopes maps the token's scope values to ours. Nil takes our own names.
	Scopes map[string]Scope
}

// leeway is how far the provider's clock may be from ours.
const leeway = 30 * time.Second

// accessClaims are those of an access token that matter (RFC 9068 2.2), and
// those that betray that it is none.
type accessClaims struct {
	Subject   string          `json:"sub"`
	Expires   *jsonTime       `json:"exp"`
	NotBefore *jsonTime       `json:"nbf"`
	IssuedAt  *jsonTime       `json:"iat"`
	AuthTime  *jsonTime       `json:"auth_time"`
	ID        string          `json:"jti"`
	ClientID  string          `json:"client_id"`
	Party     string          `json:"azp"`
	Scope     stringOrArray   `json:"scope"`
	Scp       stringOrArray   `json:"scp"`
	Kind      string          `json:"typ"` // Keycloak: Bearer, ID, Refresh, Logout …
	Nonce     json.RawMessage `json:"nonce"`
	AtHash    json.RawMessage `json:"at_hash"`
	CHash     json.RawMessage `json:"c_hash"`
	Events    json.RawMessage `json:"events"`
}

// stringOrArray reads "a b" as well as ["a", "b"].
type stringOrArray []string

func (s *stringOrArray) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*s = strings.Fields(one)
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return errors.New("neither a string nor an array of strings")
	}
	*s = many
	return nil
}

// jsonTime is a NumericDate (RFC 7519 2); fractions are cut off.
type jsonTime struct{ time.Time }

func (t *jsonTime) UnmarshalJSON(b []byte) error {
	var seconds float64
	if err := json.Unmarshal(b, &seconds); err != nil {
		return err
	}
	if seconds < 0 || seconds > 1<<40 {
		return errors.New("a time out of range")
	}
	t.Time = time.Unix(int64(seconds), 0)
	return nil
}

// accessToken is one that its issuer has signed.
type accessToken struct {
	accessClaims
	issuer   string
	audience []string
	all      map[string]json.RawMessage
}

// errExpired says that a token was good once, which nobody can make up: a program that
// goes on with it guesses nothing.
var errExpired = errors.New("the token has expired")

// access checks everything that an access token itself must show, but not for which
// audience it is. Its errors are for the log; those that wrap ErrUnavailable are not
// the token's fault, nor is ErrThrottled, see keyRun.
func (i *issuer) access(ctx context.Context, token string, slow bool) (*accessToken, error) {
	// RFC 9068 2.1 asks for at+jwt; Keycloak and others write JWT. Logout
	// tokens (logout+jwt) and whatever else names itself are not for us.
	if typ := tokenType(token); typ != "at+jwt" && typ != "jwt" {
		return nil, fmt.Errorf("typ %q is not an access token's", typ)
	}
	v, why := i.verifier(oidc.Config{
		SkipClientIDCheck: true, // the audience is a resource, checked by the caller
		SkipExpiryCheck:   true, // checked below, with our leeway
	}, slow)
	t, err := v.Verify(ctx, token)
	if err != nil {
		return nil, why(err)
	}
	c := &accessToken{issuer: i.url, audience: t.Audience}
	if err := t.Claims(&c.accessClaims); err != nil {
		return nil, err
	}
	if err := t.Claims(&c.all); err != nil {
		return nil, err
	}
	now := i.now()
	switch {
	case c.Nonce != nil || c.AtHash != nil || c.CHash != nil || c.Kind == "ID":
		return nil, errors.New("this is an ID token")
	case c.Events != nil || c.Kind == "Logout":
		return nil, errors.New("this is a logout token")
	case c.Kind != "" && !strings.EqualFold(c.Kind, "Bearer"):
		return nil, fmt.Errorf("a token of kind %q is not an access token", c.Kind)
	case c.Subject == "":
		return nil, errors.New("the token has no subject")
	case c.Expires == nil:
		return nil, errors.New("the token does not say when it expires")
	case !now.Before(c.Expires.Add(leeway)):
		return nil, errExpired
	case c.NotBefore != nil && now.Add(leeway).Before(c.NotBefore.Time):
		return nil, errors.New("the token is not valid yet")
	case c.IssuedAt != nil && now.Add(leeway).Before(c.IssuedAt.Time):
		return nil, errors.New("the token comes from the future")
	}
	return c, nil
}

// meant picks the bindings for whose resource the token is. A resource that is also
// the token's client, or a client of ours, is none.
func (c *accessToken) meant(bindings []IssuerBinding) ([]IssuerBinding, error) {
	var meant []IssuerBinding
	for _, b := range bindings {
		if b.Audience != "" && slices.Contains(c.audience, b.Audience) {
			meant = append(meant, b)
		}
	}
	if len(meant) == 0 {
		return nil, errors.New("the token is for another audience")
	}
	for _, b := range bindings {
		for _, m := range meant {
			if m.Audience == c.ClientID || m.Audience == c.Party || m.Audience == b.ClientID {
				return nil, errors.New("the audience is a client")
			}
		}
	}
	return meant, nil
}

// issued is when the token was made, as early as can be where it does not say.
func (c *accessToken) issued() time.Time {
	if c.IssuedAt == nil {
		return time.Unix(0, 0)
	}
	return c.IssuedAt.Time
}

// tells reports whether a token without groups says that there are none. Where the
// issuer tells them for a scope only, one without it says nothing of them.
func (c *accessToken) tells(b IssuerBinding) bool {
	return b.GroupsScope == "" || slices.Contains(c.Scope, b.GroupsScope) || slices.Contains(c.Scp, b.GroupsScope)
}

// session names the token where its issuer has not.
func (c *accessToken) session(token string) string {
	if c.ID != "" {
		return c.ID
	}
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:12])
}

// scopes are what the token allows, in our terms.
func (b IssuerBinding) scopes(c *accessToken) (s Scope) {
	for _, list := range [][]string{c.Scope, c.Scp} {
		for _, name := range list {
			if b.Scopes != nil {
				s |= b.Scopes[name]
				continue
			}
			for _, n := range scopeNames {
				if n.name == name {
					s |= n.scope
				}
			}
		}
	}
	return s
}

// Bearer checks an OAuth access token. at.Username may be empty where the
// protocol names no user (HTTP); otherwise it must name the person or an
// account granted to them. Errors are those of Password.
func (a *Authenticator) Bearer(ctx context.Context, at Attempt, token string) (*Principal, error) {
	return a.judge(ctx, at, token, a.checkBearer)
}

// tokenCheck is told whether the network's budget of failures is used up.
type tokenCheck func(ctx context.Context, at Attempt, token string, slow bool) (*Principal, error)

// judge says no more of a check's outcome than is good, and counts failures. A token
// cannot be guessed and costs little to check, so that others' failures from the same
// network keep no good one out: what they use up is answered as such where a check
// fails, and where the provider would have to be asked for keys first.
func (a *Authenticator) judge(ctx context.Context, at Attempt, token string, check tokenCheck) (*Principal, error) {
	network := Network(at.Remote)
	slow := a.throttle.Judge("", network) == SlowSource
	p, err := check(ctx, at, token, slow)
	switch {
	case err == nil:
		if p.Address != "" {
			a.throttle.Succeeded(p.Address, network)
		}
		return p, nil
	case errors.Is(err, ErrScope):
		return nil, ErrScope
	case errors.Is(err, ErrUnavailable):
		a.log.Warn("login could not be checked", "protocol", at.Protocol, "err", err)
		return nil, err
	case errors.Is(err, ErrThrottled):
		return nil, ErrThrottled
	}
	a.log.Info("login refused", "protocol", at.Protocol, "network", network, "by", ByBearer, "err", err)
	if errors.Is(err, errExpired) {
		return nil, ErrDenied // each one expires: its program is to fetch another
	}
	// Counted for the network alone: a token is not guessed, and the name
	// beside it must not be held against its owner.
	a.throttle.Failed("", network)
	if slow {
		return nil, ErrThrottled
	}
	return nil, ErrDenied
}

func (a *Authenticator) checkBearer(ctx context.Context, at Attempt, token string, slow bool) (*Principal, error) {
	c, bound, err := a.signed(ctx, token, slow)
	if err != nil {
		return nil, err
	}
	meant, err := c.meant(bound.byIssuer[c.issuer])
	if err != nil {
		return nil, err
	}
	person, err := bound.person(ctx, a.cfg.People, meant, c.Subject, bound.leadBy(at.Username))
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, errors.New("the subject is no person here")
	case errors.Is(err, ErrSeveral):
		return nil, errors.New("the subject is a person in several tenants, and no name says which")
	case err != nil:
		return nil, unavailable(err)
	case person.Disabled:
		return nil, errors.New("the person is disabled")
	}
	if at.Username != "" {
		may, err := a.mayUse(ctx, person, at.Username)
		if err != nil {
			return nil, err
		}
		if !may {
			return nil, errors.New("the user name is not one of the subject's")
		}
	}
	binding := bindingOf(meant, person.Tenant)
	scopes := binding.scopes(c)
	if scopes&at.Scope != at.Scope {
		return nil, ErrScope
	}
	p := &Principal{
		Tenant: person.Tenant, Account: person.Account,
		Address: person.Address, DisplayName: person.DisplayName,
		Scopes: scopes, Method: ByBearer, Issuer: c.issuer, Session: c.session(token), Expires: c.Expires.Time,
	}
	if c.AuthTime != nil {
		p.AuthTime = c.AuthTime.Time
	}
	if groups := binding.groups(c.all); len(groups) > 0 || c.tells(binding) {
		p.Groups = a.groups.note(ctx, person.AccountRef, binding, groups, c.issued())
		p.Roles = binding.roles(p.Groups)
	}
	return p, nil
}

// signed checks a token of any issuer in use.
func (a *Authenticator) signed(ctx context.Context, token string, slow bool) (*accessToken, *bound, error) {
	issuerURL, err := issuerNamed(token)
	if err != nil {
		return nil, nil, err
	}
	if a.providers == nil {
		return nil, nil, errors.New("no tokens are taken here")
	}
	bound, err := a.providers.current(ctx)
	if err != nil {
		return nil, nil, err
	}
	i := bound.issuers[issuerURL] // compared byte by byte: another case is another issuer
	if i == nil {
		return nil, nil, errors.New("the issuer is not one of ours")
	}
	c, err := i.access(ctx, token, slow)
	return c, bound, err
}

// mayUse asks whether the person may name that address; errors wrap ErrUnavailable.
func (a *Authenticator) mayUse(ctx context.Context, person Person, address string) (bool, error) {
	if strings.EqualFold(address, person.Address) {
		return true, nil
	}
	if len(address) > usernameMax {
		return false, nil
	}
	may, err := a.cfg.People.MayUse(ctx, person.AccountRef, address)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, unavailable(err)
	}
	return may, nil
}

// issuerNamed reads iss without believing it: it only chooses whose keys to try.
func issuerNamed(token string) (string, error) {
	if len(token) > tokenMax {
		return "", errors.New("the token is too long")
	}
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 {
		return "", errors.New("the token is no signed JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", errors.New("the token's payload is malformed")
	}
	var c struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return "", errors.New("the token's payload is malformed")
	}
	return c.Issuer, nil
}
