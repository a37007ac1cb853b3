package calendar

import (
	"math"
	"time"

	"fachwerk/calendar/ical"
	"fachwerk/internal/resource"
)

// window says what of a filter the index can answer. Exact means that the index
// alone decides: nothing needs to be opened. Never means that nothing can match.
func (f Filter) window() (w resource.Window, exact, never bool) {
	if f.Comp.Name != "VCALENDAR" || f.Comp.NotDefined {
		return w, false, !(f.Comp.Name != "VCALENDAR" && f.Comp.NotDefined)
	}
	exact = len(f.Comp.Props) == 0 && f.Comp.Range == nil && len(f.Comp.Comps) <= 1
	main := ""
	for _, c := range f.Comp.Comps {
		kind := ical.KindOf(c.Name)
		if c.NotDefined || kind == 0 {
			exact = false
			continue
		}
		if main != "" && main != c.Name {
			// All filters must hold (RFC 4791 9.7.1), and an object has one type of
			// component (4.1): nothing is events and tasks at once.
			return w, false, true
		}
		main = c.Name
		exact = exact && c.bare()
		if w.Components == 0 {
			w.Components = int64(kind)
		}
		narrow(&w, c.Range)
		for _, a := range c.Comps {
			if a.Name == "VALARM" && !a.NotDefined {
				w.Components = int64(ical.HasAlarm)
				narrow(&w, a.Range)
			}
		}
	}
	return w, exact, false
}

// bare reports whether the filter asks for a type of component and nothing else.
func (c CompFilter) bare() bool { return len(c.Props) == 0 && len(c.Comps) == 0 && c.Range == nil }

// narrow takes a range into the window, the widest of all that are asked for:
// each of them may be fulfilled by another instance.
func narrow(w *resource.Window, r *TimeRange) {
	if r == nil {
		return
	}
	from, to := r.window()
	if w.From == 0 && w.To == 0 {
		w.From, w.To = from, to
		return
	}
	w.From, w.To = min(w.From, from), max(w.To, to)
}

// window are the range's bounds for the index, wider by a second at each end because
// an end is inside for some kinds of component and outside for others.
func (r TimeRange) window() (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	if !r.Start.IsZero() {
		from = r.Start.Add(-time.Second).UnixMicro()
	}
	if !r.End.IsZero() {
		to = r.End.Add(time.Second).UnixMicro()
	}
	return from, to
}
