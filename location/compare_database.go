package location

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

func compareDatabase(c *comparison, d DatabaseFacts) []Observation {
	c.addresses()
	c.certificate(c.site.Database.CertificateKeys)
	c.folder()
	if d.Folder == nil {
		c.system(d)
	}
	if d.Folder == nil || len(c.site.Standbys) > 0 {
		c.standbys(d)
	}
	if d.Folder == nil {
		c.synchronous(d)
		c.archive(d)
	}
	return c.run
}

// system compares the identifier of the database that answers on each connection:
// another one behind the same name has another.
func (c *comparison) system(d DatabaseFacts) {
	var declared, seen []string
	if id := c.site.Database.SystemIdentifier; id != "" {
		declared = []string{id}
	}
	for _, one := range d.Connections {
		if one.System != "" && !slices.Contains(seen, one.System) { // in their order: the one in use first
			seen = append(seen, one.System)
		}
	}
	c.expect(System, declared, seen)
}

// baseBackup is how a copy calls itself while it is being made.
const baseBackup = "pg_basebackup"

// standbys compares every stream with the declared standbys, and these with the
// streams.
func (c *comparison) standbys(d DatabaseFacts) {
	switch {
	case len(d.Streams) == 0 && (c.failed(Standbys) || d.Recovering):
		finding := Unseen
		if d.Recovering {
			finding = InRecovery
		}
		c.note(Observation{Check: Standbys, State: NotObserved, Finding: finding})
		for _, b := range c.site.Standbys {
			c.unseen(Standbys, b.Name)
		}
	case len(d.Streams) == 0 && len(c.site.Standbys) == 0:
		c.note(Observation{Check: Standbys, State: Matches, Finding: NoStandbys})
	case d.Hidden && len(d.Streams) > 0:
		c.hidden(len(d.Streams))
	default:
		c.streams(d)
	}
}

// hidden judges by their number the streams that may not be looked into.
func (c *comparison) hidden(seen int) {
	declared := len(c.site.Standbys)
	o := Observation{Check: Standbys, State: NotObserved, Finding: StandbysHidden,
		Seen: strconv.Itoa(seen), Declared: strconv.Itoa(declared)}
	many := slices.ContainsFunc(c.site.Standbys, func(b Standby) bool { return strings.ContainsAny(b.Name, "*?") })
	if seen > declared && !many {
		o.State, o.Finding = Differs, StandbysTooMany
	}
	c.note(o)
}

func (c *comparison) streams(d DatabaseFacts) {
	var names []string
	at := map[string][]netip.Addr{}
	for _, s := range d.Streams {
		if !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
		at[s.Name] = append(at[s.Name], s.Address)
	}
	met := map[string]bool{}
	for _, name := range names {
		c.stream(name, at[name], met)
	}
	for _, b := range c.site.Standbys {
		switch {
		case met[b.Name]:
		case d.Recovering:
			c.unseen(Standbys, b.Name)
		default:
			c.note(Observation{Check: Standbys, Subject: b.Name, State: Differs, Finding: StandbyAbsent, Declared: joined(b.Networks)})
		}
	}
}

// stream judges all streams of one name. A base backup counts as the standby that
// it becomes if it goes to the place of a declared one.
func (c *comparison) stream(name string, at []netip.Addr, met map[string]bool) {
	o := Observation{Check: Standbys, Subject: name, State: Matches, Finding: StandbyDeclared}
	var called []Standby
	for _, b := range c.site.Standbys {
		if b.called(name) {
			called = append(called, b)
			met[b.Name] = true
		}
	}
	if name == baseBackup && len(called) == 0 {
		called = c.site.Standbys
	}
	networks := slices.Clone(c.site.Networks)[:0]
	for _, b := range called {
		networks = append(networks, b.Networks...)
	}
	seen := make([]string, 0, len(at))
	for _, a := range unique(at, netip.Addr.Compare) {
		if !a.IsValid() { // on the machine of the primary, whose addresses are checked
			seen = append(seen, "a socket of the database's machine")
			continue
		}
		seen = append(seen, a.String())
		if !within(a, networks) {
			o.State, o.Finding = Differs, StandbyElsewhere
		}
	}
	o.Seen, o.Declared = strings.Join(seen, ", "), joined(networks)
	if len(called) == 0 || o.State == Differs && name == baseBackup {
		o.State, o.Finding, o.Declared = Differs, StandbyUndeclared, ""
	}
	if o.Subject == "" {
		o.Subject = "?"
	}
	c.note(o)
}

// synchronous compares whether commits wait for a standby with what is declared.
func (c *comparison) synchronous(d DatabaseFacts) {
	if c.failed(Synchronous) {
		c.unseen(Synchronous, "")
		return
	}
	o := Observation{Check: Synchronous, State: Matches, Finding: CommitsWait,
		Seen: fmt.Sprintf("synchronous_commit=%s, synchronous_standby_names=%q", d.Commit, d.Synchronous)}
	waits := d.Synchronous != "" && (d.Commit == "on" || d.Commit == "remote_apply")
	copied := len(c.site.Standbys) > 0 || len(d.Streams) > 0
	switch unknown := c.unknown(synchronousNames(d.Synchronous)); {
	case waits && len(unknown) > 0:
		o.State, o.Finding, o.Seen = Differs, WaitsForUnknown, strings.Join(unknown, ", ")
	case waits:
	case c.site.Database.Local || !copied:
		o.Finding = CommitsAlone
	default:
		o.State, o.Finding = Differs, CommitsDoNot
	}
	c.note(o)
}

// unknown lists those names that mean no declared standby.
func (c *comparison) unknown(names []string) (list []string) {
	for _, name := range names {
		if name != "*" && !slices.ContainsFunc(c.site.Standbys, func(b Standby) bool {
			b.Name = strings.ToLower(b.Name) // PostgreSQL compares these names so
			return b.called(strings.ToLower(name))
		}) {
			list = append(list, name)
		}
	}
	return list
}

// synchronousNames reads synchronous_standby_names: names with commas between, alone
// or in parentheses behind a number or FIRST or ANY and a number. Names that are not
// plain words are quoted.
func synchronousNames(setting string) (names []string) {
	if open := strings.IndexByte(setting, '('); open >= 0 && !strings.Contains(setting[:open], `"`) {
		setting = strings.TrimSuffix(strings.TrimSpace(setting[open+1:]), ")")
	}
	var name strings.Builder
	quoted := false
	end := func() {
		if s := strings.TrimSpace(name.String()); s != "" {
			names = append(names, s)
		}
		name.Reset()
	}
	for i := 0; i < len(setting); i++ {
		switch c := setting[i]; {
		case c == '"' && quoted && i+1 < len(setting) && setting[i+1] == '"': // a quote in quotes
			name.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			end()
		default:
			name.WriteByte(c)
		}
	}
	end()
	return names
}

// archive tells whether the write-ahead log is copied elsewhere.
func (c *comparison) archive(d DatabaseFacts) {
	switch {
	case c.failed(Archive):
		c.unseen(Archive, "")
	case d.Archiving:
		c.note(Observation{Check: Archive, State: NotObserved, Finding: Archived, Seen: "archive_mode"})
	default:
		c.note(Observation{Check: Archive, State: Matches, Finding: NotArchived})
	}
}
