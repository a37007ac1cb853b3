package location

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// VerifierOptions are what a verifier is made of.
type VerifierOptions struct {
	Guard     *Guard
	Observers map[string]Observer // by site; every declared one
	Ledger    Ledger
	Interval  time.Duration    // between two verifications; 0: 10 minutes; a tenth more or less each time
	Timeout   time.Duration    // of looking at one site; 0: 60 s
	Now       func() time.Time // nil: time.Now
	// Observed is told each verification of a site, for metrics; may be nil.
	Observed func(site string, run []Observation)
	Log      *slog.Logger // nil: nothing is logged
}

// Verifier compares the sites with their declarations, at start, on a schedule and
// on demand. Its methods may be called concurrently. Each site is verified by itself and
// in bounded time: one that is silent holds no other.
type Verifier struct {
	o     VerifierOptions
	sites map[string]*remembered
}

// remembered is what a verifier remembers of a site.
type remembered struct {
	name   string        // of the site
	turn   chan struct{} // holds one token: one verification of the site at a time
	known  bool          // the guard was told what the ledger had at the start
	memory []Observation // the last run, should the ledger not know it
	unseen string        // what was told to be missing
}

// ledgerTime bounds reading and keeping what was observed of a site.
const ledgerTime = 10 * time.Second

// soon is when a site is looked at again of which something was missing.
const soon = time.Minute

