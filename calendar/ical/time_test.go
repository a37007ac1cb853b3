package ical

import (
	"testing"
	"time"
)

func TestCivil(t *testing.T) {
	for d := -800_000; d < 800_000; d += 37 {
		year, month, dom := dateOf(d)
		want := time.Unix(int64(d)*day, 0).UTC()
		if year != want.Year() || month != int(want.Month()) || dom != want.Day() || daysTo(year, month, dom) != d ||
			(weekday(d)+1)%7 != int(want.Weekday()) || yearLength(year) != time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC).YearDay() {
			t.Fatalf("%d is %d-%d-%d", d, year, month, dom)
		}
	}
}

func TestDurations(t *testing.T) {
	for in, want := range map[string]Duration{
		"P1W": {Days: 7}, "P1D": {Days: 1}, "PT1H": {Exact: time.Hour}, "-P1DT2H3M4S": {Days: -1, Exact: -(2*time.Hour + 3*time.Minute + 4*time.Second)},
		"+PT5M": {Exact: 5 * time.Minute}, "P1W2D": {Days: 9}, "pt15m": {Exact: 15 * time.Minute}, " PT0S ": {}, "P0D": {},
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("%q: %+v %v", in, got, err)
		}
	}
	for _, in := range []string{"", "P", "1D", "P1", "PD", "PT1D", "P1H", "PT1H1", "P1DT2H;", "P99999999999D", "P1D1", "PTT1H", "P1000W1X"} {
		if d, err := ParseDuration(in); err == nil {
			t.Errorf("%q is read as %+v", in, d)
		}
	}
	berlin, _ := LookupZone("Europe/Berlin")
	noon := time.Date(2025, 3, 29, 12, 0, 0, 0, berlin)
	if got := (Duration{Days: 1}).Add(noon); got.Sub(noon) != 23*time.Hour || got.Hour() != 12 {
		t.Errorf("a day: %v", got)
	}
	if got := (Duration{Exact: 24 * time.Hour}).Add(noon); got.Sub(noon) != 24*time.Hour {
		t.Errorf("24 hours: %v", got)
	}
}

func TestTimes(t *testing.T) {
	berlin, _ := LookupZone("Europe/Berlin")
	for in, want := range map[string]string{
		"20250701": "20250630T220000Z", "20250701T120000": "20250701T100000Z", "20250701T120000Z": "20250701T120000Z",
		" 20250701T120060Z": "20250701T120059Z", "20250701t240000z": "20250702T000000Z", "20240229": "20240228T230000Z", "00010101T000000Z": "00010101T000000Z",
	} {
		got, err := ParseTime(Property{Value: in}, LookupZone, berlin)
		if err != nil || FormatUTC(got.Time) != want {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
	for _, in := range []string{"", "2025", "20250229", "20250132", "20251301", "20250000", "20250101T", "20250101T250000", "20250101T126000", "20250101T120061",
		"20250101T1200", "20250101X120000", "20250101T120000+0100", "2025-01-01", "2O250101", "20250101T240001"} {
		if got, err := ParseTime(Property{Value: in}, LookupZone, nil); err == nil {
			t.Errorf("%q is read as %v", in, got)
		}
	}
	got, err := ParseTime(Property{Value: "20250701", Params: nil}, nil, nil)
	if err != nil || !got.Date || !got.Floating || FormatDate(got.Time) != "20250701" {
		t.Errorf("%+v %v", got, err)
	}
}
