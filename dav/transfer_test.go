package dav_test

import (
	"strings"
	"testing"

	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
)

// COPY and MOVE inside of a drive, between calendars and between accounts.
func TestTransfer(t *testing.T) { each(t, testTransfer) }

func testTransfer(t *testing.T, env *davtest.Env) {
	c := env.Client(t, "anna")
	team := env.Shared(t, store.Team, "bauhof")
	env.Grant(t, team, c.Principal, resource.Read|resource.Write|resource.Manage)
	home, other := "/files/"+c.Address+"/", "/files/"+team.Address+"/"
	for _, p := range []string{home + "A", home + "A/B", other + "Z"} {
		c.Want(t, 201, "MKCOL", p, "")
	}
	tag := c.Want(t, 201, "PUT", home+"A/B/x.txt", "x").Header.Get("ETag")
	made := c.Want(t, 201, "COPY", home+"A/B/x.txt", "", "Destination", other+"Z/x.txt", "If-Match", tag)
	if made.Header.Get("Location") != other+"Z/x.txt" {
		t.Errorf("the copy is said to be at %q", made.Header.Get("Location"))
	}
	c.Want(t, 204, "COPY", home+"A/B/x.txt", "", "Destination", other+"Z/x.txt")
	c.Want(t, 412, "COPY", home+"A/B/x.txt", "", "Destination", other+"Z/x.txt", "Overwrite", "F")
	c.Want(t, 201, "COPY", home+"A/", "", "Destination", home+"C/")
	c.Want(t, 201, "COPY", home+"A/", "", "Destination", home+"D/", "Depth", "0")
	c.Want(t, 200, "GET", home+"C/B/x.txt", "")
	c.Want(t, 404, "GET", home+"D/B/x.txt", "")
	c.Want(t, 201, "MOVE", home+"A/B/x.txt", "", "Destination", other+"Z/y.txt", "If", "<"+home+"A/B/x.txt> (["+tag+"])")
	c.Want(t, 404, "GET", home+"A/B/x.txt", "")
	if got := c.Want(t, 200, "GET", other+"Z/y.txt", ""); got.Body != "x" {
		t.Errorf("moved to another account: %q", got.Body)
	}
	c.Want(t, 201, "MOVE", home+"C", "", "Destination", other+"Z/C")
	c.Want(t, 200, "GET", other+"Z/C/B/x.txt", "")
	// A resource is known again after MOVE, and what COPY makes is another one.
	c.Want(t, 201, "PUT", home+"id", "x")
	id := func(path string) string {
		return c.Propfind(t, path, "0", "<D:resource-id/>").Find(path).Props[dav.D("resource-id")].Inner
	}
	first := id(home + "id")
	c.Want(t, 201, "COPY", home+"id", "", "Destination", home+"copy")
	c.Want(t, 201, "MOVE", home+"id", "", "Destination", home+"E")
	if !strings.Contains(first, "urn:") || id(home) == first || id(home+"copy") == first || id(home+"E") != first {
		t.Errorf("resource-id: %s, of the copy %s, moved %s", first, id(home+"copy"), id(home+"E"))
	}
	c.Want(t, 204, "DELETE", home+"E", "")
	// The destination may be written as clients do: absolute, with the slash or without.
	c.Want(t, 201, "MOVE", home+"D", "", "Destination", env.URL+home+"E/")

	calendars := "/calendars/" + c.Address + "/"
	c.Want(t, 201, "MKCOL", calendars+"zwei/", "")
	c.Want(t, 201, "PUT", calendars+"calendar/1.ics", "1")
	c.Want(t, 201, "MOVE", calendars+"calendar/1.ics", "", "Destination", calendars+"zwei/1.ics", "If-Match", "*")
	c.Want(t, 404, "GET", calendars+"calendar/1.ics", "")
	c.Want(t, 200, "GET", calendars+"zwei/1.ics", "")
	c.Want(t, 403, "COPY", calendars+"zwei/1.ics", "", "Destination", calendars+"calendar/")
	c.Want(t, 409, "COPY", calendars+"zwei/1.ics", "", "Destination", calendars+"nie/1.ics")
	env.Sound(t)
}
