package caldav

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"fachwerk/calendar"
	"fachwerk/dav"
)

// element reads XML as the core would, but for its bounds.
func element(text string) (*dav.Element, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	root := &dav.Element{}
	stack := []*dav.Element{root}
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			e := &dav.Element{Name: t.Name, Attr: t.Copy().Attr}
			top.Children = append(top.Children, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.Text += string(t)
		}
	}
	if len(root.Children) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return root.Children[0], nil
}

const namespaces = ` xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"`

func filterOf(t *testing.T, inside string) (calendar.Filter, error) {
	t.Helper()
	e, err := element("<C:filter" + namespaces + ">" + inside + "</C:filter>")
	if err != nil {
		t.Fatal(err)
	}
	return New(calendar.New(calendar.Options{})).filter(e)
}

func in(name, inside string) string {
	return fmt.Sprintf(`<C:comp-filter name=%q>%s</C:comp-filter>`, name, inside)
}

func TestFiltersAreRead(t *testing.T) {
	f, err := filterOf(t, in("VCALENDAR", in("vevent", `<C:time-range start="20260101T000000Z"/><X xmlns="http://example.org/">?</X>`+
		`<C:prop-filter name="SUMMARY"><C:text-match collation="i;octet" negate-condition="yes"> a &amp; b</C:text-match></C:prop-filter>`+
		`<C:prop-filter name="ATTENDEE"><C:param-filter name="partstat"><C:is-not-defined/></C:param-filter></C:prop-filter>`+
		in("VALARM", `<C:is-not-defined/>`))))
	if err != nil {
		t.Fatal(err)
	}
	e := f.Comp.Comps[0]
	if f.Comp.Name != "VCALENDAR" || e.Name != "VEVENT" || e.Range == nil || e.Range.Start.Year() != 2026 || !e.Range.End.IsZero() {
		t.Errorf("got %+v", f)
	}
	if len(e.Props) != 2 || e.Props[0].Text == nil || e.Props[1].Params[0].Name != "PARTSTAT" || !e.Props[1].Params[0].NotDefined {
		t.Errorf("got properties %+v", e.Props)
	}
	if len(e.Comps) != 1 || !e.Comps[0].NotDefined {
		t.Errorf("got components %+v", e.Comps)
	}
}

func TestFiltersAreRefused(t *testing.T) {
	event := func(inside string) string { return in("VCALENDAR", in("VEVENT", inside)) }
	for _, c := range []struct{ name, precondition, filter string }{
		{"empty", "valid-filter", ""},
		{"two", "valid-filter", in("VCALENDAR", "") + in("VCALENDAR", "")},
		{"root is an event", "valid-filter", in("VEVENT", "")},
		{"no name", "valid-filter", in("VCALENDAR", `<C:comp-filter/>`)},
		{"an event in a task", "valid-filter", in("VCALENDAR", in("VTODO", in("VEVENT", "")))},
		{"a calendar in itself", "valid-filter", in("VCALENDAR", in("VCALENDAR", ""))},
		{"an alarm outside", "valid-filter", in("VCALENDAR", in("VALARM", ""))},
		{"range of a summary", "valid-filter", event(`<C:prop-filter name="SUMMARY"><C:time-range start="20260101T000000Z"/></C:prop-filter>`)},
		{"range of a time zone", "valid-filter", in("VCALENDAR", in("VTIMEZONE", `<C:time-range start="20260101T000000Z"/>`))},
		{"range without ends", "valid-filter", event(`<C:time-range/>`)},
		{"range the wrong way", "valid-filter", event(`<C:time-range start="20260102T000000Z" end="20260101T000000Z"/>`)},
		{"range of no time", "valid-filter", event(`<C:time-range start="20260102T000000Z" end="20260102T000000Z"/>`)},
		{"local time", "valid-filter", event(`<C:time-range start="20260102T000000"/>`)},
		{"a date", "valid-filter", event(`<C:time-range start="20260102"/>`)},
		{"two ranges", "valid-filter", event(`<C:time-range start="20260102T000000Z"/><C:time-range end="20260102T000000Z"/>`)},
		{"range and text", "valid-filter", event(`<C:prop-filter name="DUE"><C:time-range start="20260102T000000Z"/><C:text-match>x</C:text-match></C:prop-filter>`)},
		{"not defined and more", "valid-filter", event(`<C:is-not-defined/><C:prop-filter name="UID"/>`)},
		{"negate what", "valid-filter", event(`<C:prop-filter name="UID"><C:text-match negate-condition="maybe">x</C:text-match></C:prop-filter>`)},
		{"too many", "valid-filter", in("VCALENDAR", strings.Repeat(in("VEVENT", ""), 1000))},
		{"before time", "min-date-time", event(`<C:time-range start="00000101T000000Z"/>`)},
		{"any of", "supported-filter", `<C:comp-filter name="VCALENDAR" test="anyof"/>`},
		{"collation", "supported-collation", event(`<C:prop-filter name="UID"><C:text-match collation="i;unknown">x</C:text-match></C:prop-filter>`)},
	} {
		_, err := filterOf(t, c.filter)
		var p *dav.Precondition
		if !errors.As(err, &p) || p.Name != dav.CalDAV(c.precondition) || p.Status != 403 || !strings.HasSuffix(p.Text, ".") {
			t.Errorf("%s: %#v", c.name, err)
		}
	}
}

