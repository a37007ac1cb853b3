package dav_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"fachwerk/auth"
	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store/storetest"
)

// reportHead has a property that is the content, one that is settable to some values, and
// a report that answers hrefs.
type reportHead struct{ *plainHead }

var (
	contentName = xml.Name{Space: "urn:test", Local: "content"}
	moodName    = xml.Name{Space: "urn:test", Local: "mood"}
)

func (reportHead) Properties() []dav.LiveProperty {
	return []dav.LiveProperty{
		{Name: contentName, On: dav.AtMember, Need: dav.NeedBody, Value: func(_ context.Context, v *dav.Value) (bool, error) {
			if v.Target.Body == nil {
				return false, nil
			}
			v.XML.Open(contentName)
			v.XML.Bytes(v.Target.Body)
			v.XML.Close(contentName)
			return true, nil
		}},
		{Name: moodName, On: dav.AtCollection, Set: func(_ context.Context, c *dav.Change) ([]resource.PropertyChange, error) {
			if !c.Remove && c.Element.Value() == "bad" {
				return nil, dav.Refusal(409, xml.Name{Space: "urn:test", Local: "good-mood"}, "Cheer up.")
			}
			return []resource.PropertyChange{c.Plain()}, nil
		}},
	}
}

func (reportHead) Reports() []dav.Report {
	return []dav.Report{{Name: xml.Name{Space: "urn:test", Local: "get"}, On: dav.AtCollection | dav.AtHome, Run: multiget}}
}

func multiget(ctx context.Context, r *dav.Request, t *dav.Target, body *dav.Element) error {
	sel, err := r.Selection(body)
	if err != nil {
		return err
	}
	var hrefs []string
	for _, e := range body.Children {
		if e.Name == dav.D("href") {
			hrefs = append(hrefs, e.Value())
		}
	}
	list, err := r.Resolve(ctx, t, hrefs)
	if err != nil {
		return err
	}
	m := r.Multistatus()
	for i, at := range list {
		if at == nil {
			if err := m.Status(hrefs[i], 403, dav.Refusal(403, dav.D("href-below"), "It lies elsewhere.")); err != nil {
				return err
			}
			continue
		}
		if err := m.Resources(ctx, []*dav.Target{at}, sel); err != nil {
			return err
		}
	}
	return nil
}

func TestReportsOfHeads(t *testing.T) {
	env := davtest.Open(t, storetest.Embedded, func(env *resourcetest.Env) []dav.Head {
		return []dav.Head{reportHead{&plainHead{mount: dav.Mount{Segment: "calendars", Kind: resource.Calendar, Scope: auth.Calendars},
			resources: env.Service, first: "calendar"}}}
	})
	c := env.Client(t, "anna")
	home := "/calendars/" + c.Address + "/"
	at := home + "calendar/"
	c.Want(t, 201, "PUT", at+"a%20b.ics", "<one>\r\n")
	c.Want(t, 201, "PUT", at+"ä.ics", "two")
	get := func(path string, hrefs ...string) davtest.Multistatus {
		t.Helper()
		return c.Want(t, 207, "REPORT", path, `<t:get xmlns:t="urn:test" xmlns:D="DAV:"><D:prop><D:getetag/><t:content/><t:nie/></D:prop><D:href>`+
			strings.Join(hrefs, "</D:href><D:href>")+`</D:href></t:get>`).Multistatus(t)
	}
	for _, path := range []string{at, home} {
		got := get(path, at+"a%20b.ics", env.URL+strings.ReplaceAll(at, "@", "%40")+"%C3%A4.ics", at+"nie.ics", "/principals/x", "http://other.example/"+at, "%zz", " "+at+"ä.ics ")
		want := []string{at + "a%20b.ics", at + "%C3%A4.ics", at + "nie.ics", "/principals/x", "http://other.example/" + at, "%zz", at + "%C3%A4.ics"}
		if len(got.Responses) != len(want) {
			t.Fatalf("%s: %+v", path, got)
		}
		for i, r := range got.Responses {
			status := map[int]int{2: 404, 3: 403, 4: 403, 5: 403}[i]
			if r.Href != want[i] || r.Status != status || status == 0 && r.Has("urn:test", "nie") != 404 {
				t.Errorf("%d: %+v, want %s with %d", i, r, want[i], status)
			}
		}
		if p := got.Responses[0].Props[contentName]; p.Inner != "&lt;one&gt;&#13;\n" {
			t.Errorf("content: %q", p.Inner)
		}
	}
	// What needs the content comes only where it is asked for.
	if body := c.Want(t, 207, "PROPFIND", at, "", "Depth", "1").Body; strings.Contains(body, "urn:test") {
		t.Errorf("allprop has the content: %s", body)
	}
	got := c.Want(t, 207, "PROPFIND", at, `<propfind xmlns="DAV:"><prop><content xmlns="urn:test"/></prop></propfind>`, "Depth", "1").Multistatus(t)
	if got.Find(at+"%C3%A4.ics").Text("urn:test", "content") != "two" || got.Find(at).Has("urn:test", "content") != 404 {
		t.Errorf("asked for: %+v", got)
	}
	// A value that the head refuses, with its element and sentence; one that it takes.
	refused := c.Want(t, 207, "PROPPATCH", at, `<propertyupdate xmlns="DAV:"><set><prop><mood xmlns="urn:test">bad</mood></prop></set></propertyupdate>`)
	if !strings.Contains(refused.Body, "good-mood") || !strings.Contains(refused.Body, "Cheer up.") || !strings.Contains(refused.Body, "409 Conflict") {
		t.Errorf("refused: %s", refused.Body)
	}
	c.Want(t, 207, "PROPPATCH", at, `<propertyupdate xmlns="DAV:"><set><prop><mood xmlns="urn:test">good</mood></prop></set></propertyupdate>`)
	if got := c.Want(t, 207, "PROPFIND", at, `<propfind xmlns="DAV:"><prop><mood xmlns="urn:test"/></prop></propfind>`, "Depth", "0").Multistatus(t); got.Find(at).Text("urn:test", "mood") != "good" {
		t.Errorf("set: %+v", got)
	}
	// Large contents come one after another, not all at once.
	large := strings.Repeat("x", 3<<20)
	for i := range 5 {
		c.Want(t, 201, "PUT", fmt.Sprintf("%sl%d.ics", at, i), large)
	}
	got = c.Want(t, 207, "PROPFIND", at, `<propfind xmlns="DAV:"><prop><content xmlns="urn:test"/></prop></propfind>`, "Depth", "1").Multistatus(t)
	for i := range 5 {
		if n := len(got.Find(fmt.Sprintf("%sl%d.ics", at, i)).Text("urn:test", "content")); n != len(large) {
			t.Errorf("l%d has %d bytes", i, n)
		}
	}
}
