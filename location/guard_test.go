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
