package ical

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// text is a calendar of components.
func text(components ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Musterstadt//Test//DE\r\n" + strings.Join(components, "") + "END:VCALENDAR\r\n"
}

func component(kind, properties string) string {
	return "BEGIN:" + kind + "\r\nUID:1@musterstadt.example\r\nDTSTAMP:20250101T000000Z\r\n" + properties + "END:" + kind + "\r\n"
}

// object makes an event of properties; with several, the others are overrides.
func object(t testing.TB, events ...string) *Object {
	t.Helper()
	var all []string
	for _, e := range events {
		all = append(all, component("VEVENT", e))
	}
	return parsed(t, text(all...))
}

func parsed(t testing.TB, s string) *Object {
	t.Helper()
	c, err := Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewObject(c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func at(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	m, err := parseMoment(s, time.UTC)
	if err != nil {
		panic(err)
	}
	return m.at(nil)
}

// list writes instances as start/end, with * for overrides.
func list(t testing.TB, o *Object, from, to string, floating *time.Location) string {
	t.Helper()
	all, err := o.Instances(context.Background(), at(from), at(to), floating, 100)
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, i := range all {
		s := FormatUTC(i.Start) + "/" + FormatUTC(i.End)
		if i.Override {
			s += "*"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestObjects(t *testing.T) {
	event := component("VEVENT", "DTSTART:20250101T000000Z\r\n")
	for _, c := range []struct{ name, in, precondition string }{
		{"an event", text(event), ""},
		{"with an override", text(event, component("VEVENT", "RECURRENCE-ID:20250101T000000Z\r\nDTSTART:20250102T000000Z\r\n")), ""},
		{"overrides alone", text(component("VEVENT", "RECURRENCE-ID:20250101T000000Z\r\nDTSTART:20250102T000000Z\r\n")), ""},
		{"a task without dates", text(component("VTODO", "")), ""},
		{"a private component beside it", text(event, "BEGIN:X-NOTE\r\nEND:X-NOTE\r\n"), ""},
		{"an unknown time zone", text(component("VEVENT", "DTSTART;TZID=Atlantis:20250101T000000\r\n")), ""},
		{"no VERSION", strings.Replace(text(event), "VERSION:2.0\r\n", "", 1), ""},
		{"nothing", text(), "valid-calendar-object-resource"},
		{"a time zone alone", text("BEGIN:VTIMEZONE\r\nTZID:X\r\nEND:VTIMEZONE\r\n"), "valid-calendar-object-resource"},
		{"METHOD", strings.Replace(text(event), "VERSION", "METHOD:REQUEST\r\nVERSION", 1), "valid-calendar-object-resource"},
		{"two kinds", text(event, component("VTODO", "")), "valid-calendar-object-resource"},
		{"two UIDs", text(event, strings.Replace(event, "UID:1", "UID:2", 1)), "valid-calendar-object-resource"},
		{"no UID", strings.Replace(text(event), "UID:1@musterstadt.example\r\n", "", 1), "valid-calendar-object-resource"},
		{"two masters", text(event, event), "valid-calendar-object-resource"},
		{"an alarm alone", text(component("VALARM", "")), "supported-calendar-component"},
		{"vCalendar", strings.Replace(text(event), "2.0", "1.0", 1), "supported-calendar-data"},
		{"another calendar", text(component("VEVENT", "DTSTART:20250101T000000Z\r\nRRULE:RSCALE=HEBREW;FREQ=YEARLY\r\n")), "supported-rscale"},
		{"no DTSTART", text(component("VEVENT", "")), "valid-calendar-data"},
		{"no day", text(component("VEVENT", "DTSTART:20250230\r\n")), "valid-calendar-data"},
		{"no rule", text(component("VEVENT", "DTSTART:20250101\r\nRRULE:FREQ=NEVER\r\n")), "valid-calendar-data"},
		{"no duration", text(component("VEVENT", "DTSTART:20250101\r\nDURATION:1H\r\n")), "valid-calendar-data"},
		{"a broken time zone", text("BEGIN:VTIMEZONE\r\nTZID:X\r\nEND:VTIMEZONE\r\n", component("VEVENT", "DTSTART;TZID=X:20250101T000000\r\n")), "valid-calendar-data"},
	} {
		calendar, err := Parse([]byte(c.in))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_, err = NewObject(calendar)
		var wrong *InvalidError
		switch {
		case c.precondition == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.precondition != "" && (!errors.As(err, &wrong) || wrong.Precondition != c.precondition || !strings.HasSuffix(wrong.Reason, ".")):
			t.Errorf("%s: %v instead of %s", c.name, err, c.precondition)
		}
	}
	o := parsed(t, text(component("VTODO", "DTSTART:20250101\r\nRRULE:FREQ=DAILY\r\nBEGIN:VALARM\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\n")))
	if o.Kind != Todo|HasAlarm|Recurring || o.Kind.Component() != "VTODO" || o.UID != "1@musterstadt.example" {
		t.Errorf("kind %b, UID %s", o.Kind, o.UID)
	}
}

func TestInstances(t *testing.T) {
	berlin, _ := LookupZone("Europe/Berlin")
	for _, c := range []struct {
		name     string
		events   []string
		from, to string
		want     string
	}{
		{"once", []string{"DTSTART:20250101T100000Z\r\nDTEND:20250101T110000Z\r\n"}, "20250101", "20250102", "20250101T100000Z/20250101T110000Z"},
		{"it ends as the range begins", []string{"DTSTART:20250101T100000Z\r\nDTEND:20250101T110000Z\r\n"}, "20250101T110000Z", "20250102", ""},
		{"it begins as the range ends", []string{"DTSTART:20250101T100000Z\r\nDTEND:20250101T110000Z\r\n"}, "20250101", "20250101T100000Z", ""},
		{"a point at the begin", []string{"DTSTART:20250101T100000Z\r\n"}, "20250101T100000Z", "20250102", "20250101T100000Z/20250101T100000Z"},
		{"a day in Berlin", []string{"DTSTART;VALUE=DATE:20250701\r\n"}, "20250630T220000Z", "20250630T220001Z", "20250630T220000Z/20250701T220000Z"},
		{"not a moment before", []string{"DTSTART;VALUE=DATE:20250701\r\n"}, "20250630", "20250630T220000Z", ""},
		{"an end before the begin", []string{"DTSTART:20250101T100000Z\r\nDTEND:20250101T090000Z\r\n"}, "20250101", "20250102", "20250101T100000Z/20250101T100000Z"},
		{"the same day as end", []string{"DTSTART;VALUE=DATE:20250101\r\nDTEND;VALUE=DATE:20250101\r\n"}, "20250101", "20250102", "20241231T230000Z/20250101T230000Z"},
		{"daylight saving time begins", []string{"DTSTART;TZID=Europe/Berlin:20250329T023000\r\nRRULE:FREQ=DAILY;COUNT=3\r\n"}, "", "", "20250329T013000Z/20250329T013000Z 20250330T013000Z/20250330T013000Z 20250331T003000Z/20250331T003000Z"},
		{"and ends", []string{"DTSTART;TZID=Europe/Berlin:20251025T023000\r\nRRULE:FREQ=DAILY;COUNT=3\r\n"}, "", "", "20251025T003000Z/20251025T003000Z 20251026T003000Z/20251026T003000Z 20251027T013000Z/20251027T013000Z"},
		{"by the hour through the gap, none twice", []string{"DTSTART;TZID=Europe/Berlin:20250330T003000\r\nRRULE:FREQ=HOURLY;COUNT=5\r\n"}, "", "", "20250329T233000Z/20250329T233000Z 20250330T003000Z/20250330T003000Z 20250330T013000Z/20250330T013000Z 20250330T023000Z/20250330T023000Z"},
		{"a nominal day in the night of the change", []string{"DTSTART;TZID=Europe/Berlin:20250329T120000\r\nDURATION:P1D\r\n"}, "", "", "20250329T110000Z/20250330T100000Z"},
		{"an exact one", []string{"DTSTART;TZID=Europe/Berlin:20250329T120000\r\nDURATION:PT24H\r\n"}, "", "", "20250329T110000Z/20250330T110000Z"},
		{"each as long as the first", []string{"DTSTART;TZID=Europe/Berlin:20250328T120000\r\nDTEND;TZID=Europe/Berlin:20250329T120000\r\nRRULE:FREQ=DAILY;COUNT=2\r\n"}, "", "", "20250328T110000Z/20250329T110000Z 20250329T110000Z/20250330T110000Z"},
		{"EXDATE and RDATE", []string{"DTSTART:20250101T100000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEXDATE:20250102T100000Z\r\nRDATE:20250110T100000Z,20250101T100000Z\r\n"}, "", "", "20250101T100000Z/20250101T100000Z 20250103T100000Z/20250103T100000Z 20250110T100000Z/20250110T100000Z"},
		{"EXDATE of DTSTART", []string{"DTSTART:20250101T100000Z\r\nRRULE:FREQ=DAILY;COUNT=2\r\nEXDATE:20250101T100000Z\r\n"}, "", "", "20250102T100000Z/20250102T100000Z"},
		{"EXDATE without its TZID", []string{"DTSTART;TZID=Europe/Berlin:20250101T100000\r\nRRULE:FREQ=DAILY;COUNT=2\r\nEXDATE:20250102T100000\r\n"}, "", "", "20250101T090000Z/20250101T090000Z"},
		{"EXDATE as a day", []string{"DTSTART;TZID=Europe/Berlin:20250101T100000\r\nRRULE:FREQ=DAILY;COUNT=2\r\nEXDATE;VALUE=DATE:20250102\r\n"}, "", "", "20250101T090000Z/20250101T090000Z"},
		{"empty RDATE and EXDATE", []string{"DTSTART:20250101T100000Z\r\nRDATE:\r\nEXDATE:\r\n"}, "", "", "20250101T100000Z/20250101T100000Z"},
		{"RDATE with periods", []string{"DTSTART:20250101T100000Z\r\nDURATION:PT1H\r\nRDATE;VALUE=PERIOD:20250102T100000Z/20250102T130000Z,20250103T100000Z/PT5M\r\n"}, "20250102", "", "20250102T100000Z/20250102T130000Z 20250103T100000Z/20250103T100500Z"},
		{"EXRULE", []string{"DTSTART:20250101T100000Z\r\nRRULE:FREQ=DAILY;COUNT=5\r\nEXRULE:FREQ=DAILY;INTERVAL=2\r\n"}, "", "", "20250102T100000Z/20250102T100000Z 20250104T100000Z/20250104T100000Z"},
		{"two rules", []string{"DTSTART:20250101T100000Z\r\nRRULE:FREQ=DAILY;COUNT=2\r\nRRULE:FREQ=DAILY;INTERVAL=2;COUNT=2\r\n"}, "", "", "20250101T100000Z/20250101T100000Z 20250102T100000Z/20250102T100000Z 20250103T100000Z/20250103T100000Z"},
		{"moved out of the range", []string{"DTSTART:20250101T100000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\n", "RECURRENCE-ID:20250102T100000Z\r\nDTSTART:20250220T100000Z\r\n"}, "20250101", "20250201", "20250101T100000Z/20250101T100000Z 20250103T100000Z/20250103T100000Z"},
		{"and into another", []string{"DTSTART:20250101T100000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\n", "RECURRENCE-ID:20250102T100000Z\r\nDTSTART:20250220T100000Z\r\n"}, "20250201", "20250301", "20250220T100000Z/20250220T100000Z*"},
		{"RECURRENCE-ID in another zone", []string{"DTSTART;TZID=Europe/Berlin:20250101T100000\r\nRRULE:FREQ=DAILY;COUNT=2\r\n", "RECURRENCE-ID:20250102T090000Z\r\nDTSTART:20250102T120000Z\r\n"}, "", "", "20250101T090000Z/20250101T090000Z 20250102T120000Z/20250102T120000Z*"},
		{"RECURRENCE-ID as a day", []string{"DTSTART;TZID=Europe/Berlin:20250101T100000\r\nRRULE:FREQ=DAILY;COUNT=2\r\n", "RECURRENCE-ID;VALUE=DATE:20250102\r\nDTSTART:20250102T120000Z\r\n"}, "", "", "20250101T090000Z/20250101T090000Z 20250102T120000Z/20250102T120000Z*"},
		{"this and future", []string{"DTSTART:20250101T100000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=5\r\n",
			"RECURRENCE-ID;RANGE=THISANDFUTURE:20250103T100000Z\r\nDTSTART:20250103T120000Z\r\nDURATION:PT2H\r\n",
			"RECURRENCE-ID:20250104T100000Z\r\nDTSTART:20250104T180000Z\r\nDURATION:PT1H\r\n"}, "", "",
			"20250101T100000Z/20250101T110000Z 20250102T100000Z/20250102T110000Z 20250103T120000Z/20250103T140000Z* 20250104T180000Z/20250104T190000Z* 20250105T120000Z/20250105T140000Z*"},
		{"this and future by a month, found by the new date", []string{"DTSTART:20250101T100000Z\r\nRRULE:FREQ=WEEKLY\r\n", "RECURRENCE-ID;RANGE=THISANDFUTURE:20250108T100000Z\r\nDTSTART:20250208T100000Z\r\n"}, "20260101", "20260110", ""},
		{"long before and long", []string{"DTSTART:20250101T100000Z\r\nDURATION:P20D\r\nRRULE:FREQ=MONTHLY\r\n"}, "20600318", "20600319", "20600301T100000Z/20600321T100000Z"},
		{"days for ever", []string{"DTSTART;VALUE=DATE:19900101\r\nRRULE:FREQ=DAILY\r\n"}, "20600101T120000Z", "20600101T130000Z", "20591231T230000Z/20600101T230000Z"},
		{"too many", []string{"DTSTART;VALUE=DATE:19900101\r\nRRULE:FREQ=DAILY\r\n"}, "20600101", "", ErrTooManyInstances.Error()},
		{"an alone override with a rule is a series", []string{"RECURRENCE-ID:20250101T100000Z\r\nDTSTART:20250101T100000Z\r\nRRULE:FREQ=DAILY;COUNT=2\r\n"}, "", "", "20250101T100000Z/20250101T100000Z 20250102T100000Z/20250102T100000Z"},
		{"UNTIL in UTC on Berlin's clock", []string{"DTSTART;TZID=Europe/Berlin:20250101T003000\r\nRRULE:FREQ=DAILY;UNTIL=20250102T233000Z\r\n"}, "", "", "20241231T233000Z/20241231T233000Z 20250101T233000Z/20250101T233000Z 20250102T233000Z/20250102T233000Z"},
	} {
		o := object(t, c.events...)
		want := strings.TrimSpace(c.want)
		if strings.HasPrefix(c.name, "this and future by a month") {
			// A shift of 31 days: what shows on 7 January was meant for 7 December.
			all, err := o.Instances(context.Background(), at(c.from), at(c.to), berlin, 10)
			if err != nil || len(all) != 1 || FormatDate(all[0].RecurrenceID) != "20251203" {
				t.Errorf("%s: %v %v", c.name, all, err)
			}
			continue
		}
		if got := list(t, o, c.from, c.to, berlin); got != want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, want)
		}
		// What overlaps lies within the bounds, whatever the zone.
		all, err := o.Instances(context.Background(), at(c.from), at(c.to), time.FixedZone("", 14*3600), 100)
		from, to, open := o.Bounds()
		for _, i := range all {
			if i.Start.Before(from) || !open && !i.End.Before(to) {
				t.Errorf("%s: %v to %v is outside of %v to %v", c.name, i.Start, i.End, from, to)
			}
		}
		if found, err2 := o.Overlaps(context.Background(), at(c.from), at(c.to), berlin); err == nil && (err2 != nil || found != (want != "")) {
			t.Errorf("%s: overlaps %v, %v", c.name, found, err2)
		}
	}
}

// TestTasks is RFC 4791 9.9's table for VTODO; ranges are hours of a day.
func TestTasks(t *testing.T) {
	for _, c := range []struct {
		properties string
		in, out    []string
	}{
		{"DTSTART:10 DURATION:PT2H", []string{"09-11", "12-13", "10-11", "11-12"}, []string{"08-09", "13-14"}},
		{"DTSTART:10 DUE:12", []string{"09-11", "11-12", "08-13", "10-11"}, []string{"12-13", "08-10"}},
		{"DTSTART:10", []string{"10-11", "09-11"}, []string{"11-12", "08-10"}},
		{"DUE:12", []string{"11-12", "11-13"}, []string{"12-13", "10-11"}},
		{"COMPLETED:12 CREATED:10", []string{"09-11", "11-13", "10-12", "08-10", "12-14"}, []string{"13-14", "07-09"}},
		{"COMPLETED:12", []string{"12-13", "11-12"}, []string{"13-14", "10-11"}},
		{"CREATED:10", []string{"10-11", "20-21"}, []string{"09-10"}},
		{"", []string{"00-01", "22-23"}, nil},
	} {
		var properties string
		for p := range strings.FieldsSeq(c.properties) {
			name, value, _ := strings.Cut(p, ":")
			if name != "DURATION" {
				value = "20250101T" + value + "0000Z"
			}
			properties += name + ":" + value + "\r\n"
		}
		o := parsed(t, text(component("VTODO", properties)))
		ask := func(r string) bool {
			from, to, _ := strings.Cut(r, "-")
			found, err := o.Overlaps(context.Background(), at("20250101T"+from+"0000Z"), at("20250101T"+to+"0000Z"), nil)
			bf, bt, open := o.Bounds()
			if found && (!bf.Before(at("20250101T"+to+"0000Z").Add(time.Second)) || !open && !bt.After(at("20250101T"+from+"0000Z"))) {
				t.Errorf("%s: %s overlaps and is outside of the bounds %v %v", c.properties, r, bf, bt)
			}
			return found && err == nil
		}
		for _, r := range c.in {
			if !ask(r) {
				t.Errorf("%q does not overlap %s", c.properties, r)
			}
		}
		for _, r := range c.out {
			if ask(r) {
				t.Errorf("%q overlaps %s", c.properties, r)
			}
		}
	}
	// A task that recurs by its DUE.
	o := parsed(t, text(component("VTODO", "DUE:20250101T120000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\n")))
	all, err := o.Instances(context.Background(), at("20250102"), at("20250103"), nil, 10)
	if err != nil || len(all) != 1 || FormatUTC(all[0].End) != "20250102T120000Z" || !all[0].Start.IsZero() {
		t.Errorf("a task with DUE alone: %v %v", all, err)
	}
}

func TestJournalsAndFreeBusy(t *testing.T) {
	ask := func(o *Object, from, to string) bool {
		found, err := o.Overlaps(context.Background(), at(from), at(to), nil)
		return found && err == nil
	}
	day := parsed(t, text(component("VJOURNAL", "DTSTART;VALUE=DATE:20250101\r\n")))
	moment := parsed(t, text(component("VJOURNAL", "DTSTART:20250101T100000Z\r\n")))
	none := parsed(t, text(component("VJOURNAL", "")))
	if !ask(day, "20250101T230000Z", "20250105") || ask(day, "20250102", "20250103") || !ask(moment, "20250101", "20250102") ||
		ask(moment, "20250101T100001Z", "20250102") || ask(none, "", "") {
		t.Error("journal entries")
	}
	if from, to, open := none.Bounds(); !from.Equal(to) || open {
		t.Error("a journal entry without a date has bounds")
	}
	whole := parsed(t, text(component("VFREEBUSY", "DTSTART:20250101T000000Z\r\nDTEND:20250108T000000Z\r\nFREEBUSY;FBTYPE=FREE:20250103T100000Z/PT1H\r\n")))
	parts := parsed(t, text(component("VFREEBUSY", "FREEBUSY:20250103T100000Z/PT1H,20250105T100000Z/20250105T120000Z\r\n")))
	if !ask(whole, "20250105", "20250106") || ask(parts, "20250104", "20250105") || !ask(parts, "20250103", "20250104") {
		t.Error("free-busy components")
	}
}

func TestAlarms(t *testing.T) {
	alarm := func(properties string) string {
		return "BEGIN:VALARM\r\nACTION:DISPLAY\r\n" + properties + "END:VALARM\r\n"
	}
	o := object(t, "DTSTART;TZID=Europe/Berlin:20250101T100000\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY\r\n"+
		alarm("TRIGGER:-P1D\r\n")+alarm("TRIGGER;RELATED=END:PT5M\r\nREPEAT:2\r\nDURATION:PT10M\r\n")+alarm("TRIGGER;VALUE=DATE-TIME:20250105T060000Z\r\n"))
	all, err := o.Alarms(context.Background(), at("20250105"), at("20250106"), nil, 100)
	var got []string
	for _, a := range all {
		got = append(got, FormatUTC(a.Trigger))
	}
	want := "[20250105T060000Z 20250105T090000Z 20250105T100500Z 20250105T101500Z 20250105T102500Z]"
	if err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v", got, err)
	}
	once := object(t, "DTSTART:20250101T100000Z\r\n"+alarm("TRIGGER:-P10D\r\n")+alarm("TRIGGER:nonsense\r\n")+alarm(""))
	from, to, _ := once.AlarmBounds()
	all, err = once.Alarms(context.Background(), at("20241222"), at("20241223"), nil, 100)
	if err != nil || len(all) != 1 || all[0].Trigger.Before(from) || !all[0].Trigger.Before(to) {
		t.Errorf("%v %v, bounds %v %v", all, err, from, to)
	}
	due := parsed(t, text(component("VTODO", "DUE:20250101T100000Z\r\n"+alarm("TRIGGER:-PT1H\r\n"))))
	if all, err := due.Alarms(context.Background(), at("20250101T090000Z"), at("20250101T090001Z"), nil, 1); err != nil || len(all) != 1 {
		t.Errorf("a task with DUE alone: %v %v", all, err)
	}
}

func TestBusyTime(t *testing.T) {
	ask := func(o *Object) string {
		all, err := o.BusyTime(context.Background(), at("20250101"), at("20250103"), nil, 100)
		if err != nil {
			return err.Error()
		}
		var out []string
		for _, b := range MergeBusy(all) {
			out = append(out, b.Type+" "+FormatUTC(b.Start)+"/"+FormatUTC(b.End))
		}
		return strings.Join(out, ", ")
	}
	event := "DTSTART:20241231T220000Z\r\nDURATION:PT4H\r\n"
	for _, c := range []struct {
		o    *Object
		want string
	}{
		{object(t, event), "BUSY 20250101T000000Z/20250101T020000Z"},
		{object(t, event+"TRANSP:TRANSPARENT\r\n"), ""},
		{object(t, event+"STATUS:CANCELLED\r\n"), ""},
		{object(t, event+"STATUS:TENTATIVE\r\n"), "BUSY-TENTATIVE 20250101T000000Z/20250101T020000Z"},
		{object(t, "DTSTART:20250101T100000Z\r\n"), ""},
		{object(t, event+"RRULE:FREQ=DAILY\r\n", "RECURRENCE-ID:20250101T220000Z\r\nDTSTART:20250101T220000Z\r\nDURATION:PT4H\r\nSTATUS:CANCELLED\r\n"), "BUSY 20250101T000000Z/20250101T020000Z, BUSY 20250102T220000Z/20250103T000000Z"},
		{parsed(t, text(component("VTODO", event))), ""},
		{parsed(t, text(component("VFREEBUSY", "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20250101T100000Z/PT1H\r\nFREEBUSY:20250101T110000Z/PT1H,20250101T120000Z/PT1H\r\nFREEBUSY;FBTYPE=FREE:20250102T100000Z/PT1H\r\n"))),
			"BUSY-UNAVAILABLE 20250101T100000Z/20250101T110000Z, BUSY 20250101T110000Z/20250101T130000Z"},
	} {
		if got := ask(c.o); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestPropertyOverlaps(t *testing.T) {
	o := parsed(t, text(component("VTODO", "COMPLETED:20250101T100000Z\r\nEXDATE;VALUE=DATE:20250201,20250301\r\nX-WHEN;VALUE=DATE:20250401\r\nSUMMARY:20250101T100000Z\r\n")))
	for name, want := range map[string]bool{"COMPLETED": true, "EXDATE": false, "X-WHEN": false, "SUMMARY": false} {
		if got := o.PropertyOverlaps(*o.Master.Property(name), at("20250101"), at("20250102"), nil); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if !o.PropertyOverlaps(*o.Master.Property("EXDATE"), at("20250301T100000Z"), at("20250302"), nil) || !o.PropertyOverlaps(*o.Master.Property("X-WHEN"), at("20250401"), at("20250402"), nil) {
		t.Error("days")
	}
}

func TestCount(t *testing.T) {
	o := object(t, "DTSTART:20250101T100000Z\r\nRRULE:FREQ=DAILY;COUNT=7\r\nEXDATE:20250102T100000Z\r\n", "RECURRENCE-ID:20250103T100000Z\r\nDTSTART:20250103T120000Z\r\n")
	if n, err := o.Count(context.Background(), 100); n != 6 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	if n, _ := o.Count(context.Background(), 3); n != 4 {
		t.Errorf("%d", n)
	}
}
