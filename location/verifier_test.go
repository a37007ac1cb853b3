package location_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fachwerk/location"
	"fachwerk/location/locationtest"
)

// stage shows what a test has put on it.
type stage struct {
	mu       sync.Mutex
	database location.DatabaseFacts
	objects  location.ObjectsFacts
	looks    int
}

func (s *stage) Database(context.Context) location.DatabaseFacts {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return s.database
}

func (s *stage) Objects(context.Context) location.ObjectsFacts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects
}

func (s *stage) show(key, system string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := netip.MustParseAddr("10.1.0.5")
	s.database = location.DatabaseFacts{Facts: location.Facts{Connections: []location.Connection{
		{Name: "new", Remote: at, System: system, Certificate: &location.Certificate{Key: key}}}}, Synchronous: "b", Commit: "on",
		Streams: []location.Stream{{Name: "b", Address: at}}}
	s.objects = location.ObjectsFacts{Facts: location.Facts{Folder: &location.Folder{Path: "/srv", Filesystem: "ext4"}}}
}

func (s *stage) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks
}

func verifier(t *testing.T, s *stage, l location.Ledger, change func(*location.VerifierOptions)) (*location.Verifier, *location.Guard) {
	t.Helper()
	g, err := location.New([]location.Site{town()})
	if err != nil {
		t.Fatal(err)
	}
	o := location.VerifierOptions{Guard: g, Observers: map[string]location.Observer{"nord": s}, Ledger: l}
	if change != nil {
		change(&o)
	}
	v, err := location.NewVerifier(o)
	if err != nil {
		t.Fatal(err)
	}
	return v, g
}

var strict = location.Subject{Home: "nord", RefuseOnMismatch: true}

