package location_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fachwerk/location"
	"fachwerk/location/locationtest"
)

// servers is a site of them that shows what a test has put there.
type servers struct{ database location.DatabaseFacts }

func (s *servers) Database(context.Context) location.DatabaseFacts { return s.database }

func (s *servers) Objects(context.Context) (o location.ObjectsFacts) {
	at := netip.MustParseAddr("10.1.0.9")
	o.Endpoints = []location.Endpoint{{Name: "s3.example", Addresses: []netip.Addr{at}}}
	o.Connections = []location.Connection{{Name: "in use", Remote: at}}
	return o
}

// primary shows a database behind a pooler of the site, which says itself where it is.
func (s *servers) primary(reported string, streams ...location.Stream) {
	pooler := netip.MustParseAddr("10.1.0.5")
	s.database = location.DatabaseFacts{Streams: streams, Synchronous: "*", Commit: "on"}
	s.database.Endpoints = []location.Endpoint{{Name: "db.example", Addresses: []netip.Addr{pooler}}}
	for _, name := range []string{"in use", "new"} {
		s.database.Connections = append(s.database.Connections, location.Connection{Name: name, Remote: pooler,
			Reported: netip.MustParseAddr(reported), System: "711"})
	}
}

// nothing shows the name alone: no connection can be made.
func (s *servers) nothing() {
	endpoints := s.database.Endpoints
	s.database = location.DatabaseFacts{}
	s.database.Endpoints = endpoints
	for _, name := range []string{"connection in use", "connection new"} {
		for _, about := range []location.Check{location.Addresses, location.Identity, location.System} {
			s.fail(about, name)
		}
	}
	s.fail(location.Standbys, "pg_stat_replication")
	s.fail(location.Synchronous, "SHOW synchronous_commit")
}

func (s *servers) fail(about location.Check, asked string) {
	s.database.Questions = append(s.database.Questions, location.Question{About: about, Asked: asked, Failed: "no answer in time"})
}

// process is one that verifies and guards, as a server and a command line do.
type process struct {
	*location.Verifier
	guard *location.Guard
}

func start(t *testing.T, l location.Ledger, s location.Observer) process {
	t.Helper()
	site := location.Site{Name: "nord", Operator: "Kommunale IT Musterland", Country: "DE", Place: "Musterstadt",
		Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	g, err := location.New([]location.Site{site})
	if err != nil {
		t.Fatal(err)
	}
	v, err := location.NewVerifier(location.VerifierOptions{Guard: g, Ledger: l, Observers: map[string]location.Observer{"nord": s}})
	if err != nil {
		t.Fatal(err)
	}
	return process{v, g}
}

// look verifies and says whether a tenant whose policy demands it may write.
func (p process) look(t *testing.T, what string, want error) []location.Observation {
	t.Helper()
	run := once(t, p.Verifier)
	wantAllowed(t, p.guard, what, want)
	return run
}

var copied = location.Stream{Name: "copy", Address: netip.MustParseAddr("192.0.2.1"), State: "streaming"}

// What was found stands until the same was seen to match: through looks that saw
// nothing, though a name still leads to the right place; in the next process, another
// replica, a command line that does not look; and in the report.
func TestADifferenceStandsUntilItIsSettled(t *testing.T) {
	for name, c := range map[string]struct {
		differs func(*servers)
		partly  func(*servers) // one question is not answered
		finding location.Finding
		about   string
	}{
		"reported elsewhere": {func(s *servers) { s.primary("192.0.2.9") }, func(s *servers) {
			s.primary("192.0.2.9")
			for i := range s.database.Connections {
				s.database.Connections[i].Reported = netip.Addr{}
			}
			s.fail(location.Addresses, "connection direct")
		}, location.Outside, "192.0.2.9"},
		"undeclared standby": {func(s *servers) { s.primary("10.1.0.5", copied) }, func(s *servers) {
			s.primary("10.1.0.5")
			s.fail(location.Standbys, "pg_stat_replication")
		}, location.StandbyUndeclared, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			l, s := locationtest.NewMemory(), &servers{}
			a := start(t, l, s)
			s.primary("10.1.0.5")
			a.look(t, "as declared", nil)
			c.differs(s)
			found := a.look(t, "differs", location.ErrMismatch)
			c.partly(s)
			a.look(t, "one question is not answered", location.ErrMismatch)
			s.nothing()
			run := a.look(t, "nothing can be seen but the name", location.ErrMismatch)
			stands := differing(t, run, c.finding)
			if was := differing(t, found, c.finding); !stands.At.Equal(was.At) || !stands.Since.Equal(was.Since) || !stands.Tried.After(was.At) || stands.New() {
				t.Errorf("found %+v\nstands %+v", was, stands)
			}
			if text := stands.Sentence("de"); !strings.Contains(text, c.about) || !strings.Contains(text, "Zuletzt so gesehen") {
				t.Error(text)
			}
			b := start(t, l, s)
			b.look(t, "a new process, nothing can be seen", location.ErrMismatch)
			command := start(t, l, s)
			recalled, err := l.LastObservations(t.Context(), "nord")
			if err != nil {
				t.Fatal(err)
			}
			command.guard.Learn("nord", recalled)
			wantAllowed(t, command.guard, "a command line", location.ErrMismatch)
			counted := location.Counted{Counts: []location.Count{{Kind: "mail", Site: "nord", Part: location.Database}}}
			if report := location.Compose(b.guard.Sites(), counted, recalled); differing(t, report.Observations, c.finding).Tried.IsZero() {
				t.Error("the report does not say that it could not be looked at")
			}
			history, err := l.History(t.Context(), "nord", time.Now().Add(time.Hour), 100)
			if err != nil {
				t.Fatal(err)
			}
			times := 0
			for _, o := range history {
				if o.State == location.Differs {
					times++
				}
			}
			if times != 1 {
				t.Errorf("the history tells of it %d times", times)
			}
			s.primary("10.1.0.5")
			b.look(t, "seen as declared", nil)
			a.look(t, "seen as declared by the other too", nil)
			command = start(t, l, s)
			recalled, err = l.LastObservations(t.Context(), "nord")
			if err != nil {
				t.Fatal(err)
			}
			command.guard.Learn("nord", recalled)
			wantAllowed(t, command.guard, "the next command line", nil)
		})
	}
}

