package location

import (
	"slices"
	"strings"
	"time"
)

// Standing returns a run together with the differences of a run before it that it does
// not settle. Such a difference stands in it as it was found, with the time at which it
// was seen last, in the place of what now could not be observed. A run that is kept or
// judged without it would forget a difference because nobody could look.
//
// That a standby has taken over stands likewise. It is settled by the same thing being seen later, or by being gone: by a
// look that saw all there is of the kind without it.
func Standing(before, run []Observation) []Observation {
	before = slices.DeleteFunc(slices.Clone(before), func(p Observation) bool { return !p.stands() || settled(p, run) })
	if len(before) == 0 {
		return run
	}
	all := slices.Clone(run)
	for _, p := range before {
		i := slices.IndexFunc(all, func(o Observation) bool { return o.key() == p.key() })
		if i < 0 {
			all = append(all, p.stood(p.Tried, ""))
			continue
		}
		all[i] = p.stood(all[i].At, all[i].Evidence)
	}
	at := latest(run)
	for i := range all {
		if o := &all[i]; !o.Tried.IsZero() && o.Tried.Before(at) {
			o.Tried = at
		}
	}
	return all
}

func latest(run []Observation) (at time.Time) {
	for _, o := range run {
		if o.At.After(at) {
			at = o.At
		}
	}
	return at
}

// sinceThen stands in evidence before why a thing could not be looked at again.
const sinceThen = "\nsince then:\n"

// stood is a difference that could not be looked at again at a time, and why.
func (o Observation) stood(tried time.Time, why string) Observation {
	if tried.IsZero() {
		tried = o.At
	}
	o.Tried = tried
	if why != "" {
		found, _, _ := strings.Cut(o.Evidence, sinceThen)
		o.Evidence = bounded(found, maxEvidence/2) + sinceThen + bounded(why, maxEvidence/2-len(sinceThen))
	}
	return o
}

// bounded cuts a text that is longer than max bytes.
func bounded(text string, max int) string {
	if len(text) > max {
		text = strings.ToValidUTF8(text[:max], "") + "…"
	}
	return text
}

// settled tells whether a run knows more of a difference than before: of the thing
// itself, or that it is gone. What was seen before the difference was says nothing.
func settled(before Observation, run []Observation) bool {
	var alike []Observation
	for _, o := range run {
		if o.Part != before.Part || o.Check != before.Check || o.At.Before(before.At) {
			continue
		}
		switch {
		case o.Subject != before.Subject:
			alike = append(alike, o)
		case o.State != NotObserved:
			return true
		default: // who they are was never seen, and there are no longer too many
			return before.Finding == StandbysTooMany && o.Finding == StandbysHidden
		}
	}
	if inside(before, run) {
		return true
	}
	if slices.ContainsFunc(alike, func(o Observation) bool { return o.State == NotObserved && o.Finding != LocalSocket }) {
		return false // of what was not seen, nothing is known to be gone
	}
	switch before.Check {
	case Addresses: // that a name leads elsewhere now is not enough
		return slices.ContainsFunc(alike, func(o Observation) bool {
			return o.State == Matches && strings.HasPrefix(o.Subject, connection)
		})
	case Standbys, Replication:
		return len(alike) > 0
	}
	return false
}

// inside tells whether a run shows that what differed is no longer reached by a
// network, so that it has neither an address nor a server's key.
func inside(before Observation, run []Observation) bool {
	folder, socket, asked := false, false, false
	for _, o := range run {
		if o.Part != before.Part || o.At.Before(before.At) {
			continue
		}
		folder = folder || o.Finding == LocalFolder
		socket = socket || o.Finding == LocalSocket
		asked = asked || o.Check == System && o.State == Matches
	}
	return folder || socket && asked && (before.Check == Identity || before.Check == Addresses)
}
