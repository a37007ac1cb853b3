package auth_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
)

// partly is people of whom some tenants' site is away.
type partly struct {
	*asking
	away map[int64]bool
}

func (p *partly) PersonBySubject(ctx context.Context, issuer, sub string) (auth.Person, error) {
	who, err := p.asking.PersonBySubject(ctx, issuer, sub)
	switch { // as the store: who is found elsewhere is found
	case p.away[who.Tenant] && err == nil, len(p.away) > 0 && err != nil && who.Tenant == 0 && err != auth.ErrSeveral:
		return auth.Person{}, auth.ErrUnavailable
	}
	return who, err
}

func (p *partly) PersonIn(ctx context.Context, tenant int64, issuer, sub string) (auth.Person, error) {
	if p.away[tenant] {
		return auth.Person{}, auth.ErrUnavailable
	}
	return p.asking.PersonIn(ctx, tenant, issuer, sub)
}

// While a site is away, an operator of whom nothing is known gets in by a young token
// alone, and that is logged; nobody else does.
func TestOperatorWhileASiteIsAway(t *testing.T) {
	s := openTowns(t)
	var log bytes.Buffer
	people := &partly{asking: s.count, away: map[int64]bool{2: true}}
	a, err := auth.New(auth.Config{
		People: people, AppPasswords: s.count, Changes: s.Memory, HashKeys: oneKey, Providers: s.providers, Groups: s.Memory, Now: s.now,
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	must(t, err)
	t.Cleanup(a.Close)
	token := func(by *authtest.Issuer, sub string, groups ...string) string {
		return by.AccessToken(sub, resource, "", s.made(map[string]any{"groups": groups}))
	}
	operator := func(token string) error {
		p, err := a.Operator(t.Context(), at("", 0), token)
		if err == nil && (!p.Has(auth.Operator) || p.Account != 0) {
			t.Errorf("the operator is %+v", p)
		}
		return err
	}
	young := token(s.ours, "a program", "operators")
	must(t, operator(young))
	if !strings.Contains(log.String(), "let in by their token alone") {
		t.Errorf("it is not logged:\n%s", log.String())
	}
	wantErr(t, operator(token(s.ours, "a program", "others")), auth.ErrScope)
	wantErr(t, operator(token(s.theirs, "a program", "operators")), auth.ErrDenied)
	s.later(auth.OperatorAlone + time.Second)
	wantErr(t, operator(young), auth.ErrUnavailable)
	wantErr(t, operator(s.ours.AccessToken("a program", resource, "", s.made(map[string]any{"groups": []string{"operators"}, "iat": nil}))), auth.ErrUnavailable)

	// Of whom something is known, that counts.
	log.Reset()
	old := token(s.ours, "sub-1", "operators")
	s.later(auth.OperatorAlone + time.Second)
	must(t, operator(old))
	if strings.Contains(log.String(), "alone") {
		t.Errorf("a person of a site that is there is let in alone:\n%s", log.String())
	}
	s.Disable(s.anna, true)
	wantErr(t, operator(token(s.ours, "sub-1", "operators")), auth.ErrDenied)
	s.Disable(s.anna, false)
	// Once the site is back, older tokens count again.
	people.away = nil
	must(t, operator(young))
}

// An operator who is a person in several tenants is out when an issuer's newer word, told
// in any of them, says so; a tenant that disables its own shuts nobody out of all.
func TestOperatorInSeveralTenants(t *testing.T) {
	s := openTowns(t)
	s.bind(auth.IssuerBinding{Tenant: 3, Installation: true})
	second := s.AddPersonIn(3, "anna@drittstadt.example")
	s.Bind(second, s.ours.URL, "sub-1")
	people := &partly{asking: s.count, away: map[int64]bool{}}
	a, err := auth.New(auth.Config{
		People: people, AppPasswords: s.count, Changes: s.Memory, HashKeys: oneKey, Providers: s.providers, Groups: s.Memory, Now: s.now,
	})
	must(t, err)
	t.Cleanup(a.Close)
	tokenFor := func(scope string, groups ...string) string {
		return s.ours.AccessToken("sub-1", resource, scope, s.made(map[string]any{"groups": groups}))
	}
	operator := func(token string) error {
		_, err := a.Operator(t.Context(), at("", 0), token)
		return err
	}
	old := tokenFor("", "operators")
	must(t, operator(old))
	s.Disable(second, true)
	must(t, operator(old))
	s.Disable(s.anna, true)
	wantErr(t, operator(old), auth.ErrDenied)
	s.Disable(s.anna, false)
	s.Disable(second, false)
	// With the second tenant's site away a young token is enough, an old one is not.
	people.away[3] = true
	must(t, operator(old))
	s.later(auth.OperatorAlone + time.Second)
	wantErr(t, operator(old), auth.ErrUnavailable)
	delete(people.away, 3)
	must(t, operator(old))
	// A newer word, by a sign-in to the second tenant.
	if _, err := a.Bearer(t.Context(), at("anna@drittstadt.example", auth.MailRead), tokenFor("mail.read", "Bauamt")); err != nil {
		t.Fatal(err)
	}
	s.later(10 * time.Second)
	wantErr(t, operator(old), auth.ErrScope)
}

// Where the issuer has a scope for operators, their tokens must be made for it.
func TestOperatorScope(t *testing.T) {
	s := openTowns(t)
	providers, err := auth.NewProviders(auth.ProvidersConfig{
		Installation: auth.IssuerBinding{
			BearerIssuer: auth.BearerIssuer{URL: s.ours.URL, Audience: resource}, ClientID: "portal", GroupsClaim: "groups",
			OperatorGroup: "operators", OperatorScope: "operate",
		},
		Directory: s.directory, Now: s.now,
	})
	must(t, err)
	a, err := auth.New(auth.Config{
		People: s.count, AppPasswords: s.count, Changes: s.Memory, HashKeys: oneKey, Providers: providers, Groups: s.Memory, Now: s.now,
	})
	must(t, err)
	t.Cleanup(a.Close)
	for scope, want := range map[string]error{"operate": nil, "openid operate": nil, "": auth.ErrScope, "openid": auth.ErrScope, "operate2": auth.ErrScope, "operate mail.read": auth.ErrScope} {
		_, err := a.Operator(t.Context(), at("", 0), s.ours.AccessToken("a program", resource, scope, s.made(map[string]any{"groups": []string{"operators"}})))
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("scope %q: %v, not %v", scope, err, want)
		}
	}
}
