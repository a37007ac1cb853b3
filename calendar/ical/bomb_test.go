package ical_test

import (
	"errors"
	"strings"
	"testing"

	"fachwerk/calendar/ical"
	"fachwerk/internal/contentline"
)

// A calendar takes a few times its size in memory, whatever it is made of.
func TestCalendarsThatTakeMemoryAreRefused(t *testing.T) {
	for name, line := range map[string]string{
		"lines":             "X:\r\n",
		"parameters":        "X;A=;B=;C=:\r\n",
		"values":            "X;A=" + strings.Repeat(",", 500) + ":\r\n",
		"one parameter":     "X;A=" + strings.Repeat(",", 1<<20) + ":\r\n",
		"nested components": "BEGIN:A\r\nEND:A\r\n",
	} {
		data := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + strings.Repeat(line, 5<<20/len(line)) + "END:VEVENT\r\nEND:VCALENDAR\r\n"
		_, err := ical.Parse([]byte(data))
		if syntax := (*ical.SyntaxError)(nil); !errors.As(err, &syntax) || name != "one parameter" && !errors.Is(err, contentline.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
