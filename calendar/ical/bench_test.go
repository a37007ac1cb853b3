package ical

import (
	"context"
	"testing"
)

// BenchmarkMonth is what a month's query does with each candidate that recurs.
func BenchmarkMonth(b *testing.B) {
	in := []byte(text(component("VEVENT", "DTSTART;TZID=Europe/Berlin:20150101T100000\r\nDTEND;TZID=Europe/Berlin:20150101T110000\r\n"+
		"RRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR\r\nSUMMARY:Dienstbesprechung\r\nLOCATION:Rathaus\r\nEXDATE;TZID=Europe/Berlin:20250103T100000\r\n")))
	b.ReportAllocs()
	for b.Loop() {
		c, err := Parse(in)
		if err != nil {
			b.Fatal(err)
		}
		o, err := NewObject(c)
		if err != nil {
			b.Fatal(err)
		}
		all, err := o.Instances(context.Background(), at("20250101"), at("20250201"), nil, 100)
		if err != nil || len(all) != 13 {
			b.Fatal(len(all), err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	in := []byte(text(component("VEVENT", "DTSTART;TZID=Europe/Berlin:20150101T100000\r\nDTEND;TZID=Europe/Berlin:20150101T110000\r\nSUMMARY:Dienstbesprechung\r\nLOCATION:Rathaus\r\n")))
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		c, err := Parse(in)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := NewObject(c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOwnZone(b *testing.B) {
	c := timezone(b, outlook).Components[0]
	for b.Loop() {
		if _, err := NewZone(c); err != nil {
			b.Fatal(err)
		}
	}
}
