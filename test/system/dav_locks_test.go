package system

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/testenv/child"
	"fachwerk/test/system/harness"
)

// Of sixteen writers with one ETag exactly one wins, two hundred times: of a file, an
// event and a card. On PostgreSQL half of them ask another process.
func TestDAVOneWinnerOfSixteen(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		u := davUserOf(t, d, d.Anna())
		replicas := []*davUser{u}
		if e == harness.Remote {
			replicas = append(replicas, secondProcess(t, d, u))
		}
		places := map[string]string{"files": u.drive() + "stand", "calendars": u.firstOf(t, u.calendars()) + "stand",
			"addressbooks": u.firstOf(t, u.books()) + "stand"}
		for kind, at := range places {
			rounds := 50
			if kind == "files" {
				rounds = 100
			}
			etag := u.want(t, http.StatusCreated, "PUT", at, davContent(kind, "a-0-300")).Header.Get("ETag")
			for round := 1; round <= rounds; round++ {
				etag = oneDAVWinner(t, replicas, kind, at, etag, round)
			}
		}
		d.Check(t)
	})
}

// oneDAVWinner lets them write and answers the winner's ETag.
func oneDAVWinner(t *testing.T, replicas []*davUser, kind, at, etag string, round int) string {
	t.Helper()
	const writers = 16
	answers := make([]davAnswer, writers)
	start := make(chan struct{})
	id := func(i int) string { return fmt.Sprintf("a-%d-300", round*writers+i) }
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			<-start
			a, err := replicas[i%len(replicas)].try(t.Context(), "PUT", at, davContent(kind, id(i)), "If-Match", etag)
			if err != nil {
				t.Error(err)
			}
			answers[i] = a
		})
	}
	close(start)
	all.Wait()
	winner := -1
	for i, a := range answers {
		switch {
		case a.Status == http.StatusNoContent && winner < 0:
			winner = i
		case a.Status == http.StatusNoContent:
			t.Fatalf("%s, round %d: writers %d and %d both won", kind, round, winner, i)
		case a.Status != http.StatusPreconditionFailed:
			t.Fatalf("%s, round %d: writer %d: %d %.300s", kind, round, i, a.Status, a.Body)
		}
	}
	if winner < 0 {
		t.Fatalf("%s, round %d: nobody won", kind, round)
	}
	for _, u := range replicas {
		got := u.want(t, http.StatusOK, "GET", at, "")
		if got.Body != davContent(kind, id(winner)) || got.Header.Get("ETag") != answers[winner].Header.Get("ETag") {
			t.Fatalf("%s, round %d: what is there is not what the winner wrote", kind, round)
		}
	}
	return answers[winner].Header.Get("ETag")
}

// secondProcess serves DAV from the same PostgreSQL and S3, as another replica would;
// the user that it answers asks there.
func secondProcess(t *testing.T, d *harness.Demo, u *davUser) *davUser {
	t.Helper()
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.3:0")
		must(t, err)
		defer l.Close()
		return l.Addr().String()
	}
	address, ops := free(), free()
	cmd := exec.Command(harness.Binary(t), "serve", "dav", "--data", d.Data)
	cmd.Env = append(os.Environ(), "FACHWERK_LISTEN_HTTP="+address, "FACHWERK_LISTEN_OPS="+ops, "FACHWERK_SPOOL_DIR="+t.TempDir())
	child.Start(t, "the second process", cmd, &child.Said{})
	harness.Eventually(t, time.Minute, "the second process serves", func() bool {
		res, err := http.Get("http://" + ops + "/readyz")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	other := *u
	other.origin = "http://" + address
	return &other
}

const davLockBody = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype><D:owner>Anna</D:owner></D:lockinfo>`

func (u *davUser) lock(t *testing.T, at string) (token string) {
	t.Helper()
	a := u.do(t, "LOCK", at, davLockBody, "Depth", "infinity", "Timeout", "Second-600")
	if token = strings.Trim(a.Header.Get("Lock-Token"), "<>"); a.Status/100 != 2 || token == "" {
		t.Fatalf("LOCK %s: %d %.500s", at, a.Status, a.Body)
	}
	return token
}

// holds wants a lock to keep writes without its token away, and to let those with it
// through.
func holds(t *testing.T, u *davUser, folder, token string) {
	t.Helper()
	with := []string{"If", "<" + u.url(folder) + "> (<" + token + ">)"}
	u.want(t, http.StatusLocked, "PUT", folder+"a.txt", "ohne")
	u.want(t, http.StatusLocked, "PUT", folder+"neu.txt", "ohne")
	u.want(t, http.StatusLocked, "DELETE", folder, "")
	u.want(t, http.StatusLocked, "MOVE", folder+"a.txt", "", "Destination", u.url(u.drive()+"weg.txt"))
	u.want(t, http.StatusLocked, "PROPPATCH", folder+"a.txt", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x xmlns="urn:x">x</x></D:prop></D:set></D:propertyupdate>`)
	u.want(t, http.StatusLocked, "LOCK", folder+"a.txt", davLockBody)
	u.want(t, http.StatusNoContent, "PUT", folder+"a.txt", "mit", with...)
	u.want(t, http.StatusPreconditionFailed, "PUT", folder+"a.txt", "mit", "If", "<"+u.url(folder)+"> (<urn:uuid:00000000-0000-0000-0000-000000000000>)")
	a := u.want(t, http.StatusMultiStatus, "PROPFIND", folder+"a.txt", `<propfind xmlns="DAV:"><prop><lockdiscovery/></prop></propfind>`, "Depth", "0")
	if !strings.Contains(a.Body, token) || !strings.Contains(a.Body, "Anna") {
		t.Errorf("lockdiscovery does not tell the lock: %s", a.Body)
	}
}