func TestCalendarDataIsRead(t *testing.T) {
	h := New(calendar.New(calendar.Options{}))
	read := func(text string) (calendar.Retrieval, error) {
		e, err := element(strings.Replace(text, ">", namespaces+">", 1))
		if err != nil {
			t.Fatal(err)
		}
		return h.retrieval(e)
	}
	r, err := read(`<C:calendar-data content-type="text/calendar" version="2.0"></C:calendar-data>`)
	if err != nil || !r.Whole() {
		t.Errorf("all of it: %+v, %v", r, err)
	}
	r, err = read(`<C:calendar-data><C:comp name="VCALENDAR"><C:prop name="version" novalue="yes"/><C:allcomp/></C:comp>` +
		`<C:expand start="20260101T000000Z" end="20260201T000000Z"/></C:calendar-data>`)
	if err != nil || r.Expand == nil || r.Comp == nil || !r.Comp.AllComps || !r.Comp.Props[0].NoValue || r.Comp.Props[0].Name != "VERSION" {
		t.Errorf("some of it: %+v, %v", r, err)
	}
	for _, bad := range []string{
		`<C:calendar-data content-type="application/calendar+json"></C:calendar-data>`,
		`<C:calendar-data version="1.0"></C:calendar-data>`,
		`<C:calendar-data><C:comp/></C:calendar-data>`,
		`<C:calendar-data><C:expand start="20260101T000000Z"/></C:calendar-data>`,
		`<C:calendar-data><C:expand start="20260101T000000Z" end="20250101T000000Z"/></C:calendar-data>`,
		`<C:calendar-data><C:expand start="20260101T000000Z" end="20270101T000000Z"/><C:limit-recurrence-set start="20260101T000000Z" end="20270101T000000Z"/></C:calendar-data>`,
		`<C:calendar-data><C:comp name="VCALENDAR">` + strings.Repeat(`<C:prop name="X"/>`, 1000) + `</C:comp></C:calendar-data>`,
	} {
		_, err := read(bad)
		var p *dav.Precondition
		if !errors.As(err, &p) || p.Text == "" {
			t.Errorf("%.80s: %v", bad, err)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(in("VCALENDAR", in("VEVENT", `<C:time-range start="20260102T000000Z"/>`)))
	f.Add(in("VCALENDAR", in("VTODO", `<C:prop-filter name="STATUS"><C:text-match>x</C:text-match><C:param-filter name="X"><C:is-not-defined/></C:param-filter></C:prop-filter>`)))
	f.Add(`<C:comp name="VCALENDAR"><C:allprop/></C:comp><C:expand start="20260102T000000Z" end="20270102T000000Z"/>`)
	h := New(calendar.New(calendar.Options{}))
	f.Fuzz(func(t *testing.T, inside string) {
		e, err := element("<C:filter" + namespaces + ">" + inside + "</C:filter>")
		if err != nil {
			return
		}
		_, err = h.filter(e)
		_, err2 := h.retrieval(e)
		for _, err := range []error{err, err2} {
			var p *dav.Precondition
			if err != nil && !errors.As(err, &p) {
				t.Errorf("%v is no precondition", err)
			}
		}
	})
}
