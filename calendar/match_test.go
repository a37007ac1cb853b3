package calendar

import (
	"testing"
	"time"

	"fachwerk/internal/resource"
)

func comp(name string, f CompFilter) Filter {
	f.Name = name
	return Filter{CompFilter{Name: "VCALENDAR", Comps: []CompFilter{f}}}
}

func prop(f PropFilter) CompFilter { return CompFilter{Props: []PropFilter{f}} }

func match(t testing.TB, text string, c Collation, negate bool) *TextMatch {
	m, err := NewTextMatch(text, c, negate)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type filterCase struct {
	name   string
	filter Filter
	// those samples that match; all others must not.
	want []string
}

func filterCases(t testing.TB) []filterCase {
	span := func(start, end string) *TimeRange { return between(t, start, end) }
	contains := func(s string) *TextMatch { return match(t, s, "", false) }
	without := func(s string) *TextMatch { return match(t, s, "", true) }
	events := []string{"single", "weekly", "daily-for-ever", "all-day", "floating", "this-and-future"}
	return []filterCase{
		{"everything", Filter{CompFilter{Name: "VCALENDAR"}}, append([]string{"task", "timeless-task", "done-task", "journal", "free-busy"}, events...)},
		{"no calendar", Filter{CompFilter{Name: "VCALENDAR", NotDefined: true}}, nil},
		{"another root", Filter{CompFilter{Name: "VEVENT"}}, nil},
		{"events", comp("VEVENT", CompFilter{}), events},
		{"no events", comp("VEVENT", CompFilter{NotDefined: true}), []string{"task", "timeless-task", "done-task", "journal", "free-busy"}},
		{"two types at once", Filter{CompFilter{Name: "VCALENDAR", Comps: []CompFilter{{Name: "VEVENT"}, {Name: "VTODO"}}}}, nil},
		{"two types in their times", Filter{CompFilter{Name: "VCALENDAR", Comps: []CompFilter{{Name: "VEVENT", Range: span("20260112T090000Z", "20260112T100000Z")},
			{Name: "VTODO", Range: span("20260215T115959Z", "20260215T120000Z")}}}}, nil},
		{"events with a time zone", Filter{CompFilter{Name: "VCALENDAR", Comps: []CompFilter{{Name: "VEVENT"}, {Name: "VTIMEZONE"}}}}, []string{"single", "weekly"}},
		{"property of the calendar", Filter{CompFilter{Name: "VCALENDAR", Props: []PropFilter{{Name: "METHOD"}}}}, nil},

		// Ends of ranges (RFC 4791 9.9).
		{"the hour itself", comp("VEVENT", CompFilter{Range: span("20260112T090000Z", "20260112T100000Z")}), []string{"single"}},
		{"the hour before", comp("VEVENT", CompFilter{Range: span("20260112T080000Z", "20260112T090000Z")}), nil},
		{"the hour after", comp("VEVENT", CompFilter{Range: span("20260112T100000Z", "20260112T110000Z")}), nil},
		{"its last second", comp("VEVENT", CompFilter{Range: span("20260112T095959Z", "20260112T110000Z")}), []string{"single"}},
		{"open end", comp("VEVENT", CompFilter{Range: span("20300101T000000Z", "")}), []string{"daily-for-ever"}},
		{"open start", comp("VEVENT", CompFilter{Range: span("", "20260101T060000Z")}), nil},
		{"open start, a second more", comp("VEVENT", CompFilter{Range: span("", "20260101T060001Z")}), []string{"daily-for-ever"}},

		// Recurrence: time zone, override, EXDATE, COUNT.
		{"second Monday, winter", comp("VEVENT", CompFilter{Range: span("20260309T130000Z", "20260309T140000Z")}), []string{"weekly"}},
		{"third Monday is moved away", comp("VEVENT", CompFilter{Range: span("20260316T130000Z", "20260316T140000Z")}), nil},
		{"to Tuesday", comp("VEVENT", CompFilter{Range: span("20260317T150000Z", "20260317T160000Z")}), []string{"weekly"}},
		{"fifth Monday is left out", comp("VEVENT", CompFilter{Range: span("20260330T120000Z", "20260330T150000Z")}), nil},
		{"sixth Monday, summer", comp("VEVENT", CompFilter{Range: span("20260406T120000Z", "20260406T130000Z")}), []string{"weekly"}},
		{"tenth and last Monday", comp("VEVENT", CompFilter{Range: span("20260504T120000Z", "20260504T130000Z")}), []string{"weekly"}},
		{"eleventh Monday", comp("VEVENT", CompFilter{Range: span("20260511T110000Z", "20260511T150000Z")}), nil},
		{"this-and-future, before", comp("VEVENT", CompFilter{Range: span("20260309T103000Z", "20260309T104500Z")}), []string{"this-and-future"}},
		{"this-and-future, the old hour", comp("VEVENT", CompFilter{Range: span("20260323T100000Z", "20260323T110000Z")}), nil},
		{"this-and-future, the new hour", comp("VEVENT", CompFilter{Range: span("20260323T110000Z", "20260323T120000Z")}), []string{"this-and-future"}},

		// Time range and text must hold for one component.
		{"moved one by name and time", comp("VEVENT", CompFilter{Range: span("20260317T000000Z", "20260318T000000Z"),
			Props: []PropFilter{{Name: "SUMMARY", Text: contains("verlegt")}}}), []string{"weekly"}},
		{"moved one's name at another time", comp("VEVENT", CompFilter{Range: span("20260309T130000Z", "20260309T140000Z"),
			Props: []PropFilter{{Name: "SUMMARY", Text: contains("verlegt")}}}), nil},
		{"an override without a property", comp("VEVENT", prop(PropFilter{Name: "RRULE", NotDefined: true})), []string{"single", "weekly", "all-day", "floating", "this-and-future"}},

		// Dates and floating times, in UTC here.
		{"a day", comp("VEVENT", CompFilter{Range: span("20260501T235900Z", "20260501T235959Z")}), []string{"all-day"}},
		{"the day after", comp("VEVENT", CompFilter{Range: span("20260502T000000Z", "20260502T050000Z")}), nil},
		{"floating", comp("VEVENT", CompFilter{Range: span("20260601T083000Z", "20260601T083100Z")}), []string{"floating"}},

		// Tasks, journals, free-busy.
		{"task by its due time", comp("VTODO", CompFilter{Range: span("20260215T115959Z", "20260215T120000Z")}), []string{"task", "timeless-task"}},
		{"task after it is due", comp("VTODO", CompFilter{Range: span("20260215T120000Z", "20260216T120000Z")}), []string{"timeless-task"}},
		{"task by created and completed", comp("VTODO", CompFilter{Range: span("20260205T000000Z", "20260206T000000Z")}), []string{"timeless-task", "done-task"}},
		{"pending tasks", comp("VTODO", CompFilter{Props: []PropFilter{{Name: "COMPLETED", NotDefined: true},
			{Name: "STATUS", Text: without("CANCELLED")}}}), []string{"task"}},
		{"journal", comp("VJOURNAL", CompFilter{Range: span("20260203T100000Z", "20260203T110000Z")}), []string{"journal"}},
		{"journal, the day after", comp("VJOURNAL", CompFilter{Range: span("20260204T000000Z", "20260205T000000Z")}), nil},
		{"free-busy", comp("VFREEBUSY", CompFilter{Range: span("20260206T095900Z", "20260206T235900Z")}), []string{"free-busy"}},
		{"free-busy between", comp("VFREEBUSY", CompFilter{Range: span("20260205T000000Z", "20260206T080000Z")}), nil},

		// Alarms.
		{"alarm", comp("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM"}}}), []string{"single"}},
		{"no alarm", comp("VTODO", CompFilter{Comps: []CompFilter{{Name: "VALARM", NotDefined: true}}}), []string{"timeless-task", "done-task"}},
		{"alarm goes off", comp("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM", Range: span("20260112T083000Z", "20260112T083001Z")}}}), []string{"single"}},
		{"alarm went off", comp("VEVENT", CompFilter{Comps: []CompFilter{{Name: "VALARM", Range: span("20260112T083001Z", "20260112T090000Z")}}}), nil},
		{"task's alarm the day before", comp("VTODO", CompFilter{Comps: []CompFilter{{Name: "VALARM", Range: span("20260214T120000Z", "20260214T120001Z")}}}), []string{"task"}},

		// Text and its collations.
		{"text, any case", comp("VEVENT", prop(PropFilter{Name: "SUMMARY", Text: contains("SITZUNG")})), []string{"single"}},
		{"text, unescaped", comp("VEVENT", prop(PropFilter{Name: "SUMMARY", Text: contains("ausschusses, ")})), []string{"single"}},
		{"ASCII casemap leaves umlauts", comp("VEVENT", prop(PropFilter{Name: "SUMMARY", Text: contains("ÖFFENTLICH")})), nil},
		{"Unicode casemap does not", comp("VEVENT", prop(PropFilter{Name: "SUMMARY", Text: match(t, "ÖFFENTLICH", UnicodeCasemap, false)})), []string{"single"}},
		{"octets", comp("VEVENT", prop(PropFilter{Name: "SUMMARY", Text: match(t, "sitzung", Octet, false)})), nil},
		{"octets as written", comp("VEVENT", prop(PropFilter{Name: "SUMMARY", Text: match(t, "öffentlich", Octet, false)})), []string{"single"}},
		{"a category of several", comp("VEVENT", prop(PropFilter{Name: "CATEGORIES", Text: contains("rathaus")})), []string{"single"}},
		{"negated", comp("VEVENT", prop(PropFilter{Name: "STATUS", Text: without("tentative")})), []string{"single"}},
		{"UID", Filter{CompFilter{Name: "VCALENDAR", Comps: []CompFilter{{Name: "VEVENT", Props: []PropFilter{{Name: "UID", Text: match(t, "weekly@musterstadt.example", Octet, false)}}}}}}, []string{"weekly"}},

		// Parameters.
		{"parameter", comp("VEVENT", prop(PropFilter{Name: "ATTENDEE", Params: []ParamFilter{{Name: "CN"}}})), []string{"single"}},
		{"parameter and value of one property", comp("VEVENT", prop(PropFilter{Name: "ATTENDEE", Text: contains("presse@"),
			Params: []ParamFilter{{Name: "PARTSTAT", Text: contains("NEEDS-ACTION")}}})), []string{"single"}},
		{"of two properties", comp("VEVENT", prop(PropFilter{Name: "ATTENDEE", Text: contains("eva.beispiel@"),
			Params: []ParamFilter{{Name: "PARTSTAT", Text: contains("NEEDS-ACTION")}}})), nil},
		{"parameter is not there", comp("VEVENT", prop(PropFilter{Name: "ATTENDEE", Text: contains("presse@"),
			Params: []ParamFilter{{Name: "CN", NotDefined: true}}})), []string{"single"}},
		{"parameter of a property with value DATE", comp("VEVENT", prop(PropFilter{Name: "DTSTART", Params: []ParamFilter{{Name: "VALUE", Text: contains("date")}}})), []string{"all-day"}},

		// Time ranges of properties.
		{"created", comp("VEVENT", prop(PropFilter{Name: "CREATED", Range: span("20251130T080000Z", "20251130T080001Z")})), []string{"single"}},
		{"created, end is outside", comp("VEVENT", prop(PropFilter{Name: "CREATED", Range: span("20251130T070000Z", "20251130T080000Z")})), nil},
		{"starts at", comp("VEVENT", prop(PropFilter{Name: "DTSTART", Range: span("20260112T090000Z", "20260112T090001Z")})), []string{"single"}},
		{"an instance starts at", comp("VEVENT", prop(PropFilter{Name: "DTSTART", Range: span("20260504T120000Z", "20260504T120001Z")})), []string{"weekly"}},
		{"ends at, by duration", comp("VEVENT", prop(PropFilter{Name: "DTEND", Range: span("20260309T140000Z", "20260309T140001Z")})), []string{"weekly"}},
		{"due", comp("VTODO", prop(PropFilter{Name: "DUE", Range: span("20260215T000000Z", "20260216T000000Z")})), []string{"task"}},
	}
}

