package calendar

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"fachwerk/internal/resource"
)

func property(name xml.Name, value []byte) []resource.Property {
	return []resource.Property{{Name: name, Value: value}}
}

func TestSamplesAreTaken(t *testing.T) {
	s := New(Options{})
	for name, components := range samples {
		if _, err := s.Read(t.Context(), text(components), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func event(lines string) []byte {
	return text("BEGIN:VEVENT\nUID:x@musterstadt.example\nDTSTAMP:20260201T080000Z\nDTSTART:20260301T100000Z\n" + lines + "END:VEVENT\n")
}

func TestRefusals(t *testing.T) {
	s := New(Options{Limits: Limits{Size: 64 << 10, Attendees: 10, MinDate: time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC),
		MaxDate: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}})
	for _, c := range []struct {
		name, precondition string
		data               []byte
		components         []string
	}{
		{"no iCalendar", "valid-calendar-data", []byte("Guten Tag"), nil},
		{"nothing", "valid-calendar-data", nil, nil},
		{"Latin-1", "valid-calendar-data", event("SUMMARY:Gr\xfc\xdfe\n"), nil},
		{"cut off", "valid-calendar-data", event("")[:90], nil},
		{"METHOD", "valid-calendar-object-resource", []byte(strings.Replace(string(event("")), "VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", 1)), nil},
		{"two UIDs", "valid-calendar-object-resource", text(samples["single"] + samples["all-day"]), nil},
		{"two types", "valid-calendar-object-resource", text(samples["all-day"] + strings.ReplaceAll(samples["task"], "task@", "holiday@")), nil},
		{"tasks alone", "supported-calendar-component", event(""), []string{"VTODO"}},
		{"too large", "max-resource-size", event("DESCRIPTION:" + strings.Repeat("x", 64<<10) + "\n"), nil},
		{"too many attendees", "max-attendees-per-instance", event(strings.Repeat("ATTENDEE:mailto:a@musterstadt.example\n", 11)), nil},
		{"too early", "min-date-time", []byte(strings.Replace(string(event("")), "20260301", "18700301", 1)), nil},
		{"too late", "max-date-time", event("RRULE:FREQ=YEARLY;UNTIL=22500301T100000Z\n"), nil},
		{"every second for 50 years", "max-instances", event("RRULE:FREQ=SECONDLY;UNTIL=20760301T100000Z\n"), nil},
		{"every second for ever", "max-instances", event("RRULE:FREQ=SECONDLY\n"), nil},
	} {
		_, err := s.Read(t.Context(), c.data, c.components)
		var r *Refusal
		if !errors.As(err, &r) {
			t.Errorf("%s: %v is no refusal", c.name, err)
			continue
		}
		if r.Precondition != c.precondition {
			t.Errorf("%s: %s", c.name, r)
		}
		sentence(t, r.Reason)
	}
}

// sentence checks that a reason can be shown to people.
func sentence(t *testing.T, reason string) {
	t.Helper()
	first := []rune(reason + " ")[0]
	if len(reason) < 15 || len(reason) > 300 || !strings.HasSuffix(reason, ".") || unicode.IsLower(first) {
		t.Errorf("this is no sentence: %q", reason)
	}
}

func TestBombsTakeNoTime(t *testing.T) {
	s := New(Options{})
	for _, rule := range []string{
		"FREQ=SECONDLY", "FREQ=SECONDLY;UNTIL=20760301T100000Z", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=MINUTELY;BYSETPOS=366;BYSECOND=1", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1000",
		"FREQ=DAILY;COUNT=2000000000", "FREQ=SECONDLY;INTERVAL=1;BYHOUR=3;BYMINUTE=3;BYSECOND=3;BYDAY=MO;COUNT=100000",
	} {
		began := time.Now()
		_, err := s.Read(t.Context(), event("RRULE:"+rule+"\n"), nil)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s took %v", rule, took)
		}
		var r *Refusal
		if err != nil && !errors.As(err, &r) {
			t.Errorf("%s: %v", rule, err)
		}
	}
	var dates strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&dates, "RDATE:%s\n", time.Date(2026, 3, 1, 10, 0, i, 0, time.UTC).Format("20060102T150405Z"))
	}
	began := time.Now()
	_, err := s.Read(t.Context(), event(dates.String()), nil)
	if r := (*Refusal)(nil); !errors.As(err, &r) || r.Precondition != "max-instances" {
		t.Errorf("50,000 dates: %v", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("50,000 dates took %v", took)
	}
}
