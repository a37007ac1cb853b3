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
// on demand. Its methods may be called concurrently.
type Verifier struct {
	o VerifierOptions

	mu     sync.Mutex               // one verification at a time
	memory map[string][]Observation // the last run of each site, should the ledger not know it
	unseen map[string]string        // by site, what was told to be missing
}

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
	return &Verifier{o: o, memory: map[string][]Observation{}, unseen: map[string]string{}}, nil
}

// Run verifies at once and then on the schedule, until ctx ends; sooner while something
// is missing of a site, whose tenants may be waiting for it.
func (v *Verifier) Run(ctx context.Context) {
	for {
		if _, err := v.Once(ctx); err != nil && ctx.Err() == nil {
			v.o.Log.Error("location: keeping the verification failed; the sites are guarded by it nevertheless", "error", err)
		}
		interval := v.o.Interval
		for _, s := range v.o.Guard.Sites() {
			if len(v.o.Guard.Missing(s.Name)) > 0 {
				interval = min(interval, soon)
			}
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
// the order of the sites. The guard has learned of them on return, also where the
// error says that the ledger could not keep them.
func (v *Verifier) Once(ctx context.Context) ([]Observation, error) {
	return v.OnceWithin(ctx, v.o.Timeout)
}

// OnceWithin is Once in less time: what does not answer by then was not observed. It is
// for a start, which one site that hangs must not hold up.
func (v *Verifier) OnceWithin(ctx context.Context, patience time.Duration) ([]Observation, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	sites := v.o.Guard.Sites()
	runs, errs := make([][]Observation, len(sites)), make([]error, len(sites))
	before := make([][]Observation, len(sites))
	var reading, looking sync.WaitGroup
	for i, s := range sites {
		reading.Go(func() { before[i] = v.before(ctx, s.Name) })
	}
	reading.Wait()
	for i, s := range sites {
		looking.Go(func() {
			d, o := v.look(ctx, s.Name, patience)
			runs[i] = Compare(s, sites, d, o, before[i], v.now())
		})
	}
	looking.Wait()
	if err := ctx.Err(); err != nil { // what was cut short says nothing
		return nil, err
	}
	for i, s := range sites {
		errs[i] = v.keep(ctx, s.Name, before[i], runs[i])
	}
	return slices.Concat(runs...), errors.Join(errs...)
}

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

// before is what was observed last. What the ledger does not know, as when the
// database it lies in was replaced, this process remembers.
func (v *Verifier) before(ctx context.Context, site string) []Observation {
	kept, err := v.o.Ledger.LastObservations(ctx, site)
	if err != nil {
		v.o.Log.Warn("location: the observations before cannot be read", "site", site, "error", err)
		return v.memory[site]
	}
	for _, o := range v.memory[site] {
		if !slices.ContainsFunc(kept, func(k Observation) bool { return k.key() == o.key() }) {
			kept = append(kept, o)
		}
	}
	return kept
}

func (v *Verifier) keep(ctx context.Context, site string, before, run []Observation) error {
	if _, known := v.memory[site]; !known { // a mismatch outlives a new start
		v.o.Guard.Learn(site, before)
	}
	v.memory[site] = run
	v.o.Guard.Learn(site, run)
	v.o.Observed(site, run)
	for _, o := range run {
		if o.State == Differs && o.New() {
			v.o.Log.Error("location: "+o.Sentence("en"), "site", site, "part", o.Part, "check", o.Check, "finding", o.Finding)
		}
	}
	v.tellMissing(site)
	if err := v.o.Ledger.SaveObservations(ctx, site, run); err != nil {
		return fmt.Errorf("location: keep the observations of site %s: %w", site, err)
	}
	return nil
}

// tellMissing logs once what keeps a site from being verified, and once that nothing
// does any more.
func (v *Verifier) tellMissing(site string) {
	text := ""
	if missing := v.o.Guard.Missing(site); len(missing) > 0 {
		first := missing[0]
		first.Last = time.Time{} // it is told once and not for each look
		text = first.Sentence("en")
	}
	before := v.unseen[site]
	v.unseen[site] = text
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
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.o.Guard.Site(site); !ok {
		return fmt.Errorf("%w: site %q is not declared", ErrNoObservation, site)
	}
	run := slices.Clone(v.before(ctx, site))
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
	if err := v.o.Ledger.SaveObservations(ctx, site, run); err != nil {
		return fmt.Errorf("location: keep what was accepted: %w", err)
	}
	v.memory[site] = run
	return nil
}
