package dav_test

import (
	"net/http"
	"strings"
	"testing"

	"fachwerk/auth"
	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// Principals are found by name, address and type, in the own tenant (RFC 3744 section 9).
func TestPrincipalReports(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	env.Person(t, "annegret")
	env.Person(t, "ben")
	env.Shared(t, store.Room, "saal")
	search := func(test, inner string) davtest.Multistatus {
		t.Helper()
		return c.Want(t, 207, "REPORT", "/principals/", `<D:principal-property-search `+davtest.Namespaces+test+`>`+inner+
			`<D:prop><D:displayname/><C:calendar-user-type/></D:prop></D:principal-property-search>`, "Depth", "0").Multistatus(t)
	}
	one := func(property, match string) string {
		return `<D:property-search><D:prop><` + property + `/></D:prop><D:match>` + match + `</D:match></D:property-search>`
	}
	for inner, want := range map[string]string{
		one("D:displayname", "ANN"): "anna annegret", one("CS:email-address-set", "ben@"): "ben",
		one("C:calendar-user-address-set", "mailto:saal@musterstadt.example"):         "saal",
		one("C:calendar-user-type", "ROOM"):                                           "saal",
		one("D:displayname", "ann") + one("C:calendar-user-address-set", "annegret@"): "annegret",
		one("D:displayname", "ann") + one("D:displayname", "gret"):                    "annegret",
		one("D:displayname", "ben") + one("D:displayname", "ann"):                     "",
		one("C:calendar-user-type", "ROOM") + one("C:calendar-user-type", "GROUP"):    "",
		one("D:displayname", "zz"):                                                    "",
		one("D:getetag", "x"):                                                         "",
	} {
		var found []string
		for _, r := range search("", inner).Responses {
			found = append(found, r.Text(ns, "displayname"))
		}
		if strings.Join(found, " ") != want {
			t.Errorf("%s found %v, want %s", inner, found, want)
		}
	}
	// Elsewhere it finds principals only if it is told to look where they are.
	for inner, want := range map[string]int{"": 0, `<D:apply-to-principal-collection-set/>`: 1} {
		found := c.Want(t, 207, "REPORT", "/calendars/"+c.Address+"/", `<D:principal-property-search `+davtest.Namespaces+`>`+
			one("D:displayname", "ben")+inner+`</D:principal-property-search>`).Multistatus(t)
		if len(found.Responses) != want {
			t.Errorf("search at a home with %q found %+v", inner, found)
		}
	}
	if got := search(` test="anyof"`, one("D:displayname", "ben")+one("D:displayname", "saal")); len(got.Responses) != 2 {
		t.Errorf("any of: %+v", got)
	}
	c.Want(t, 400, "REPORT", "/principals/", `<D:principal-property-search xmlns:D="DAV:"/>`)
	c.Want(t, 400, "REPORT", "/principals/", `<D:principal-property-search `+davtest.Namespaces+`>`+one("D:displayname", "x")+`</D:principal-property-search>`, "Depth", "1")
	// RFC 3744 section 9: Depth 0 alone, and one prop.
	for _, report := range []string{`D:principal-match`, `D:acl-principal-prop-set`, `D:principal-search-property-set`} {
		where, inner := "/principals/", `<D:self/>`
		if report == `D:acl-principal-prop-set` {
			where = "/files/" + c.Address + "/"
		}
		whole := func(props string) string {
			return `<` + report + ` xmlns:D="DAV:">` + inner + props + `</` + report + `>`
		}
		prop := `<D:prop><D:displayname/></D:prop>`
		c.Want(t, 400, "REPORT", where, whole(prop), "Depth", "1")
		c.Want(t, 400, "REPORT", where, whole(prop), "Depth", "infinity")
		c.Want(t, 400, "REPORT", where, whole(prop+prop))
	}
	c.Want(t, 400, "REPORT", "/files/"+c.Address+"/", `<D:acl-principal-prop-set xmlns:D="DAV:"/>`)
	set := c.Want(t, 200, "REPORT", "/principals/", `<D:principal-search-property-set xmlns:D="DAV:"/>`)
	if !strings.Contains(set.Body, "principal-search-property-set") || !strings.Contains(set.Body, "displayname") {
		t.Errorf("set: %s", set.Body)
	}
	me := "/principals/" + c.Address + "/"
	match := c.Want(t, 207, "REPORT", "/principals/", `<D:principal-match xmlns:D="DAV:"><D:self/><D:prop><D:displayname/></D:prop></D:principal-match>`).Multistatus(t)
	if len(match.Responses) != 1 || match.Find(me) == nil {
		t.Errorf("self: %+v", match)
	}
	acl := c.Want(t, 207, "REPORT", "/files/"+c.Address+"/", `<D:acl-principal-prop-set xmlns:D="DAV:"><D:prop><D:displayname/></D:prop></D:acl-principal-prop-set>`).Multistatus(t)
	if acl.Find(me).Text(ns, "displayname") != "anna" {
		t.Errorf("acl-principal-prop-set: %+v", acl)
	}
	if a := c.Want(t, 403, "REPORT", "/", `<D:version-tree xmlns:D="DAV:"/>`); !strings.Contains(a.Body, "supported-report") {
		t.Errorf("an unknown report: %s", a.Body)
	}
	c.Want(t, 400, "REPORT", "/", "")
	c.Want(t, 404, "PROPFIND", "/principals/niemand@musterstadt.example/", "", "Depth", "0")
}

// expand-property follows hrefs, and not for ever (RFC 3253 section 3.8).
func TestExpandProperty(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	me := "/principals/" + c.Address + "/"
	got := c.Want(t, 207, "REPORT", "/calendars/"+c.Address+"/calendar/", `<D:expand-property xmlns:D="DAV:">
<D:property name="owner"><D:property name="displayname"/><D:property name="calendar-home-set" namespace="`+cal+`"><D:property name="resourcetype"/></D:property>
<D:property name="nie"/></D:property><D:property name="displayname"/><D:property name="weg" namespace="urn:x"/></D:expand-property>`)
	r := got.Multistatus(t).Responses[0]
	owner := r.Props[dav.D("owner")]
	for _, want := range []string{"<D:href>" + me + "</D:href>", ">anna<", "<D:href>/calendars/" + c.Address + "/</D:href>", "404"} {
		if !strings.Contains(owner.Inner, want) {
			t.Errorf("owner has no %s: %s", want, owner.Inner)
		}
	}
	if r.Has("urn:x", "weg") != 404 || r.Has(ns, "displayname") != 200 {
		t.Errorf("plain ones: %+v", r)
	}
	deep := strings.Repeat(`<D:property name="current-user-principal">`, 9) + `<D:property name="displayname"/>` + strings.Repeat("</D:property>", 9)
	c.Want(t, 403, "REPORT", me, `<D:expand-property xmlns:D="DAV:">`+deep+`</D:expand-property>`)
	c.Want(t, 400, "REPORT", me, `<D:expand-property xmlns:D="DAV:"><D:property name="a&gt;b"/></D:expand-property>`)
}

// What OPTIONS says, before and after a login.
func TestOptions(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	for path, allow := range map[string]string{
		"/": "PROPFIND", "/files/" + c.Address + "/": "LOCK", "/calendars/" + c.Address + "/calendar/": "REPORT", "/files/" + c.Address + "/neu.txt": "PUT",
	} {
		a := c.Want(t, 200, "OPTIONS", path, "")
		if !strings.HasPrefix(a.Header.Get("DAV"), "1, 2, 3") || !strings.Contains(a.Header.Get("Allow"), allow) || a.Header.Get("MS-Author-Via") != "DAV" {
			t.Errorf("%s: %v", path, a.Header)
		}
		if strings.HasPrefix(path, "/files") == strings.Contains(a.Header.Get("DAV"), "calendar-access") {
			t.Errorf("%s: DAV: %s", path, a.Header.Get("DAV"))
		}
	}
	// A home says what makes collections in it; a drive's root needs nothing of that.
	for path, want := range map[string]bool{"/calendars/" + c.Address + "/": true, "/files/" + c.Address + "/": false, "/principals/": false} {
		allow := c.Want(t, 200, "OPTIONS", path, "").Header.Get("Allow")
		if strings.Contains(allow, "MKCOL") != want || strings.Contains(allow, "MKCALENDAR") != want {
			t.Errorf("%s: Allow: %s", path, allow)
		}
	}
	// Without a login the answer depends on the form of the path alone.
	var first string
	for _, path := range []string{"/files/" + c.Address + "/", "/files/niemand@musterstadt.example/x"} {
		req, err := http.NewRequest("OPTIONS", env.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.HTTP.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		got := res.Status + res.Header.Get("Allow") + res.Header.Get("DAV")
		if res.StatusCode != 200 || first != "" && first != got {
			t.Errorf("%s: %s, before %s", path, got, first)
		}
		first = got
	}
}

// Who may look for the people of the tenant is a matter of the login's scope; with one for
// files alone there are oneself and the accounts that are granted.
func TestWhoMayLookForPeople(t *testing.T) {
	env := open(t, storetest.Embedded)
	c, ben := env.Client(t, "anna"), env.Client(t, "ben")
	team := env.Grant(t, env.Shared(t, store.Team, "bauhof"), c.Principal, resource.Read)
	search := `<D:principal-property-search ` + davtest.Namespaces + `><D:property-search><D:prop><D:displayname/></D:prop><D:match>ben</D:match>` +
		`</D:property-search><D:prop><D:displayname/></D:prop></D:principal-property-search>`
	for _, x := range []struct {
		scope auth.Scope
		may   bool
	}{{auth.Files, false}, {auth.Files | auth.MailRead, false}, {auth.Calendars, true}, {auth.Files | auth.Contacts, true}} {
		only := *c
		only.Password = env.Password(t, c.Principal, x.scope)
		want := map[string]int{c.Address: 207, team.Address: 207, ben.Address: 404, "nobody@musterstadt.example": 404}
		if x.may {
			want[ben.Address] = 207
		}
		for address, status := range want {
			only.Want(t, status, "PROPFIND", "/principals/"+address+"/", "", "Depth", "0")
		}
		if !x.may {
			if a := only.Want(t, 403, "REPORT", "/principals/", search); !strings.Contains(a.Body, "need-privileges") || strings.Contains(a.Body, ben.Address) {
				t.Errorf("%v: %s", x.scope, a.Body)
			}
			continue
		}
		if found := only.Want(t, 207, "REPORT", "/principals/", search).Multistatus(t); len(found.Responses) != 1 {
			t.Errorf("%v: %+v", x.scope, found)
		}
	}
}
