package calendar

import (
	"errors"
	"strings"
	"testing"
)

// A time zone comes in requests and properties: it is small.
func TestParseZoneIsBounded(t *testing.T) {
	zone := func(more string) []byte {
		return text("BEGIN:VTIMEZONE\nTZID:Musterzeit\n" + more +
			"BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n")
	}
	if _, id, err := ParseZone(zone("")); err != nil || id != "Musterzeit" {
		t.Fatalf("%q, %v", id, err)
	}
	var r *Refusal
	if _, _, err := ParseZone(zone(strings.Repeat("X:x\n", maxZone/4))); !errors.As(err, &r) || r.Precondition != "valid-calendar-data" {
		t.Errorf("a large one: %v", err)
	}
}
