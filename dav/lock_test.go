package dav_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

func lockBody(scope string) string {
	return `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:` + scope + `/></D:lockscope><D:locktype><D:write/></D:locktype>` +
		`<D:owner><D:href>mailto:anna</D:href></D:owner></D:lockinfo>`
}

// Who holds as many locks as one may in a shared drive is told so, and when to try again.
func TestTooManyLocks(t *testing.T) {
	each(t, func(t *testing.T, env *davtest.Env) {
		c := env.Client(t, "anna")
		team := env.Grant(t, env.Shared(t, store.Team, "bauamt"), c.Principal, resource.Read|resource.Write)
		at := "/files/" + team.Address + "/"
		c.Want(t, 201, "MKCOL", at+"f/", "")
		for range resource.MaxPersonLocks {
			c.Want(t, 200, "LOCK", at+"f/", lockBody("shared"), "Depth", "0")
		}
		a := c.Want(t, 503, "LOCK", at+"f/", lockBody("shared"), "Depth", "0")
		if a.Header.Get("Retry-After") == "" || !strings.Contains(a.Body, "too many locks") {
			t.Errorf("%v %s", a.Header, a.Body)
		}
		c.Want(t, 201, "MKCOL", at+"g/", "") // shared locks of others keep nobody from the rest
	})
}

// A lock is in the store: another server with it, or one that was started again, knows it
// as well, and ends it for the first.
func TestLocksHoldOnEveryReplica(t *testing.T) {
	each(t, func(t *testing.T, env *davtest.Env) {
		second, err := store.New(context.WithoutCancel(t.Context()), store.Options{
			Sites: []store.Site{{Site: storetest.Site, DB: env.Parts.DB, Blobs: env.Parts.Blobs, MetadataName: "SQLite", BlobsName: "directory"}},
			Keys:  env.Parts.Keys, Placement: env.Parts.Placement, SpoolDir: t.TempDir(), Poll: 50 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = second.Close() })
		replica := &resourcetest.Env{Service: resource.New(resource.Options{Store: second}), Parts: env.Parts}
		server, err := dav.New(dav.Config{
			Auth: env.Auth, Resources: replica.Service, Heads: plainHeads(replica), People: davtest.People{Store: second},
			Remote: func(*http.Request) netip.Addr { return netip.MustParseAddr("127.0.0.1") },
		})
		if err != nil {
			t.Fatal(err)
		}
		there := httptest.NewServer(server)
		t.Cleanup(there.Close)

		here := env.Client(t, "anna")
		other := *here
		other.URL = there.URL
		at := "/files/" + here.Address + "/x.txt"
		here.Want(t, 201, "PUT", at, "x")
		token := here.Want(t, 200, "LOCK", at, lockBody("exclusive"), "Timeout", "Second-600").Header.Get("Lock-Token")
		if seen := other.Want(t, 207, "PROPFIND", at, "", "Depth", "0").Body; !strings.Contains(seen, strings.Trim(token, "<>")) {
			t.Errorf("the other server tells of no lock: %s", seen)
		}
		other.Want(t, 423, "PUT", at, "y")
		other.Want(t, 423, "LOCK", at, lockBody("shared"))
		other.Want(t, 204, "PUT", at, "y", "If", "("+token+")")
		other.Want(t, 204, "UNLOCK", at, "", "Lock-Token", token)
		here.Want(t, 204, "PUT", at, "z")
	})
}

// The rules of RFC 4918 sections 6, 7, 9.10 and 9.11 that litmus does not ask for.
func TestLocks(t *testing.T) { each(t, testLocks) }

