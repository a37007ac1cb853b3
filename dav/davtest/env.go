package davtest

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/dav"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// Env is a server with the tenant musterstadt.example.
type Env struct {
	*resourcetest.Env
	Server *dav.Server
	Auth   *auth.Authenticator
	URL    string // "http://127.0.0.1:12345", without a slash at its end

	engines storetest.Engines
}

// Open starts a server with the heads that are made for its store; it ends with the test.
// change may alter the configuration.
func Open(t testing.TB, e storetest.Engines, heads func(*resourcetest.Env) []dav.Head, change ...func(*dav.Config)) *Env {
	t.Helper()
	env := &Env{Env: resourcetest.Open(t, e), engines: e}
	key := make([]byte, 32)
	rand.Read(key)
	var err error
	env.Auth, err = auth.New(auth.Config{
		People: env.Store(), AppPasswords: env.Store(), Changes: env.Store(),
		HashKeys: auth.HashKeys{Current: 1, Keys: map[int16][]byte{1: key}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(env.Auth.Close)
	c := dav.Config{
		Auth: env.Auth, Resources: env.Service, Heads: heads(env.Env), People: People{env.Store()}, Remote: remote,
	}
	for _, f := range change {
		f(&c)
	}
	if env.Server, err = dav.New(c); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(env.Server)
	t.Cleanup(server.Close)
	env.URL = server.URL
	return env
}

func remote(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr()
}

// Client makes a person, with a local part of musterstadt.example and an app password for
// everything, and a client of theirs.
func (e *Env) Client(t testing.TB, local string) *Client {
	t.Helper()
	p, a := e.Person(t, local)
	c := &Client{URL: e.URL, Address: a.Address, Principal: p, Account: a, HTTP: &http.Client{
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.Password = e.Password(t, p, auth.Calendars|auth.Contacts|auth.Files)
	return c
}

// Password makes one more app password.
func (e *Env) Password(t testing.TB, p *auth.Principal, s auth.Scope) string {
	t.Helper()
	_, secret, err := e.Auth.NewAppPasswordByOperator(t.Context(),
		auth.AccountRef{Tenant: p.Tenant, Account: p.Account}, "davtest", s, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// People is dav.People on a store.
type People struct{ Store *store.Store }

// Principal finds an account of the tenant by its primary address.
func (p People) Principal(ctx context.Context, who *auth.Principal, address string) (dav.Person, error) {
	list, _, err := p.Search(ctx, who, dav.PeopleQuery{}, 1<<20)
	for _, x := range list {
		if strings.EqualFold(x.Address, address) {
			return x, nil
		}
	}
	if err == nil {
		err = resource.ErrNotFound
	}
	return dav.Person{}, err
}

// Search looks through all accounts of the tenant.
func (p People) Search(ctx context.Context, who *auth.Principal, q dav.PeopleQuery, limit int) (found []dav.Person, more bool, err error) {
	accounts, err := p.Store.Accounts(ctx, who.Tenant)
	if err != nil {
		return nil, false, err
	}
	for _, a := range accounts {
		x := dav.Person{Account: a.Key.Account, Address: a.Address, DisplayName: a.DisplayName, Type: userType(a.Kind)}
		if x.Type == "" || !q.Match(&x) {
			continue
		}
		if len(found) == limit {
			return found, true, nil
		}
		found = append(found, x)
	}
	return found, false, nil
}

func userType(k store.AccountKind) dav.UserType {
	switch k {
	case store.Person:
		return dav.Individual
	case store.Function, store.Team:
		return dav.Group
	case store.Room:
		return dav.Room
	case store.Resource:
		return dav.Resource
	}
	return ""
}
