package dav_test

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
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

const (
	ns  = dav.NamespaceDAV
	cal = dav.NamespaceCalDAV
)

func patch(inner string) string {
	return `<D:propertyupdate ` + davtest.Namespaces + ` xmlns:Z="urn:z">` + inner + `</D:propertyupdate>`
}

func set(inner string) string {
	return `<D:set><D:prop>` + inner + `</D:prop></D:set>`
}

func unset(inner string) string {
	return `<D:remove><D:prop>` + inner + `</D:prop></D:remove>`
}

// Dead properties come back as they were sent; all changes are made, or none.
func TestProppatch(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	file := "/files/" + c.Address + "/a.txt"
	c.Want(t, 201, "PUT", file, "a")
	got := c.Want(t, 207, "PROPPATCH", file, patch(set(`<Z:farbe xml:lang="de" k="v"><b xmlns="urn:b">rot</b> &amp; <Z:c/></Z:farbe><Z:zwei/>`))).Multistatus(t)
	if r := got.Find(file); r.Has("urn:z", "farbe") != 200 || r.Has("urn:z", "zwei") != 200 {
		t.Errorf("set: %+v", got)
	}
	body := c.Want(t, 207, "PROPFIND", file, "", "Depth", "0").Body
	if !strings.Contains(body, `<b xmlns="urn:b">rot</b> &amp; <Z:c/>`) || !strings.Contains(body, `xml:lang="de" k="v"`) {
		t.Errorf("allprop does not show the dead property: %s", body)
	}
	// One that is protected: nothing is done, the others are 424.
	got = c.Want(t, 207, "PROPPATCH", file, patch(set(`<Z:drei/>`)+unset(`<Z:zwei/>`)+set(`<D:getetag>x</D:getetag>`))).Multistatus(t)
	r := got.Find(file)
	if r.Has(ns, "getetag") != 403 || r.Has("urn:z", "drei") != 424 || r.Has("urn:z", "zwei") != 424 {
		t.Errorf("with a protected one: %+v", got)
	}
	r = c.Propfind(t, file, "0", `<x:zwei xmlns:x="urn:z"/><x:drei xmlns:x="urn:z"/>`).Find(file)
	if r.Has("urn:z", "zwei") != 200 || r.Has("urn:z", "drei") != 404 {
		t.Errorf("after a refusal: %+v", r)
	}
	// In the order of the body; removing what is not there is no error.
	c.Want(t, 207, "PROPPATCH", file, patch(set(`<Z:vier>1</Z:vier>`)+unset(`<Z:vier/><Z:nie/>`)+set(`<Z:vier>2</Z:vier>`)))
	if v := c.Propfind(t, file, "0", `<x:vier xmlns:x="urn:z"/>`).Find(file).Text("urn:z", "vier"); v != "2" {
		t.Errorf("the last of the changes is %q", v)
	}
	// RFC 8144: all is well needs no body.
	a := c.Want(t, 200, "PROPPATCH", file, patch(unset(`<Z:vier/>`)), "Prefer", "return=minimal")
	if a.Body != "" || a.Header.Get("Preference-Applied") == "" {
		t.Errorf("minimal: %q %v", a.Body, a.Header)
	}
	for _, bad := range []string{"", "x", `<D:propfind xmlns:D="DAV:"/>`, patch(""), patch(set(""))} {
		c.Want(t, 400, "PROPPATCH", file, bad)
	}
	c.Want(t, 404, "PROPPATCH", file+"x", patch(set(`<Z:a/>`)))
	// COPY takes them along, MOVE keeps them.
	c.Want(t, 201, "COPY", file, "", "Destination", file+"2")
	c.Want(t, 201, "MOVE", file, "", "Destination", file+"3")
	for _, n := range []string{"2", "3"} {
		if s := c.Propfind(t, file+n, "0", `<x:farbe xmlns:x="urn:z"/>`).Find(file+n).Has("urn:z", "farbe"); s != 200 {
			t.Errorf("after COPY and MOVE (%s): %d", n, s)
		}
	}
	env.Sound(t)
}