func testLocks(t *testing.T, env *davtest.Env) {
	anna, ben := env.Client(t, "anna"), env.Client(t, "ben")
	team := env.Shared(t, store.Team, "bauhof")
	env.Grant(t, team, anna.Principal, resource.Read|resource.Write|resource.Manage)
	env.Grant(t, team, ben.Principal, resource.Read|resource.Write)
	at := "/files/" + team.Address + "/"
	anna.Want(t, 201, "MKCOL", at+"A", "")
	anna.Want(t, 201, "PUT", at+"A/x.txt", "x")

	a := anna.Want(t, 200, "LOCK", at+"A/", lockBody("exclusive"), "Timeout", "Second-120")
	token := a.Header.Get("Lock-Token")
	if !strings.HasPrefix(token, "<urn:uuid:") || !strings.Contains(a.Body, "<D:depth>infinity</D:depth>") ||
		!strings.Contains(a.Body, "mailto:anna") || !strings.Contains(a.Body, "<D:href>"+at+"A/</D:href>") {
		t.Errorf("LOCK: %s %s", token, a.Body)
	}
	if a := ben.Want(t, 423, "PUT", at+"A/x.txt", "y"); !strings.Contains(a.Body, "lock-token-submitted") || !strings.Contains(a.Body, at+"A/") {
		t.Errorf("423 names no lock: %s", a.Body)
	}
	// The token is of use to who took the lock out only.
	ben.Want(t, 423, "PUT", at+"A/x.txt", "y", "If", "<"+env.URL+at+"A/> ("+token+")")
	anna.Want(t, 423, "PUT", at+"A/new.txt", "y")
	anna.Want(t, 201, "PUT", at+"A/new.txt", "y", "If", "("+token+")")
	ben.Want(t, 423, "DELETE", at+"A/", "")
	ben.Want(t, 423, "MOVE", at+"A/x.txt", "", "Destination", at+"x.txt")
	ben.Want(t, 423, "PROPPATCH", at+"A/x.txt", patch(set(`<Z:a/>`)))
	ben.Want(t, 423, "MKCOL", at+"A/neu", "")
	if a := ben.Want(t, 423, "LOCK", at+"A/x.txt", lockBody("shared")); !strings.Contains(a.Body, "no-conflicting-lock") {
		t.Errorf("a second lock: %s", a.Body)
	}
	// Others see that there is a lock, not its token.
	seen := ben.Want(t, 207, "PROPFIND", at+"A/x.txt", "", "Depth", "0").Body
	if !strings.Contains(seen, "activelock") || strings.Contains(seen, "urn:uuid:") {
		t.Errorf("lockdiscovery for others: %s", seen)
	}
	if own := anna.Want(t, 207, "PROPFIND", at+"A/x.txt", "", "Depth", "0").Body; !strings.Contains(own, "urn:uuid:") {
		t.Errorf("lockdiscovery for the owner: %s", own)
	}
	// Refresh, by what lies inside too.
	a = anna.Want(t, 200, "LOCK", at+"A/x.txt", "", "If", "("+token+")", "Timeout", "Second-600")
	if !strings.Contains(a.Body, "Second-600") && !strings.Contains(a.Body, "Second-599") || a.Header.Get("Lock-Token") != "" {
		t.Errorf("refresh: %s", a.Body)
	}
	anna.Want(t, 400, "LOCK", at+"A/", "")
	anna.Want(t, 412, "LOCK", at+"A/", "", "If", "(<urn:uuid:00000000-0000-0000-0000-000000000000>)")
	ben.Want(t, 403, "UNLOCK", at+"A/", "", "Lock-Token", token)
	anna.Want(t, 409, "UNLOCK", at, "", "Lock-Token", token)
	anna.Want(t, 400, "UNLOCK", at+"A/", "")
	anna.Want(t, 204, "UNLOCK", at+"A/x.txt", "", "Lock-Token", token)
	anna.Want(t, 409, "UNLOCK", at+"A/x.txt", "", "Lock-Token", token)
	ben.Want(t, 204, "PUT", at+"A/x.txt", "y")
	// Who manages the account may release the lock of somebody who is away.
	token = ben.Want(t, 200, "LOCK", at+"A/x.txt", lockBody("exclusive"), "Depth", "0").Header.Get("Lock-Token")
	anna.Want(t, 204, "UNLOCK", at+"A/x.txt", "", "Lock-Token", token)
	for _, bad := range []struct {
		status  int
		body    string
		headers []string
	}{
		{400, "<", nil},
		{400, `<D:prop xmlns:D="DAV:"/>`, nil},
		{422, `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope></D:lockinfo>`, nil},
		{422, `<D:lockinfo xmlns:D="DAV:"><D:lockscope/><D:locktype><D:write/></D:locktype></D:lockinfo>`, nil},
		{400, lockBody("exclusive"), []string{"Depth", "1"}},
		{400, lockBody("exclusive"), []string{"Timeout", "Second-x"}},
		{413, strings.Replace(lockBody("shared"), "mailto:anna", strings.Repeat("x", 9000), 1), nil},
	} {
		anna.Want(t, bad.status, "LOCK", at+"A/x.txt", bad.body, bad.headers...)
	}
	anna.Want(t, 409, "LOCK", at+"nie/x.txt", lockBody("exclusive"))
	env.Sound(t)
}

// A lock on nothing keeps the name; 16 who want it at once get one lock in all.
func TestLockRace(t *testing.T) { each(t, testLockRace) }

func testLockRace(t *testing.T, env *davtest.Env) {
	c := env.Client(t, "anna")
	for round := range 5 {
		path := fmt.Sprintf("/files/%s/%d.txt", c.Address, round)
		var won, made atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				a, err := c.Try("LOCK", path, lockBody("exclusive"))
				switch {
				case err != nil:
					t.Error(err)
				case a.Status == 201:
					made.Add(1)
					won.Add(1)
				case a.Status == 200:
					won.Add(1)
				case a.Status != 423:
					t.Errorf("LOCK: %d %s", a.Status, a.Body)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || made.Load() != 1 {
			t.Fatalf("%d won, %d made the file", won.Load(), made.Load())
		}
	}
}
