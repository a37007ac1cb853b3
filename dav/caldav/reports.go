package caldav

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"fachwerk/calendar"
	"fachwerk/calendar/ical"
	"fachwerk/dav"
)

// How much is answered at once: resources, and bytes of them in memory.
const (
	batch      = 200
	batchBytes = 1 << 20
	// keptObject is up to which size an object is kept from the query to the answer:
	// larger ones are read again, for they take many times their size.
	keptObject = 4 << 10
)

// Reports are those of RFC 4791 section 7.
func (h *Head) Reports() []dav.Report {
	return []dav.Report{
		{Name: dav.CalDAV("calendar-query"), On: dav.AtHome | dav.AtCollection | dav.AtMember, Run: h.query},
		{Name: dav.CalDAV("calendar-multiget"), On: dav.AtHome | dav.AtCollection | dav.AtMember, Run: h.multiget},
		{Name: dav.CalDAV("free-busy-query"), On: dav.AtHome | dav.AtCollection, Run: h.freeBusy},
	}
}

// query is calendar-query (RFC 4791 7.8).
func (h *Head) query(ctx context.Context, r *dav.Request, t *dav.Target, body *dav.Element) error {
	filter, err := h.filter(body.Child(dav.CalDAV("filter")))
	if err != nil {
		return err
	}
	zone, err := requestZone(body)
	if err != nil {
		return err
	}
	selected, err := r.Selection(body)
	if err != nil {
		return err
	}
	data := selected.Wants(dav.NamespaceCalDAV, "calendar-data")
	ctx, w, err := h.startWork(ctx, data, zone)
	if err != nil {
		return err
	}
	calendars, member, err := h.scope(ctx, r, t)
	if err != nil {
		return err
	}
	m := r.Multistatus()
	q := &queryRun{head: h, request: r, answer: m, selected: selected, filter: filter, keep: data != nil, work: w}
	if member {
		return q.member(ctx, t, zone)
	}
	for _, c := range calendars {
		if err := q.calendar(ctx, c, zone); err != nil {
			return err
		}
	}
	return nil
}

// scope finds the calendars that lie in the depth of a report (RFC 4791 7.2), or that
// the object itself is meant.
func (h *Head) scope(ctx context.Context, r *dav.Request, t *dav.Target) (calendars []*dav.Target, member bool, err error) {
	switch {
	case t.Level == dav.AtMember:
		return nil, true, nil
	case t.Level == dav.AtCollection && (r.Depth != dav.Depth0 || r.Header.Get("Depth") == ""):
		// RFC 4791 7.8 takes a request without Depth for one with 0, which can find
		// nothing here; who leaves it away means the calendar.
		return []*dav.Target{t}, false, nil
	case t.Level == dav.AtHome && r.Depth != dav.Depth0:
		// Depth 1 would end at the calendars, before any object: those who send it
		// mean their objects.
		calendars, err = r.Collections(ctx, t)
		return calendars, false, err
	}
	return nil, false, nil
}

// requestZone is the time zone that a query names (RFC 4791 9.8, RFC 7809 6.1.2);
// nil: none.
func requestZone(body *dav.Element) (*time.Location, error) {
	if id := body.Child(dav.CalDAV("timezone-id")); id != nil {
		zone, err := calendar.NamedZone(id.Value())
		return zone, explain(err)
	}
	if e := body.Child(dav.CalDAV("timezone")); e != nil {
		zone, _, err := calendar.ParseZone([]byte(e.Text))
		return zone, explain(err)
	}
	return nil, nil
}

// floatingZone is the calendar's own zone where the request names none.
func floatingZone(ctx context.Context, r *dav.Request, t *dav.Target, named *time.Location) (*time.Location, error) {
	if named != nil {
		return named, nil
	}
	if err := r.Load(ctx, []*dav.Target{t}, dav.NeedStored); err != nil {
		return nil, err
	}
	return calendar.Zone(t.Stored), nil
}

// queryRun answers what a query finds, some hundred at a time.
type queryRun struct {
	head     *Head
	request  *dav.Request
	answer   *dav.Multistatus
	selected *dav.Selection
	filter   calendar.Filter
	keep     bool // the bodies are asked for
	work     *work
	list     []*dav.Target
	bytes    int // of the bodies in list
}

func (q *queryRun) calendar(ctx context.Context, t *dav.Target, named *time.Location) error {
	zone, err := floatingZone(ctx, q.request, t, named)
	if err != nil {
		return err
	}
	q.work.floating = zone
	err = q.head.calendar.Query(ctx, t.Collection, q.filter, zone, func(found calendar.Match) error {
		member := q.request.Member(t, found.Item)
		if q.keep && found.Body != nil {
			member.Body = bytes.Clone(found.Body)
			q.bytes += len(found.Body)
			if len(found.Body) <= keptObject && !q.work.retrieval.Whole() {
				q.work.objects[found.Item.ID] = found.Object
			}
		}
		if q.list = append(q.list, member); len(q.list) < batch && q.bytes < batchBytes {
			return nil
		}
		return q.flush(ctx)
	})
	if err != nil {
		return err
	}
	return q.flush(ctx)
}

