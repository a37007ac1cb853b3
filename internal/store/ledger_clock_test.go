package store_test

import (
	"testing"
	"time"

	"fachwerk/internal/store/storetest"
	"fachwerk/location"
)

// What a machine has kept whose clock was a month ahead counts as seen now: neither does a
// site pass for seen until then, nor does a difference outlive what is seen of it later.
func TestNothingIsSeenInTheFuture(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	ahead := time.Now().AddDate(0, 1, 0)
	must(t, p.SaveObservations(t.Context(), storetest.Site.Name, []location.Observation{
		{Site: storetest.Site.Name, Part: location.Database, Check: location.System, State: location.Matches, Seen: "711", At: ahead},
		{Site: storetest.Site.Name, Part: location.Database, Check: location.Standbys, Subject: "x", State: location.Differs,
			Finding: location.StandbyUndeclared, At: ahead, Tried: ahead},
	}))
	run, err := p.LastObservations(t.Context(), storetest.Site.Name)
	must(t, err)
	if len(run) != 2 {
		t.Fatalf("%+v", run)
	}
	for _, o := range run {
		if now := time.Now(); o.At.After(now) || o.Tried.After(now) {
			t.Errorf("seen in the future: %+v", o)
		}
	}
}