func differing(t *testing.T, run []location.Observation, finding location.Finding) location.Observation {
	t.Helper()
	for _, o := range run {
		if o.State == location.Differs && o.Finding == finding {
			return o
		}
	}
	t.Errorf("%s is forgotten: %+v", finding, run)
	return location.Observation{}
}

// A replica that began to look before another found a difference, and keeps what it saw
// after that, forgets nothing.
func TestASlowReplicaForgetsNothing(t *testing.T) {
	l, s := &late{Memory: locationtest.NewMemory()}, &servers{}
	s.primary("10.1.0.5")
	slow := &servers{}
	slow.primary("10.1.0.5")
	a, b := start(t, l, s), start(t, l, slow)
	once(t, a.Verifier)
	slow.nothing()
	s.primary("10.1.0.5", copied)
	l.between = func() { once(t, a.Verifier) }
	once(t, b.Verifier)
	run, err := l.LastObservations(t.Context(), "nord")
	if err != nil {
		t.Fatal(err)
	}
	differing(t, run, location.StandbyUndeclared)
}

// late does something between reading and saving.
type late struct {
	*locationtest.Memory
	between func()
}

func (l *late) SaveObservations(ctx context.Context, site string, run []location.Observation) error {
	if f := l.between; f != nil {
		l.between = nil
		f()
	}
	return l.Memory.SaveObservations(ctx, site, run)
}

// What is gone is settled, if all there is of its kind was seen without it.
func TestWhatIsGoneIsSettled(t *testing.T) {
	l, s := locationtest.NewMemory(), &servers{}
	a := start(t, l, s)
	s.primary("10.1.0.5", copied)
	a.look(t, "a copy", location.ErrMismatch)
	s.primary("10.1.0.5")
	a.look(t, "the copy is gone", nil)
	s.primary("192.0.2.9")
	a.look(t, "elsewhere", location.ErrMismatch)
	s.primary("10.1.0.5")
	for i := range s.database.Connections {
		s.database.Connections[i].Reported = netip.Addr{} // behind the pooler is a socket now
	}
	a.look(t, "the server has no address", nil)
	s.primary("10.1.0.5")
	s.database.Hidden, s.database.Streams = true, []location.Stream{{}}
	a.look(t, "more copies than declared, unseen", location.ErrMismatch)
	s.database.Streams = nil
	a.look(t, "no copy", nil)
}

// One site whose ledger or server is silent holds neither the others nor itself.
func TestASilentSiteHoldsNoOther(t *testing.T) {
	nord, sued := town(), town()
	sued.Name = "sued"
	g, err := location.New([]location.Site{sued, nord})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{}
	s.show("key", "711")
	l := &silent{Memory: locationtest.NewMemory()}
	v, err := location.NewVerifier(location.VerifierOptions{Guard: g, Ledger: l, Timeout: 100 * time.Millisecond,
		Observers: map[string]location.Observer{"nord": s, "sued": s}})
	if err != nil {
		t.Fatal(err)
	}
	l.hold = make(chan struct{})
	// In the schedule: nord is verified while sued is not answered for.
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { v.Run(ctx); close(ended) }()
	for g.Allow("nord", strict, location.Content) != nil {
		time.Sleep(time.Millisecond)
	}
	for g.Allow("sued", location.Subject{Home: "sued", RefuseOnMismatch: true}, location.Content) != nil {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-ended
	// On demand: it comes back, names the site and has learned of both.
	s.show("stranger", "711")
	if _, err := v.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "sued") || strings.Contains(err.Error(), "nord") {
		t.Errorf("%v", err)
	}
	for _, site := range []string{"nord", "sued"} {
		if m := g.Mismatches(site); len(m) != 1 || m[0].Finding != location.Changed {
			t.Errorf("%s: %+v", site, m)
		}
	}
}

// silent is a ledger that answers for one site only when its caller gives up.
type silent struct {
	*locationtest.Memory
	hold chan struct{}
}

func (l *silent) wait(ctx context.Context, site string) error {
	if site != "sued" {
		return nil
	}
	select {
	case <-l.hold:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *silent) LastObservations(ctx context.Context, site string) ([]location.Observation, error) {
	if err := l.wait(ctx, site); err != nil {
		return nil, err
	}
	return l.Memory.LastObservations(ctx, site)
}

func (l *silent) SaveObservations(ctx context.Context, site string, run []location.Observation) error {
	if err := l.wait(ctx, site); err != nil {
		return err
	}
	return l.Memory.SaveObservations(ctx, site, run)
}