// flush answers what was found. Items of two calendars may have one ID, so it
// is called between calendars too.
func (q *queryRun) flush(ctx context.Context) error {
	if len(q.list) == 0 {
		return nil
	}
	err := q.answer.Resources(ctx, q.list, q.selected)
	q.list, q.bytes = q.list[:0], 0
	clear(q.work.objects)
	return err
}

// member answers a query that was asked of an object itself.
func (q *queryRun) member(ctx context.Context, t *dav.Target, named *time.Location) error {
	q.work.floating = named
	if ok, err := q.head.calendar.Matches(ctx, t.Collection, t.Item, q.filter, named); err != nil || !ok {
		return err
	}
	q.list = append(q.list, t)
	return q.flush(ctx)
}

// multiget is calendar-multiget (RFC 4791 7.9).
func (h *Head) multiget(ctx context.Context, r *dav.Request, t *dav.Target, body *dav.Element) error {
	selected, err := r.Selection(body)
	if err != nil {
		return err
	}
	ctx, w, err := h.startWork(ctx, selected.Wants(dav.NamespaceCalDAV, "calendar-data"), nil)
	if err != nil {
		return err
	}
	if !w.retrieval.Whole() && t.Level == dav.AtCollection {
		if w.floating, err = floatingZone(ctx, r, t, nil); err != nil {
			return err
		}
	}
	var hrefs []string
	for _, c := range body.Children {
		if c.Name == dav.D("href") {
			hrefs = append(hrefs, c.Value())
		}
	}
	if len(hrefs) == 0 {
		return malformed("A calendar-multiget names at least one href.")
	}
	m := r.Multistatus()
	for len(hrefs) > 0 {
		n := min(batch, len(hrefs))
		if err := h.get(ctx, r, m, t, hrefs[:n], selected); err != nil {
			return err
		}
		hrefs = hrefs[n:]
	}
	return nil
}

func (h *Head) get(ctx context.Context, r *dav.Request, m *dav.Multistatus, t *dav.Target, hrefs []string, s *dav.Selection) error {
	found, err := r.Resolve(ctx, t, hrefs)
	if err != nil {
		return err
	}
	var list []*dav.Target
	for i, f := range found {
		if f == nil || !f.Exists || f.Level != dav.AtMember {
			if err := m.Status(hrefs[i], http.StatusNotFound, nil); err != nil {
				return err
			}
			continue
		}
		list = append(list, f)
	}
	for len(list) > 0 {
		n := fitting(list)
		if err := m.Resources(ctx, list[:n], s); err != nil {
			return err
		}
		clear(list[:n]) // what is answered may go
		list = list[n:]
	}
	return nil
}

// fitting is how many of the targets may be in memory together, at least one.
func fitting(list []*dav.Target) int {
	n, size := 0, int64(0)
	for n < len(list) && (n == 0 || size+list[n].Item.Size <= batchBytes) {
		size += list[n].Item.Size
		n++
	}
	return n
}

// freeBusy is free-busy-query (RFC 4791 7.10).
func (h *Head) freeBusy(ctx context.Context, r *dav.Request, t *dav.Target, body *dav.Element) error {
	e := body.Child(dav.CalDAV("time-range"))
	if e == nil {
		return malformed("A free-busy-query has a time-range.")
	}
	span, err := h.wholeRange(e)
	if invalid := (*dav.Precondition)(nil); errors.As(err, &invalid) && invalid.Name == dav.CalDAV("valid-filter") {
		return malformed(invalid.Text) // this report has no filter (RFC 4791 7.10)
	}
	if err != nil {
		return err
	}
	calendars, _, err := h.scope(ctx, r, t)
	if err != nil {
		return err
	}
	var busy []ical.Busy
	for _, c := range calendars {
		if c.Account.Key != t.Account.Key {
			continue // a granted calendar, which says nothing of when this account is busy
		}
		zone, err := floatingZone(ctx, r, c, nil)
		if err != nil {
			return err
		}
		more, err := h.calendar.FreeBusy(ctx, c.Collection, *span, zone)
		if err != nil {
			return explain(err)
		}
		busy = append(busy, more...)
	}
	text := calendar.FreeBusyCalendar(*span, ical.MergeBusy(busy), time.Now())
	return r.Answer(http.StatusOK, "text/calendar; charset=utf-8", text)
}