// allprop, propname, include, nothing: RFC 4918 section 9.1, RFC 8144.
func TestPropfindForms(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	home := "/files/" + c.Address + "/"
	c.Want(t, 201, "PUT", home+"a.txt", "a")
	c.Want(t, 201, "MKCOL", home+"Ordner", "")
	find := func(body string, headers ...string) davtest.Multistatus {
		t.Helper()
		return c.Want(t, 207, "PROPFIND", home+"a.txt", body, append([]string{"Depth", "0"}, headers...)...).Multistatus(t)
	}
	all := find("").Find(home + "a.txt")
	for _, n := range []string{"getetag", "getcontentlength", "getlastmodified", "creationdate", "resourcetype", "supportedlock", "lockdiscovery"} {
		if all.Has(ns, n) != 200 {
			t.Errorf("allprop has no %s: %+v", n, all)
		}
	}
	for _, n := range []string{"quota-used-bytes", "acl", "supported-report-set", "getcontentlanguage"} {
		if all.Has(ns, n) != 0 {
			t.Errorf("allprop has %s, %d", n, all.Has(ns, n))
		}
	}
	with := find(`<propfind xmlns="DAV:"><allprop/><include><supported-report-set/><getetag/><nie/></include></propfind>`).Find(home + "a.txt")
	if with.Has(ns, "supported-report-set") != 200 || with.Has(ns, "getetag") != 200 || with.Has(ns, "nie") != 404 {
		t.Errorf("include: %+v", with)
	}
	names := find(`<propfind xmlns="DAV:"><propname/></propfind>`).Find(home + "a.txt")
	if p := names.Props[dav.D("getetag")]; p.Status != 200 || p.Inner != "" || names.Has(ns, "getcontentlanguage") != 0 {
		t.Errorf("propname: %+v", names)
	}
	minimal := find(`<propfind xmlns="DAV:"><prop><nie/><getetag/></prop></propfind>`, "Prefer", "return=minimal").Find(home + "a.txt")
	if minimal.Has(ns, "nie") != 0 || minimal.Has(ns, "getetag") != 200 {
		t.Errorf("minimal: %+v", minimal)
	}
	for _, bad := range []string{`<propfind xmlns="DAV:"/>`, `<propfind xmlns="DAV:"><prop/><allprop/></propfind>`, `<prop xmlns="DAV:"/>`, "<", `<propfind xmlns="urn:x"><allprop/></propfind>`} {
		c.Want(t, 400, "PROPFIND", home, bad, "Depth", "0")
	}
	for depth, status := range map[string]int{"infinity": 403, "": 403, "2": 400} {
		var h []string
		if depth != "" {
			h = []string{"Depth", depth}
		}
		if a := c.Want(t, status, "PROPFIND", home, "", h...); status == 403 && !strings.Contains(a.Body, "propfind-finite-depth") {
			t.Errorf("Depth %q: %s", depth, a.Body)
		}
	}
	if got := c.Want(t, 207, "PROPFIND", home, "", "Depth", "1", "Prefer", "depth-noroot").Multistatus(t); len(got.Responses) != 2 || got.Find(home) != nil {
		t.Errorf("noroot: %+v", got)
	}
	// A folder has the slash of a collection, however it is asked for.
	if got := c.Propfind(t, home+"Ordner", "0", "<D:resourcetype/>"); got.Find(home+"Ordner/") == nil {
		t.Errorf("a folder: %+v", got)
	}
}

