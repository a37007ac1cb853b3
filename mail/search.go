package mail

import (
	"context"
	"errors"
	"slices"
)

// answer is what a key says of a message: that it matches, that it does not, or
// that more has to be read to know.
type answer int8

const (
	no answer = iota
	maybe
	yes
)

func answerOf(match bool) answer {
	if match {
		return yes
	}
	return no
}

// tier is how much may be read to answer.
type tier int8

const (
	viewTier      tier = iota // what the snapshot holds
	structureTier             // the stored structure: envelope and parts
	contentTier               // the message itself
)

// key is a compiled search key. It answers maybe when it needs more than the
// tier allows; at contentTier it never does.
type key interface {
	match(p *probe, t tier) (answer, error)
	needs() tier
}

// Search evaluates criteria on a snapshot and returns the indexes of the
// messages that match, ascending; RightRead. What the snapshot answers is asked
// first, then what stored structures answer; messages themselves are read only
// where both leave it open. A message expunged meanwhile, or damaged, does not
// match where it would have to be read. ErrTooMany for criteria beyond the bounds.
func (v *View) Search(ctx context.Context, snap *Snapshot, c Criteria) ([]int, error) {
	if err := v.s.allow(ctx, v.access, RightRead); err != nil {
		return nil, err
	}
	compiler := compiler{snap: snap, now: v.s.o.Clock()}
	root, err := compiler.compile(c, 0)
	if err != nil {
		return nil, err
	}
	found, open, err := searchView(ctx, snap, root)
	if err != nil || len(open) == 0 {
		return found, err
	}
	more, err := v.searchDeep(ctx, snap, root, open, compiler.patterns)
	if err != nil {
		return nil, err
	}
	found = append(found, more...)
	slices.Sort(found)
	return found, nil
}

// searchView answers from the snapshot: what matches, and what is left open.
func searchView(ctx context.Context, snap *Snapshot, root key) (found, open []int, err error) {
	p := probe{snap: snap}
	for i, m := range snap.Range(0, snap.Len()) {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		p.index, p.message = i, m
		a, err := root.match(&p, viewTier)
		if err != nil {
			return nil, nil, err
		}
		switch a {
		case yes:
			found = append(found, i)
		case maybe:
			open = append(open, i)
		}
	}
	return found, open, nil
}

// searchDeep reads what is left open.
func (v *View) searchDeep(ctx context.Context, snap *Snapshot, root key, open []int, patterns []string) (found []int, err error) {
	msgs := make([]*Message, len(open))
	for k, i := range open {
		msgs[k] = snap.At(i)
	}
	err = v.Structures(ctx, msgs, func(k int, st *Structure) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := probe{ctx: ctx, v: v, snap: snap, index: open[k], message: msgs[k], structure: st, patterns: patterns}
		a, err := root.match(&p, structureTier)
		if err == nil && a == maybe {
			a, err = root.match(&p, contentTier)
		}
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
			return nil
		}
		if a == yes {
			found = append(found, open[k])
		}
		return err
	})
	if errors.Is(err, ErrCorrupt) {
		err = nil
	}
	return found, err
}

// all matches when every key does. Cheap keys come first.
type all []key

func (keys all) match(p *probe, t tier) (answer, error) {
	result := yes
	for _, k := range keys {
		a, err := k.match(p, t)
		if err != nil || a == no {
			return no, err
		}
		result = min(result, a)
	}
	return result, nil
}

func (keys all) needs() tier { return most(keys) }

// anyOf matches when one key does. Cheap keys come first.
type anyOf []key

func (keys anyOf) match(p *probe, t tier) (answer, error) {
	result := no
	for _, k := range keys {
		a, err := k.match(p, t)
		if err != nil {
			return no, err
		}
		if a == yes {
			return yes, nil
		}
		result = max(result, a)
	}
	return result, nil
}

func (keys anyOf) needs() tier { return most(keys) }

func most(keys []key) tier {
	t := viewTier
	for _, k := range keys {
		t = max(t, k.needs())
	}
	return t
}

type not struct{ key }

func (n not) match(p *probe, t tier) (answer, error) {
	a, err := n.key.match(p, t)
	return yes - a, err
}

// shallow is a key that the snapshot answers.
type shallow func(p *probe) bool

func (f shallow) match(p *probe, _ tier) (answer, error) { return answerOf(f(p)), nil }
func (f shallow) needs() tier                            { return viewTier }

// deep is a key that needs more. Its function may be asked at either tier.
type deep struct {
	least tier // below it the answer is maybe without asking
	most  tier
	ask   func(p *probe, t tier) (answer, error)
}

func (d deep) match(p *probe, t tier) (answer, error) {
	if t < d.least {
		return maybe, nil
	}
	return d.ask(p, t)
}

func (d deep) needs() tier { return d.most }
