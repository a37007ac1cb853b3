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

// A whole calendar is renamed and copied; clients that sync go on where they were.
func TestTransferOfCollections(t *testing.T) { each(t, testTransferOfCollections) }

func testTransferOfCollections(t *testing.T, env *davtest.Env) {
	c, ben := env.Client(t, "anna"), env.Client(t, "ben")
	team := env.Shared(t, store.Team, "bauhof")
	env.Grant(t, team, c.Principal, resource.Read|resource.Write|resource.Manage)
	env.Grant(t, team, ben.Principal, resource.Read|resource.Write)
	home := "/calendars/" + c.Address + "/"
	c.Want(t, 201, "MKCALENDAR", home+"a/", "")
	c.Want(t, 207, "PROPPATCH", home+"a/", patch(set("<D:displayname>Arbeit</D:displayname><Z:color>red</Z:color>")))
	c.Want(t, 201, "PUT", home+"a/1.ics", "1")
	c.Want(t, 201, "PUT", home+"a/2.ics", "2")
	c.Want(t, 207, "PROPPATCH", home+"a/1.ics", patch(set("<Z:note>x</Z:note>")))
	text := func(at, space, local string) string {
		t.Helper()
		return c.Propfind(t, at, "0", `<x:`+local+` xmlns:x="`+space+`"/>`).Responses[0].Text(space, local)
	}
	sync := func(at, token string) string {
		return c.Want(t, 207, "REPORT", at, `<D:sync-collection xmlns:D="DAV:"><D:sync-token>`+token+
			`</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`).Body
	}
	token, tag := text(home+"a/", "DAV:", "sync-token"), text(home+"a/", "DAV:", "getetag")
	c.Want(t, 201, "PUT", home+"a/3.ics", "3")

	c.Want(t, 412, "MOVE", home+"a/", "", "Destination", home+"b/", "If-Match", tag)
	c.Want(t, 400, "MOVE", home+"a/", "", "Destination", home+"b/", "Depth", "0")
	made := c.Want(t, 201, "MOVE", home+"a/", "", "Destination", env.URL+home+"b/", "If-Match", text(home+"a/", "DAV:", "getetag"))
	if made.Header.Get("Location") != home+"b/" {
		t.Errorf("moved to %q", made.Header.Get("Location"))
	}
	c.Want(t, 404, "PROPFIND", home+"a/", "", "Depth", "0")
	c.Want(t, 404, "GET", home+"a/1.ics", "")
	if got := sync(home+"b/", token); !strings.Contains(got, home+"b/3.ics") || strings.Contains(got, "1.ics") {
		t.Errorf("a sync with the token of before: %s", got)
	}
	if text(home+"b/", "DAV:", "displayname") != "Arbeit" || text(home+"b/", "urn:z", "color") != "red" {
		t.Error("properties did not go along")
	}

	c.Want(t, 201, "COPY", home+"b/", "", "Destination", home+"c")
	c.Want(t, 201, "COPY", home+"b/", "", "Destination", home+"leer/", "Depth", "0")
	if got := c.Want(t, 200, "GET", home+"c/1.ics", ""); got.Body != "1" {
		t.Errorf("copied: %q", got.Body)
	}
	if text(home+"c/1.ics", "urn:z", "note") != "x" || text(home+"leer/", "urn:z", "color") != "red" {
		t.Error("properties were not copied")
	}
	c.Want(t, 404, "GET", home+"leer/1.ics", "")
	if sync(home+"c/", "") == sync(home+"leer/", "") {
		t.Error("the copy with its members is like that without")
	}
	c.Want(t, 204, "PUT", home+"c/1.ics", "changed")
	if got := c.Want(t, 200, "GET", home+"b/1.ics", ""); got.Body != "1" {
		t.Errorf("the original after a change of the copy: %q", got.Body)
	}

	// Over another one, and what stands against it.
	c.Want(t, 412, "MOVE", home+"b/", "", "Destination", home+"c/", "Overwrite", "F")
	c.Want(t, 412, "COPY", home+"b/", "", "Destination", home+"c/", "Overwrite", "F")
	lockToken := c.Want(t, 200, "LOCK", home+"c/1.ics", lockBody("exclusive")).Header.Get("Lock-Token")
	c.Want(t, 423, "MOVE", home+"b/", "", "Destination", home+"c/")
	c.Want(t, 423, "MOVE", home+"c/", "", "Destination", home+"d/")
	c.Want(t, 204, "MOVE", home+"b/", "", "Destination", home+"c/", "If", "<"+home+"c/1.ics> ("+lockToken+")")
	if got := c.Want(t, 200, "GET", home+"c/1.ics", ""); got.Body != "1" {
		t.Errorf("moved over another: %q", got.Body)
	}
	c.Want(t, 204, "COPY", home+"leer/", "", "Destination", home+"c/")
	c.Want(t, 404, "GET", home+"c/1.ics", "")
	c.Want(t, 403, "MOVE", home+"c/", "", "Destination", home+"c/")
	c.Want(t, 403, "MOVE", home+"c/", "", "Destination", home+"leer/inside/")
	c.Want(t, 403, "COPY", home+"c/", "", "Destination", "/files/"+c.Address+"/c/")
	c.Want(t, 403, "COPY", home+"c/", "", "Destination", "/calendars/"+team.Address+"/c/")
	c.Want(t, 403, "COPY", home+"c/", "", "Destination", home+team.Address+":c/")
	c.Want(t, 409, "COPY", home+"c/", "", "Destination", "/calendars/"+ben.Address+"/c/")

	// In a shared account who manages it may, by either of its addresses.
	c.Want(t, 201, "MKCALENDAR", "/calendars/"+team.Address+"/d/", "")
	ben.Want(t, 403, "MOVE", "/calendars/"+team.Address+"/d/", "", "Destination", "/calendars/"+team.Address+"/e/")
	ben.Want(t, 403, "COPY", "/calendars/"+team.Address+"/d/", "", "Destination", "/calendars/"+team.Address+"/e/")
	c.Want(t, 201, "MOVE", home+team.Address+":d/", "", "Destination", "/calendars/"+team.Address+"/e/")
	ben.Want(t, 207, "PROPFIND", "/calendars/"+ben.Address+"/"+team.Address+":e/", "", "Depth", "0")
	env.Sound(t)
}
