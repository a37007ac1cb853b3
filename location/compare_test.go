package location

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// standard is a site with all that may be declared, and facts that fit.
func standard() (Site, DatabaseFacts, ObjectsFacts) {
	s := whole("nord")
	s.Standbys = []Standby{{Name: "b-*", Operator: "Kommunale IT Musterland", Country: "DE", Place: "Nebenstadt", Networks: prefixes("10.2.0.0/16")}}
	s.Objects.Bucket = "bucket"
	d := DatabaseFacts{
		Facts: Facts{Store: "PostgreSQL 15", Endpoints: []Endpoint{{Name: "db.example", Addresses: addresses("10.1.0.5")}},
			Connections: []Connection{
				{Name: "in use", Remote: address("10.1.0.5"), Reported: address("10.1.0.5"), System: "711", Certificate: &Certificate{Key: "key1"}},
				{Name: "new", Remote: address("10.1.0.5"), Reported: address("10.1.0.5"), System: "711", Certificate: &Certificate{Key: "key1"}},
			}},
		Name: "fachwerk", Synchronous: `ANY 1 ("b-1", "b-2")`, Commit: "on",
		Streams: []Stream{{Name: "b-1", Address: address("10.2.0.7"), State: "streaming", Sync: "sync"}},
	}
	o := ObjectsFacts{Facts: Facts{Store: "S3", Endpoints: []Endpoint{{Name: "s3.example", Addresses: addresses("10.1.0.6")}},
		Connections: []Connection{{Name: "in use", Remote: address("10.1.0.6"), Certificate: &Certificate{Key: "key2"}}}},
		Bucket: "bucket", Location: "eu-test"}
	return s, d, o
}

func address(s string) netip.Addr { return netip.MustParseAddr(s) }

func addresses(words ...string) (list []netip.Addr) {
	for _, w := range words {
		list = append(list, address(w))
	}
	return list
}

func failed(about Check, asked string) Question {
	return Question{About: about, Asked: asked, Failed: "permission denied"}
}

// is finds the observation of a part, check and subject.
func is(t *testing.T, run []Observation, part Part, check Check, subject string, state State, finding Finding) Observation {
	t.Helper()
	i := slices.IndexFunc(run, func(o Observation) bool { return o.Part == part && o.Check == check && o.Subject == subject })
	if i < 0 {
		t.Errorf("nothing was observed of %s %s %q", part, check, subject)
		return Observation{}
	}
	if o := run[i]; o.State != state || o.Finding != finding {
		t.Errorf("%s %s %q: %s %s (%s), want %s %s", part, check, subject, o.State, o.Finding, o.Sentence("en"), state, finding)
	}
	return run[i]
}

func TestASiteAsDeclared(t *testing.T) {
	s, d, o := standard()
	run := Compare(s, []Site{s}, d, o, nil, time.Now())
	for _, one := range run {
		if one.State != Matches || one.Site != "nord" {
			t.Errorf("%+v", one)
		}
	}
	is(t, run, Database, Addresses, "db.example", Matches, Inside)
	is(t, run, Database, Addresses, "connection in use", Matches, Inside)
	is(t, run, Database, Addresses, "reported by the server", Matches, Inside)
	is(t, run, Database, Identity, "", Matches, First)
	is(t, run, Database, System, "", Matches, First)
	is(t, run, Database, Standbys, "b-1", Matches, StandbyDeclared)
	is(t, run, Database, Synchronous, "", Matches, CommitsWait)
	is(t, run, Database, Archive, "", Matches, NotArchived)
	is(t, run, Objects, Addresses, "s3.example", Matches, Inside)
	is(t, run, Objects, Bucket, "", Matches, First)
	is(t, run, Objects, Replication, "", Matches, NoReplication)
	is(t, run, Objects, Versions, "", Matches, NoVersions)
}

