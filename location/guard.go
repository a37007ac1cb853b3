package location

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ErrMismatch says that a site was seen to differ from its declaration, or that what
// must be seen of it was not, and that the tenant's policy refuses writes then.
var ErrMismatch = errors.New("the site is not verified to be as declared")

// holdsFor is how long what was seen of a site counts, unless the guard is told
// otherwise: a store that is away for a moment when it is looked at stops no writes.
const holdsFor = time.Hour

// Subject is whose data is to be placed: the policy of a tenant.
type Subject struct {
	Home  string   // the site where the tenant lives
	Sites []string // where its data may lie; empty: at its home alone
	// RefuseOnMismatch refuses writes at a site that is not verified to be as
	// declared.
	RefuseOnMismatch bool
}

// Guard decides whether data may be written at a site. Its methods may be called
// concurrently.
type Guard struct {
	sites []Site
	named map[string]int // index in sites
	holds time.Duration
	now   func() time.Time

	learning sync.Mutex
	seen     atomic.Pointer[map[string]siteState] // replaced whole, never changed
}

// siteState is what the verifier has found at a site.
type siteState struct {
	seen       map[Need]time.Time // when what must be seen was seen last
	embedded   map[Part]bool      // parts that are folders of this machine, not servers
	mismatches []Observation      // those that stop writes of tenants whose policy says so
	forbidding []Observation      // those that stop everybody's
}

// New makes the guard of declared sites. A site that is not declared whole is an
// error, as is a name that is declared twice and a copy to nowhere.
func New(sites []Site) (*Guard, error) {
	if len(sites) == 0 {
		return nil, errors.New("location: no site is declared; nothing may be stored anywhere")
	}
	g := &Guard{sites: slices.Clone(sites), named: make(map[string]int, len(sites)), holds: holdsFor, now: time.Now}
	for i, s := range sites {
		if err := s.whole(); err != nil {
			return nil, err
		}
		if _, twice := g.named[s.Name]; twice {
			return nil, fmt.Errorf("location: site %q is declared twice", s.Name)
		}
		g.named[s.Name] = i
	}
	g.seen.Store(&map[string]siteState{})
	return g, nil
}

// Hold sets how long what was seen of a site counts. It must be several times as
// long as the time between two verifications, and is called before the guard is used.
func (g *Guard) Hold(d time.Duration) { g.holds = d }

// Site returns a declared site.
func (g *Guard) Site(name string) (Site, bool) {
	i, ok := g.named[name]
	if !ok {
		return Site{}, false
	}
	return g.sites[i], true
}

// Sites returns all declared sites, in the order of their declaration.
func (g *Guard) Sites() []Site { return slices.Clone(g.sites) }

// Allow decides whether data of s of a kind may be written at a site. The errors
// wrap ErrElsewhere and ErrMismatch; they name sites and reasons, no data.
func (g *Guard) Allow(at string, s Subject, k Kind) error {
	if _, ok := g.named[at]; !ok {
		return fmt.Errorf("%w: %s at %q, which is not declared", ErrElsewhere, k, at)
	}
	if len(s.Sites) == 0 {
		if at != s.Home {
			return fmt.Errorf("%w: %s belongs to site %q, this is %q", ErrElsewhere, k, s.Home, at)
		}
	} else if !slices.Contains(s.Sites, at) {
		return fmt.Errorf("%w: %s at %q; its policy allows %s", ErrElsewhere, k, at, strings.Join(s.Sites, ", "))
	}
	state := (*g.seen.Load())[at]
	if len(state.forbidding) > 0 {
		return fmt.Errorf("%w: %s", ErrMismatch, state.forbidding[0].Sentence("en"))
	}
	if !s.RefuseOnMismatch {
		return nil
	}
	for _, o := range state.mismatches {
		if !g.agreed(at, o, s) {
			return fmt.Errorf("%w: %s", ErrMismatch, o.Sentence("en"))
		}
	}
	if missing := g.missing(at, state); len(missing) > 0 {
		return fmt.Errorf("%w: %s", ErrMismatch, missing[0].Sentence("en"))
	}
	return nil
}

// agreed tells whether a tenant's policy has agreed to a place where a standby has taken
// over: it names a site of that operator in that country.
func (g *Guard) agreed(at string, o Observation, s Subject) bool {
	if o.Finding != AtForeignStandby {
		return false
	}
	standbys := g.sites[g.named[at]].Standbys
	i := slices.IndexFunc(standbys, func(b Standby) bool { return b.Name == o.Standby })
	return i >= 0 && slices.ContainsFunc(s.Sites, func(name string) bool {
		j, ok := g.named[name]
		return ok && !standbys[i].foreign(g.sites[j])
	})
}

// Mismatches returns what stops writes at a site, for those whose policy says so.
func (g *Guard) Mismatches(site string) []Observation {
	return slices.Clone((*g.seen.Load())[site].mismatches)
}

// Learn tells the guard what a verification of a site has found. A difference
// stays until the same thing was seen to match, or to be gone: what could not be
// observed now ends nothing. Nor does it begin anything: until all that must be seen
// of a site was seen, and that lately, it is not verified.
func (g *Guard) Learn(site string, run []Observation) {
	i, ok := g.named[site]
	if !ok {
		return
	}
	g.change(site, func(old siteState) siteState {
		state := siteState{embedded: embedded(run)}
		maps.Copy(state.embedded, old.embedded)
		for _, o := range Standing(old.mismatches, run) {
			if o.Stops() {
				state.mismatches = append(state.mismatches, o)
			}
		}
		for _, before := range old.forbidding {
			if !slices.ContainsFunc(run, func(o Observation) bool { return o.key() == before.key() && o.State == Matches }) {
				state.forbidding = append(state.forbidding, before)
			}
		}
		state.seen = sightings(needs(g.sites[i], state.embedded), old.seen, run)
		return state
	})
}

// Forbid stops everybody's writes at a site because of an observation, until the same
// thing was seen to match. It is for what no policy may pass over.
func (g *Guard) Forbid(o Observation) {
	g.change(o.Site, func(old siteState) siteState {
		old.forbidding = append(slices.Clone(old.forbidding), o)
		return old
	})
}

// change replaces what is known of a site.
func (g *Guard) change(site string, by func(siteState) siteState) {
	g.learning.Lock()
	defer g.learning.Unlock()
	old := *g.seen.Load()
	next := make(map[string]siteState, len(old)+1)
	maps.Copy(next, old)
	next[site] = by(old[site])
	g.seen.Store(&next)
}
