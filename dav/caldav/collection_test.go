package caldav_test

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"
	"time"

	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
)

func TestMakeCalendar(t *testing.T) {
	d := open(t)
	tz := "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n"
	set := `<D:set><D:prop><D:displayname>Dienstplan</D:displayname><C:calendar-description xml:lang="de">Wer wann</C:calendar-description>` +
		`<A:calendar-color>#FF0000FF</A:calendar-color><A:calendar-order>3</A:calendar-order><C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp>` +
		`<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set>` +
		`<C:calendar-timezone>` + in(tz) + `</C:calendar-timezone><X xmlns="http://musterstadt.example/">dead</X></D:prop></D:set>`
	a := d.Want(t, http.StatusCreated, "MKCALENDAR", d.home+"dienst/", body("C:mkcalendar", set))
	if a.Header.Get("Cache-Control") != "no-cache" {
		t.Error("the answer may be cached")
	}
	names := `<D:displayname/><D:resourcetype/><C:calendar-description/><A:calendar-color/><A:calendar-order/><C:schedule-calendar-transp/>` +
		`<C:supported-calendar-component-set/><C:calendar-timezone/><C:calendar-timezone-id/><X xmlns="http://musterstadt.example/"/>` +
		`<C:supported-calendar-data/><C:supported-collation-set/><C:max-resource-size/><C:min-date-time/><C:max-date-time/><C:max-instances/><C:max-attendees-per-instance/><CS:getctag/><D:sync-token/>`
	r := d.Propfind(t, d.home+"dienst/", "0", names).Find(d.home + "dienst/")
	for local, want := range map[string]string{
		"calendar-description": "Wer wann", "calendar-timezone-id": "Europe/Berlin", "max-resource-size": "10485760",
		"min-date-time": "00010101T000000Z", "max-date-time": "99991231T235959Z", "max-instances": "20000", "max-attendees-per-instance": "2000",
	} {
		if got := r.Text(dav.NamespaceCalDAV, local); got != want {
			t.Errorf("%s is %q", local, got)
		}
	}
	for local, want := range map[string]string{
		"supported-calendar-component-set": `name="VTODO"`, "schedule-calendar-transp": "transparent", "calendar-timezone": "TZID:Europe/Berlin",
		"supported-calendar-data": `content-type="text/calendar"`, "supported-collation-set": "i;unicode-casemap",
	} {
		if got := r.Props[dav.CalDAV(local)]; got.Status != http.StatusOK || !strings.Contains(got.Inner, want) {
			t.Errorf("%s is %+v", local, got)
		}
	}
	if r.Text(dav.NamespaceCS, "getctag") == "" || r.Text(dav.NamespaceDAV, "sync-token") == "" {
		t.Error("getctag or sync-token is missing")
	}
	if got := r.Props[dav.CalDAV("supported-calendar-component-set")].Inner; strings.Count(got, "comp ") != 1 {
		t.Errorf("the component set is %s", got)
	}
	if r.Text(dav.NamespaceApple, "calendar-color") != "#FF0000FF" || r.Text("http://musterstadt.example/", "X") != "dead" || r.Text(dav.NamespaceDAV, "displayname") != "Dienstplan" {
		t.Errorf("properties are %+v", r.Props)
	}
	if got := r.Props[dav.D("resourcetype")].Inner; !strings.Contains(got, "collection") || !strings.Contains(got, "C:calendar") {
		t.Errorf("it is a %s", got)
	}
	refused(t, d, "PUT", d.home+"dienst/e.ics", event("e", "DTSTART:20260112T090000Z\n"), "supported-calendar-component")
	if a := d.Want(t, http.StatusForbidden, "MKCALENDAR", d.home+"dienst/", ""); !strings.Contains(a.Body, "<D:resource-must-be-null/>") {
		t.Errorf("a calendar where there is one: %s", a.Body)
	}
	d.Want(t, http.StatusCreated, "MKCALENDAR", d.home+"ohne/", "")
	refused(t, d, "MKCALENDAR", d.home+"ohne/drin/", "", "calendar-collection-location-ok")
	d.Want(t, http.StatusConflict, "MKCALENDAR", d.home+"nichts/drin/", "")
	if a := d.Do(t, "MKCALENDAR", "/calendars/niemand@musterstadt.example/x/", ""); a.Status != http.StatusNotFound && a.Status != http.StatusConflict {
		t.Errorf("in nobody's home: %d", a.Status)
	}
	if a := d.Do(t, "OPTIONS", d.home+"dienst/", ""); !strings.Contains(a.Header.Get("DAV"), "calendar-access") ||
		strings.Contains(a.Header.Get("DAV"), "schedule") || !strings.Contains(a.Header.Get("Allow"), "REPORT") {
		t.Errorf("OPTIONS: %v", a.Header)
	}
}