func TestFilters(t *testing.T) {
	for _, c := range filterCases(t) {
		want := map[string]bool{}
		for _, name := range c.want {
			want[name] = true
		}
		for name := range samples {
			got, err := c.filter.Matches(t.Context(), sample(t, name), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got != want[name] {
				t.Errorf("%s: %s matches: %v", c.name, name, got)
			}
		}
	}
}

// What the index leaves out must never match, and what it decides alone must.
func TestIndexFindsWhatMatches(t *testing.T) {
	for _, c := range filterCases(t) {
		w, exact, never := c.filter.window()
		for name := range samples {
			o := sample(t, name)
			matches, err := c.filter.Matches(t.Context(), o, nil)
			if err != nil {
				t.Fatal(err)
			}
			found := !never && inWindow(w, Index(o))
			if matches && !found {
				t.Errorf("%s: the index does not find %s", c.name, name)
			}
			if exact && found != matches {
				t.Errorf("%s: the index alone finds %s: %v, it matches: %v", c.name, name, found, matches)
			}
		}
	}
}

// inWindow is what resource.Service.Candidates does.
func inWindow(w resource.Window, i *resource.Index) bool {
	return (w.Components == 0 || w.Components&i.Components != 0) &&
		(w.From == 0 && w.To == 0 || i.From <= w.To && i.To >= w.From)
}

func TestFloatingTimesMeanTheZoneThatIsAsked(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	// 08:00 in Tokyo is 23:00 UTC of the day before; the day begins at 15:00 UTC.
	for _, c := range []struct {
		sample, start, end string
		zone               *time.Location
		want               bool
	}{
		{"floating", "20260531T230000Z", "20260531T233000Z", tokyo, true},
		{"floating", "20260531T230000Z", "20260531T233000Z", time.UTC, false},
		{"all-day", "20260430T150000Z", "20260430T150100Z", tokyo, true},
		{"all-day", "20260430T150000Z", "20260430T150100Z", nil, false},
		{"single", "20260112T090000Z", "20260112T100000Z", tokyo, true},
	} {
		f := comp("VEVENT", CompFilter{Range: between(t, c.start, c.end)})
		got, err := f.Matches(t.Context(), sample(t, c.sample), c.zone)
		if err != nil || got != c.want {
			t.Errorf("%s in %v: %v, %v", c.sample, c.zone, got, err)
		}
		w, _, _ := f.window()
		if c.want && !inWindow(w, Index(sample(t, c.sample))) {
			t.Errorf("%s in %v: the index does not find it", c.sample, c.zone)
		}
	}
}

func TestUnknownCollation(t *testing.T) {
	if _, err := NewTextMatch("x", "i;phonebook", false); err != ErrCollation {
		t.Errorf("got %v", err)
	}
	for _, c := range []struct {
		collation   Collation
		value, text string
		want        bool
	}{
		{"default", "Straße", "STRA", true},
		{UnicodeCasemap, "e\u0301cole", "\u00c9COLE", true}, // decomposed and precomposed
		{UnicodeCasemap, "ΣΊΣΥΦΟΣ", "σίσυφο", true},
		{ASCIICasemap, "ÀB", "àb", false},
		{Octet, "Ab", "ab", false},
		{Octet, "anything", "", true},
	} {
		if got := match(t, c.text, c.collation, false).matches(c.value); got != c.want {
			t.Errorf("%s: %q in %q: %v", c.collation, c.text, c.value, got)
		}
		if got := match(t, c.text, c.collation, true).matches(c.value); got == c.want {
			t.Errorf("%s negated: %q in %q: %v", c.collation, c.text, c.value, got)
		}
	}
}
