package location

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// maxEvidence bounds the evidence of one observation, bytes.
const maxEvidence = 4000

// none stands for the key of a connection that is not encrypted.
const none = "none"

// Compare holds what a site's engines have shown against its declaration and
// against what was observed before, which is where keys and identifiers that are
// not declared are remembered; what differed and could not be looked at now stands.
// sites are all declared ones, for copies from one to another.
func Compare(site Site, sites []Site, d DatabaseFacts, o ObjectsFacts, before []Observation, at time.Time) []Observation {
	run := compareDatabase(&comparison{site: site, part: Database, facts: d.Facts, before: before, at: at}, d)
	run = append(run, compareObjects(&comparison{site: site, part: Objects, facts: o.Facts, before: before, at: at}, o, sites)...)
	return Standing(seenOf(before, site.Name), run)
}

// seenOf are the observations of one site.
func seenOf(run []Observation, site string) (of []Observation) {
	for _, o := range run {
		if o.Site == site {
			of = append(of, o)
		}
	}
	return of
}

// comparison gathers the observations of one part of a site.
type comparison struct {
	site   Site
	part   Part
	facts  Facts
	before []Observation
	at     time.Time
	run    []Observation
}

// note adds an observation, with its evidence and since when it is so.
func (c *comparison) note(o Observation) {
	o.Site, o.Part, o.At, o.Since = c.site.Name, c.part, c.at, c.at
	o.Evidence = c.evidence(o.Check, o.Subject)
	if p, ok := c.last(o.key()); ok && o.same(p) {
		o.Since = p.Since
	}
	c.run = append(c.run, o)
}

func (c *comparison) last(k key) (Observation, bool) {
	i := slices.IndexFunc(c.before, func(o Observation) bool { return o.Site == c.site.Name && o.key() == k })
	if i < 0 {
		return Observation{}, false
	}
	return c.before[i], true
}

// evidence is what was asked about a check, and of that what names the subject
// where anything does.
func (c *comparison) evidence(about Check, subject string) string {
	var all, named []string
	for _, q := range c.facts.Questions {
		if q.About != about {
			continue
		}
		line := q.Asked + ": " + q.Answered
		if q.Failed != "" {
			line = q.Asked + ": no answer: " + q.Failed
		}
		all = append(all, line)
		if subject != "" && strings.Contains(line, subject) {
			named = append(named, line)
		}
	}
	if len(named) > 0 {
		all = named
	}
	return bounded(strings.ToValidUTF8(strings.Join(all, "\n"), "?"), maxEvidence)
}

// failed tells whether a question about a check had no answer.
func (c *comparison) failed(about Check) bool {
	return slices.ContainsFunc(c.facts.Questions, func(q Question) bool { return q.About == about && q.Failed != "" })
}

// unseen notes that something could not be observed. What is remembered of it
// stays remembered.
func (c *comparison) unseen(check Check, subject string) {
	o := Observation{Check: check, Subject: subject, State: NotObserved, Finding: Unseen}
	if p, ok := c.last(key{c.part, check, subject}); ok && p.Remembered {
		o.Declared, o.Remembered = p.Declared, true
	}
	c.note(o)
}

// addresses compares all addresses that are seen with the networks of the site. A
// database may answer from the place of a declared standby, which took over.
func (c *comparison) addresses() {
	networks := slices.Clone(c.site.Networks)
	if c.part == Database {
		for _, b := range c.site.Standbys {
			networks = append(networks, b.Networks...)
		}
	}
	for _, e := range c.facts.Endpoints {
		switch {
		case e.Local:
			c.note(Observation{Check: Addresses, Subject: e.Name, State: NotObserved, Finding: LocalSocket})
		case len(e.Addresses) == 0:
			c.unseen(Addresses, e.Name)
		default:
			c.place(e.Name, e.Addresses, networks) // the name of a standby may be among them
		}
	}
	var reported []netip.Addr
	for _, name := range c.connections() {
		var remote []netip.Addr
		for _, one := range c.facts.Connections {
			if one.Name == name && one.Remote.IsValid() {
				remote = append(remote, one.Remote)
			}
			if one.Name == name && one.Reported.IsValid() {
				reported = append(reported, one.Reported)
			}
		}
		c.place(connection+name, remote, networks)
	}
	c.place(reportedBy, reported, networks)
	for _, q := range c.facts.Questions {
		if strings.HasPrefix(q.Asked, connection) && q.About == Addresses && q.Failed != "" {
			c.unseen(Addresses, q.Asked)
		}
	}
}

// connections lists the names of those that were made.
func (c *comparison) connections() (names []string) {
	for _, one := range c.facts.Connections {
		if !slices.Contains(names, one.Name) {
			names = append(names, one.Name)
		}
	}
	return names
}

