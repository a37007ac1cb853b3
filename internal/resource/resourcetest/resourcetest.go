// Package resourcetest opens a whole store with named resources for tests of the
// packages that stand on them.
package resourcetest

import (
	"context"
	"fmt"
	"testing"

	"fachwerk/auth"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// Env is a store of its own with the tenant musterstadt.example.
type Env struct {
	*resource.Service
	Parts *storetest.Parts
}

// Open makes one, closed when the test ends. change, if given, may alter the options.
func Open(t testing.TB, e storetest.Engines, change ...func(*resource.Options)) *Env {
	t.Helper()
	env := &Env{Parts: storetest.Open(t, e, nil)}
	o := resource.Options{Store: env.Parts.Store}
	for _, c := range change {
		c(&o)
	}
	env.Service = resource.New(o)
	return env
}

// Store is the store below.
func (e *Env) Store() *store.Store { return e.Parts.Store }

// Person makes a person, with a local part of musterstadt.example, and answers who
// they are once signed in, and their account as they may use it.
func (e *Env) Person(t testing.TB, local string) (*auth.Principal, resource.Account) {
	t.Helper()
	a := e.Parts.Person(t, local)
	p := &auth.Principal{Tenant: a.Tenant, Account: a.Key.Account, Address: a.Address, DisplayName: a.DisplayName,
		Scopes: auth.AllScopes}
	return p, e.As(t, p, a.Address)
}

// Shared makes a shared account, which nobody may use before a Grant.
func (e *Env) Shared(t testing.TB, kind store.AccountKind, local string) store.Account {
	t.Helper()
	a, err := e.Store().CreateAccount(t.Context(), store.NewAccount{Tenant: e.Parts.Tenant.ID, Kind: kind,
		Address: local + "@musterstadt.example", DisplayName: local})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Grant gives a person rights on a shared account, in place of earlier ones; none
// takes all away. It answers the account as they may use it then.
func (e *Env) Grant(t testing.TB, shared store.Account, p *auth.Principal, r resource.Rights) resource.Account {
	t.Helper()
	person := store.Key{Tenant: p.Tenant, Account: p.Account}
	var err error
	if r == 0 {
		err = e.Store().RemoveGrant(t.Context(), shared.Key, person)
	} else {
		err = e.Store().AddGrant(t.Context(), shared.Key, person, store.Rights(r))
	}
	if err != nil {
		t.Fatal(err)
	}
	if r&resource.Read == 0 {
		return resource.Account{}
	}
	return e.As(t, p, shared.Address)
}

// As answers an account as a person may use it.
func (e *Env) As(t testing.TB, p *auth.Principal, address string) resource.Account {
	t.Helper()
	a, err := e.Account(t.Context(), p, address)
	if err != nil {
		t.Fatalf("account %s: %v", address, err)
	}
	return a
}

// Collection answers a collection, made if it was not there.
func (e *Env) Collection(t testing.TB, a resource.Account, kind resource.Kind, name string) resource.Collection {
	t.Helper()
	c, err := e.EnsureCollection(t.Context(), a, kind, name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Draft is content that waits to be put in place.
func (e *Env) Draft(t testing.TB, a resource.Account, body string) resource.Draft {
	t.Helper()
	d, err := e.draft(t.Context(), a, body)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Upload.Close() })
	return d
}

func (e *Env) draft(ctx context.Context, a resource.Account, body string) (resource.Draft, error) {
	u, err := e.NewUpload(ctx, a, resource.UploadOptions{Size: int64(len(body))})
	if err != nil {
		return resource.Draft{}, err
	}
	if _, err = u.Write([]byte(body)); err == nil {
		err = u.Finish()
	}
	return resource.Draft{Upload: u}, err
}

// Write puts a body in place under no condition.
func (e *Env) Write(t testing.TB, c resource.Collection, parent int64, name, body string) resource.Item {
	t.Helper()
	put, err := e.Put(t.Context(), resource.Place{Collection: c, Parent: parent, Name: name}, e.Draft(t, c.Account, body), resource.Guard{})
	if err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
	return put.Item
}

// Folder makes a folder.
func (e *Env) Folder(t testing.TB, c resource.Collection, parent int64, name string) resource.Item {
	t.Helper()
	i, err := e.MakeFolder(t.Context(), resource.Place{Collection: c, Parent: parent, Name: name}, nil, resource.Guard{})
	if err != nil {
		t.Fatalf("make folder %s: %v", name, err)
	}
	return i
}

// Body reads an item's content.
func (e *Env) Body(t testing.TB, c resource.Collection, i resource.Item) string {
	t.Helper()
	found := false
	var text string
	err := e.Bodies(t.Context(), c, []resource.Item{i}, func(_ int, body []byte) error {
		found, text = true, string(body)
		return nil
	})
	if err == nil && !found {
		err = fmt.Errorf("%s has no content", i.Name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Sound fails the test where the store contradicts itself.
func (e *Env) Sound(t testing.TB) {
	t.Helper()
	findings, err := e.Store().CheckAll(t.Context(), store.CheckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Errorf("check: %s", f)
	}
}