// Each change of the standard must be found, and by its name.
func TestWhatDiffers(t *testing.T) {
	type parts struct {
		s *Site
		d *DatabaseFacts
		o *ObjectsFacts
	}
	for name, c := range map[string]struct {
		change  func(parts)
		part    Part
		check   Check
		subject string
		state   State
		finding Finding
	}{
		"name leads outside": {func(p parts) { p.d.Endpoints[0].Addresses = addresses("10.1.0.5", "192.0.2.1") },
			Database, Addresses, "db.example", Differs, Outside},
		"IPv6 outside": {func(p parts) { p.o.Endpoints[0].Addresses = addresses("2001:db8::1") },
			Objects, Addresses, "s3.example", Differs, Outside},
		"IPv4 written as IPv6": {func(p parts) { p.o.Endpoints[0].Addresses = addresses("::ffff:10.1.0.6") },
			Objects, Addresses, "s3.example", Matches, Inside},
		"connection outside": {func(p parts) { p.d.Connections[1].Remote = address("192.0.2.1") },
			Database, Addresses, "connection new", Differs, Outside},
		"server says outside": {func(p parts) { p.d.Connections[0].Reported = address("192.0.2.1") },
			Database, Addresses, "reported by the server", Differs, Outside},
		"standby took over": {func(p parts) { p.d.Connections[1].Remote = address("10.2.0.7") },
			Database, Addresses, "connection new", Matches, AtStandby},
		"a standby of another operator took over": {func(p parts) {
			p.s.Standbys[0].Operator = "Kommunale IT Nachbarland"
			p.d.Connections[0].Reported = address("10.2.0.7")
		}, Database, Addresses, "reported by the server", Differs, AtForeignStandby},
		"a standby in another country took over": {func(p parts) {
			p.s.Standbys[0].Country = "AT"
			p.d.Connections[1].Remote = address("10.2.0.7")
		}, Database, Addresses, "connection new", Differs, AtForeignStandby},
		"the name of a standby too": {func(p parts) { p.d.Endpoints[0].Addresses = addresses("10.1.0.5", "10.2.0.7") },
			Database, Addresses, "db.example", Matches, Inside},
		"objects at the standby's": {func(p parts) { p.o.Connections[0].Remote = address("10.2.0.7") },
			Objects, Addresses, "connection in use", Differs, Outside},
		"name does not resolve": {func(p parts) { p.d.Endpoints[0].Addresses = nil },
			Database, Addresses, "db.example", NotObserved, Unseen},
		"no connection": {func(p parts) { p.d.Questions = append(p.d.Questions, failed(Addresses, "connection direct")) },
			Database, Addresses, "connection direct", NotObserved, Unseen},
		"socket": {func(p parts) { p.d.Endpoints = []Endpoint{{Name: "/run/postgresql", Local: true}} },
			Database, Addresses, "/run/postgresql", NotObserved, LocalSocket},
		"pinned key": {func(p parts) { p.s.Database.CertificateKeys = []string{"old", "key1"} },
			Database, Identity, "", Matches, AsDeclared},
		"another key": {func(p parts) { p.s.Objects.CertificateKeys = []string{"key1"} },
			Objects, Identity, "", Differs, NotDeclared},
		"no TLS, pinned": {func(p parts) { p.s.Objects.CertificateKeys = []string{"key2"}; p.o.Connections[0].Certificate = nil },
			Objects, Identity, "", Differs, Unencrypted},
		"no TLS": {func(p parts) { p.o.Connections[0].Certificate = nil },
			Objects, Identity, "", NotObserved, NotEncrypted},
		"no connection, no key": {func(p parts) { p.o.Connections = nil; p.o.Questions = []Question{failed(Identity, "connection new")} },
			Objects, Identity, "", NotObserved, Unseen},
		"declared database": {func(p parts) { p.s.Database.SystemIdentifier = "711" }, Database, System, "", Matches, AsDeclared},
		"another database":  {func(p parts) { p.s.Database.SystemIdentifier = "712" }, Database, System, "", Differs, NotDeclared},
		"two databases":     {func(p parts) { p.d.Connections[1].System = "712" }, Database, System, "", Differs, Changed},
		"no right to ask": {func(p parts) { p.d.Connections[0].System, p.d.Connections[1].System = "", "" },
			Database, System, "", NotObserved, Unseen},
		"undeclared standby": {func(p parts) { p.d.Streams = append(p.d.Streams, Stream{Name: "copy", Address: address("10.1.0.9")}) },
			Database, Standbys, "copy", Differs, StandbyUndeclared},
		"nameless standby": {func(p parts) { p.d.Streams = append(p.d.Streams, Stream{Address: address("10.2.0.9")}) },
			Database, Standbys, "?", Differs, StandbyUndeclared},
		"standby elsewhere": {func(p parts) { p.d.Streams[0].Address = address("192.0.2.9") },
			Database, Standbys, "b-1", Differs, StandbyElsewhere},
		"standby on the primary's machine": {func(p parts) { p.d.Streams[0].Address = netip.Addr{} },
			Database, Standbys, "b-1", Matches, StandbyDeclared},
		"standby absent": {func(p parts) { p.d.Streams = nil }, Database, Standbys, "b-*", Differs, StandbyAbsent},
		"standby being made": {func(p parts) {
			p.d.Streams = append(p.d.Streams, Stream{Name: "pg_basebackup", Address: address("10.2.0.8"), State: "backup"})
		},
			Database, Standbys, "pg_basebackup", Matches, StandbyDeclared},
		"base backup elsewhere": {func(p parts) {
			p.d.Streams = append(p.d.Streams, Stream{Name: "pg_basebackup", Address: address("10.1.0.8"), State: "backup"})
		},
			Database, Standbys, "pg_basebackup", Differs, StandbyUndeclared},
		"hidden": {func(p parts) { p.d.Hidden = true; p.d.Streams = []Stream{{}} }, Database, Standbys, "", NotObserved, StandbysHidden},
		"hidden, too many": {func(p parts) { p.d.Hidden = true; p.d.Streams = []Stream{{}, {}}; p.s.Standbys[0].Name = "b-1" },
			Database, Standbys, "", Differs, StandbysTooMany},
		"hidden, none":  {func(p parts) { p.d.Hidden = true; p.d.Streams = nil }, Database, Standbys, "b-*", Differs, StandbyAbsent},
		"list not seen": {func(p parts) { p.d.Streams = nil; p.d.Questions = []Question{failed(Standbys, "pg_stat_replication")} }, Database, Standbys, "b-*", NotObserved, Unseen},
		"in recovery":   {func(p parts) { p.d.Streams = nil; p.d.Recovering = true }, Database, Standbys, "", NotObserved, InRecovery},
		"no waiting":    {func(p parts) { p.d.Synchronous = "" }, Database, Synchronous, "", Differs, CommitsDoNot},
		"local commit":  {func(p parts) { p.d.Commit = "local" }, Database, Synchronous, "", Differs, CommitsDoNot},
		"declared local": {func(p parts) { p.d.Synchronous = ""; p.s.Database.Local = true },
			Database, Synchronous, "", Matches, CommitsAlone},
		"waits for a stranger": {func(p parts) { p.d.Synchronous = "stranger" }, Database, Synchronous, "", Differs, WaitsForUnknown},
		"archive":              {func(p parts) { p.d.Archiving = true }, Database, Archive, "", NotObserved, Archived},
		"region":               {func(p parts) { p.s.Objects.Location = "de-1" }, Objects, Bucket, "", Differs, NotDeclared},
		"region not told": {func(p parts) { p.o.Location = ""; p.o.Questions = []Question{failed(Bucket, "GetBucketLocation")} },
			Objects, Bucket, "", NotObserved, Unseen},
		"undeclared copy": {func(p parts) { p.o.Rules = []Rule{{"1", "elsewhere"}} }, Objects, Replication, "elsewhere", Differs, ReplicationUndeclared},
		"declared copy": {func(p parts) { p.s.Objects.ReplicatesTo = []string{"copy"}; p.o.Rules = []Rule{{"1", "copy"}} },
			Objects, Replication, "copy", Matches, ReplicationDeclared},
		"copy to a site": {func(p parts) { p.s.Objects.ReplicatesTo = []string{"sued"}; p.o.Rules = []Rule{{"1", "southern"}} },
			Objects, Replication, "sued", Matches, ReplicationDeclared},
		"copy absent": {func(p parts) { p.s.Objects.ReplicatesTo = []string{"copy"} }, Objects, Replication, "copy", Differs, ReplicationAbsent},
		"rules not told": {func(p parts) {
			p.s.Objects.ReplicatesTo = []string{"copy"}
			p.o.Questions = []Question{failed(Replication, "GetBucketReplication")}
		}, Objects, Replication, "copy", NotObserved, Unseen},
		"versions": {func(p parts) { p.o.Versions = "Enabled" }, Objects, Versions, "", Matches, VersionsKept},
		"folder": {func(p parts) {
			*p.o = ObjectsFacts{Facts: Facts{Folder: &Folder{Path: "/srv", Filesystem: "ext4", Host: "h"}}}
		}, Objects, Storage, "", NotObserved, LocalFolder},
		"sshfs": {func(p parts) {
			*p.o = ObjectsFacts{Facts: Facts{Folder: &Folder{Path: "/srv", Filesystem: "fuse.sshfs", Source: "x@y:", Network: true}}}
		}, Objects, Storage, "", NotObserved, DistantMount},
		"nfs outside": {func(p parts) {
			*p.o = ObjectsFacts{Facts: Facts{Endpoints: []Endpoint{{Name: "files.example", Addresses: addresses("192.0.2.5")}},
				Folder: &Folder{Path: "/srv", Filesystem: "nfs4", Source: "files.example:/", Network: true}}}
		}, Objects, Addresses, "files.example", Differs, Outside},
	} {
		t.Run(name, func(t *testing.T) {
			s, d, o := standard()
			c.change(parts{&s, &d, &o})
			sued := whole("sued")
			sued.Objects.Bucket = "southern"
			run := Compare(s, []Site{s, sued}, d, o, nil, time.Now())
			is(t, run, c.part, c.check, c.subject, c.state, c.finding)
			for _, one := range run {
				for _, language := range []string{"en", "de"} {
					if text := one.Sentence(language); strings.ContainsAny(text, "{}") || strings.Contains(text, ": .") || len(text) < 30 {
						t.Errorf("%s: %q", language, text)
					}
				}
				if c.state != Differs && one.State == Differs {
					t.Errorf("also differs: %s", one.Sentence("en"))
				}
			}
		})
	}
}

