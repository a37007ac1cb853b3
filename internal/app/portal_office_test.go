package app

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"fachwerk/auth"
	"fachwerk/auth/idp"
	"fachwerk/internal/store"
	"fachwerk/portal"
)

// What the portal's pages ask for is done in the tenant that they name, and in no other.
func TestOfficeStaysInItsTenant(t *testing.T) {
	in := openForTest(t)
	ctx, o := t.Context(), office{in}
	var tenants [2]store.Tenant
	for i, name := range []string{"nordstadt", "suedstadt"} {
		made, err := in.store.CreateTenant(ctx, name, in.sites[0].Name)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.store.AddDomain(ctx, made.ID, name+".example"); err != nil {
			t.Fatal(err)
		}
		if err := in.store.BindIssuer(ctx, store.Issuer{Tenant: made.ID, URL: in.cfg.OIDC.Issuer}); err != nil {
			t.Fatal(err)
		}
		tenants[i] = made
	}
	north, south := tenants[0].ID, tenants[1].ID
	add := func(tenant int64, kind, address string) auth.AccountRef {
		t.Helper()
		a, err := o.Add(ctx, tenant, portal.NewAccount{Kind: kind, Address: address, Name: "Name", QuotaBytes: 1000})
		if err != nil || a.Kind != kind || a.QuotaBytes != 1000 {
			t.Fatalf("%s: %+v, %v", address, a, err)
		}
		return auth.AccountRef{Tenant: tenant, Account: a.ID}
	}
	clara, office33 := add(north, "person", "clara@nordstadt.example"), add(north, "function", "amt33@nordstadt.example")
	dora := add(south, "person", "dora@suedstadt.example")

	no, empty, name := false, "", "Clara Groß"
	crossed := auth.AccountRef{Tenant: south, Account: clara.Account}
	for what, c := range map[string]struct {
		err  error
		want error
	}{
		"an address in use":    {second(o.Add(ctx, north, portal.NewAccount{Kind: "person", Address: "clara@nordstadt.example", Name: "x"})), portal.ErrTaken},
		"another's domain":     {second(o.Add(ctx, north, portal.NewAccount{Kind: "person", Address: "x@suedstadt.example", Name: "x"})), portal.ErrAddress},
		"no address":           {second(o.Add(ctx, north, portal.NewAccount{Kind: "person", Address: "@", Name: "x"})), portal.ErrAddress},
		"an alias in use":      {o.AddAlias(ctx, clara, "amt33@nordstadt.example"), portal.ErrTaken},
		"another's alias":      {o.AddAlias(ctx, clara, "x@suedstadt.example"), portal.ErrAddress},
		"another's account":    {second(o.Account(ctx, crossed)), auth.ErrNotFound},
		"its name":             {o.Change(ctx, crossed, portal.AccountChange{Name: &empty}), auth.ErrNotFound},
		"its state":            {o.Change(ctx, crossed, portal.AccountChange{Disabled: &no}), auth.ErrNotFound},
		"its removal":          {o.Remove(ctx, crossed), auth.ErrNotFound},
		"its sign-in":          {second(o.FirstLogin(ctx, crossed)), auth.ErrNotFound},
		"another's person":     {o.Set(ctx, office33, portal.Grantee{Person: "dora@suedstadt.example"}, []string{"read"}), auth.ErrNotFound},
		"nobody":               {o.Set(ctx, office33, portal.Grantee{Person: "x@nordstadt.example"}, []string{"read"}), auth.ErrNotFound},
		"a grant on a person":  {o.Set(ctx, clara, portal.Grantee{Person: "clara@nordstadt.example"}, []string{"read"}), portal.ErrSetting},
		"the end of no grant":  {o.End(ctx, office33, portal.Grantee{Group: "x"}), auth.ErrNotFound},
		"a bad setting":        {o.SetLook(ctx, north, portal.Look{Language: "tlh"}), portal.ErrSetting},
		"a bad logo":           {o.SetLogo(ctx, north, []byte("<svg/>")), portal.ErrImage},
		"no logo":              {third(o.Logo(ctx, north)), auth.ErrNotFound},
		"a tenant of nobody's": {second(o.Tenant(ctx, 4711)), auth.ErrNotFound},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v, not %v", what, c.err, c.want)
		}
	}

	for what, err := range map[string]error{
		"name": o.Change(ctx, clara, portal.AccountChange{Name: &name}), "alias": o.AddAlias(ctx, clara, "post@nordstadt.example"),
		"grant": o.Set(ctx, office33, portal.Grantee{Person: "clara@nordstadt.example"}, []string{"read", "send-as"}),
		"group": o.Set(ctx, office33, portal.Grantee{Group: "Amt 33"}, []string{"read"}),
		"look":  o.SetLook(ctx, north, portal.Look{DisplayName: "Stadt Nord", Language: "de"}),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	a, err := o.Account(ctx, clara)
	aliases, err2 := o.Aliases(ctx, clara)
	if err := errors.Join(err, err2); err != nil || a.Name != name || !slices.Equal(aliases, []string{"post@nordstadt.example"}) {
		t.Errorf("Clara is %+v, %v, %v", a, aliases, err)
	}
	on, err := o.On(ctx, office33)
	of, err2 := o.Of(ctx, clara)
	if err := errors.Join(err, err2); err != nil || len(on) != 2 || len(of) != 1 || of[0].Account != office33 || !slices.Equal(of[0].Rights, []string{"read", "send-as"}) {
		t.Errorf("grants on it %+v, of Clara %+v, %v", on, of, err)
	}
	if got, err := o.Tenant(ctx, north); err != nil || got.DisplayName != "Stadt Nord" || got.Name != "nordstadt" {
		t.Errorf("the tenant is %+v, %v", got, err)
	}
	first, err := o.FirstLogin(ctx, clara)
	if err != nil {
		t.Fatal(err)
	}
	phc, err := in.store.PasswordHash(ctx, clara)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := idp.VerifyPassword(phc, first.Password); !ok || err != nil || strings.Count(first.Password, "-") != 3 {
		t.Errorf("the first password opens nothing: %v", err)
	}
	if _, err := in.store.PasswordHash(ctx, dora); err == nil {
		t.Error("another person has a password now")
	}
	in.cfg.OIDC.OperatorGroup = "betrieb"
	if err := in.ChangeLoginGroups(ctx, "clara@nordstadt.example", []string{"betrieb"}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := o.FirstLogin(ctx, clara); !errors.Is(err, portal.ErrOperator) {
		t.Errorf("a tenant admin opens an operator's account: %v", err)
	}
	if again, err := in.store.PasswordHash(ctx, clara); err != nil || again != phc {
		t.Errorf("the operator's password was changed, %v", err)
	}
	shut := true
	if err := o.Change(ctx, clara, portal.AccountChange{Disabled: &shut}); !errors.Is(err, portal.ErrOperator) {
		t.Errorf("a tenant admin shuts out the operator: %v", err)
	}
	if err := o.Remove(ctx, clara); !errors.Is(err, portal.ErrOperator) {
		t.Errorf("a tenant admin removes the operator: %v", err)
	}
	if err := in.ChangeLoginGroups(ctx, "clara@nordstadt.example", nil, []string{"betrieb"}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(o.End(ctx, office33, portal.Grantee{Group: "Amt 33"}), o.RemoveAlias(ctx, clara, "post@nordstadt.example"), o.Remove(ctx, clara)); err != nil {
		t.Error(err)
	}
	if _, err := o.Account(ctx, clara); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("after the removal: %v", err)
	}
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }
