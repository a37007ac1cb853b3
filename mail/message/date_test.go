package message

import (
	"net/mail"
	"testing"
	"time"
)

func TestParseDate(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{"Mon, 2 Nov 2026 10:20:30 +0100", "2026-11-02T10:20:30+01:00"},
		{" 2 Nov 2026 10:20 -0930 (x (y))", "2026-11-02T10:20:00-09:30"},
		{"Montag, 02 November 2026 10:20:30 CET", "2026-11-02T10:20:30+01:00"},
		{"Mon Nov  2 10:20:30 2026", "2026-11-02T10:20:30Z"},
		{"Mon, 2-Nov-26 10:20:30 GMT", "2026-11-02T10:20:30Z"},
		{"2 Nov 98 10:20:30 EST", "1998-11-02T10:20:30-05:00"},
		{"2 Nov 126 10:20", "2026-11-02T10:20:00Z"},
		{"2 Nov 2026", "2026-11-02T00:00:00Z"},
		{"2 (zwei) Nov\r\n 2026 1:2:3 +0000", "2026-11-02T01:02:03Z"},
		{"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00"}, // RFC 5322 A.6.3
		{"2 Nov 2026 10:20:60 +0000", "2026-11-02T10:21:00Z"},
		{"2 Nov 2026 10:20:30 +9999", "2026-11-02T10:20:30Z"},
		{"31 Feb 2026 10:20:30 +0000", ""},
		{"2 Nov 2026 25:00:00 +0000", ""},
		{"2 Nov 2026 1:2:3:4", ""},
		{"2 Nov", ""},
		{"heute", ""},
		{"", ""},
		{"(", ""},
	} {
		got := ""
		if d, ok := ParseDate(tt.body); ok {
			got = d.Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.body, got, tt.want)
		}
	}
}

// TestParseDateAgrees compares with the strict reader of the standard library where that one reads a date.
func TestParseDateAgrees(t *testing.T) {
	read, strict := 0, 0
	for _, s := range samples(t) {
		body := Scan(s.data, Limits{}).Envelope.Date
		got, ok := ParseDate(body)
		if ok {
			read++
		}
		want, err := mail.ParseDate(body)
		if err != nil {
			continue
		}
		strict++
		if _, offset := want.Zone(); !ok || !got.Equal(want) && offset != 0 {
			t.Errorf("%s: %q is %v (%v), want %v", s.name, body, got, ok, want)
		}
	}
	t.Logf("%d dates read, %d by net/mail", read, strict)
}

func FuzzParseDate(f *testing.F) {
	f.Add("Mon, 2 Nov 2026 10:20:30 +0100 (x)")
	f.Add("2-Nov-26 1:2 EST")
	f.Fuzz(func(t *testing.T, body string) {
		if d, ok := ParseDate(body); ok && (d.Year() < 0 || d.Year() > 10_000) {
			t.Fatalf("%q: %v", body, d)
		}
	})
}
