package caldav

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"fachwerk/calendar"
	"fachwerk/calendar/ical"
	"fachwerk/dav"
)

// maxFilters bounds the elements of a filter and of a calendar-data: each costs time
// for every object looked at.
const maxFilters = 200

func invalidFilter(text string, values ...any) error {
	return dav.Refusal(http.StatusForbidden, dav.CalDAV("valid-filter"), text, values...)
}

// filterReader reads a CALDAV:filter (RFC 4791 9.7).
type filterReader struct {
	head  *Head
	count int
}

func (h *Head) filter(e *dav.Element) (f calendar.Filter, err error) {
	if e == nil {
		return f, invalidFilter("The query has no filter.")
	}
	var top []*dav.Element
	for _, c := range e.Children {
		if c.Name == dav.CalDAV("comp-filter") {
			top = append(top, c)
		}
	}
	if len(top) != 1 {
		return f, invalidFilter("A filter has exactly one comp-filter, for VCALENDAR.")
	}
	r := &filterReader{head: h}
	f.Comp, err = r.component(top[0], "")
	return f, err
}

// nests says in which components a component may lie; others may be anywhere.
var nests = map[string][]string{
	"VCALENDAR": {""},
	"VEVENT":    {"VCALENDAR"}, "VTODO": {"VCALENDAR"}, "VJOURNAL": {"VCALENDAR"}, "VFREEBUSY": {"VCALENDAR"},
	"VTIMEZONE": {"VCALENDAR"}, "VAVAILABILITY": {"VCALENDAR"},
	"VALARM":   {"VEVENT", "VTODO"},
	"STANDARD": {"VTIMEZONE"}, "DAYLIGHT": {"VTIMEZONE"},
}

// What RFC 4791 9.9 defines a time-range on, and properties of the same types.
var (
	rangedComponents = []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VALARM"}
	rangedProperties = []string{"COMPLETED", "CREATED", "DTEND", "DTSTAMP", "DTSTART", "DUE", "LAST-MODIFIED",
		"RECURRENCE-ID", "EXDATE", "RDATE", "FREEBUSY"}
)

// begin reads what all filters have in common.
func (r *filterReader) begin(e *dav.Element) (name string, err error) {
	if r.count++; r.count > maxFilters {
		return "", invalidFilter("The filter has more than %d parts.", maxFilters)
	}
	if test, ok := e.Attribute("test"); ok && test != "allof" {
		return "", dav.Refusal(http.StatusForbidden, dav.CalDAV("supported-filter"), "All parts of a filter must hold; the test %q is not supported.", test)
	}
	name, ok := e.Attribute("name")
	if !ok || name == "" {
		return "", invalidFilter("A %s has no name.", e.Name.Local)
	}
	return strings.ToUpper(name), nil
}

func (r *filterReader) component(e *dav.Element, inside string) (f calendar.CompFilter, err error) {
	if f.Name, err = r.begin(e); err != nil {
		return f, err
	}
	if where, ok := nests[f.Name]; ok && !slices.Contains(where, inside) || !ok && inside == "" {
		return f, invalidFilter("A comp-filter for %s cannot stand there.", f.Name)
	}
	for _, c := range e.Children {
		if c.Name.Space != dav.NamespaceCalDAV {
			continue
		}
		switch c.Name.Local {
		case "is-not-defined":
			f.NotDefined = true
		case "time-range":
			if !slices.Contains(rangedComponents, f.Name) {
				return f, invalidFilter("A %s has no time-range.", f.Name)
			}
			f.Range, err = r.timeRange(c, f.Range)
		case "prop-filter":
			var p calendar.PropFilter
			p, err = r.property(c)
			f.Props = append(f.Props, p)
		case "comp-filter":
			var sub calendar.CompFilter
			sub, err = r.component(c, f.Name)
			f.Comps = append(f.Comps, sub)
		}
		if err != nil {
			return f, err
		}
	}
	if f.NotDefined && (f.Range != nil || len(f.Props)+len(f.Comps) > 0) {
		return f, invalidFilter("is-not-defined stands alone.")
	}
	return f, nil
}

