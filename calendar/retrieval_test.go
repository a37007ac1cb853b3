package calendar

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// retrieve answers the lines of what a retrieval leaves of an object.
func retrieve(t *testing.T, r Retrieval, data []byte) []string {
	t.Helper()
	left := 1000
	out, err := r.Append(t.Context(), nil, object(t, data), nil, &left)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\r\n"), "\r\n")
}

// those are the lines that begin with one of the names.
func those(lines []string, names ...string) []string {
	var out []string
	for _, l := range lines {
		if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(l, n) }) {
			out = append(out, l)
		}
	}
	return out
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestExpand(t *testing.T) {
	r := Retrieval{Expand: between(t, "20260309T000000Z", "20260407T000000Z")}
	lines := retrieve(t, r, text(samples["weekly"]))
	equal(t, "times", those(lines, "DTSTART", "DURATION", "RECURRENCE-ID", "SUMMARY"), []string{
		"DTSTART:20260309T130000Z", "DURATION:PT1H", "SUMMARY:Dienstbesprechung", "RECURRENCE-ID:20260309T130000Z",
		"DTSTART:20260317T150000Z", "DURATION:PT1H", "SUMMARY:Dienstbesprechung (verlegt)", "RECURRENCE-ID:20260316T130000Z",
		"DTSTART:20260323T130000Z", "DURATION:PT1H", "SUMMARY:Dienstbesprechung", "RECURRENCE-ID:20260323T130000Z",
		"DTSTART:20260406T120000Z", "DURATION:PT1H", "SUMMARY:Dienstbesprechung", "RECURRENCE-ID:20260406T120000Z",
	})
	equal(t, "what must not be there", those(lines, "BEGIN:VTIMEZONE", "RRULE", "EXDATE", "RDATE", "DTSTART;TZID"), nil)

	lines = retrieve(t, r, text(samples["this-and-future"]))
	equal(t, "this and future", those(lines, "DTSTART", "DTEND", "RECURRENCE-ID"), []string{
		"DTSTART:20260309T100000Z", "DTEND:20260309T110000Z", "RECURRENCE-ID:20260309T100000Z",
		"DTSTART:20260316T110000Z", "DTEND:20260316T120000Z", "RECURRENCE-ID:20260316T100000Z",
		"DTSTART:20260323T110000Z", "DTEND:20260323T120000Z", "RECURRENCE-ID:20260323T100000Z",
		"DTSTART:20260330T110000Z", "DTEND:20260330T120000Z", "RECURRENCE-ID:20260330T100000Z",
		"DTSTART:20260406T110000Z", "DTEND:20260406T120000Z", "RECURRENCE-ID:20260406T100000Z",
	})

	lines = retrieve(t, Retrieval{Expand: between(t, "20260302T000000Z", "20260310T000000Z")}, text(samples["weekly"]))
	equal(t, "the first goes without RECURRENCE-ID", those(lines, "DTSTART", "RECURRENCE-ID"), []string{
		"DTSTART:20260302T130000Z", "DTSTART:20260309T130000Z", "RECURRENCE-ID:20260309T130000Z"})

	// A day of 23 hours is not P1D in UTC.
	lines = retrieve(t, Retrieval{Expand: between(t, "20260328T000000Z", "20260330T000000Z")}, text(`BEGIN:VEVENT
UID:watch@musterstadt.example
DTSTAMP:20260201T080000Z
DTSTART;TZID=Europe/Berlin:20260328T120000
DURATION:P1D
RRULE:FREQ=WEEKLY
END:VEVENT
`))
	equal(t, "nominal duration", those(lines, "DTSTART", "DURATION", "DTEND"), []string{"DTSTART:20260328T110000Z", "DTEND:20260329T100000Z"})

	lines = retrieve(t, Retrieval{Expand: between(t, "20260101T000000Z", "20270101T000000Z")}, text(samples["all-day"]))
	equal(t, "a date", those(lines, "DTSTART", "RECURRENCE-ID"), []string{"DTSTART;VALUE=DATE:20260501"})
	lines = retrieve(t, Retrieval{Expand: between(t, "20260101T000000Z", "20270101T000000Z")}, text(samples["floating"]))
	equal(t, "floating", those(lines, "DTSTART", "DTEND"), []string{"DTSTART:20260601T080000", "DTEND:20260601T090000"})
	lines = retrieve(t, Retrieval{Expand: between(t, "20270101T000000Z", "20280101T000000Z")}, text(samples["single"]))
	equal(t, "outside", those(lines, "BEGIN"), []string{"BEGIN:VCALENDAR"})
}

func TestExpandIsBounded(t *testing.T) {
	left := 100
	r := Retrieval{Expand: between(t, "20260101T000000Z", "20270101T000000Z")}
	if _, err := r.Append(t.Context(), nil, sample(t, "daily-for-ever"), nil, &left); !errors.Is(err, ErrTooMuch) {
		t.Errorf("365 of 100 instances: %v", err)
	}
	left = 400
	if _, err := r.Append(t.Context(), nil, sample(t, "daily-for-ever"), nil, &left); err != nil || left != 35 {
		t.Errorf("365 of 400 instances: %v, %d are left", err, left)
	}
}

