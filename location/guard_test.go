package location

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func prefixes(words ...string) (list []netip.Prefix) {
	for _, w := range words {
		list = append(list, netip.MustParsePrefix(w))
	}
	return list
}

func site(name string) Site {
	return Site{Name: name, Operator: "Kommunale IT Musterland", Country: "DE", Place: "Musterstadt"}
}

func whole(name string) Site {
	s := site(name)
	s.Networks = prefixes("10.1.0.0/16")
	return s
}

func guard(t *testing.T, sites ...Site) *Guard {
	t.Helper()
	g, err := New(sites)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestGuardFailsClosed(t *testing.T) {
	g := guard(t, whole("nord"), whole("sued"))
	for _, c := range []struct {
		at   string
		s    Subject
		want error
	}{
		{"nord", Subject{Home: "nord"}, nil},
		{"sued", Subject{Home: "nord"}, ErrElsewhere},
		{"nord", Subject{}, ErrElsewhere},
		{"west", Subject{Home: "west"}, ErrElsewhere},
		{"Nord", Subject{Home: "Nord"}, ErrElsewhere},
		{"nord", Subject{Home: "nord", Sites: []string{"nord"}}, nil},
		{"nord", Subject{Home: "nord", Sites: []string{"sued"}}, ErrElsewhere}, // its home is against its policy
		{"sued", Subject{Home: "nord", Sites: []string{"nord", "sued"}}, nil},
		{"west", Subject{Home: "nord", Sites: []string{"west"}}, ErrElsewhere},
		{"nord", Subject{Home: "nord", RefuseOnMismatch: true}, ErrMismatch}, // not verified yet
	} {
		if err := g.Allow(c.at, c.s, Content); !errors.Is(err, c.want) {
			t.Errorf("%s, %+v: %v, want %v", c.at, c.s, err, c.want)
		}
	}
	err := g.Allow("sued", Subject{Home: "nord", Sites: []string{"nord"}}, Queue)
	if err == nil || !strings.Contains(err.Error(), "queue") || !strings.Contains(err.Error(), "nord") {
		t.Errorf("the error names no reason: %v", err)
	}
}

func TestSitesOfAGuardAreWhole(t *testing.T) {
	standby := Standby{Name: "b", Operator: "o", Country: "DE", Place: "p", Networks: prefixes("10.2.0.0/16")}
	with := func(change func(*Site)) []Site {
		s := whole("nord")
		s.Standbys = []Standby{standby}
		change(&s)
		return []Site{s}
	}
	if _, err := New(with(func(*Site) {})); err != nil {
		t.Fatal(err)
	}
	for name, sites := range map[string][]Site{
		"none":                nil,
		"twice":               {whole("nord"), whole("nord")},
		"no networks":         {site("nord")},
		"no place":            with(func(s *Site) { s.Place = "" }),
		"no operator":         with(func(s *Site) { s.Operator = "" }),
		"country":             with(func(s *Site) { s.Country = "de" }),
		"standby's operator":  with(func(s *Site) { s.Standbys[0].Operator = "" }),
		"standby's networks":  with(func(s *Site) { s.Standbys[0].Networks = nil }),
		"standby's name":      with(func(s *Site) { s.Standbys[0].Name = "[" }),
		"two of one name":     with(func(s *Site) { s.Standbys = append(s.Standbys, standby) }),
		"a site with no name": {whole("")},
	} {
		if _, err := New(sites); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func found(check Check, subject string, state State, finding Finding) Observation {
	return Observation{Site: "nord", Part: Database, Check: check, Subject: subject, State: state, Finding: finding, At: time.Now()}
}

func TestGuardHeedsTheVerifier(t *testing.T) {
	g := guard(t, whole("nord"), whole("sued"))
	strict := Subject{Home: "nord", RefuseOnMismatch: true}
	g.Learn("nord", verified()) // what counts is told from what is missing elsewhere
	for _, step := range []struct {
		what string
		run  []Observation
		want error
	}{
		{"as declared", []Observation{found(Addresses, "db", Matches, Inside)}, nil},
		{"outside", []Observation{found(Addresses, "db", Differs, Outside)}, ErrMismatch},
		{"away: nothing is settled", []Observation{found(Addresses, "db", NotObserved, Unseen)}, ErrMismatch},
		{"another address says nothing of it", []Observation{found(Addresses, "db", NotObserved, Unseen), found(Addresses, "b", Matches, Inside)}, ErrMismatch},
		{"back", []Observation{found(Addresses, "db", Matches, Inside)}, nil},
		{"undeclared standby", []Observation{found(Standbys, "copy", Differs, StandbyUndeclared)}, ErrMismatch},
		{"list not seen", []Observation{found(Standbys, "", NotObserved, Unseen)}, ErrMismatch},
		{"another check", []Observation{found(Addresses, "db", Matches, Inside)}, ErrMismatch},
		{"gone", []Observation{found(Standbys, "", Matches, NoStandbys)}, nil},
		{"a copy less", []Observation{found(Standbys, "b", Differs, StandbyAbsent)}, nil},
	} {
		g.Learn("nord", step.run)
		if err := g.Allow("nord", strict, Content); !errors.Is(err, step.want) {
			t.Errorf("%s: %v, want %v", step.what, err, step.want)
		}
		if err := g.Allow("nord", Subject{Home: "nord"}, Content); err != nil {
			t.Errorf("%s: refused against the policy: %v", step.what, err)
		}
	}
	if err := g.Allow("sued", Subject{Home: "sued", RefuseOnMismatch: true}, Content); !errors.Is(err, ErrMismatch) {
		t.Errorf("one site's verification counted for another: %v", err)
	}
}

// verified is the least that makes a site of servers verified.
func verified() []Observation {
	objects := found(Addresses, "connection in use", Matches, Inside)
	objects.Part = Objects
	return []Observation{found(Addresses, "connection in use", Matches, Inside), found(System, "", Matches, First), objects}
}

// What was not seen is not verified: each thing that must be seen is missed alone, is
// named with what to do, and keeps from writing those alone who demand it.
func TestWhatWasNotSeenIsNotVerified(t *testing.T) {
	pinned := whole("nord")
	pinned.Database.CertificateKeys, pinned.Objects.CertificateKeys, pinned.Objects.Location = []string{"a"}, []string{"b"}, "eu"
	at := func(part Part, check Check, subject string, state State, finding Finding) Observation {
		o := found(check, subject, state, finding)
		o.Part = part
		return o
	}
	plain := verified()
	all := append(verified(), at(Database, Identity, "", Matches, AsDeclared), at(Objects, Identity, "", Matches, AsDeclared), at(Objects, Bucket, "", Matches, AsDeclared))
	folders := []Observation{folder(Database, LocalFolder, NotObserved), folder(Objects, LocalFolder, NotObserved)}
	for _, c := range []struct {
		what string
		site Site
		run  []Observation
		want string // "": verified
	}{
		{"servers", whole("nord"), plain, ""},
		{"pinned servers", pinned, all, ""},
		{"nothing at all", whole("nord"), nil, "The address of the database was not observed"},
		{"nothing answered", whole("nord"), []Observation{
			found(Addresses, "db", NotObserved, Unseen), found(System, "", NotObserved, Unseen), at(Objects, Addresses, "s3", NotObserved, Unseen),
		}, "The address of the database"},
		{"names alone", whole("nord"), []Observation{
			found(Addresses, "db", Matches, Inside), found(System, "", Matches, First), at(Objects, Addresses, "connection new", Matches, Inside),
		}, "The address of the database"},
		{"not which database", whole("nord"), without(plain, Database, System), "The system identifier of the database"},
		{"no object store", whole("nord"), without(plain, Objects, Addresses), "The address of the object store"},
		{"not the declared key of the database", pinned, without(all, Database, Identity), "The server key of the database"},
		{"not the declared key of the object store", pinned, without(all, Objects, Identity), "The server key of the object store"},
		{"not the declared region", pinned, without(all, Objects, Bucket), "The region of the object store"},
		{"a socket of this machine", whole("nord"), append(without(plain, Database, Addresses), found(Addresses, "/run/db", NotObserved, LocalSocket)), ""},
		{"folders", whole("nord"), folders, ""},
		{"a folder of nobody knows whom", whole("nord"), []Observation{folders[0], folder(Objects, DistantMount, NotObserved)}, "The filesystem of the object store"},
		{"a folder of another machine", whole("nord"), []Observation{folders[0], folder(Objects, RemoteFolder, Matches)}, "The filesystem of the object store"},
		{"a folder of another machine inside", whole("nord"), []Observation{folders[0], folder(Objects, RemoteFolder, Matches), at(Objects, Addresses, "nas", Matches, Inside)}, ""},
	} {
		g := guard(t, c.site)
		g.Learn("nord", c.run)
		err := g.Allow("nord", Subject{Home: "nord", RefuseOnMismatch: true}, Content)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.want != "" && (!errors.Is(err, ErrMismatch) || !strings.Contains(err.Error(), "Site nord: "+c.want)):
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
		for _, m := range g.Missing("nord") {
			if de := m.Sentence("de"); strings.ContainsAny(de, "{}") || de == m.Sentence("en") || !strings.HasPrefix(de, "Standort nord: ") {
				t.Errorf("%s: %s", c.what, de)
			}
		}
		if err := g.Allow("nord", Subject{Home: "nord"}, Content); err != nil {
			t.Errorf("%s: others are refused too: %v", c.what, err)
		}
	}
}

func folder(part Part, finding Finding, state State) Observation {
	o := found(Storage, "", state, finding)
	o.Part, o.Seen = part, "ext4"
	return o
}

func without(run []Observation, part Part, check Check) (rest []Observation) {
	for _, o := range run {
		if o.Part != part || o.Check != check {
			rest = append(rest, o)
		}
	}
	return rest
}

// A look at a moment when a store is away ends nothing; for how long is told.
func TestWhatWasSeenHoldsForAWhile(t *testing.T) {
	g := guard(t, whole("nord"))
	g.Hold(30 * time.Minute)
	began := time.Now()
	now := began
	g.now = func() time.Time { return now }
	strict := Subject{Home: "nord", RefuseOnMismatch: true}
	g.Learn("nord", verified())
	away := found(System, "", NotObserved, Unseen)
	for _, step := range []struct {
		after time.Duration
		want  error
	}{{0, nil}, {20 * time.Minute, nil}, {31 * time.Minute, ErrMismatch}} {
		now = began.Add(step.after)
		away.At = now
		g.Learn("nord", []Observation{away})
		err := g.Allow("nord", strict, Content)
		if !errors.Is(err, step.want) {
			t.Errorf("after %s: %v, want %v", step.after, err, step.want)
		}
		if err != nil && !strings.Contains(err.Error(), "since "+began.UTC().Format("2006-01-02 15:04")) {
			t.Errorf("since when is not told: %v", err)
		}
	}
	back := verified()
	for i := range back {
		back[i].At = now
	}
	g.Learn("nord", back)
	if err := g.Allow("nord", strict, Content); err != nil {
		t.Error(err)
	}
}

// What no policy may pass over stops everybody until it was seen to be mended.
func TestForbiddenIsForbiddenToAll(t *testing.T) {
	g := guard(t, whole("nord"), whole("sued"))
	o := found(Synchronous, "", Differs, CommitsDoNot)
	g.Forbid(o)
	for _, step := range []struct {
		run  []Observation
		want error
	}{
		{nil, ErrMismatch}, {[]Observation{o}, ErrMismatch}, {[]Observation{found(Synchronous, "", NotObserved, Unseen)}, ErrMismatch},
		{[]Observation{found(Synchronous, "", Matches, CommitsWait)}, nil},
	} {
		g.Learn("nord", step.run)
		if err := g.Allow("nord", Subject{Home: "nord"}, Content); !errors.Is(err, step.want) {
			t.Errorf("%+v: %v, want %v", step.run, err, step.want)
		}
		if err := g.Allow("sued", Subject{Home: "sued"}, Content); err != nil {
			t.Errorf("the other site: %v", err)
		}
	}
}