func (r *filterReader) property(e *dav.Element) (f calendar.PropFilter, err error) {
	if f.Name, err = r.begin(e); err != nil {
		return f, err
	}
	for _, c := range e.Children {
		if c.Name.Space != dav.NamespaceCalDAV {
			continue
		}
		switch c.Name.Local {
		case "is-not-defined":
			f.NotDefined = true
		case "time-range":
			if !slices.Contains(rangedProperties, f.Name) {
				return f, invalidFilter("A %s has no time-range.", f.Name)
			}
			f.Range, err = r.timeRange(c, f.Range)
		case "text-match":
			f.Text, err = r.text(c, f.Text)
		case "param-filter":
			var p calendar.ParamFilter
			p, err = r.parameter(c)
			f.Params = append(f.Params, p)
		}
		if err != nil {
			return f, err
		}
	}
	switch {
	case f.NotDefined && (f.Range != nil || f.Text != nil || len(f.Params) > 0):
		return f, invalidFilter("is-not-defined stands alone.")
	case f.Range != nil && f.Text != nil:
		return f, invalidFilter("A prop-filter has a time-range or a text-match, not both.")
	}
	return f, nil
}

func (r *filterReader) parameter(e *dav.Element) (f calendar.ParamFilter, err error) {
	if f.Name, err = r.begin(e); err != nil {
		return f, err
	}
	for _, c := range e.Children {
		switch c.Name {
		case dav.CalDAV("is-not-defined"):
			f.NotDefined = true
		case dav.CalDAV("text-match"):
			if f.Text, err = r.text(c, f.Text); err != nil {
				return f, err
			}
		}
	}
	if f.NotDefined && f.Text != nil {
		return f, invalidFilter("is-not-defined stands alone.")
	}
	return f, nil
}

// text reads a text-match; had is one that stood before it.
func (r *filterReader) text(e *dav.Element, had *calendar.TextMatch) (*calendar.TextMatch, error) {
	if had != nil {
		return nil, invalidFilter("There are two text-matches in one filter.")
	}
	collation, _ := e.Attribute("collation")
	var negate bool
	switch v, _ := e.Attribute("negate-condition"); v {
	case "", "no":
	case "yes":
		negate = true
	default:
		return nil, invalidFilter("negate-condition is yes or no.")
	}
	m, err := calendar.NewTextMatch(e.Text, calendar.Collation(collation), negate)
	return m, explain(err)
}

func (r *filterReader) timeRange(e *dav.Element, had *calendar.TimeRange) (*calendar.TimeRange, error) {
	if had != nil {
		return nil, invalidFilter("There are two time-ranges in one filter.")
	}
	return r.head.timeRange(e)
}

// timeRange reads a range that may be open at one end (RFC 4791 9.9).
func (h *Head) timeRange(e *dav.Element) (*calendar.TimeRange, error) {
	start, hasStart := e.Attribute("start")
	end, hasEnd := e.Attribute("end")
	if !hasStart && !hasEnd {
		return nil, invalidFilter("A %s has neither start nor end.", e.Name.Local)
	}
	var r calendar.TimeRange
	var err error
	if hasStart {
		if r.Start, err = h.moment(start); err != nil {
			return nil, err
		}
	}
	if hasEnd {
		if r.End, err = h.moment(end); err != nil {
			return nil, err
		}
	}
	if hasStart && hasEnd && !r.End.After(r.Start) {
		return nil, invalidFilter("A %s ends before it starts.", e.Name.Local)
	}
	return &r, nil
}

// wholeRange reads a range that has both ends.
func (h *Head) wholeRange(e *dav.Element) (*calendar.TimeRange, error) {
	for _, end := range []string{"start", "end"} {
		if _, ok := e.Attribute(end); !ok {
			return nil, malformed("A " + e.Name.Local + " needs a start and an end.")
		}
	}
	return h.timeRange(e)
}

// moment reads a date with UTC time.
func (h *Head) moment(s string) (time.Time, error) {
	t, err := time.Parse("20060102T150405Z", s)
	limits := h.calendar.Limits()
	switch {
	case err != nil:
		return t, invalidFilter("A time is written in UTC, such as %s.", ical.FormatUTC(time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)))
	case t.Before(limits.MinDate):
		return t, dav.Refusal(http.StatusForbidden, dav.CalDAV("min-date-time"), "Times begin at %s.", ical.FormatUTC(limits.MinDate))
	case t.After(limits.MaxDate):
		return t, dav.Refusal(http.StatusForbidden, dav.CalDAV("max-date-time"), "Times end at %s.", ical.FormatUTC(limits.MaxDate))
	}
	return t, nil
}