// Instances of a large event count by their size.
func TestExpandOfLargeEvents(t *testing.T) {
	large := strings.Replace(samples["daily-for-ever"], "SUMMARY:", "DESCRIPTION:"+strings.Repeat("x", 1<<20)+"\nSUMMARY:", 1)
	left := 200_000
	r := Retrieval{Expand: between(t, "20260101T000000Z", "20270101T000000Z")}
	if _, err := r.Append(t.Context(), nil, object(t, text(large)), nil, &left); !errors.Is(err, ErrTooMuch) {
		t.Errorf("365 MB: %v", err)
	}
	r = Retrieval{Expand: between(t, "20260101T000000Z", "20260102T000000Z")}
	if _, err := r.Append(t.Context(), nil, object(t, text(large)), nil, &left); err != nil {
		t.Errorf("1 MB: %v", err)
	}
}

func TestLimitRecurrenceSet(t *testing.T) {
	for _, c := range []struct{ sample, start, end, want string }{
		{"weekly", "20260317T000000Z", "20260318T000000Z", "verlegt"},
		{"weekly", "20260316T000000Z", "20260317T000000Z", "verlegt"}, // where it would have been
		{"weekly", "20260318T000000Z", "20260401T000000Z", ""},
		{"this-and-future", "20260320T000000Z", "20260401T000000Z", "später"},
		{"this-and-future", "20260301T000000Z", "20260310T000000Z", ""},
	} {
		lines := retrieve(t, Retrieval{LimitRecurrence: between(t, c.start, c.end)}, text(samples[c.sample]))
		summaries := those(lines, "SUMMARY")
		want := 1
		if c.want != "" {
			want = 2
		}
		if len(summaries) != want || !strings.Contains(summaries[want-1], c.want) {
			t.Errorf("%s %s: %q", c.sample, c.start, summaries)
		}
		equal(t, "the master stays whole", those(lines, "RRULE"), those(strings.Split(string(text(samples[c.sample])), "\r\n"), "RRULE"))
	}
}

func TestLimitFreeBusySet(t *testing.T) {
	lines := retrieve(t, Retrieval{LimitFreeBusy: between(t, "20260205T000000Z", "20260207T000000Z")}, text(samples["free-busy"]))
	equal(t, "periods", those(lines, "FREEBUSY"), []string{"FREEBUSY;FBTYPE=BUSY:20260206T080000Z/20260206T100000Z"})
}

func TestSelection(t *testing.T) {
	event := Selection{Name: "VEVENT", Props: []SelectedProperty{{Name: "UID"}, {Name: "SUMMARY", NoValue: true}}}
	r := Retrieval{Comp: &Selection{Name: "VCALENDAR", Props: []SelectedProperty{{Name: "VERSION"}}, Comps: []Selection{event}}}
	equal(t, "some", retrieve(t, r, text(samples["single"])), []string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:single@musterstadt.example", "SUMMARY:", "END:VEVENT", "END:VCALENDAR"})

	r = Retrieval{Comp: &Selection{Name: "VCALENDAR", AllProps: true, AllComps: true}}
	equal(t, "all", retrieve(t, r, text(samples["task"])), strings.Split(strings.TrimSuffix(string(text(samples["task"])), "\r\n"), "\r\n"))
	r = Retrieval{Comp: &Selection{Name: "VCALENDAR", AllProps: true, Comps: []Selection{{Name: "VTIMEZONE"}, {Name: "VEVENT", AllComps: true}}}}
	lines := retrieve(t, r, text(samples["single"]))
	equal(t, "components", those(lines, "BEGIN"), []string{"BEGIN:VCALENDAR", "BEGIN:VTIMEZONE", "BEGIN:DAYLIGHT", "BEGIN:STANDARD", "BEGIN:VEVENT", "BEGIN:VALARM"})
	equal(t, "no properties of the event", those(lines, "UID"), nil)
}

func TestZoneOfACalendar(t *testing.T) {
	if z := Zone(nil); z != time.UTC {
		t.Errorf("without a property: %v", z)
	}
	byID := TextElement(TimezoneID, "Europe/Berlin")
	byText := TextElement(Timezone, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"+strings.ReplaceAll(berlin, "\n", "\r\n")+"END:VCALENDAR\r\n")
	for _, p := range [][]byte{byID, byText} {
		stored := property(TimezoneID, byID)
		if &p[0] == &byText[0] {
			stored = property(Timezone, byText)
		}
		if _, offset := time.Date(2026, 7, 1, 12, 0, 0, 0, Zone(stored)).Zone(); offset != 7200 {
			t.Errorf("%s: %d seconds from UTC", p, offset)
		}
	}
	if _, err := NamedZone("Atlantis/Poseidonis"); err == nil {
		t.Error("a zone that is not there was found")
	}
	if _, _, err := ParseZone([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n")); err == nil {
		t.Error("a calendar without VTIMEZONE was taken for a zone")
	}
}
