package ical

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// corpus returns the folder of the test corpus, or "" with a word about it.
func corpus(t testing.TB, parts ...string) string {
	root := os.Getenv("FACHWERK_CORPUS")
	if root == "" {
		t.Log("FACHWERK_CORPUS is not set: only messages made by this package are read")
		return ""
	}
	return filepath.Join(append([]string{root, "ics"}, parts...)...)
}

// oracleExceptions are the files of kcalendarcore whose expected days differ
// from ours, each with the reason.
//
// In all of them DTSTART does not match the rule, which RFC 5545 3.8.5.3 leaves
// undefined. Elsewhere KDE has DTSTART as an instance that COUNT does not count,
// as is done here.
var oracleExceptions = map[string]string{
	"KOrganizer_Test01": "KDE leaves DTSTART out of what an old KOrganizer wrote; here it is there beside the 27",
	"KOrganizer_Test10": "KDE leaves DTSTART out of what an old KOrganizer wrote; here it is there beside the 13",
	"KOrganizer_Test13": "KDE leaves DTSTART out of what an old KOrganizer wrote; here it is there beside the others",
}

// TestRecurrenceOracle compares with the days that KDE's library expects: those
// from July 1996 to 2020 (one file: 2021) on which an instance starts, at most 501 for each
// component, in the zone that the file names or UTC.
func TestRecurrenceOracle(t *testing.T) {
	root := corpus(t, "kcalendarcore", "autotests", "data", "RecurrenceRule")
	if root == "" {
		return
	}
	files, met := 0, 0
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".recurson.ref") {
			return err
		}
		files++
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(strings.TrimSuffix(path, ".recurson.ref"))
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(path), ".ics.recurson.ref")
		lastYear := 2020
		if strings.Contains(string(want), "2021-") {
			lastYear++
		}
		got, err := recursOn(data, lastYear)
		same := err == nil && got == strings.TrimSpace(strings.ReplaceAll(string(want), "\r", ""))
		reason, excepted := oracleExceptions[name]
		switch {
		case same && excepted:
			t.Errorf("%s agrees now, but is listed: %s", name, reason)
		case same:
			met++
		case !excepted:
			t.Errorf("%s: %v\n%s", name, err, firstDifference(strings.TrimSpace(string(want)), got))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d files as expected, %d exceptions", met, files, len(oracleExceptions))
	if files < 140 {
		t.Errorf("only %d files", files)
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	at := 0
	for at < min(len(w), len(g)) && w[at] == g[at] {
		at++
	}
	return fmt.Sprintf("%d days and not %d, from number %d on: want %v, got %v", len(g), len(w), at+1, w[at:min(len(w), at+4)], g[at:min(len(g), at+4)])
}

// recursOn lists the days on which the components of a calendar recur.
func recursOn(data []byte, lastYear int) (string, error) {
	calendar, err := Parse(data)
	if err != nil {
		return "", err
	}
	zone := time.UTC
	if name := calendar.Value("X-LIBKCAL-TESTSUITE-OUTTZ"); name != "" {
		if zone, err = time.LoadLocation(name); err != nil {
			return "", err
		}
	}
	var out []string
	for _, c := range calendar.Components {
		if KindOf(c.Name) == 0 {
			continue
		}
		one := &Component{Name: "VCALENDAR"}
		for _, z := range calendar.Components {
			if z.Name == "VTIMEZONE" {
				one.Components = append(one.Components, z)
			}
		}
		if c.Property("UID") == nil {
			c.Properties = append(c.Properties, Property{Name: "UID", Value: "made for the test"})
		}
		one.Components = append(one.Components, c)
		o, err := NewObject(one)
		if err != nil {
			return "", err
		}
		from, to := time.Date(1996, 7, 1, 0, 0, 0, 0, zone), time.Date(lastYear+1, 1, 1, 0, 0, 0, 0, zone)
		if o.Kind&Recurring == 0 { // the oracle lists what recurs
			continue
		}
		n, last := 0, ""
		for at := from; at.Before(to) && n <= 500; at = at.AddDate(0, 1, 0) { // rules by the minute are too much for 25 years at once
			list, err := o.Instances(context.Background(), at, at.AddDate(0, 1, 0), zone, 0)
			if err != nil {
				return "", err
			}
			for _, i := range list {
				day := i.Start.In(zone).Format("2006-01-02")
				if i.Start.Before(at) || !i.Start.Before(at.AddDate(0, 1, 0)) || day == last || n > 500 {
					continue
				}
				out = append(out, day)
				last = day
				n++
			}
		}
	}
	return strings.Join(out, "\n"), nil
}
