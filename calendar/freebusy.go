package calendar

import (
	"context"
	"errors"
	"slices"
	"time"

	"fachwerk/calendar/ical"
	"fachwerk/internal/resource"
)

// maxBusy bounds the periods that one answer is merged from, all objects together.
const maxBusy = 500_000

// FreeBusy answers the busy periods of a calendar in a time range, merged, by their
// start (RFC 4791 7.10). Both ends of the range must be given. ErrTooMuch.
func (s *Service) FreeBusy(ctx context.Context, c resource.Collection, r TimeRange, floating *time.Location) ([]ical.Busy, error) {
	from, to := r.window()
	w := resource.Window{Components: int64(ical.Event | ical.FreeBusy), From: from, To: to}
	b := busyRun{r: r, floating: floating, left: maxBusy, most: min(s.limits.Expanded, maxScan)}
	err := s.candidates(ctx, c, w, func(page []resource.Item) error {
		err := s.resources.Split(ctx, c, page, func(_ int, body []byte) error {
			if o, ok := Stored(body); ok {
				return b.add(ctx, o)
			}
			return nil
		}, func(i int) error {
			return s.large(ctx, c, page[i], func(o *ical.Object) error { return b.add(ctx, o) })
		})
		if len(b.all) > pageSize {
			b.all = ical.MergeBusy(b.all)
		}
		if errors.Is(err, ical.ErrTooManyInstances) || len(b.all) > b.most {
			return ErrTooMuch
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return ical.MergeBusy(b.all), nil
}

// busyRun gathers the busy times of one answer.
type busyRun struct {
	r        TimeRange
	floating *time.Location
	all      []ical.Busy
	left     int // periods that may still come
	most     int // of one object, and of the answer
}

// add adds what one object says.
func (b *busyRun) add(ctx context.Context, o *ical.Object) error {
	busy, err := o.BusyTime(ctx, b.r.Start, b.r.End, b.floating, max(1, min(b.left, b.most)))
	b.all = append(b.all, busy...)
	if b.left -= len(busy); b.left < 0 {
		return ErrTooMuch
	}
	if len(b.all) > 2*pageSize && len(busy) > pageSize { // one object may have very many
		b.all = ical.MergeBusy(b.all)
	}
	return err
}

// FreeBusyCalendar writes a VFREEBUSY of these periods.
func FreeBusyCalendar(r TimeRange, periods []ical.Busy, now time.Time) []byte {
	fb := &ical.Component{Name: "VFREEBUSY", Properties: []ical.Property{
		{Name: "DTSTAMP", Value: ical.FormatUTC(now)},
		{Name: "DTSTART", Value: ical.FormatUTC(r.Start)},
		{Name: "DTEND", Value: ical.FormatUTC(r.End)},
	}}
	for _, kind := range []string{"BUSY", "BUSY-TENTATIVE", "BUSY-UNAVAILABLE"} {
		var value []byte
		for _, p := range periods {
			if p.Type != kind {
				continue
			}
			if value != nil {
				value = append(value, ',')
			}
			value = append(append(append(value, ical.FormatUTC(p.Start)...), '/'), ical.FormatUTC(p.End)...)
		}
		if value != nil {
			fb.Properties = append(fb.Properties, ical.Property{Name: "FREEBUSY", Params: freeBusyType(kind), Value: string(value)})
		}
	}
	return calendarOf(fb).Append(nil)
}

// product is who wrote a calendar that this program makes up (RFC 5545 3.7.3).
const product = "-//Fachwerk//Calendar//EN"

func calendarOf(c ...*ical.Component) *ical.Component {
	return &ical.Component{Name: "VCALENDAR", Properties: []ical.Property{
		{Name: "VERSION", Value: "2.0"}, {Name: "PRODID", Value: product},
	}, Components: slices.Clip(c)}
}
