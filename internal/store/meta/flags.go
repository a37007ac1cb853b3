package meta

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// MaxRows is how many items STORE, EXPUNGE and MOVE take in one transaction;
// callers go in steps. More is ErrTooMany.
const MaxRows = 1000

// SetFlags changes flags of up to MaxRows items. All is decided under the lock: a
// UNCHANGEDSINCE (RFC 7162 3.1.3) is compared there, and what changes nothing
// takes no modseq.
func (db *DB) SetFlags(ctx context.Context, key Key, collection int64, c FlagChange) (FlagResult, error) {
	if len(c.UIDs) > MaxRows {
		return FlagResult{}, fmt.Errorf("set flags: %w", ErrTooMany)
	}
	c.UIDs = ascending(c.UIDs)
	j := &setFlags{collection: collection, change: c}
	if err := db.write(ctx, key, j); err != nil {
		return FlagResult{}, fmt.Errorf("set flags: %w", err)
	}
	return j.result, nil
}

type setFlags struct {
	collection int64
	change     FlagChange
	result     FlagResult
}

func (j *setFlags) weight() int { return len(j.change.UIDs) }

func (j *setFlags) want(w *work) error {
	w.wantItems(j.collection, j.change.UIDs)
	if j.change.Person != 0 {
		w.wantSeen(j.collection, j.change.Person, j.change.UIDs)
	}
	return nil
}

func (j *setFlags) decide(w *work) error {
	c, err := w.collection(j.collection)
	if err != nil {
		return err
	}
	person := j.change.Person
	if !c.SeenByPerson {
		person = 0
	}
	r := FlagResult{}
	var modseq int64 // taken when the first item changes
	for _, uid := range j.change.UIDs {
		i := w.item(j.collection, uid)
		if i == nil {
			r.Missing = append(r.Missing, uid)
			continue
		}
		view := w.seenBy(c, i, person)
		if j.change.UnchangedSince >= 0 && view.ModSeq > j.change.UnchangedSince {
			r.Modified = append(r.Modified, uid)
			continue
		}
		flags, keywords := j.change.apply(view.Flags, view.Keywords)
		if flags == view.Flags && keywords == view.Keywords {
			r.Same = append(r.Same, view)
			continue
		}
		if modseq == 0 {
			modseq = w.next()
		}
		w.setSeenBy(c, i, person, view, flags, keywords, modseq)
		r.Changed = append(r.Changed, w.seenBy(c, i, person))
	}
	r.ModSeq = modseq
	if modseq == 0 {
		r.ModSeq = c.ModSeq
	}
	j.result = r
	return nil
}

// settable are the flags that clients set; FlagFolder is the server's.
const settable = FlagSeen | FlagAnswered | FlagFlagged | FlagDeleted | FlagDraft

// apply answers an item's flags and keywords after the change.
func (c *FlagChange) apply(flags int64, keywords string) (int64, string) {
	words := strings.Fields(keywords)
	named := c.Flags & settable
	switch c.Op {
	case FlagsReplace:
		return flags&^settable | named, Keywords(c.Keywords)
	case FlagsAdd:
		return flags | named, Keywords(append(words, c.Keywords...))
	default:
		return flags &^ named, Keywords(slices.DeleteFunc(words, func(w string) bool {
			return slices.ContainsFunc(c.Keywords, func(k string) bool { return strings.EqualFold(w, k) })
		}))
	}
}

// Keywords is the form in which an item keeps its keywords: sorted, one space
// between. Keywords are case-insensitive (RFC 9051 2.3.2); the first spelling stays.
func Keywords(words []string) string {
	kept := make([]string, 0, len(words))
	for _, w := range words {
		if w != "" && !slices.ContainsFunc(kept, func(k string) bool { return strings.EqualFold(k, w) }) {
			kept = append(kept, w)
		}
	}
	slices.Sort(kept)
	return strings.Join(kept, " ")
}
