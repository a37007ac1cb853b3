package location

import (
	"slices"
	"strings"
	"time"
)

// Need is the least that must have been seen of a site before it counts as verified:
// what was not seen is not verified.
type Need struct {
	Part  Part
	Check Check
}

// Missing is a need that is not met.
type Missing struct {
	Site string
	Need
	Last time.Time // when it was seen last; zero: not since this process knows
}

// needs are those of a site. Of a server: that a connection leads to an address of the
// site, of a database also which one it is, and what is declared of keys and of the
// bucket. Of a folder of this machine: on which filesystem it lies.
//
// Not among them is what says nothing of where the data lies or what many services do
// not tell: how commits wait, archives, the list of standbys, rules of replication. What
// is seen of these and differs stops writes all the same.
func needs(s Site, embedded map[Part]bool) (list []Need) {
	for _, p := range []struct {
		part    Part
		server  []Check
		pinned  bool
		located bool
	}{
		{Database, []Check{Addresses, System}, len(s.Database.CertificateKeys) > 0, false},
		{Objects, []Check{Addresses}, len(s.Objects.CertificateKeys) > 0, s.Objects.Location != ""},
	} {
		if embedded[p.part] {
			list = append(list, Need{p.part, Storage})
			continue
		}
		for _, c := range p.server {
			list = append(list, Need{p.part, c})
		}
		if p.pinned {
			list = append(list, Need{p.part, Identity})
		}
		if p.located {
			list = append(list, Need{p.part, Bucket})
		}
	}
	return list
}

// embedded tells which parts are folders of this machine, as observations show.
func embedded(run []Observation) map[Part]bool {
	parts := map[Part]bool{}
	for _, o := range run {
		if o.Check == Storage && o.Seen != "" {
			parts[o.Part] = true
		}
	}
	return parts
}

// sightings are when each need was met last, by this run or before.
func sightings(needs []Need, before map[Need]time.Time, run []Observation) map[Need]time.Time {
	seen := make(map[Need]time.Time, len(needs))
	for _, n := range needs {
		at := before[n]
		for _, o := range run {
			if o.Part == n.Part && o.At.After(at) && o.meets(n.Check, run) {
				at = o.At
			}
		}
		if !at.IsZero() {
			seen[n] = at
		}
	}
	return seen
}

// meets tells whether an observation shows what a check must show.
func (o Observation) meets(c Check, run []Observation) bool {
	switch {
	case o.Check != c, !o.Tried.IsZero(): // what stands was not seen
		return false
	case c == Addresses: // that a name would lead there is not enough
		seen := o.State == Matches || o.Finding == AtForeignStandby // some have agreed to that place
		return seen && strings.HasPrefix(o.Subject, connection) || o.Finding == LocalSocket
	case c == Storage && o.Finding == RemoteFolder:
		return slices.ContainsFunc(run, func(a Observation) bool {
			return a.Part == o.Part && a.Check == Addresses && a.State == Matches
		})
	case c == Storage:
		return o.Finding == LocalFolder
	}
	return o.State == Matches
}

// connection begins the subject of what was seen of one, reportedBy is that of where the
// server says it is.
const (
	connection = "connection "
	reportedBy = "reported by the server"
)

// Missing tells what was not seen of a site, lately or at all, without which it is not
// verified.
func (g *Guard) Missing(site string) []Missing {
	return g.missing(site, (*g.seen.Load())[site])
}

func (g *Guard) missing(site string, state siteState) (list []Missing) {
	i, ok := g.named[site]
	if !ok {
		return nil
	}
	oldest := g.now().Add(-g.holds)
	for _, n := range needs(g.sites[i], state.embedded) {
		if at := state.seen[n]; at.Before(oldest) {
			list = append(list, Missing{Site: site, Need: n, Last: at})
		}
	}
	return list
}

// Sentence says in one plain sentence what was not observed and what to do. The
// language is "de", or else English.
func (m Missing) Sentence(language string) string {
	w := wording{"{Thing} {of} was not observed{since}, and without it nothing shows that data written here lies where declared: “fachwerk location verify” shows why; see to it that the server answers and may tell.",
		"{Thing} {of} wurde{since} nicht beobachtet, und ohne das zeigt nichts, dass Daten, die hier geschrieben werden, am angegebenen Ort liegen: „fachwerk location verify“ zeigt, warum; sorgen Sie dafür, dass der Server antwortet und es sagen darf."}
	if m.Check == Storage {
		w = wording{"{Thing} {of} was not seen to be of this machine or of a server inside the declared networks{since}: use a filesystem that tells whose it is, or a server.",
			"{Thing} {of} gehört nicht erkennbar zu diesem Rechner oder zu einem Server innerhalb der angegebenen Netze{since}: Verwenden Sie ein Dateisystem, das sagt, wem es gehört, oder einen Server."}
	}
	since := ""
	if !m.Last.IsZero() {
		since = wording{" since ", " seit "}.in(language) + when(m.Last, language)
	}
	return wording{"Site ", "Standort "}.in(language) + m.Site + ": " + strings.NewReplacer(
		"{Thing}", things[m.Check].in(language), "{of}", possessive[m.Part].in(language), "{since}", since,
	).Replace(w.in(language))
}
