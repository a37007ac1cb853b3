package dav

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// TestDate: as the layout says, for any time.
func TestDate(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	times := []time.Time{{}, time.Unix(0, 0), time.Date(2024, 2, 29, 23, 59, 59, 999, berlin), time.Date(9999, 12, 31, 23, 30, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 30, 0, 0, time.FixedZone("", -3600)), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)}
	for range 2000 {
		times = append(times, time.Unix(rand.Int64N(300e9)-60e9, 0))
	}
	for _, at := range times {
		if got, want := string(appendDate(nil, at)), at.UTC().Format(http.TimeFormat); got != want {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
}
