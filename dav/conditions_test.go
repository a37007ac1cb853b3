package dav_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/dav/davtest"
)

func TestConditions(t *testing.T) { each(t, testConditions) }

func testConditions(t *testing.T, env *davtest.Env) {
	c := env.Client(t, "anna")
	at := "/files/" + c.Address + "/a.txt"
	c.Want(t, 412, "PUT", at, "1", "If-Match", "*")
	c.Want(t, 412, "PUT", at, "1", "If-Match", `"x"`)
	c.Want(t, 412, "PUT", at, "1", "If", `(["x"])`)
	tag := c.Want(t, 201, "PUT", at, "1", "If-None-Match", "*").Header.Get("ETag")
	c.Want(t, 412, "PUT", at, "2", "If-None-Match", "*")
	c.Want(t, 412, "PUT", at, "2", "If-None-Match", tag)
	c.Want(t, 412, "PUT", at, "2", "If-Match", `"x", W/`+tag)
	old := tag
	tag = c.Want(t, 204, "PUT", at, "2", "If-Match", `"x", `+tag).Header.Get("ETag")
	for _, method := range []string{"PUT", "DELETE", "MOVE", "COPY", "PROPPATCH", "LOCK"} {
		body := map[string]string{"PUT": "3", "PROPPATCH": patch(set("<Z:a/>")), "LOCK": lockBody("exclusive")}[method]
		for _, h := range [][]string{{"If-Match", old}, {"If", "([" + old + "])"}, {"If-None-Match", tag},
			{"If-Unmodified-Since", "Sun, 22 Nov 2020 08:00:00 GMT"}, {"If", "(<urn:uuid:1>)"}} {
			c.Want(t, 412, method, at, body, append(h, "Destination", at+"2")...)
		}
	}
	later := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	c.Want(t, 204, "PUT", at, "3", "If-Unmodified-Since", later, "If", "(Not <DAV:no-lock> ["+tag+"])")
	c.Want(t, 400, "PUT", at, "3", "If", "(")
	c.Want(t, 400, "PUT", at, "3", "If-Match", `"a`)
	// About another resource than the one that is written.
	other := "/files/" + c.Address + "/b.txt"
	otherTag := c.Want(t, 201, "PUT", other, "b").Header.Get("ETag")
	c.Want(t, 204, "PUT", at, "4", "If", "<"+other+"> (["+otherTag+"])")
	c.Want(t, 412, "PUT", at, "5", "If", "<"+other+"x> (["+otherTag+"])")
	c.Want(t, 412, "PUT", at, "5", "If", `<http://other.example/> (["x"])`)
	c.Want(t, 204, "PUT", at, "5", "If", `<http://other.example/> (Not ["x"])`)
	got := c.Want(t, 200, "GET", at, "")
	c.Want(t, 304, "GET", at, "", "If-None-Match", got.Header.Get("ETag"))
	c.Want(t, 304, "GET", at, "", "If-Modified-Since", later)
	c.Want(t, 412, "GET", at, "", "If", `(["x"])`)
	// An unconditional write is as good as any.
	c.Want(t, 204, "PUT", at, "6")
	c.Want(t, 204, "DELETE", at, "", "If-Match", "*")
	c.Want(t, 404, "DELETE", at, "", "If-Match", "*")
	env.Sound(t)
}

// 16 writers with one ETag: one wins, every time.
func TestOneWinner(t *testing.T) { each(t, testOneWinner) }

func testOneWinner(t *testing.T, env *davtest.Env) {
	c := env.Client(t, "anna")
	c.HTTP.Transport = &http.Transport{MaxIdleConnsPerHost: 32}
	for _, at := range []string{"/files/" + c.Address + "/a.txt", "/calendars/" + c.Address + "/calendar/a.ics"} {
		tag := c.Want(t, 201, "PUT", at, "0").Header.Get("ETag")
		for round := range 15 {
			for _, form := range [][2]string{{"If-Match", "%s"}, {"If", "([%s])"}} {
				h := []string{form[0], fmt.Sprintf(form[1], tag)}
				var won atomic.Int32
				var next atomic.Value
				var all sync.WaitGroup
				for i := range 16 {
					all.Go(func() {
						a, err := c.Try("PUT", at, fmt.Sprint(at, h, round, i), h...)
						switch {
						case err != nil:
							t.Error(err)
						case a.Status == 204:
							won.Add(1)
							next.Store(a.Header.Get("ETag"))
						case a.Status != 412:
							t.Errorf("PUT: %d %s", a.Status, a.Body)
						}
					})
				}
				all.Wait()
				if won.Load() != 1 {
					t.Fatalf("%s, round %d: %d winners", at, round, won.Load())
				}
				tag = next.Load().(string)
			}
		}
	}
	// Without a condition all of them do.
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			if a, err := c.Try("PUT", "/files/"+c.Address+"/a.txt", fmt.Sprint(i)); err != nil || a.Status != 204 {
				t.Errorf("PUT without condition: %+v, %v", a, err)
			}
		})
	}
	all.Wait()
	env.Sound(t)
}

// Of 16 who change a whole collection by its ETag one wins, and none removes what it has
// not seen.
func TestOneWinnerOfACollection(t *testing.T) { each(t, testOneWinnerOfACollection) }

func testOneWinnerOfACollection(t *testing.T, env *davtest.Env) {
	c := env.Client(t, "anna")
	c.HTTP.Transport = &http.Transport{MaxIdleConnsPerHost: 32}
	tagOf := func(at string) string {
		t.Helper()
		return c.Propfind(t, at, "0", "<D:getetag/>").Responses[0].Text("DAV:", "getetag")
	}
	calendar := "/calendars/" + c.Address + "/ratssitzungen/"
	c.Want(t, 201, "MKCALENDAR", calendar, "")
	for _, at := range []string{calendar, "/files/" + c.Address + "/"} {
		for round := range 5 {
			for _, form := range [][2]string{{"If-Match", "%s"}, {"If", "([%s])"}} {
				h := []string{form[0], fmt.Sprintf(form[1], tagOf(at))}
				var won atomic.Int32
				var all sync.WaitGroup
				for i := range 16 {
					all.Go(func() {
						a, err := c.Try("PROPPATCH", at, patch(set(fmt.Sprintf("<Z:a>%d %d</Z:a>", round, i))), h...)
						switch {
						case err != nil:
							t.Error(err)
						case a.Status == 207:
							won.Add(1)
						case a.Status != 412:
							t.Errorf("PROPPATCH: %d %s", a.Status, a.Body)
						}
					})
				}
				all.Wait()
				if won.Load() != 1 {
					t.Fatalf("%s, round %d: %d winners", at, round, won.Load())
				}
			}
		}
	}
	for range 10 {
		tag := tagOf(calendar)
		var all sync.WaitGroup
		var put, removed atomic.Bool
		all.Go(func() {
			a, err := c.Try("PUT", calendar+"a.ics", "a", "If-None-Match", "*")
			put.Store(err == nil && a.Status == 201)
		})
		all.Go(func() {
			a, err := c.Try("DELETE", calendar, "", "If-Match", tag)
			removed.Store(err == nil && a.Status == 204)
		})
		all.Wait()
		switch {
		case put.Load() && removed.Load(), !put.Load() && !removed.Load():
			t.Fatalf("put %v and removed %v", put.Load(), removed.Load())
		case removed.Load():
			c.Want(t, 201, "MKCALENDAR", calendar, "")
		default:
			c.Want(t, 204, "DELETE", calendar+"a.ics", "")
		}
	}
	env.Sound(t)
}