// place compares the addresses of one thing. Where some are outside, they are what
// is told.
func (c *comparison) place(subject string, seen []netip.Addr, networks []netip.Prefix) {
	if len(seen) == 0 {
		return
	}
	o := Observation{Check: Addresses, Subject: subject, State: Matches, Finding: Inside, Declared: joined(networks)}
	var outside []netip.Addr
	for _, a := range seen {
		if !within(a, networks) {
			outside = append(outside, a)
		}
	}
	if len(outside) > 0 {
		o.State, o.Finding, seen = Differs, Outside, outside
	} else if subject == reportedBy || strings.HasPrefix(subject, connection) {
		seen = c.takenOver(&o, seen)
	}
	o.Seen = joined(unique(seen, netip.Addr.Compare))
	c.note(o)
}

// takenOver notes that a connection ends in the networks of a declared standby and not
// in the site's, and returns where. Another operator's, or one in another country, is
// what is told of several: a copy there was agreed to, but not that the data is kept there.
func (c *comparison) takenOver(o *Observation, seen []netip.Addr) []netip.Addr {
	var there []netip.Addr
	for _, a := range seen {
		if within(a, c.site.Networks) {
			continue
		}
		there = append(there, a)
		i := slices.IndexFunc(c.site.Standbys, func(b Standby) bool { return within(a, b.Networks) })
		if b := c.site.Standbys[i]; o.Standby == "" || b.foreign(c.site) {
			o.Standby, o.Declared = b.Name, b.Name+" ("+b.Operator+", "+b.Place+", "+b.Country+")"
			o.Finding = AtStandby
			if b.foreign(c.site) {
				o.State, o.Finding = Differs, AtForeignStandby
			}
		}
	}
	if len(there) == 0 {
		return seen
	}
	return there
}

func unique[T comparable](list []T, compare func(a, b T) int) []T {
	list = slices.Clone(list)
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}

func joined[T interface{ String() string }](list []T) string {
	words := make([]string, len(list))
	for i, one := range list {
		words[i] = one.String()
	}
	return strings.Join(words, ", ")
}

// certificate compares the keys that the servers showed. A local socket needs none.
func (c *comparison) certificate(declared []string) {
	var seen []string
	for _, one := range c.facts.Connections {
		switch {
		case one.Certificate != nil:
			seen = append(seen, one.Certificate.Key)
		case one.Remote.IsValid():
			seen = append(seen, none)
		}
	}
	if len(seen) == 0 && !c.failed(Identity) {
		return // a folder or a socket of this machine
	}
	c.expect(Identity, declared, unique(seen, strings.Compare))
}

// expect compares words that were seen with those declared, any of which may be
// seen, or else with those that were seen first.
func (c *comparison) expect(check Check, declared, seen []string) {
	if len(seen) == 0 {
		c.unseen(check, "")
		if o := &c.run[len(c.run)-1]; len(declared) > 0 {
			o.Declared, o.Remembered = strings.Join(declared, " "), false
		}
		return
	}
	o := Observation{Check: check, State: Matches, Seen: strings.Join(seen, " "), Declared: strings.Join(declared, " ")}
	p, _ := c.last(key{c.part, check, ""})
	switch {
	case len(declared) > 0 && covers(declared, seen):
		o.Finding = AsDeclared
	case len(declared) > 0:
		o.State, o.Finding = Differs, NotDeclared
	case p.Remembered && p.Declared != "":
		declared = strings.Fields(p.Declared)
		o.Declared, o.Remembered, o.Finding = p.Declared, true, AsBefore
		if !covers(declared, seen) {
			o.State, o.Finding = Differs, Changed
		}
	case check == Identity && len(seen) == 1 && seen[0] == none:
		o.State, o.Finding = NotObserved, NotEncrypted
	case check == System && len(seen) > 1: // two databases behind one name
		o.Declared, o.Remembered = seen[0], true
		o.State, o.Finding = Differs, Changed
	default:
		o.Declared, o.Remembered, o.Finding = o.Seen, true, First
	}
	if o.State == Differs && slices.Contains(seen, none) && !slices.Contains(declared, none) {
		o.Finding = Unencrypted
	}
	c.note(o)
}

func covers(expected, seen []string) bool {
	return !slices.ContainsFunc(seen, func(s string) bool { return !slices.Contains(expected, s) })
}

// folder tells where an embedded engine's data lies.
func (c *comparison) folder() {
	f := c.facts.Folder
	if f == nil {
		return
	}
	if f.Filesystem == "" {
		c.unseen(Storage, "")
		return
	}
	o := Observation{Check: Storage, Seen: f.Filesystem + ", " + f.Host + ":" + f.Path}
	switch {
	case f.Network && len(c.facts.Endpoints) > 0:
		o.Seen = f.Filesystem + ", " + f.Source
		o.State, o.Finding = Matches, RemoteFolder
	case f.Network:
		o.Seen = f.Filesystem + ", " + f.Source
		o.State, o.Finding = NotObserved, DistantMount
	default:
		o.State, o.Finding = NotObserved, LocalFolder
	}
	c.note(o)
}
