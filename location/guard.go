package location

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// ErrMismatch says that a site was seen to differ from its declaration, or was
// not verified yet, and that the tenant's policy refuses writes then.
var ErrMismatch = errors.New("the site is not as it was declared")

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

	learning sync.Mutex
	seen     atomic.Pointer[map[string]siteState] // replaced whole, never changed
}

// siteState is what the verifier has found at a site.
type siteState struct {
	verified   bool
	mismatches []Observation // those that stop writes
}

// New makes the guard of declared sites. A site that is not declared whole is an
// error, as is a name that is declared twice and a copy to nowhere.
func New(sites []Site) (*Guard, error) {
	if len(sites) == 0 {
		return nil, errors.New("location: no site is declared; nothing may be stored anywhere")
	}
	g := &Guard{sites: slices.Clone(sites), named: make(map[string]int, len(sites))}
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
	if !s.RefuseOnMismatch {
		return nil
	}
	state := (*g.seen.Load())[at]
	switch {
	case len(state.mismatches) > 0:
		return fmt.Errorf("%w: %s: %s", ErrMismatch, at, state.mismatches[0].Sentence("en"))
	case !state.verified:
		return fmt.Errorf("%w: %s has not been verified since this process started", ErrMismatch, at)
	}
	return nil
}

// Mismatches returns what stops writes at a site, for those whose policy says so.
func (g *Guard) Mismatches(site string) []Observation {
	return slices.Clone((*g.seen.Load())[site].mismatches)
}

// Learn tells the guard what a verification of a site has found. A difference
// stays until the same thing was seen to match, or to be gone: what could not be
// observed now ends nothing.
func (g *Guard) Learn(site string, run []Observation) {
	g.learning.Lock()
	defer g.learning.Unlock()
	old := *g.seen.Load()
	state := siteState{verified: true}
	for _, o := range run {
		if o.Stops() {
			state.mismatches = append(state.mismatches, o)
		}
	}
	for _, before := range old[site].mismatches {
		if !settled(before, run) {
			state.mismatches = append(state.mismatches, before)
		}
	}
	next := make(map[string]siteState, len(old)+1)
	for name, s := range old {
		next[name] = s
	}
	next[site] = state
	g.seen.Store(&next)
}

// settled tells whether a run knows more of a difference than before: of the
// thing itself, or of all things that are checked alike.
func settled(before Observation, run []Observation) bool {
	alike := false
	for _, o := range run {
		if o.Part != before.Part || o.Check != before.Check {
			continue
		}
		if o.Subject == before.Subject {
			return o.State != NotObserved
		}
		alike = alike || o.State != NotObserved
	}
	return alike
}