func once(t *testing.T, v *location.Verifier) []location.Observation {
	t.Helper()
	run, err := v.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func wantAllowed(t *testing.T, g *location.Guard, what string, want error) {
	t.Helper()
	if err := g.Allow("nord", strict, location.Content); !errors.Is(err, want) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func TestEverySiteIsObserved(t *testing.T) {
	g, err := location.New([]location.Site{town()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := location.NewVerifier(location.VerifierOptions{Guard: g, Ledger: locationtest.NewMemory()}); err == nil {
		t.Error("a site without an observer was accepted")
	}
}

func TestVerifierTellsTheGuard(t *testing.T) {
	s, l := &stage{}, locationtest.NewMemory()
	s.show("key", "711")
	var told int
	v, g := verifier(t, s, l, func(o *location.VerifierOptions) {
		o.Observed = func(site string, run []location.Observation) { told += len(run) }
	})
	wantAllowed(t, g, "before", location.ErrMismatch)
	run := once(t, v)
	wantAllowed(t, g, "as declared", nil)
	if told != len(run) || told == 0 {
		t.Errorf("%d observations for metrics, %d made", told, len(run))
	}
	s.show("stranger", "711")
	once(t, v)
	wantAllowed(t, g, "another key", location.ErrMismatch)
	if m := g.Mismatches("nord"); len(m) != 1 || m[0].Finding != location.Changed {
		t.Errorf("%+v", m)
	}
	kept, err := l.History(t.Context(), "nord", time.Now().Add(time.Hour), 1)
	if err != nil || len(kept) != 1 || kept[0].Finding != location.Changed {
		t.Errorf("%+v, %v", kept, err)
	}
	s.show("key", "711")
	once(t, v)
	wantAllowed(t, g, "as before again", nil)
}

func TestAChangeIsAccepted(t *testing.T) {
	s, l := &stage{}, locationtest.NewMemory()
	s.show("key", "711")
	v, g := verifier(t, s, l, nil)
	ctx := t.Context()
	if _, err := v.Accept(ctx, "nord", location.Database, location.Identity, "Olga"); !errors.Is(err, location.ErrNoObservation) {
		t.Errorf("nothing was seen, yet accepted: %v", err)
	}
	once(t, v)
	s.show("renewed", "711")
	once(t, v)
	wantAllowed(t, g, "renewed", location.ErrMismatch)
	// Another process accepts, as a command does.
	other, _ := verifier(t, s, l, nil)
	if _, err := other.Accept(ctx, "nord", location.Database, location.Identity, "Olga"); err != nil {
		t.Fatal(err)
	}
	once(t, v)
	wantAllowed(t, g, "accepted", nil)
	history, err := l.History(ctx, "nord", time.Now().Add(time.Hour), 100)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, o := range history {
		if o.Check == location.Identity && strings.Contains(o.Evidence, "accepted by Olga") {
			found++
		}
	}
	if found != 1 {
		t.Errorf("the history tells %d times who accepted", found)
	}
	for _, bad := range []struct {
		site  string
		check location.Check
	}{{"sued", location.Identity}, {"nord", location.Standbys}, {"nord", location.Addresses}} {
		if _, err := v.Accept(ctx, bad.site, location.Database, bad.check, "Olga"); !errors.Is(err, location.ErrNoObservation) {
			t.Errorf("%s %s: %v", bad.site, bad.check, err)
		}
	}
}

// What the process has seen outlives a ledger that was replaced together with the
// database in which it lies.
func TestALostLedgerForgetsNothing(t *testing.T) {
	s, l := &stage{}, &replaced{Memory: locationtest.NewMemory()}
	s.show("key", "711")
	v, g := verifier(t, s, l, nil)
	once(t, v)
	l.Memory = locationtest.NewMemory()
	s.show("key", "712")
	once(t, v)
	wantAllowed(t, g, "another database", location.ErrMismatch)
}

// A mismatch that a process has found holds in the next one, also while nothing can
// be seen.
func TestAMismatchOutlivesTheProcess(t *testing.T) {
	s, l := &stage{}, locationtest.NewMemory()
	s.show("key", "711")
	v, _ := verifier(t, s, l, nil)
	once(t, v)
	s.show("stranger", "711")
	once(t, v)
	s.database = location.DatabaseFacts{Facts: location.Facts{Questions: []location.Question{
		{About: location.Identity, Asked: "connection new", Failed: "away"}}}}
	next, g := verifier(t, s, l, nil)
	once(t, next)
	wantAllowed(t, g, "away", location.ErrMismatch)
}

type replaced struct{ *locationtest.Memory }

type broken struct{ location.Ledger }

var errBroken = errors.New("the ledger is away")

func (broken) LastObservations(context.Context, string) ([]location.Observation, error) {
	return nil, errBroken
}

func (broken) SaveObservations(context.Context, string, []location.Observation) error {
	return errBroken
}

func TestWithoutALedgerTheGuardStillLearns(t *testing.T) {
	s := &stage{}
	s.show("key", "711")
	v, g := verifier(t, s, broken{}, nil)
	if _, err := v.Once(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	wantAllowed(t, g, "as declared", nil)
	s.show("stranger", "711")
	if _, err := v.Once(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	wantAllowed(t, g, "another key", location.ErrMismatch)
}

func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{}
		s.show("key", "711")
		v, _ := verifier(t, s, locationtest.NewMemory(), func(o *location.VerifierOptions) { o.Interval = 10 * time.Minute })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { v.Run(ctx); close(ended) }()
		synctest.Wait()
		if n := s.count(); n != 1 {
			t.Errorf("%d looks at start", n)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := s.count(); n < 6 || n > 7 { // each wait is a tenth longer or shorter at most
			t.Errorf("%d looks in an hour", n)
		}
		stop()
		<-ended
	})
}

// A verification that was cut short has seen nothing and teaches nothing.
func TestCutShort(t *testing.T) {
	s := &stage{}
	s.show("key", "711")
	v, g := verifier(t, s, locationtest.NewMemory(), nil)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := v.Once(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	wantAllowed(t, g, "not verified", location.ErrMismatch)
}

// A look that saw nothing verifies nothing, is told once, and is repeated soon.
func TestNothingSeenIsNothingVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{}
		var log strings.Builder
		v, g := verifier(t, s, locationtest.NewMemory(), func(o *location.VerifierOptions) {
			o.Interval, o.Log = time.Hour, slog.New(slog.NewTextHandler(&log, nil))
		})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { v.Run(ctx); close(ended) }()
		synctest.Wait()
		wantAllowed(t, g, "nothing was seen", location.ErrMismatch)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := s.count(); n < 9 {
			t.Errorf("%d looks in ten minutes", n)
		}
		s.show("key", "711")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		wantAllowed(t, g, "seen", nil)
		n := s.count()
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if more := s.count() - n; more > 0 {
			t.Errorf("%d looks in the next twenty minutes, though all is seen", more)
		}
		stop()
		<-ended
		for text, times := range map[string]int{"The address of the database was not observed": 1, "verified again": 1} {
			if n := strings.Count(log.String(), text); n != times {
				t.Errorf("%q is told %d times:\n%s", text, n, &log)
			}
		}
	})
}