func TestKeysAreRemembered(t *testing.T) {
	s, d, o := standard()
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	sites := []Site{s}
	first := Compare(s, sites, d, o, nil, at)
	again := Compare(s, sites, d, o, first, at.Add(time.Minute))
	if key := is(t, again, Database, Identity, "", Matches, AsBefore); key.New() || !key.Since.Equal(at) || !key.Remembered {
		t.Errorf("%+v", key)
	}
	d.Connections[0].Certificate, d.Connections[1].Certificate = &Certificate{Key: "stranger"}, &Certificate{Key: "stranger"}
	changed := Compare(s, sites, d, o, again, at.Add(2*time.Minute))
	if key := is(t, changed, Database, Identity, "", Differs, Changed); !key.New() || key.Declared != "key1" || key.Seen != "stranger" {
		t.Errorf("%+v", key)
	}
	stays := Compare(s, sites, d, o, changed, at.Add(3*time.Minute))
	is(t, stays, Database, Identity, "", Differs, Changed)
	down := d
	down.Connections = nil
	down.Questions = []Question{failed(Identity, "connection new")}
	away := Compare(s, sites, down, o, stays, at.Add(4*time.Minute))
	if key := is(t, away, Database, Identity, "", Differs, Changed); !key.Tried.Equal(at.Add(4*time.Minute)) || !key.At.Equal(at.Add(3*time.Minute)) || !key.Remembered {
		t.Errorf("what stands does not tell when it was seen and looked for: %+v", key)
	}
	back := Compare(s, sites, d, o, away, at.Add(5*time.Minute))
	is(t, back, Database, Identity, "", Differs, Changed) // it was not forgotten meanwhile
	d.Connections[0].Certificate, d.Connections[1].Certificate = nil, nil
	is(t, Compare(s, sites, d, o, again, at.Add(6*time.Minute)), Database, Identity, "", Differs, Unencrypted)
	// A declaration outweighs what is remembered.
	s.Database.CertificateKeys = []string{"stranger"}
	d.Connections[0].Certificate, d.Connections[1].Certificate = &Certificate{Key: "stranger"}, &Certificate{Key: "stranger"}
	is(t, Compare(s, sites, d, o, back, at.Add(7*time.Minute)), Database, Identity, "", Matches, AsDeclared)
}

