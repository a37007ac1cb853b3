package ical

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/contentline"
)

func TestParse(t *testing.T) {
	in := text(component("VEVENT", "DTSTART;TZID=\"Europe/Berlin\":20250101T100000\r\nSUMMARY;X-A=^n:a\\, b\r\n c\r\nBEGIN:VALARM\r\nTRIGGER:PT0S\r\nEND:VALARM\r\n"))
	c, err := Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	event := c.Components[0]
	if event.Name != "VEVENT" || event.Property("SUMMARY").Text() != "a, bc" || event.Components[0].Value("TRIGGER") != "PT0S" || event.Property("DTEND") != nil || event.Value("DTEND") != "" {
		t.Errorf("%+v", event)
	}
	again, err := Parse(c.Append(nil))
	if err != nil || !reflect.DeepEqual(c, again) {
		t.Errorf("it comes back otherwise: %v", err)
	}
}

func TestWhatIsNoCalendar(t *testing.T) {
	event := component("VEVENT", "DTSTART:20250101\r\n")
	for name, in := range map[string]string{
		"nothing": "", "blank": "\r\n\r\n", "a bare component": event, "a line": "SUMMARY:x\r\n", "cut off": text(event)[:100],
		"another end": "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\nEND:VEVENT\r\n", "two calendars": text(event) + text(event),
		"something after": text(event) + "X:y\r\n", "no colon": "BEGIN:VCALENDAR\r\nX\r\nEND:VCALENDAR\r\n",
		"deep": "BEGIN:VCALENDAR\r\n" + strings.Repeat("BEGIN:VEVENT\r\n", 1000), "many": "BEGIN:VCALENDAR\r\n" + strings.Repeat("BEGIN:X\r\nEND:X\r\n", MaxComponents+1) + "END:VCALENDAR\r\n",
		"large": "BEGIN:VCALENDAR\r\nX:" + strings.Repeat("x", MaxBytes) + "\r\nEND:VCALENDAR\r\n", "an odd name": "BEGIN:VCALENDAR\r\nBEGIN:V EVENT\r\nEND:V EVENT\r\nEND:VCALENDAR\r\n",
	} {
		_, err := Parse([]byte(in))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Reason == "" {
			t.Errorf("%s: %v", name, err)
		}
		if name == "deep" || name == "many" || name == "large" {
			if !errors.Is(err, contentline.ErrTooLarge) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestCorpus reads every calendar of the corpus: it parses, comes back from
// Append as it was and answers every question, or it is refused with a reason;
// each in bounded time.
func TestCorpus(t *testing.T) {
	root := corpus(t)
	if root == "" {
		return
	}
	files, whole, refused := 0, 0, map[string]int{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "LICENSE") || strings.HasSuffix(path, ".ref") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		began := time.Now()
		for c, err := range calendars(data) {
			var syntax *SyntaxError
			if err != nil {
				if !errors.As(err, &syntax) {
					t.Errorf("%s: %v", path, err)
					break
				}
				refused[syntax.Reason]++
				continue
			}
			again, err := Parse(c.Append(nil))
			if err != nil || !reflect.DeepEqual(c, again) {
				t.Errorf("%s comes back otherwise: %v", path, err)
			}
			for _, part := range split(c) {
				if reason := askEverything(t, path, part); reason != "" {
					refused[reason]++
				} else {
					whole++
				}
			}
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s takes %v", path, took)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d objects", files, whole)
	for reason, n := range refused {
		t.Logf("%4d refused: %s", n, reason)
	}
	if files < 600 || whole < 1500 {
		t.Errorf("only %d files, %d objects", files, whole)
	}
}

// askEverything asks an object all that can be asked; it returns why it is none.
func askEverything(t testing.TB, path string, c *Component) string {
	o, err := NewObject(c)
	if err != nil {
		var wrong *InvalidError
		if !errors.As(err, &wrong) || wrong.Precondition == "" || wrong.Reason == "" {
			t.Errorf("%s: %v", path, err)
		}
		return wrong.Error()
	}
	ctx := context.Background()
	berlin, _ := LookupZone("Europe/Berlin")
	from, to, open := o.Bounds()
	for _, year := range []int{1990, 2005, 2015, 2025, 2060} {
		begin, end := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
		all, err := o.Instances(ctx, begin, end, berlin, 100_000)
		if err != nil && !errors.Is(err, ErrTooManyInstances) {
			t.Errorf("%s: %v", path, err)
		}
		found, err2 := o.Overlaps(ctx, begin, end, berlin)
		if err == nil && (err2 != nil || found != (len(all) > 0)) {
			t.Errorf("%s: overlaps %v, %v; %d instances", path, found, err2, len(all))
		}
		for _, i := range all {
			if o.Kind&(Event|Journal) != 0 && (i.Start.Before(from) || !open && !i.End.Before(to)) || from.After(end) || !open && to.Before(begin) {
				t.Errorf("%s: from %v to %v, bounds %v to %v", path, i.Start, i.End, from, to)
				break
			}
		}
		alarms, err := o.Alarms(ctx, begin, end, berlin, 1000)
		first, last, endless := o.AlarmBounds()
		for _, a := range alarms {
			if a.Trigger.Before(first) || !endless && !a.Trigger.Before(last) {
				t.Errorf("%s: alarm at %v, bounds %v to %v", path, a.Trigger, first, last)
				break
			}
		}
		_, err2 = o.BusyTime(ctx, begin, end, berlin, 1000)
		if err != nil && !errors.Is(err, ErrTooManyInstances) || err2 != nil && !errors.Is(err2, ErrTooManyInstances) {
			t.Errorf("%s: %v %v", path, err, err2)
		}
	}
	if _, err := o.Count(ctx, 1000); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	for _, p := range c.Components[len(c.Components)-1].Properties {
		o.PropertyOverlaps(p, from, to, nil)
	}
	return ""
}
