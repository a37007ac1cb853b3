package location_test

import (
	"fmt"
	"testing"

	"fachwerk/internal/testenv/parts"
	"fachwerk/location"
)

func standby(networks ...string) []location.Standby {
	return []location.Standby{{Name: "zweitrechner", Operator: "Kommunale IT Nachbarland", Country: "AT", Place: "Nachbarstadt", Networks: prefixes(networks...)}}
}

// TestStandby: a copy that streams elsewhere is found and named, declared or not.
func TestStandby(t *testing.T) {
	primary := parts.NewPostgres(t, "127.0.0.2", "")
	s := newSite(t, "127.0.0.2/32")
	s.database(t, primary)

	alone := s.verify(t)
	alone.found(location.Database, location.Standbys, "", location.NoStandbys)
	alone.found(location.Database, location.Addresses, "127.0.0.2", location.Inside)
	alone.found(location.Database, location.Addresses, "connection in use", location.Inside)
	alone.found(location.Database, location.Addresses, "reported by the server", location.Inside)
	alone.found(location.Database, location.System, "", location.First)
	alone.found(location.Database, location.Synchronous, "", location.CommitsAlone)
	alone.refuses(false)

	copied := primary.NewStandby(t, "127.0.0.3", "zweitrechner")
	undeclared := s.verify(t)
	says(t, undeclared.found(location.Database, location.Standbys, "zweitrechner", location.StandbyUndeclared), "zweitrechner", "127.0.0.3")
	undeclared.refuses(true)

	s.Standbys = standby("127.0.0.3/32")
	declared := s.verify(t)
	declared.found(location.Database, location.Standbys, "zweitrechner", location.StandbyDeclared)
	says(t, declared.found(location.Database, location.Synchronous, "", location.CommitsDoNot), "durability: local")
	declared.refuses(false)

	s.Standbys = standby("127.0.0.9/32")
	elsewhere := s.verify(t)
	says(t, elsewhere.found(location.Database, location.Standbys, "zweitrechner", location.StandbyElsewhere), "127.0.0.3", "127.0.0.9/32")
	elsewhere.refuses(true)

	s.Standbys = standby("127.0.0.3/32")
	primary.Set(t, "synchronous_standby_names", "zweitrechner")
	s.verify(t).found(location.Database, location.Synchronous, "", location.CommitsWait)
	primary.Set(t, "synchronous_standby_names", "drittrechner")
	says(t, s.verify(t).found(location.Database, location.Synchronous, "", location.WaitsForUnknown), "drittrechner")
	primary.Set(t, "synchronous_standby_names", "")
	s.Database.Local = true
	s.verify(t).found(location.Database, location.Synchronous, "", location.CommitsAlone)

	// Who is connected to the standby itself is told that it is one.
	mirrored := newSite(t, "127.0.0.3/32")
	mirrored.database(t, copied)
	mirrored.verify(t).found(location.Database, location.Standbys, "", location.InRecovery)

	// Where the connections end at a declared standby, that is where the data lies; this
	// one is another operator's, in another country.
	moved := newSite(t, "127.0.0.9/32")
	moved.Standbys = standby("127.0.0.3/32")
	moved.database(t, copied)
	taken := moved.verify(t)
	says(t, taken.found(location.Database, location.Addresses, "connection new", location.AtForeignStandby),
		"127.0.0.3", "zweitrechner", "Kommunale IT Nachbarland", "Nachbarstadt", "AT")
	taken.refuses(true)

	copied.Stop(t)
	parts.Eventually(t, "the primary has noticed", func() error {
		if n := primary.Query(t, "SELECT count(*)::text FROM pg_stat_replication"); n != "0" {
			return fmt.Errorf("%s stream", n)
		}
		return nil
	})
	absent := s.verify(t)
	says(t, absent.found(location.Database, location.Standbys, "zweitrechner", location.StandbyAbsent), "zweitrechner")
	absent.refuses(false) // nothing lies elsewhere for it

	history, err := s.ledger.History(t.Context(), "nord", absent.run[0].At.AddDate(1, 0, 0), 100)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[location.Finding]bool{}
	for _, o := range history {
		seen[o.Finding] = true
	}
	for _, f := range []location.Finding{location.NoStandbys, location.StandbyUndeclared, location.StandbyDeclared, location.StandbyElsewhere, location.StandbyAbsent} {
		if !seen[f] {
			t.Errorf("the history does not tell of %s", f)
		}
	}
}

