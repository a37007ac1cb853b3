package dav_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// An If header with many conditions asks for the locks once.
func TestManyConditionsAreCheap(t *testing.T) {
	env := open(t, storetest.Embedded)
	anna := env.Client(t, "anna")
	home := "/files/" + anna.Address + "/"
	anna.Want(t, http.StatusCreated, "PUT", home+"a.txt", "a")
	for range 200 {
		anna.Want(t, http.StatusOK, "LOCK", home+"a.txt", lockBody("shared"))
	}
	var lists strings.Builder
	for i := range 900 {
		fmt.Fprintf(&lists, "(<urn:uuid:00000000-0000-4000-8000-%012d>)", i)
	}
	ask := func(lists string) time.Duration { // the quickest of some
		least := time.Hour
		for range 3 {
			began := time.Now()
			anna.Want(t, http.StatusPreconditionFailed, "PUT", home+"a.txt", "b", "If", lists)
			least = min(least, time.Since(began))
		}
		return least
	}
	first, _, _ := strings.Cut(lists.String(), ")")
	one, all := ask(first+")"), ask(lists.String())
	t.Logf("900 conditions took %v, one %v", all, one)
	if all > 100*one+2*time.Second { // a look at every lock for every condition takes 900 times as long
		t.Error("each condition looks at the locks")
	}
}

// What one person locks a thousand times does not fill everybody's listing.
func TestDiscoveredLocksAreBounded(t *testing.T) {
	env := open(t, storetest.Embedded)
	anna, ben := env.Client(t, "anna"), env.Client(t, "ben")
	team := env.Shared(t, store.Team, "bauamt")
	for _, c := range []*davtest.Client{anna, ben} {
		env.Grant(t, team, c.Principal, resource.Read|resource.Write)
	}
	file := "/files/" + team.Address + "/a.txt"
	anna.Want(t, http.StatusCreated, "PUT", file, "a")
	for range 30 {
		ben.Want(t, http.StatusOK, "LOCK", file, lockBody("shared"))
	}
	anna.Want(t, http.StatusOK, "LOCK", file, lockBody("shared"))
	for c, want := range map[*davtest.Client]int{anna: 21, ben: 31} {
		found := c.Propfind(t, file, "0", "<D:lockdiscovery/>").Find(file).Props[dav.D("lockdiscovery")].Inner
		if n := strings.Count(found, "<D:activelock>"); n != want {
			t.Errorf("%s sees %d locks, want %d", c.Address, n, want)
		}
	}
}
