package location_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"fachwerk/location"
)

// taken is a site whose declared standby has taken over, of an operator in a country.
func taken(operator, country string) (location.Site, location.DatabaseFacts, location.ObjectsFacts) {
	s := location.Site{Name: "nord", Operator: "Kommunale IT Musterland", Country: "DE", Place: "Musterstadt",
		Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")},
		Standbys: []location.Standby{{Name: "b", Operator: operator, Country: country, Place: "Nachbarstadt",
			Networks: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/16")}}}}
	at := netip.MustParseAddr("10.2.0.5")
	d := location.DatabaseFacts{}
	d.Endpoints = []location.Endpoint{{Name: "db.example", Addresses: []netip.Addr{at}}}
	d.Connections = []location.Connection{{Name: "in use", Remote: at, Reported: at, System: "711"}}
	o := location.ObjectsFacts{}
	o.Connections = []location.Connection{{Name: "in use", Remote: netip.MustParseAddr("10.1.0.9")}}
	return s, d, o
}

// After a failover a report names the operator, country and place of the standby that
// keeps the data now; and whoever demands it writes nothing at another operator's or in
// another country.
func TestTheStandbyThatHasTakenOverIsWhereTheDataLies(t *testing.T) {
	other := location.Site{Name: "west", Operator: "Kommunale IT Nachbarland", Country: "AT", Place: "Weststadt",
		Networks: []netip.Prefix{netip.MustParsePrefix("10.3.0.0/16")}}
	counted := location.Counted{Tenant: "x", Counts: []location.Count{
		{Kind: "mail", Items: 1, Bytes: 2, Site: "nord", Part: location.Database, Store: "PostgreSQL"},
		{Kind: "mail", Items: 1, Bytes: 2, Site: "nord", Part: location.Objects, Store: "S3"}}}
	for name, c := range map[string]struct {
		operator, country string
		finding           location.Finding
		state             location.State
		strict            error
	}{
		"same operator, same country": {"Kommunale IT Musterland", "DE", location.AtStandby, location.Matches, nil},
		"another operator":            {"Kommunale IT Nachbarland", "DE", location.AtForeignStandby, location.Differs, location.ErrMismatch},
		"another country":             {"Kommunale IT Musterland", "AT", location.AtForeignStandby, location.Differs, location.ErrMismatch},
		"both":                        {"Kommunale IT Nachbarland", "AT", location.AtForeignStandby, location.Differs, location.ErrMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			s, d, o := taken(c.operator, c.country)
			sites := []location.Site{s, other}
			run := location.Compare(s, sites, d, o, nil, noon)
			for _, subject := range []string{"connection in use", "reported by the server"} {
				found := false
				for _, one := range run {
					if one.Part != location.Database || one.Check != location.Addresses || one.Subject != subject {
						continue
					}
					found = true
					if one.Finding != c.finding || one.State != c.state || one.Standby != "b" {
						t.Errorf("%+v", one)
					}
					for _, language := range []string{"en", "de"} {
						if text := one.Sentence(language); !strings.Contains(text, c.operator+", Nachbarstadt, "+c.country) || strings.ContainsAny(text, "{}") {
							t.Error(text)
						}
					}
				}
				if !found {
					t.Errorf("nothing was observed of %q", subject)
				}
			}
			wantStandbyRow(t, location.Compose(sites, counted, run), c.operator, c.country, c.state)

			// While it cannot be looked at, it is not told to be back.
			gone := location.DatabaseFacts{}
			gone.Endpoints = d.Endpoints
			gone.Questions = []location.Question{{About: location.Addresses, Asked: "connection in use", Failed: "away"},
				{About: location.System, Asked: "connection in use", Failed: "away"}}
			later := location.Compare(s, sites, gone, o, run, noon.Add(1))
			state := location.NotObserved
			if c.state == location.Differs {
				state = location.Differs
			}
			wantStandbyRow(t, location.Compose(sites, counted, later), c.operator, c.country, state)

			g, err := location.New(sites)
			if err != nil {
				t.Fatal(err)
			}
			g.Hold(1 << 62) // noon is long ago
			g.Learn("nord", run)
			if err := g.Allow("nord", strict, location.Content); !errors.Is(err, c.strict) || c.strict == nil && err != nil {
				t.Errorf("a strict tenant: %v", err)
			}
			agreed := location.Subject{Home: "nord", Sites: []string{"nord", "west"}, RefuseOnMismatch: true}
			if err := g.Allow("nord", agreed, location.Content); (err == nil) != (c.strict == nil || name == "both") {
				t.Errorf("a strict tenant whose data may lie with the operator of west: %v", err)
			}
			if err := g.Allow("nord", location.Subject{Home: "nord"}, location.Content); err != nil {
				t.Errorf("others: %v", err)
			}

			// Back at the site.
			at := netip.MustParseAddr("10.1.0.5")
			d.Connections[0].Remote, d.Connections[0].Reported = at, at
			back := location.Compare(s, sites, d, o, later, noon.Add(2))
			g.Learn("nord", back)
			if err := g.Allow("nord", strict, location.Content); err != nil {
				t.Errorf("back: %v", err)
			}
			if row := location.Compose(sites, counted, back).Rows[0]; row.Standby != "" || row.Place != "Musterstadt" {
				t.Errorf("back: %+v", row)
			}
		})
	}
}

func wantStandbyRow(t *testing.T, report location.Report, operator, country string, state location.State) {
	t.Helper()
	database, objects := report.Rows[0], report.Rows[1]
	if database.Standby != "b" || database.Operator != operator || database.Country != country || database.Place != "Nachbarstadt" || database.State != state {
		t.Errorf("the database's row: %+v, want %s", database, state)
	}
	if c := database.Copies; len(c) != 1 || c[0].What != "site" || c[0].Name != "nord" || c[0].State != location.NotObserved {
		t.Errorf("copies: %+v", c)
	}
	if objects.Standby != "" || objects.Place != "Musterstadt" || objects.State != location.Matches {
		t.Errorf("the object store's row: %+v", objects)
	}
}

// A relay at the standby's place before a server that says it is at the site, and the
// other way round: where the server says it is counts.
func TestWhereTheServerSaysItIsCounts(t *testing.T) {
	for reported, want := range map[string]string{"10.1.0.5": "", "10.2.0.5": "b"} {
		s, d, o := taken("Kommunale IT Nachbarland", "AT")
		remote := map[string]string{"10.1.0.5": "10.2.0.9", "10.2.0.5": "10.1.0.9"}[reported]
		d.Connections[0].Remote, d.Connections[0].Reported = netip.MustParseAddr(remote), netip.MustParseAddr(reported)
		counted := location.Counted{Counts: []location.Count{{Kind: "mail", Site: "nord", Part: location.Database}}}
		run := location.Compare(s, []location.Site{s}, d, o, nil, noon)
		if row := location.Compose([]location.Site{s}, counted, run).Rows[0]; row.Standby != want {
			t.Errorf("reported at %s: %+v", reported, row)
		}
	}
}
