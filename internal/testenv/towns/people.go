package towns

import (
	"context"
	"fmt"
	"testing"

	"fachwerk/internal/app"
)

// The two towns: ours, whose people ask, and theirs.
const (
	OurTown, OurDomain     = "Musterstadt", "musterstadt.example"
	TheirTown, TheirDomain = "Nachbarstadt", "nachbarstadt.example"

	Anna   = "anna@" + OurDomain // manages her tenant
	Jan    = "jan@" + OurDomain  // her colleague
	Office = "amt@" + OurDomain  // a function mailbox that she may use
	Beate  = "beate@" + TheirDomain

	// Word is everybody's password at the embedded provider.
	Word = "ein langes Kennwort"
)

func (h *House) fill(ctx context.Context, t testing.TB, in *app.Installation, o Options) {
	t.Helper()
	for _, one := range []struct {
		name, domain string
		site         int
	}{{OurTown, OurDomain, o.Ours}, {TheirTown, TheirDomain, o.Theirs}} {
		_, err := in.CreateTenant(ctx, app.NewTenant{Name: one.name, Domain: one.domain, Site: fmt.Sprint("site", one.site)})
		must(t, err)
	}
	const name = "Musterperson"
	h.Add(ctx, t, in, Anna, "person", name)
	h.Add(ctx, t, in, Jan, "person", name)
	h.Add(ctx, t, in, Office, "function", name)
	h.Add(ctx, t, in, Beate, "person", o.TheirName)
	for _, who := range []string{Anna, Jan, Beate} {
		must(t, in.SetPassword(ctx, who, Word))
	}
	must(t, in.AddGrant(ctx, Office, Anna, "read,write,manage,send-as"))
	must(t, in.ChangeLoginGroups(ctx, Anna, []string{"chiefs of " + OurTown}, nil))
}

// Add makes an account; a person gets an app password.
func (h *House) Add(ctx context.Context, t testing.TB, in *app.Installation, address, kind, name string) {
	t.Helper()
	_, err := in.AddAccount(ctx, app.NewAccount{Address: address, Kind: kind, Name: name})
	must(t, err)
	if kind != "person" {
		return
	}
	p, err := in.AddAppPassword(ctx, address, "Test", "", 0)
	must(t, err)
	h.Passwords[address] = p.Secret
}
