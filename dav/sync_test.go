package dav_test

import (
	"fmt"
	"strings"
	"testing"

	"fachwerk/dav"
	"fachwerk/dav/davtest"
)

func syncBody(token, level, more string) string {
	return `<D:sync-collection ` + davtest.Namespaces + `><D:sync-token>` + token + `</D:sync-token><D:sync-level>` + level +
		`</D:sync-level>` + more + `<D:prop><D:getetag/></D:prop></D:sync-collection>`
}

func syncOnce(t testing.TB, c *davtest.Client, path, token string) davtest.Multistatus {
	t.Helper()
	return c.Want(t, 207, "REPORT", path, syncBody(token, "1", "")).Multistatus(t)
}

// What was put, changed and removed comes once; a limit cuts and goes on (RFC 6578).
func TestSync(t *testing.T) { each(t, testSync) }

func testSync(t *testing.T, env *davtest.Env) {
	c := env.Client(t, "anna")
	at := "/calendars/" + c.Address + "/calendar/"
	for i := range 7 {
		c.Want(t, 201, "PUT", fmt.Sprintf("%s%d.ics", at, i), fmt.Sprint("eins ", i))
	}
	first := syncOnce(t, c, at, "")
	if len(first.Responses) != 7 || first.SyncToken == "" || first.Find(at+"3.ics").Text(dav.NamespaceDAV, "getetag") == "" {
		t.Fatalf("at first: %+v", first)
	}
	if got := c.Propfind(t, at, "0", "<D:sync-token/>").Find(at).Text(dav.NamespaceDAV, "sync-token"); got == "" || len(syncOnce(t, c, at, got).Responses) != 0 {
		t.Errorf("from the property's token %q something is new", got)
	}
	c.Want(t, 204, "PUT", at+"1.ics", "zwei")
	c.Want(t, 204, "DELETE", at+"2.ics", "")
	c.Want(t, 201, "PUT", at+"neu.ics", "neu")
	c.Want(t, 204, "DELETE", at+"neu.ics", "")
	next := syncOnce(t, c, at, first.SyncToken)
	if r := next.Find(at + "1.ics"); r == nil || r.Has(dav.NamespaceDAV, "getetag") != 200 {
		t.Errorf("changed: %+v", next)
	}
	for _, gone := range []string{"2.ics", "neu.ics"} {
		if r := next.Find(at + gone); r == nil || r.Status != 404 {
			t.Errorf("%s: %+v", gone, next)
		}
	}
	if len(next.Responses) != 3 {
		t.Errorf("since: %+v", next)
	}
	// Cut after two, and on.
	seen, token := map[string]bool{}, ""
	for range 10 {
		page := c.Want(t, 207, "REPORT", at, syncBody(token, "1", "<D:limit><D:nresults>2</D:nresults></D:limit>")).Multistatus(t)
		token = page.SyncToken
		for _, r := range page.Responses {
			if r.Status == 0 {
				seen[r.Href] = true
			}
		}
		cut := page.Find(at)
		if cut == nil {
			break
		}
		if cut.Status != 507 || !strings.Contains(cut.Error, "number-of-matches-within-limits") {
			t.Errorf("cut: %+v", cut)
		}
	}
	if len(seen) != 6 {
		t.Errorf("page by page: %v", seen)
	}
	for _, bad := range []string{"urn:fachwerk:sync:x", "urn:other:1", "http://example.org/1", first.SyncToken + "9999999999999"} {
		if a := c.Want(t, 403, "REPORT", at, syncBody(bad, "1", "")); !strings.Contains(a.Body, "valid-sync-token") {
			t.Errorf("token %q: %s", bad, a.Body)
		}
	}
	c.Want(t, 400, "REPORT", at, `<D:sync-collection xmlns:D="DAV:"><D:sync-level>1</D:sync-level></D:sync-collection>`)
	c.Want(t, 400, "REPORT", at, syncBody("", "2", ""))
	c.Want(t, 400, "REPORT", at, syncBody("", "1", "<D:limit><D:nresults>0</D:nresults></D:limit>"))
	c.Want(t, 207, "REPORT", at, syncBody("", "1", ""), "Depth", "1")
	c.Want(t, 207, "REPORT", at, syncBody("", "infinite", ""))
	c.Want(t, 403, "REPORT", at+"1.ics", syncBody("", "1", ""))
}

// A drive tells all that lies below it, or of its members only that something changed.
func TestSyncDrive(t *testing.T) { each(t, testSyncDrive) }

func testSyncDrive(t *testing.T, env *davtest.Env) {
	c := env.Client(t, "anna")
	at := "/files/" + c.Address + "/"
	for _, p := range []string{"A", "A/B", "C"} {
		c.Want(t, 201, "MKCOL", at+p, "")
	}
	c.Want(t, 201, "PUT", at+"A/B/x.txt", "x")
	all := c.Want(t, 207, "REPORT", at, syncBody("", "infinite", "")).Multistatus(t)
	for _, p := range []string{"A/", "A/B/", "C/", "A/B/x.txt"} {
		if all.Find(at+p) == nil {
			t.Errorf("%s is missing: %+v", p, all)
		}
	}
	one := syncOnce(t, c, at, "")
	if len(one.Responses) != 2 || one.Find(at+"A/") == nil || one.Find(at+"C/") == nil {
		t.Errorf("members only: %+v", one)
	}
	before := c.Propfind(t, at+"A/", "0", "<D:getetag/>").Find(at+"A/").Text(dav.NamespaceDAV, "getetag")
	c.Want(t, 204, "PUT", at+"A/B/x.txt", "y")
	one = syncOnce(t, c, at, one.SyncToken)
	if len(one.Responses) != 1 || one.Find(at+"A/").Text(dav.NamespaceDAV, "getetag") == before {
		t.Errorf("something below A changed: %+v", one)
	}
	c.Want(t, 201, "MOVE", at+"A", "", "Destination", at+"D")
	moved := c.Want(t, 207, "REPORT", at, syncBody(all.SyncToken, "infinite", "")).Multistatus(t)
	if r := moved.Find(at + "D/B/x.txt"); r == nil || r.Status != 0 {
		t.Errorf("after the move: %+v", moved)
	}
	gone := moved.Find(at + "A")
	if gone == nil {
		gone = moved.Find(at + "A/")
	}
	if gone == nil || gone.Status != 404 {
		t.Errorf("the old place: %+v", moved)
	}
}
