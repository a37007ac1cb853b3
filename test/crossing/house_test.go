package crossing

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"fachwerk/internal/app"
	"fachwerk/internal/testenv/towns"
)

const patience = towns.Patience

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A house is a server in this process with two tenants: ours, whose people ask, and
// theirs.
type house struct {
	*towns.House
	work  work
	asked int // pairs that were the same
}

// The two tenants. Secret stands in everything that theirs has.
const (
	ourTown, ourDomain     = towns.OurTown, towns.OurDomain
	theirTown, theirDomain = towns.TheirTown, towns.TheirDomain

	anna   = towns.Anna // asks, and manages her tenant
	jan    = towns.Jan
	office = towns.Office // a function mailbox that anna may use
	beate  = towns.Beate
	ben    = "paul@" + theirDomain // disabled
	bureau = "buero@" + theirDomain
	team   = "gruppe@" + theirDomain
	room   = "saal@" + theirDomain
	alias  = "leitung@" + theirDomain
	secret = "Verschlusssache"
)

// An engine pair, and how many sites have one.
type kind struct {
	name     string
	sites    int
	services bool // PostgreSQL and S3, not SQLite and a folder
}

var kinds = []kind{
	{"SQLite and a folder, one site", 1, false}, {"SQLite and a folder, two sites", 2, false},
	{"PostgreSQL and S3, one site", 1, true}, {"PostgreSQL and S3, two sites", 2, true},
}

func start(t *testing.T, k kind) *house {
	t.Helper()
	h := &house{}
	h.House = towns.Build(t, towns.Options{
		Sites: k.sites, Services: k.services, Theirs: k.sites - 1, TheirName: secret,
		OIDC:   `privacy_group: "privacy of {tenant}", internal_networks: [127.0.0.0/8]`,
		Bucket: func(site int, url string) string { return h.work.watched(t, fmt.Sprint("site", site), url) },
	})
	h.With(t, func(ctx context.Context, in *app.Installation) { h.fill(ctx, t, in) })
	h.Serve(t, &app.Trace{Statement: h.work.statement, Hash: h.work.hash})
	return h
}

func (h *house) fill(ctx context.Context, t *testing.T, in *app.Installation) {
	t.Helper()
	for _, a := range [][2]string{{ben, "person"}, {bureau, "function"}, {team, "team"}, {room, "room"}} {
		h.Add(ctx, t, in, a[0], a[1], secret)
	}
	for range 30 { // ids that nobody of ours has
		_, err := in.AddAppPassword(ctx, beate, "Noch eins", "", 0)
		must(t, err)
	}
	for door := range doorCount {
		names := visitors(door)
		for i, address := range names {
			h.Add(ctx, t, in, address, []string{"person", "person", "function"}[i], secret)
		}
		for _, person := range names[:2] {
			if door == 0 { // of the embedded provider
				must(t, in.SetPassword(ctx, person, towns.Word))
			}
		}
		must(t, in.SetDisabled(ctx, names[1], true))
	}
	must(t, in.AddAlias(ctx, alias, beate))
	must(t, in.AddGrant(ctx, bureau, beate, "read,write,manage,send-as"))
	must(t, in.ChangeLoginGroups(ctx, anna, []string{"privacy of " + ourTown, "chiefs of " + theirTown}, nil))
	must(t, in.ChangeLoginGroups(ctx, beate, []string{"chiefs of " + theirTown, "privacy of " + theirTown, secret}, nil))
	must(t, in.AddGroupGrant(ctx, bureau, secret, "read"))
	must(t, in.SetDisabled(ctx, ben, true))
}

// wordOf stands in everything that somebody has.
func wordOf(owner string) string {
	if strings.HasSuffix(owner, theirDomain) {
		return secret
	}
	return "Eigenes"
}
