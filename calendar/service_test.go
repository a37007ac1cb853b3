package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/calendar/ical"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// A desk is a person with calendars in a real store.
type desk struct {
	*resourcetest.Env
	*Service
	account resource.Account
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	e := resourcetest.Open(t, storetest.Embedded)
	_, a := e.Person(t, "eva.beispiel")
	d := &desk{Env: e, Service: New(Options{Resources: e.Service}), account: a}
	if err := d.Ensure(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) first(t testing.TB) resource.Collection {
	t.Helper()
	c, err := d.Env.Service.Collection(t.Context(), d.account, resource.Calendar, FirstCalendar)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// store puts an object where nothing is or over what is there.
func (d *desk) store(t testing.TB, c resource.Collection, name string, data []byte) error {
	t.Helper()
	at := resource.Place{Collection: c, Name: name}
	found, err := d.Env.Service.Named(t.Context(), c, resource.Root, []string{name})
	if err != nil {
		t.Fatal(err)
	}
	draft, err := d.Accept(t.Context(), at, found[0], data)
	if err != nil {
		return err
	}
	defer draft.Upload.Close()
	_, err = d.Env.Service.Put(t.Context(), at, draft, resource.Guard{})
	return err
}

// names are those of the resources that a query finds.
func (d *desk) names(t testing.TB, c resource.Collection, f Filter, floating *time.Location) []string {
	t.Helper()
	var names []string
	err := d.Query(t.Context(), c, f, floating, func(m Match) error {
		names = append(names, m.Item.Name)
		if m.Object != nil && !strings.Contains(string(m.Body), m.Object.UID) {
			t.Errorf("%s: body and object do not belong together", m.Item.Name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func TestFirstCalendar(t *testing.T) {
	d := newDesk(t)
	c := d.first(t)
	stored, err := d.Env.Service.Properties(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(stored[0], func(p resource.Property) bool { return p.Name == displayName && elementText(p.Value) == "Kalender" }) {
		t.Errorf("its properties are %q", stored[0])
	}
	if err := d.Env.Service.RemoveCollection(t.Context(), c, resource.Guard{}); err != nil {
		t.Fatal(err)
	}
	other := d.Collection(t, d.account, resource.Calendar, "other")
	if err := d.Ensure(t.Context(), d.account); err != nil {
		t.Fatal(err)
	}
	if list, err := d.Env.Service.Collections(t.Context(), d.account, resource.Calendar); err != nil || len(list) != 1 || list[0].ID != other.ID {
		t.Errorf("a calendar that was removed on purpose came back: %v, %v", list, err)
	}
}

func TestFirstCalendarOfARoomBearsItsName(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded)
	p, _ := e.Person(t, "eva.beispiel")
	a := e.Grant(t, e.Shared(t, store.Room, "sitzungssaal"), p, resource.Read|resource.Write|resource.Manage)
	if err := New(Options{Resources: e.Service}).Ensure(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	c, err := e.Service.Collection(t.Context(), a, resource.Calendar, FirstCalendar)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := e.Service.Properties(t.Context(), c, nil)
	if err != nil || len(stored[0]) != 1 || elementText(stored[0][0].Value) != "sitzungssaal" {
		t.Errorf("its properties are %q, %v", stored[0], err)
	}
}

func TestQueriesInTheStore(t *testing.T) {
	d := newDesk(t)
	c := d.first(t)
	for name, components := range samples {
		if err := d.store(t, c, name, text(components)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for _, f := range filterCases(t) {
		want := slices.Sorted(slices.Values(f.want))
		equal(t, f.name, d.names(t, c, f.filter, nil), want)
	}
	tokyo, _ := time.LoadLocation("Asia/Tokyo")
	f := comp("VEVENT", CompFilter{Range: between(t, "20260531T230000Z", "20260531T233000Z")})
	equal(t, "floating in Tokyo", d.names(t, c, f, tokyo), []string{"floating"})

	busy, err := d.FreeBusy(t.Context(), c, *between(t, "20260101T000000Z", "20260401T000000Z"), nil)
	if err != nil {
		t.Fatal(err)
	}
	out := strings.Split(string(FreeBusyCalendar(*between(t, "20260101T000000Z", "20260401T000000Z"), busy, utc(t, "20260101T000000Z"))), "\r\n")
	if !slices.Contains(out, "DTSTAMP:20260101T000000Z") || strings.Contains(strings.Join(out, ""), "T061500Z") {
		t.Errorf("got %q", out)
	}
	for _, want := range []ical.Busy{
		{Start: utc(t, "20260112T090000Z"), End: utc(t, "20260112T100000Z"), Type: "BUSY"},
		{Start: utc(t, "20260317T150000Z"), End: utc(t, "20260317T160000Z"), Type: "BUSY-TENTATIVE"},
		{Start: utc(t, "20260204T080000Z"), End: utc(t, "20260204T090000Z"), Type: "BUSY"},
	} {
		if !slices.ContainsFunc(busy, func(b ical.Busy) bool {
			return b.Type == want.Type && b.Start.Equal(want.Start) && b.End.Equal(want.End)
		}) {
			t.Errorf("%v is not busy", want)
		}
	}
	d.Sound(t)
}

func TestOneUIDOneObject(t *testing.T) {
	d := newDesk(t)
	c := d.first(t)
	if err := d.store(t, c, "a", text(samples["single"])); err != nil {
		t.Fatal(err)
	}
	var uid *resource.UIDError
	if err := d.store(t, c, "b", text(samples["single"])); !errors.As(err, &uid) || uid.Name != "a" {
		t.Errorf("the same UID by another name: %v", err)
	}
	if err := d.store(t, c, "a", text(samples["task"])); !errors.As(err, &uid) {
		t.Errorf("another UID by the same name: %v", err)
	}
	changed := strings.Replace(samples["single"], "CONFIRMED", "CANCELLED", 1)
	if err := d.store(t, c, "a", text(changed)); err != nil {
		t.Errorf("a change: %v", err)
	}
	if err := d.store(t, d.Collection(t, d.account, resource.Calendar, "second"), "a", text(samples["single"])); err != nil {
		t.Errorf("the same UID in another calendar: %v", err)
	}
}

func TestComponentsOfACalendar(t *testing.T) {
	d := newDesk(t)
	set := []byte(`<x:supported-calendar-component-set xmlns:x="` + Namespace + `"><x:comp name="VTODO"/></x:supported-calendar-component-set>`)
	c, err := d.Env.Service.CreateCollection(t.Context(), d.account, resource.Calendar, "tasks", property(ComponentSet, set))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.store(t, c, "task", text(samples["task"])); err != nil {
		t.Errorf("a task: %v", err)
	}
	var r *Refusal
	if err := d.store(t, c, "event", text(samples["single"])); !errors.As(err, &r) || r.Precondition != "supported-calendar-component" {
		t.Errorf("an event: %v", err)
	}
	first := d.first(t)
	if err := d.store(t, first, "event", text(samples["single"])); err != nil {
		t.Fatal(err)
	}
	items, err := d.Env.Service.Named(t.Context(), first, resource.Root, []string{"event"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Fits(t.Context(), first, items[0], c, resource.Item{}); !errors.As(err, &r) {
		t.Errorf("an event that is moved there: %v", err)
	}
}

// A query over many pages finds each once.
func TestQueryOverManyPages(t *testing.T) {
	d := newDesk(t)
	c := d.first(t)
	n := 2*pageSize + 7
	for i := range n {
		data := strings.ReplaceAll(samples["single"], "single@", fmt.Sprintf("many%d@", i))
		if err := d.store(t, c, fmt.Sprint("many", i), text(data)); err != nil {
			t.Fatal(err)
		}
	}
	for what, f := range map[string]Filter{
		"by index": comp("VEVENT", CompFilter{}),
		"by text":  comp("VEVENT", prop(PropFilter{Name: "SUMMARY", Text: match(t, "sitzung", "", false)})),
	} {
		if got := d.names(t, c, f, nil); len(got) != n || len(slices.Compact(got)) != n {
			t.Errorf("%s: %d of %d", what, len(got), n)
		}
	}
}
