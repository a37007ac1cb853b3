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
	var all []ical.Busy
	left := maxBusy
	err := s.candidates(ctx, c, w, func(page []resource.Item) error {
		err := s.resources.Bodies(ctx, c, page, func(_ int, body []byte) error {
			busy, err := s.busy(ctx, body, r, floating, max(1, min(left, s.limits.Expanded)))
			all = append(all, busy...)
			if left -= len(busy); left < 0 {
				return ErrTooMuch
			}
			if len(all) > 2*pageSize && len(busy) > pageSize { // one object may have very many
				all = ical.MergeBusy(all)
			}
			return err
		})
		if len(all) > pageSize {
			all = ical.MergeBusy(all)
		}
		if errors.Is(err, ical.ErrTooManyInstances) || len(all) > s.limits.Expanded {
			return ErrTooMuch
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return ical.MergeBusy(all), nil
}

// busy is what one object adds.
func (s *Service) busy(ctx context.Context, body []byte, r TimeRange, floating *time.Location, limit int) ([]ical.Busy, error) {
	done, err := s.turn(ctx, len(body))
	if err != nil {
		return nil, err
	}
	defer done()
	o, ok := Stored(body)
	if !ok {
		return nil, nil
	}
	return o.BusyTime(ctx, r.Start, r.End, floating, limit)
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