func TestCalendarIsNotMade(t *testing.T) {
	d := open(t)
	for property, precondition := range map[string]string{
		`<C:calendar-timezone>nothing</C:calendar-timezone>`:                                                           "valid-calendar-data",
		`<C:calendar-timezone-id>Mars/Olympus</C:calendar-timezone-id>`:                                                "valid-timezone",
		`<C:supported-calendar-component-set><C:comp name="VBOGUS"/></C:supported-calendar-component-set>`:             "supported-calendar-component",
		`<C:max-resource-size>1</C:max-resource-size>`:                                                                 "cannot-modify-protected-property",
		`<C:schedule-calendar-transp><C:milky/></C:schedule-calendar-transp><D:displayname>Nicht dies</D:displayname>`: "",
	} {
		a := d.Want(t, http.StatusMultiStatus, "MKCALENDAR", d.home+"x/", body("C:mkcalendar", `<D:set><D:prop>`+property+`</D:prop></D:set>`))
		if !strings.Contains(a.Body, precondition) {
			t.Errorf("%s: %s", property, a.Body)
		}
		m := a.Multistatus(t)
		for name, p := range m.Responses[0].Props {
			if want := name == dav.D("displayname"); (p.Status == http.StatusFailedDependency) != want {
				t.Errorf("%s: %v is %d", property, name, p.Status)
			}
		}
		d.Want(t, http.StatusNotFound, "PROPFIND", d.home+"x/", "", "Depth", "0")
	}
	d.Want(t, http.StatusForbidden, "MKCOL", d.home+"x/", "")
	d.Want(t, http.StatusForbidden, "MKCOL", d.home+"x/", body("D:mkcol", `<D:set><D:prop><D:resourcetype><D:collection/></D:resourcetype></D:prop></D:set>`))
	d.Want(t, http.StatusCreated, "MKCOL", d.home+"x/", body("D:mkcol", `<D:set><D:prop><D:resourcetype><D:collection/><C:calendar/></D:resourcetype><D:displayname>X</D:displayname></D:prop></D:set>`))
	if got := d.Propfind(t, d.home+"x/", "0", `<D:displayname/>`).Find(d.home+"x/").Text("DAV:", "displayname"); got != "X" {
		t.Errorf("it is called %q", got)
	}
}

func TestCalendarPropertiesChange(t *testing.T) {
	d := open(t)
	patch := func(change string) map[xml.Name]int {
		t.Helper()
		m := d.Want(t, http.StatusMultiStatus, "PROPPATCH", d.first(), body("D:propertyupdate", change)).Multistatus(t)
		status := map[xml.Name]int{}
		for name, p := range m.Responses[0].Props {
			status[name] = p.Status
		}
		return status
	}
	set := func(p string) string { return `<D:set><D:prop>` + p + `</D:prop></D:set>` }
	got := patch(set(`<A:calendar-color>#00ff00</A:calendar-color><A:calendar-order>7</A:calendar-order>`) + `<D:remove><D:prop><C:calendar-description/></D:prop></D:remove>`)
	for name, status := range got {
		if status != http.StatusOK {
			t.Errorf("%v: %d", name, status)
		}
	}
	got = patch(set(`<A:calendar-color>#0000ff</A:calendar-color><C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set>`))
	if got[dav.CalDAV("supported-calendar-component-set")] != http.StatusForbidden || got[xml.Name{Space: dav.NamespaceApple, Local: "calendar-color"}] != http.StatusFailedDependency {
		t.Errorf("one is protected: %v", got)
	}
	patch(set(`<C:calendar-timezone-id>America/New_York</C:calendar-timezone-id>`))
	r := d.Propfind(t, d.first(), "0", `<A:calendar-color/><C:calendar-timezone/><C:calendar-timezone-id/>`).Find(d.first())
	if r.Text(dav.NamespaceApple, "calendar-color") != "#00ff00" {
		t.Errorf("the colour is %q", r.Text(dav.NamespaceApple, "calendar-color"))
	}
	if tz := r.Text(dav.NamespaceCalDAV, "calendar-timezone"); !strings.Contains(tz, "TZID:America/New_York") || !strings.Contains(tz, "BEGIN:DAYLIGHT") {
		t.Errorf("calendar-timezone does not follow calendar-timezone-id: %q", tz)
	}
	patch(`<D:remove><D:prop><C:calendar-timezone/></D:prop></D:remove>`)
	if r := d.Propfind(t, d.first(), "0", `<C:calendar-timezone-id/>`).Find(d.first()); r.Has(dav.NamespaceCalDAV, "calendar-timezone-id") != http.StatusNotFound {
		t.Error("calendar-timezone-id stays without its time zone")
	}
	all := d.Want(t, http.StatusMultiStatus, "PROPFIND", d.first(), body("D:propfind", `<D:allprop/>`), "Depth", "0")
	if strings.Contains(all.Body, "supported-calendar-data") || !strings.Contains(all.Body, "#00ff00") {
		t.Errorf("allprop: %s", all.Body)
	}
}

