package dav_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/store/storetest"
)

// TestClientGoesAway: who leaves in the middle of a large file leaves nobody behind who
// reads on for them.
func TestClientGoesAway(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	at := "/files/" + c.Address + "/large"
	large := make([]byte, 32<<20)
	rand.Read(large)
	c.Want(t, 201, "PUT", at, string(large))
	stacks := make([]byte, 4<<20)
	await := func(reading bool) {
		t.Helper()
		for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			now := string(stacks[:runtime.Stack(stacks, true)])
			if strings.Contains(now, "store/content.newAhead") == reading && strings.Contains(now, "http.ServeContent") == reading {
				return
			}
			if time.Since(begin) > time.Minute {
				t.Fatalf("reading: not %v\n%s", reading, now)
			}
		}
	}
	for range 4 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL+at, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(c.Address, c.Password)
		res, err := c.HTTP.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, res.Body, 1<<20); err != nil {
			t.Fatal(err)
		}
		await(true) // more than the connection holds is left
		res.Body.Close()
		await(false)
	}
}