// TestDatabaseElsewhere: a database that answers from outside the declared networks.
func TestDatabaseElsewhere(t *testing.T) {
	primary := parts.NewPostgres(t, "127.0.0.2", "")
	s := newSite(t, "127.0.0.7/32")
	s.database(t, primary)
	v := s.verify(t)
	for _, subject := range []string{"127.0.0.2", "connection in use", "connection new", "reported by the server"} {
		says(t, v.found(location.Database, location.Addresses, subject, location.Outside), "127.0.0.2", "127.0.0.7/32")
	}
	v.refuses(true)
}

// TestAnotherDatabaseBehindTheSameName: name, port and password are right, and yet it
// is not the database.
func TestAnotherDatabaseBehindTheSameName(t *testing.T) {
	first := parts.NewPostgres(t, "127.0.0.2", "")
	s := newSite(t, "127.0.0.2/32")
	s.database(t, first)
	id := s.verify(t).found(location.Database, location.System, "", location.First).Seen

	first.Stop(t)
	down := s.verify(t)
	down.found(location.Database, location.System, "", location.Unseen)
	down.refuses(false) // it was seen a moment ago
	unknown := newSite(t, "127.0.0.2/32")
	unknown.metadata = s.metadata
	never := unknown.verify(t)
	never.found(location.Database, location.System, "", location.Unseen)
	never.refuses(true) // what nobody has seen is not verified

	second := parts.NewPostgres(t, "127.0.0.2", first.Port)
	changed := s.verify(t)
	o := changed.found(location.Database, location.System, "", location.Changed)
	says(t, o, id, "location accept")
	changed.refuses(true)

	s.Database.SystemIdentifier = id
	pinned := s.verify(t)
	pinned.found(location.Database, location.System, "", location.NotDeclared)
	pinned.refuses(true)

	// The true one is back; then the other one is what is wanted.
	second.Stop(t)
	first.Start(t)
	back := s.verify(t)
	back.found(location.Database, location.System, "", location.AsDeclared)
	back.refuses(false)
	s.Database.SystemIdentifier = ""
	s.verify(t).found(location.Database, location.System, "", location.First)
	first.Stop(t)
	second.Start(t)
	s.verify(t).found(location.Database, location.System, "", location.Changed)
	accepted := s.accept(t, location.Database, location.System)
	accepted.found(location.Database, location.System, "", location.AsBefore)
	accepted.refuses(false)
}

// TestChangedCertificateOfTheDatabase: the connections in use show the key they were
// made with, a new one the other.
func TestChangedCertificateOfTheDatabase(t *testing.T) {
	server := parts.NewPostgres(t, "127.0.0.2", "")
	one, other := parts.NewCertificate(t, "127.0.0.2"), parts.NewCertificate(t, "127.0.0.2")
	plain := newSite(t, "127.0.0.2/32")
	plain.database(t, server)
	plain.verify(t).found(location.Database, location.Identity, "", location.NotEncrypted)

	server.Show(t, one)
	s := newSite(t, "127.0.0.2/32")
	s.database(t, server)
	if o := s.verify(t).found(location.Database, location.Identity, "", location.First); o.Seen != one.Pin {
		t.Errorf("seen %s, shown %s", o.Seen, one.Pin)
	}
	server.Show(t, other)
	changed := s.verify(t)
	says(t, changed.found(location.Database, location.Identity, "", location.Changed), one.Pin, other.Pin)
	changed.refuses(true)

	s.Database.CertificateKeys = []string{one.Pin}
	s.verify(t).found(location.Database, location.Identity, "", location.NotDeclared)
	s.Database.CertificateKeys = []string{one.Pin, other.Pin} // as before a planned change
	pinned := s.verify(t)
	pinned.found(location.Database, location.Identity, "", location.AsDeclared)
	pinned.refuses(false)
}