// A shared account gets its first calendar when somebody who manages it comes, also where
// others have looked before.
func TestSharedCalendarIsMadeByWhoManages(t *testing.T) {
	d := open(t)
	clerk := d.Env.Client(t, "clerk")
	office := d.Shared(t, store.Function, "amt")
	d.Grant(t, office, clerk.Principal, resource.Read|resource.Write)
	d.Grant(t, office, d.Principal, resource.Read|resource.Write|resource.Manage)
	for _, c := range []struct {
		who  *davtest.Client
		want int // responses of their home: itself, their own calendar, the office's
	}{{clerk, 2}, {d.Client, 3}, {clerk, 3}} {
		if list := c.who.Propfind(t, "/calendars/"+c.who.Address+"/", "1", `<D:resourcetype/>`); len(list.Responses) != c.want {
			t.Errorf("%s's home: %v", c.who.Address, hrefs(list))
		}
	}
}

// A calendar of a room: what each right allows, and that the privileges say the same.
func TestGrantedCalendars(t *testing.T) {
	d := open(t)
	room := d.Shared(t, store.Room, "sitzungssaal")
	own := "/calendars/" + room.Address + "/"
	d.Want(t, http.StatusNotFound, "PROPFIND", own, "", "Depth", "0")

	d.Grant(t, room, d.Principal, resource.Read|resource.Write|resource.Manage)
	list := d.Propfind(t, own, "1", `<D:resourcetype/>`)
	if len(list.Responses) != 2 {
		t.Fatalf("the room's home: %v", hrefs(list))
	}
	path := list.Responses[1].Href
	object := d.put(t, path, "a", event("a", "DTSTART:20260112T090000Z\n"))
	through := d.home + room.Address + ":" + strings.TrimPrefix(path, own)
	if a := d.Want(t, http.StatusOK, "GET", through+"a.ics", ""); !strings.Contains(a.Body, "UID:a@") {
		t.Errorf("through the own home: %s", a.Body)
	}
	m := d.report(t, through, "1", "C:calendar-query", getData+events(""))
	same(t, "asked through the own home", hrefs(m), []string{through + "a.ics"})
	if a := d.Want(t, http.StatusOK, "REPORT", d.home, body("C:free-busy-query", span("20260101T000000Z", "20260201T000000Z")), "Depth", "infinity"); strings.Contains(a.Body, "FREEBUSY:") {
		t.Errorf("the room's times make its user busy: %s", a.Body)
	}
	if found := d.Propfind(t, d.home, "1", `<D:displayname/>`).Find(through); found == nil {
		t.Error("the own home does not list it")
	}

	d.put(t, path, "b", event("b", "DTSTART:20260115T090000Z\nDURATION:PT1H\n"))
	for _, c := range []struct {
		rights              resource.Rights
		write, make, remove bool
	}{
		{resource.Read, false, false, false},
		{resource.Read | resource.Write, true, false, false},
		{resource.Read | resource.Write | resource.Manage, true, true, true},
	} {
		d.Grant(t, room, d.Principal, c.rights)
		deadline := time.Now().Add(time.Minute) // grants may be remembered for a moment
		privileges := func() string {
			return d.Propfind(t, path, "0", `<D:current-user-privilege-set/>`).Find(path).Props[dav.D("current-user-privilege-set")].Inner
		}
		for strings.Contains(privileges(), "write-content") != c.write && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
		}
		if got := privileges(); strings.Contains(got, "write-content") != c.write || !strings.Contains(got, "read") {
			t.Errorf("%b: privileges %s", c.rights, got)
		}
		ok := func(what string, a int, want bool) {
			if (a < 300) != want || !want && a != http.StatusForbidden {
				t.Errorf("%b: %s: %d", c.rights, what, a)
			}
		}
		for _, at := range []string{own, path, through} { // who may read, may see when it is busy
			a := d.Want(t, http.StatusOK, "REPORT", at, body("C:free-busy-query", span("20260115T000000Z", "20260116T000000Z")), "Depth", "1")
			if !strings.Contains(a.Body, "FREEBUSY:20260115T090000Z/20260115T100000Z") {
				t.Errorf("%b: free-busy of %s: %s", c.rights, at, a.Body)
			}
		}
		ok("PUT", d.Do(t, "PUT", object, event("a", "DTSTART:20260113T090000Z\n")).Status, c.write)
		ok("MKCALENDAR", d.Do(t, "MKCALENDAR", own+"neu/", "").Status, c.make)
		made := path
		if c.remove {
			made = own + "neu/"
		}
		ok("DELETE", d.Do(t, "DELETE", made, "").Status, c.remove)
	}
}