// NewVerifier makes a verifier. Every declared site needs an observer.
func NewVerifier(o VerifierOptions) (*Verifier, error) {
	for _, s := range o.Guard.Sites() {
		if o.Observers[s.Name] == nil {
			return nil, fmt.Errorf("location: nobody observes site %q", s.Name)
		}
	}
	if o.Interval <= 0 {
		o.Interval = 10 * time.Minute
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observed == nil {
		o.Observed = func(string, []Observation) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	v := &Verifier{o: o, sites: map[string]*remembered{}}
	for _, s := range o.Guard.Sites() {
		v.sites[s.Name] = &remembered{name: s.Name, turn: make(chan struct{}, 1)}
	}
	return v, nil
}

// Run verifies at once and then on the schedule, until ctx ends; each site by itself, and
// sooner while something is missing of it, because its tenants may be waiting for it.
func (v *Verifier) Run(ctx context.Context) {
	sites := v.o.Guard.Sites()
	var all sync.WaitGroup
	for _, s := range sites {
		all.Go(func() { v.follow(ctx, s, sites) })
	}
	all.Wait()
}

// follow verifies a site on the schedule.
func (v *Verifier) follow(ctx context.Context, s Site, sites []Site) {
	for {
		if _, err := v.verify(ctx, s, sites, v.o.Timeout); err != nil && ctx.Err() == nil {
			v.o.Log.Error("location: keeping the verification failed; the site is guarded by it nevertheless", "site", s.Name, "error", err)
		}
		interval := v.o.Interval
		if len(v.o.Guard.Missing(s.Name)) > 0 {
			interval = min(interval, soon)
		}
		tenth := interval / 10
		timer := time.NewTimer(interval - tenth + rand.N(2*tenth+1)) //nolint:gosec // a wait is no secret
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Once verifies all sites now, at the same time, and returns the observations in
// the order of the sites. The guard has learned of each as soon as it was looked at,
// also where the error says that the ledger could not keep it.
func (v *Verifier) Once(ctx context.Context) ([]Observation, error) {
	return v.OnceWithin(ctx, v.o.Timeout)
}

// OnceWithin is Once in less time: what does not answer by then was not observed. It is
// for a start, which one site that hangs must not hold up. Reading and keeping what was
// observed is bounded likewise, each by itself.
func (v *Verifier) OnceWithin(ctx context.Context, patience time.Duration) ([]Observation, error) {
	sites := v.o.Guard.Sites()
	runs, errs := make([][]Observation, len(sites)), make([]error, len(sites))
	var looking sync.WaitGroup
	for i, s := range sites {
		looking.Go(func() { runs[i], errs[i] = v.verify(ctx, s, sites, patience) })
	}
	looking.Wait()
	if err := ctx.Err(); err != nil { // what was cut short says nothing
		return nil, err
	}
	return slices.Concat(runs...), errors.Join(errs...)
}

// verify looks at one site and keeps what it saw.
func (v *Verifier) verify(ctx context.Context, s Site, sites []Site, patience time.Duration) ([]Observation, error) {
	mine, err := v.take(ctx, s.Name)
	if err != nil {
		return nil, err
	}
	defer mine.give()
	before := v.before(ctx, mine, patience)
	d, o := v.look(ctx, s.Name, patience)
	run := Compare(s, sites, d, o, before, v.now())
	if err := ctx.Err(); err != nil { // what was cut short says nothing
		return nil, err
	}
	return run, v.keep(ctx, mine, before, run, patience)
}

// take waits for one's turn at a site, give ends it.
func (v *Verifier) take(ctx context.Context, site string) (*remembered, error) {
	mine, ok := v.sites[site]
	if !ok {
		return nil, fmt.Errorf("%w: site %q is not declared", ErrNoObservation, site)
	}
	select {
	case mine.turn <- struct{}{}:
		return mine, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *remembered) give() { <-m.turn }

// now is exact to what a ledger keeps.
func (v *Verifier) now() time.Time { return v.o.Now().UTC().Truncate(time.Microsecond) }

// look asks both parts of a site, in bounded time.
func (v *Verifier) look(ctx context.Context, site string, patience time.Duration) (d DatabaseFacts, o ObjectsFacts) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() { d = v.o.Observers[site].Database(ctx) })
	both.Go(func() { o = v.o.Observers[site].Objects(ctx) })
	both.Wait()
	return d, o
}

// before is what was observed last, by whichever process. What the ledger does not know,
// as when the database it lies in was replaced or is silent, this process remembers.
func (v *Verifier) before(ctx context.Context, mine *remembered, patience time.Duration) []Observation {
	ctx, cancel := context.WithTimeout(ctx, min(patience, ledgerTime))
	defer cancel()
	kept, err := v.o.Ledger.LastObservations(ctx, mine.name)
	if err != nil {
		v.o.Log.Warn("location: the observations before cannot be read", "site", mine.name, "error", err)
		return mine.memory
	}
	for _, o := range mine.memory {
		i := slices.IndexFunc(kept, func(k Observation) bool { return k.key() == o.key() })
		switch {
		case i < 0:
			kept = append(kept, o)
		case o.At.After(kept[i].At): // it could not be saved
			kept[i] = o
		}
	}
	return Standing(mine.memory, kept)
}

// keep tells everybody what was seen: first the guard, last the ledger, which may take
// its time or fail.
func (v *Verifier) keep(ctx context.Context, mine *remembered, before, run []Observation, patience time.Duration) error {
	site := mine.name
	if !mine.known { // a mismatch outlives a new start
		v.o.Guard.Learn(site, before)
		mine.known = true
	}
	mine.memory = run
	v.o.Guard.Learn(site, run)
	v.o.Observed(site, run)
	for _, o := range run {
		if o.Finding == AtStandby && o.New() {
			v.o.Log.Warn("location: "+o.Sentence("en"), "site", site)
		}
		if o.State == Differs && o.New() {
			v.o.Log.Error("location: "+o.Sentence("en"), "site", site, "part", o.Part, "check", o.Check, "finding", o.Finding)
		}
	}
	v.tellMissing(mine)
	return v.save(ctx, site, run, patience)
}

func (v *Verifier) save(ctx context.Context, site string, run []Observation, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, min(patience, ledgerTime))
	defer cancel()
	if err := v.o.Ledger.SaveObservations(ctx, site, run); err != nil {
		return fmt.Errorf("location: keep the observations of site %s: %w", site, err)
	}
	return nil
}

// tellMissing logs once what keeps a site from being verified, and once that nothing
// does any more.
func (v *Verifier) tellMissing(mine *remembered) {
	site := mine.name
	text := ""
	if missing := v.o.Guard.Missing(site); len(missing) > 0 {
		first := missing[0]
		first.Last = time.Time{} // it is told once and not for each look
		text = first.Sentence("en")
	}
	before := mine.unseen
	mine.unseen = text
	switch {
	case text != "" && text != before:
		v.o.Log.Error("location: not verified, writes of tenants that demand it are refused: "+text, "site", site)
	case text == "" && before != "":
		v.o.Log.Info("location: verified again", "site", site)
	}
}

// Accept makes what was seen last of a part the thing to expect from now on: a
// renewed key or a database that was moved on purpose. Only what is remembered can
// be accepted; where the declaration is wrong, correct that. It verifies at once
// and returns what that observed. who is written into the evidence.
func (v *Verifier) Accept(ctx context.Context, site string, part Part, check Check, who string) ([]Observation, error) {
	if err := v.accept(ctx, site, part, check, who); err != nil {
		return nil, err
	}
	return v.Once(ctx)
}

func (v *Verifier) accept(ctx context.Context, site string, part Part, check Check, who string) error {
	mine, err := v.take(ctx, site)
	if err != nil {
		return err
	}
	defer mine.give()
	run := slices.Clone(v.before(ctx, mine, v.o.Timeout))
	i := slices.IndexFunc(run, func(o Observation) bool { return o.key() == key{part, check, ""} })
	if i < 0 || run[i].Seen == "" {
		return fmt.Errorf("%w: %s of the %s of site %s was not seen yet", ErrNoObservation, check, part, site)
	}
	o := &run[i]
	if !o.Remembered {
		return fmt.Errorf("%w: %s of the %s of site %s is not remembered but declared in the configuration; correct it there", ErrNoObservation, check, part, site)
	}
	if check == System && len(strings.Fields(o.Seen)) > 1 {
		return fmt.Errorf("%w: two databases answer at site %s; only one can be accepted", ErrNoObservation, site)
	}
	now := v.now()
	*o = Observation{Site: site, Part: part, Check: check, State: Matches, Finding: Accepted, Declared: o.Seen, Remembered: true,
		Seen: o.Seen, Evidence: "accepted by " + who + "\n" + o.Evidence, Since: now, At: now}
	if err := v.save(ctx, site, run, v.o.Timeout); err != nil {
		return err
	}
	mine.memory = run
	return nil
}
