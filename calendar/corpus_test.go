package calendar

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/calendar/ical"
)

// corpus answers the calendars of FACHWERK_CORPUS by path, else the samples.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	dir := os.Getenv("FACHWERK_CORPUS")
	if dir == "" {
		t.Log("FACHWERK_CORPUS is not set: using the objects made in this test")
		for name, components := range samples {
			files[name] = text(components)
		}
		return files
	}
	root := filepath.Join(dir, "ics")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "LICENSE") || strings.HasSuffix(path, ".ref") {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, root)] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Each calendar is taken or refused with a precondition and a sentence, in short
// time; what is taken can be asked anything.
func TestCorpus(t *testing.T) {
	s := New(Options{})
	refused := map[string]int{}
	taken := 0
	for path, data := range corpus(t) {
		began := time.Now()
		o, err := s.Read(t.Context(), data, nil)
		if r := (*Refusal)(nil); errors.As(err, &r) {
			refused[r.Precondition]++
			sentence(t, r.Reason)
		} else if err != nil {
			t.Errorf("%s: %v", path, err)
		} else {
			taken++
			ask(t, path, o)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s took %v", path, took)
		}
	}
	t.Logf("%d taken, refused: %v", taken, refused)
	if taken == 0 {
		t.Error("none was taken")
	}
}

// ask puts every kind of question to an object.
func ask(t testing.TB, path string, o *ical.Object) {
	t.Helper()
	from := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	span := TimeRange{Start: from, End: from.AddDate(60, 0, 0)}
	name := o.Kind.Component()
	for _, f := range []Filter{
		comp(name, CompFilter{Range: &span}),
		comp(name, CompFilter{Range: &TimeRange{Start: span.Start}, Props: []PropFilter{{Name: "DTSTART", Range: &span}}}),
		comp(name, CompFilter{Comps: []CompFilter{{Name: "VALARM", Range: &span}}}),
	} {
		matches, err := f.Matches(t.Context(), o, nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if w, _, never := f.window(); matches && (never || !inWindow(w, Index(o))) {
			t.Errorf("%s matches, but the index does not find it", path)
		}
	}
	for _, r := range []Retrieval{
		{Expand: &TimeRange{Start: from, End: from.AddDate(1, 0, 0)}},
		{LimitRecurrence: &span},
		{LimitFreeBusy: &span, Comp: &Selection{Name: "VCALENDAR"}},
	} {
		left := 100_000
		out, err := r.Append(t.Context(), nil, o, nil, &left)
		if err != nil {
			if !errors.Is(err, ErrTooMuch) {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		again, err := ical.Parse(out)
		if err != nil {
			t.Errorf("%s: what is retrieved is no iCalendar: %v", path, err)
		} else if again.Name != "VCALENDAR" {
			t.Errorf("%s: %s is retrieved", path, again.Name)
		} else if r.Expand != nil && recurs(again) {
			t.Errorf("%s: expanded, and yet it recurs", path)
		}
	}
	if _, err := o.BusyTime(t.Context(), span.Start, span.End, nil, 100_000); err != nil && !errors.Is(err, ical.ErrTooManyInstances) {
		t.Errorf("%s: %v", path, err)
	}
}

// recurs reports whether a component of the calendar does, or a zone is left. An RRULE
// anywhere else, in an alarm perhaps, means nothing.
func recurs(calendar *ical.Component) bool {
	return slices.ContainsFunc(calendar.Components, func(c *ical.Component) bool {
		return c.Property("RRULE") != nil || c.Name == "VTIMEZONE"
	})
}

func FuzzRead(f *testing.F) {
	for name := range samples {
		f.Add(text(samples[name]))
	}
	s := New(Options{})
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := s.Read(t.Context(), data, nil)
		if err != nil {
			var r *Refusal
			if !errors.As(err, &r) || r.Precondition == "" || r.Reason == "" {
				t.Errorf("no refusal: %v", err)
			}
			return
		}
		ask(t, "fuzz", o)
	})
}