func TestEvidence(t *testing.T) {
	s, d, o := standard()
	d.Questions = []Question{
		{About: Addresses, Asked: "resolve db.example", Answered: "[10.1.0.5]"},
		{About: Addresses, Asked: "connection in use", Answered: "other end 10.1.0.5:5432"},
		{About: Synchronous, Asked: "SHOW synchronous_commit", Answered: strings.Repeat("é", maxEvidence)},
	}
	run := Compare(s, []Site{s}, d, o, nil, time.Now())
	if e := is(t, run, Database, Addresses, "db.example", Matches, Inside).Evidence; e != "resolve db.example: [10.1.0.5]" {
		t.Errorf("%q", e)
	}
	if e := is(t, run, Database, Addresses, "reported by the server", Matches, Inside).Evidence; strings.Count(e, "\n") != 1 {
		t.Errorf("%q", e)
	}
	if e := is(t, run, Database, Synchronous, "", Matches, CommitsWait).Evidence; len(e) > maxEvidence+8 || !strings.HasSuffix(e, "…") {
		t.Errorf("%d bytes of evidence", len(e))
	}
}

func TestSynchronousNames(t *testing.T) {
	for setting, want := range map[string]string{
		"":                           "",
		"a":                          "a",
		"a, b":                       "a|b",
		"*":                          "*",
		"2 (a, b)":                   "a|b",
		"FIRST 1 (a,b)":              "a|b",
		`ANY 1 ("b-1", "say ""x""")`: `b-1|say "x"`,
		`"a (b", c`:                  "a (b|c",
		`first 1 ("with, comma")`:    "with, comma",
	} {
		if got := strings.Join(synchronousNames(setting), "|"); got != want {
			t.Errorf("%s: %q, want %q", setting, got, want)
		}
	}
}

func FuzzSynchronousNames(f *testing.F) {
	f.Add(`ANY 1 ("b-1", "say ""x""")`)
	f.Add(`FIRST 2 (a`)
	f.Fuzz(func(t *testing.T, setting string) {
		size := 0
		for _, name := range synchronousNames(setting) {
			if strings.TrimSpace(name) == "" {
				t.Errorf("a name without a letter in %q", setting)
			}
			size += len(name)
		}
		if size > len(setting) {
			t.Errorf("%q gave more than it has", setting)
		}
	})
}

// Every finding and check has its words.
func TestEveryFindingIsWorded(t *testing.T) {
	for finding, w := range sentences {
		if w.en == "" || w.de == "" || !strings.HasSuffix(w.en, ".") || !strings.HasSuffix(w.de, ".") {
			t.Errorf("%s: %+v", finding, w)
		}
	}
	for finding := range harmless {
		if sentences[finding].en == "" {
			t.Errorf("%s has no sentence", finding)
		}
	}
	for _, c := range []Check{Addresses, Identity, System, Standbys, Synchronous, Archive, Bucket, Replication, Versions, Storage} {
		if things[c].en == "" || things[c].de == "" {
			t.Errorf("%s has no words", c)
		}
	}
}