// A lock outlives the process that gave it, killed or stopped, and holds on every
// other one.
func TestDAVLocksEverywhere(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		u := davUserOf(t, d, d.Anna())
		folder := u.drive() + "gesperrt/"
		u.want(t, http.StatusCreated, "MKCOL", folder, "")
		u.want(t, http.StatusCreated, "PUT", folder+"a.txt", "Anfang")
		event := u.firstOf(t, u.calendars()) + "gesperrt.ics"
		u.want(t, http.StatusCreated, "PUT", event, davContent("calendars", "abc-1-300"))
		token, eventToken := u.lock(t, folder), u.lock(t, event)
		holds(t, u, folder, token)
		for _, end := range []func(testing.TB){d.Kill, d.Stop} {
			end(t)
			u.client.CloseIdleConnections()
			d.Restart(t)
			holds(t, u, folder, token)
			u.want(t, http.StatusLocked, "PUT", event, davContent("calendars", "abc-2-300"))
			u.want(t, http.StatusNoContent, "PUT", event, davContent("calendars", "abc-2-300"), "If", "(<"+eventToken+">)")
		}
		u.want(t, http.StatusNoContent, "UNLOCK", event, "", "Lock-Token", "<"+eventToken+">")
		if e == harness.Remote {
			lockOnTwo(t, u, secondProcess(t, d, u), folder, token)
		} else {
			u.want(t, http.StatusNoContent, "UNLOCK", folder, "", "Lock-Token", "<"+token+">")
		}
		u.want(t, http.StatusNoContent, "PUT", folder+"a.txt", "frei")
		d.Check(t)
	})
}

func lockOnTwo(t *testing.T, one, two *davUser, folder, token string) {
	t.Helper()
	holds(t, two, folder, token)
	two.want(t, http.StatusOK, "LOCK", folder, "", "If", "(<"+token+">)", "Timeout", "Second-700") // a refresh
	two.want(t, http.StatusNoContent, "UNLOCK", folder, "", "Lock-Token", "<"+token+">")
	one.want(t, http.StatusNoContent, "PUT", folder+"a.txt", "frei")
	for round := range 30 {
		at := fmt.Sprintf("%slock%d.txt", one.drive(), round)
		one.want(t, http.StatusCreated, "PUT", at, "x")
		var mu sync.Mutex
		var all sync.WaitGroup
		var tokens []string
		for i := range 8 {
			u := []*davUser{one, two}[i%2]
			all.Go(func() {
				a, err := u.try(t.Context(), "LOCK", at, davLockBody, "Timeout", "Second-600")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					t.Error(err)
				case a.Status == http.StatusOK:
					tokens = append(tokens, a.Header.Get("Lock-Token"))
				case a.Status != http.StatusLocked:
					t.Errorf("LOCK: %d %.300s", a.Status, a.Body)
				}
			})
		}
		all.Wait()
		if len(tokens) != 1 {
			t.Fatalf("round %d: %d of 8 hold an exclusive lock", round, len(tokens))
		}
		other := []*davUser{one, two}[round%2]
		other.want(t, http.StatusLocked, "DELETE", at, "")
		other.want(t, http.StatusNoContent, "DELETE", at, "", "If", "("+tokens[0]+")")
	}
}