// From the name of the host to the home: what clients ask one after another.
func TestDiscovery(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	for _, n := range []string{"caldav", "carddav"} {
		for _, method := range []string{"GET", "PROPFIND"} {
			a := (&davtest.Client{URL: env.URL, HTTP: c.HTTP}).Do(t, method, "/.well-known/"+n, "")
			if a.Status != 301 || a.Header.Get("Location") != "/" {
				t.Errorf("%s of well-known %s: %d %v", method, n, a.Status, a.Header)
			}
		}
	}
	root := c.Propfind(t, "/", "0", "<D:current-user-principal/><D:principal-collection-set/><D:resourcetype/>").Find("/")
	me := "/principals/" + c.Address + "/"
	if p := root.Props[dav.D("current-user-principal")]; p.Inner != `<D:href>`+me+`</D:href>` {
		t.Fatalf("current-user-principal: %+v", root)
	}
	p := c.Propfind(t, me, "0", "<C:calendar-home-set/><C:calendar-user-address-set/><C:calendar-user-type/><D:displayname/>"+
		"<D:principal-URL/><D:resourcetype/><CS:email-address-set/><D:group-membership/><D:supported-report-set/><CR:addressbook-home-set/>").Find(me)
	for name, want := range map[string]string{
		"calendar-home-set": "/calendars/" + c.Address + "/", "calendar-user-address-set": "mailto:" + c.Address, "calendar-user-type": "INDIVIDUAL",
	} {
		if got := p.Props[dav.CalDAV(name)]; got.Status != 200 || !strings.Contains(got.Inner, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if p.Text(ns, "displayname") != "anna" || !strings.Contains(p.Props[dav.D("resourcetype")].Inner, "principal") || p.Has(dav.NamespaceCardDAV, "addressbook-home-set") != 404 {
		t.Errorf("principal: %+v", p)
	}
	home := "/calendars/" + c.Address + "/"
	list := c.Propfind(t, home, "1", "<D:resourcetype/><D:sync-token/><CS:getctag/><D:displayname/><D:owner/><D:current-user-privilege-set/><D:quota-used-bytes/>")
	r := list.Find(home + "calendar/")
	if r == nil || !strings.Contains(r.Props[dav.D("resourcetype")].Inner, "calendar") || r.Text(ns, "sync-token") == "" ||
		r.Text(dav.NamespaceCS, "getctag") == "" || !strings.Contains(r.Props[dav.D("owner")].Inner, me) {
		t.Errorf("home: %+v", list)
	}
	if got := c.Propfind(t, "/", "1", "<D:resourcetype/>"); got.Find("/files/") == nil || got.Find("/principals/") == nil {
		t.Errorf("root: %+v", got)
	}
	if got := c.Propfind(t, "/principals/", "1", "<D:resourcetype/>"); got.Find(me) == nil {
		t.Errorf("principals: %+v", got)
	}
}

// Shared accounts: at their own address, and in the home of who was granted them; for
// all others they are not there.
func TestSharedAccounts(t *testing.T) {
	env := open(t, storetest.Embedded)
	anna, ben := env.Client(t, "anna"), env.Client(t, "ben")
	office := env.Shared(t, store.Function, "buergeramt")
	a := env.Grant(t, office, anna.Principal, resource.Read|resource.Write|resource.Manage)
	env.Collection(t, a, resource.Calendar, "calendar")
	home, alias := "/calendars/"+office.Address+"/", "/calendars/"+anna.Address+"/"+office.Address+":calendar/"
	anna.Want(t, 201, "PUT", home+"calendar/1.ics", "eins")
	if got := anna.Want(t, 200, "GET", alias+"1.ics", ""); got.Body != "eins" {
		t.Errorf("by the alias: %q", got.Body)
	}
	if got := anna.Propfind(t, "/calendars/"+anna.Address+"/", "1", "<D:displayname/>"); got.Find(alias) == nil {
		t.Errorf("the home does not show the granted calendar: %+v", got)
	}
	// The same lock by both names.
	anna.Want(t, 200, "LOCK", alias+"1.ics", lockBody("exclusive"))
	anna.Want(t, 423, "PUT", home+"calendar/1.ics", "zwei")
	anna.Want(t, 404, "GET", "/calendars/"+anna.Address+"/"+ben.Address+":calendar/", "")
	unknown := ben.Do(t, "PROPFIND", "/calendars/niemand@musterstadt.example/", "", "Depth", "0")
	other := ben.Do(t, "PROPFIND", home, "", "Depth", "0")
	if unknown.Status != 404 || other.Status != 404 || unknown.Body != other.Body {
		t.Errorf("unknown %d %q, not granted %d %q", unknown.Status, unknown.Body, other.Status, other.Body)
	}
	ben.Want(t, 404, "PROPFIND", "/files/"+anna.Address+"/", "", "Depth", "0")
	env.Grant(t, office, ben.Principal, resource.Read)
	ben.Want(t, 200, "GET", home+"calendar/1.ics", "")
	if a := ben.Want(t, 403, "PUT", home+"calendar/2.ics", "x"); !strings.Contains(a.Body, "need-privileges") || !strings.Contains(a.Body, "bind") {
		t.Errorf("PUT by a reader: %s", a.Body)
	}
	ben.Want(t, 403, "DELETE", home+"calendar/1.ics", "")
	ben.Want(t, 403, "DELETE", home+"calendar/", "")
	ben.Want(t, 403, "MKCOL", home+"neu/", "")
	ben.Want(t, 403, "PROPPATCH", home+"calendar/", patch(set(`<D:displayname>x</D:displayname>`)))
	ben.Want(t, 403, "LOCK", home+"calendar/1.ics", lockBody("shared"))
	ben.Want(t, 403, "MOVE", home+"calendar/1.ics", "", "Destination", "/calendars/"+ben.Address+"/calendar/1.ics")
	ben.Want(t, 201, "COPY", home+"calendar/1.ics", "", "Destination", "/calendars/"+ben.Address+"/calendar/1.ics")
	rights := ben.Propfind(t, home+"calendar/", "0", "<D:current-user-privilege-set/><D:acl/>").Find(home + "calendar/")
	if p := rights.Props[dav.D("current-user-privilege-set")].Inner; strings.Contains(p, "write") || !strings.Contains(p, "read") {
		t.Errorf("privileges of a reader: %s", p)
	}
	if p := rights.Props[dav.D("acl")].Inner; strings.Contains(p, anna.Address) {
		t.Errorf("a reader sees to whom else it is granted: %s", p)
	}
	env.Grant(t, office, ben.Principal, 0)
	ben.Want(t, 404, "GET", home+"calendar/1.ics", "")
	env.Sound(t)
}

// Calendars are made with properties, or not at all.
func TestMkcol(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	home := "/calendars/" + c.Address + "/"
	mk := func(types, props string) string {
		return `<D:mkcol ` + davtest.Namespaces + `><D:set><D:prop><D:resourcetype>` + types + `</D:resourcetype>` + props + `</D:prop></D:set></D:mkcol>`
	}
	xmlType := []string{"Content-Type", "application/xml"}
	c.Want(t, 201, "MKCOL", home+"neu/", mk("<D:collection/><C:calendar/>", "<D:displayname>Neu &amp; schön</D:displayname><A:calendar-color>#ff0000</A:calendar-color>"), xmlType...)
	r := c.Propfind(t, home+"neu/", "0", "<D:displayname/><A:calendar-color/>").Find(home + "neu/")
	if r.Text(ns, "displayname") != "Neu & schön" || r.Text(dav.NamespaceApple, "calendar-color") != "#ff0000" {
		t.Errorf("made with: %+v", r)
	}
	if a := c.Want(t, 405, "MKCOL", home+"neu/", ""); a.Header.Get("Allow") == "" {
		t.Errorf("what is there already: %v", a.Header)
	}
	for _, bad := range []string{mk("<C:calendar/>", ""), mk("<D:collection/><CR:addressbook/>", ""), mk("<D:collection/><C:calendar/>", "<D:getetag>x</D:getetag>")} {
		a := c.Want(t, 403, "MKCOL", home+"nie/", bad, xmlType...)
		if !strings.Contains(a.Body, "mkcol-response") {
			t.Errorf("refused by %s", a.Body)
		}
	}
	c.Want(t, 404, "PROPFIND", home+"nie/", "", "Depth", "0")
	c.Want(t, 201, "MKCALENDAR", home+"k/", `<C:mkcalendar `+davtest.Namespaces+`><D:set><D:prop><D:displayname>K</D:displayname></D:prop></D:set></C:mkcalendar>`, xmlType...)
	c.Want(t, 201, "MKCALENDAR", home+"l/", "")
	a := c.Want(t, 207, "MKCALENDAR", home+"m/", `<C:mkcalendar `+davtest.Namespaces+`><D:set><D:prop><D:getetag>K</D:getetag><D:displayname>x</D:displayname></D:prop></D:set></C:mkcalendar>`, xmlType...).Multistatus(t)
	if r := a.Find(home + "m/"); r.Has(ns, "getetag") != 403 || r.Has(ns, "displayname") != 424 {
		t.Errorf("MKCALENDAR with a protected property: %+v", a)
	}
	for _, where := range []string{home + "k/inside/", "/files/" + c.Address + "/k/"} {
		if a := c.Want(t, 403, "MKCALENDAR", where, ""); !strings.Contains(a.Body, "calendar-collection-location-ok") {
			t.Errorf("at %s: %s", where, a.Body)
		}
	}
	c.Want(t, 403, "MKCOL", home+"k/inside/", "")
	c.Want(t, 409, "MKCOL", home+"nie/inside/", "")
	c.Want(t, 403, "MKCOL", home+"x@y:z/", "")
	c.Want(t, 415, "MKCOL", home+"nie/", "text", "Content-Type", "text/plain")
	c.Want(t, 204, "DELETE", home+"k/", "")
	c.Want(t, 404, "PROPFIND", home+"k/", "", "Depth", "0")
	c.Want(t, 403, "DELETE", "/files/"+c.Address+"/", "")
	c.Want(t, 405, "DELETE", home, "")
	env.Sound(t)
}

// A large folder is listed whole, and memory does not grow with it.
func TestManyMembers(t *testing.T) {
	const members = 100_000
	// Garbage is collected early, so that what is seen is what is held.
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	source := &madeUp{count: members}
	env := davtest.Open(t, storetest.Embedded, func(env *resourcetest.Env) []dav.Head {
		heads := plainHeads(env)
		heads[1] = &virtualHead{heads[1].(*plainHead), source}
		return heads
	})
	c := env.Client(t, "anna")
	href := "/calendars/" + c.Address + "/" + source.collection().Name + "/"
	var peak atomic.Uint64
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				if m.HeapAlloc > peak.Load() {
					peak.Store(m.HeapAlloc)
				}
			}
		}
	}()
	req, err := http.NewRequest("PROPFIND", c.URL+href, strings.NewReader(`<propfind xmlns="DAV:"><prop><getetag/><getcontentlength/></prop></propfind>`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Depth", "1")
	req.SetBasicAuth(c.Address, c.Password)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	res, err := c.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	found, size := count(t, res.Body, "<D:response>")
	close(stop)
	if found != members+1 {
		t.Errorf("%d responses, want %d", found, members+1)
	}
	grown := int64(peak.Load()) - int64(before.HeapAlloc)
	t.Logf("%d members, %d MB sent, heap grew by at most %d MB", members, size>>20, grown>>20)
	if grown > 24<<20 {
		t.Errorf("the heap grew by %d MB for an answer of %d MB", grown>>20, size>>20)
	}
}

// What a head makes up is read like any other collection, and by nobody changed.
func TestVirtualCollection(t *testing.T) {
	source := &madeUp{count: 3}
	env := davtest.Open(t, storetest.Embedded, func(env *resourcetest.Env) []dav.Head {
		heads := plainHeads(env)
		heads[1] = &virtualHead{heads[1].(*plainHead), source}
		return heads
	})
	c := env.Client(t, "anna")
	home := "/calendars/" + c.Address + "/"
	at := home + source.collection().Name + "/"
	if got := c.Propfind(t, home, "1", "<D:displayname/>"); got.Find(at) == nil || got.Find(home+"calendar/") == nil {
		t.Errorf("home: %+v", got)
	}
	if got := c.Want(t, 200, "GET", at+"m000001", ""); got.Body != "body 1" || got.Header.Get("ETag") == "" {
		t.Errorf("GET: %+v", got)
	}
	c.Want(t, 404, "GET", at+"m000009", "")
	if got := syncOnce(t, c, at, ""); len(got.Responses) != 3 || got.SyncToken == "" {
		t.Errorf("sync: %+v", got)
	}
	r := c.Propfind(t, at, "0", "<D:current-user-privilege-set/><D:supportedlock/><CS:getctag/>").Find(at)
	if p := r.Props[dav.D("current-user-privilege-set")].Inner; strings.Contains(p, "write") || strings.Contains(p, "bind") {
		t.Errorf("privileges: %s", p)
	}
	for _, q := range [][]string{{"PUT", at + "x", "x"}, {"DELETE", at + "m000001", ""}, {"DELETE", at, ""}, {"PROPPATCH", at, patch(set("<D:displayname>x</D:displayname>"))}} {
		c.Want(t, 403, q[0], q[1], q[2])
	}
	c.Want(t, 403, "MOVE", at+"m000001", "", "Destination", home+"calendar/x")
	c.Want(t, 201, "PUT", home+"calendar/x", "x")
	c.Want(t, 403, "COPY", home+"calendar/x", "", "Destination", at+"x")
}
