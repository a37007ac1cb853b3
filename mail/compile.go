package mail

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fachwerk/mail/message"
)

// Bounds of criteria.
const (
	maxSearchDepth = 50
	maxSearchKeys  = 2000
	maxSearchText  = 4096 // bytes of one text
)

// compiler turns criteria into keys.
type compiler struct {
	snap     *Snapshot
	now      time.Time
	keys     int
	patterns []string // folded texts of the keys that read bodies
}

func (c *compiler) compile(x Criteria, depth int) (key, error) {
	if c.keys++; c.keys > maxSearchKeys || depth > maxSearchDepth {
		return nil, fmt.Errorf("mail: search criteria: %w", ErrTooMany)
	}
	switch x := x.(type) {
	case SearchAnd:
		keys, err := c.list(x, depth)
		return all(keys), err
	case SearchOr:
		keys, err := c.list(x, depth)
		return anyOf(keys), err
	case SearchNot:
		k, err := c.compile(x.Key, depth+1)
		return not{k}, err
	}
	if k := c.viewKey(x); k != nil {
		return k, nil
	}
	if k := c.dayKey(x); k != nil {
		return k, nil
	}
	return c.textKey(x)
}

func (c *compiler) list(list []Criteria, depth int) ([]key, error) {
	keys := make([]key, len(list))
	for i := range list {
		var err error
		if keys[i], err = c.compile(list[i], depth+1); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(keys, func(a, b key) int { return int(a.needs()) - int(b.needs()) })
	return keys, nil
}

// viewKey compiles what needs no dates and no reading; nil for anything else.
func (c *compiler) viewKey(x Criteria) key {
	switch x := x.(type) {
	case SearchAll:
		return shallow(func(*probe) bool { return true })
	case SearchSeqSet:
		return shallow(ranges(x, func(r IndexRange) (int, int) { return r.First, r.Last }, func(p *probe) int { return p.index }))
	case SearchUIDSet:
		return shallow(ranges(x, func(r UIDRange) (uint32, uint32) { return r.First, r.Last }, func(p *probe) uint32 { return p.message.UID }))
	case SearchHasFlags:
		return shallow(func(p *probe) bool { return p.message.Flags.Has(Flags(x)) })
	case SearchKeyword:
		return c.keyword(string(x))
	case SearchLarger:
		return shallow(func(p *probe) bool { return p.message.Size > int64(x) })
	case SearchSmaller:
		return shallow(func(p *probe) bool { return p.message.Size < int64(x) })
	case SearchModSeq:
		return shallow(func(p *probe) bool { return p.message.ModSeq >= uint64(x) })
	case SearchEmailID:
		id, ok := ParseObjectID('M', string(x))
		return shallow(func(p *probe) bool { return ok && p.message.ObjectID == id })
	case SearchThreadID:
		id, ok := ParseObjectID('T', string(x))
		return shallow(func(p *probe) bool { return ok && p.message.ThreadID == id })
	case SearchOlder: // RFC 5032: both include the moment itself
		limit := c.now.Add(-time.Duration(x)).UnixMicro()
		return shallow(func(p *probe) bool { return p.message.InternalDate <= limit })
	case SearchYounger:
		limit := c.now.Add(-time.Duration(x)).UnixMicro()
		return shallow(func(p *probe) bool { return p.message.InternalDate >= limit })
	}
	return nil
}

// ranges tests for membership in a set of ranges, in any order, overlapping or not.
func ranges[R any, N int | uint32](set []R, bounds func(R) (N, N), of func(*probe) N) func(*probe) bool {
	type span struct{ first, last N }
	spans := make([]span, 0, len(set))
	for _, r := range set {
		first, last := bounds(r)
		spans = append(spans, span{min(first, last), max(first, last)})
	}
	slices.SortFunc(spans, func(a, b span) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	joined := spans[:0]
	for _, s := range spans {
		if k := len(joined) - 1; k >= 0 && s.first <= joined[k].last {
			joined[k].last = max(joined[k].last, s.last)
		} else {
			joined = append(joined, s)
		}
	}
	return func(p *probe) bool {
		n := of(p)
		k, found := slices.BinarySearchFunc(joined, n, func(s span, n N) int {
			switch {
			case s.last < n:
				return -1
			case s.first > n:
				return 1
			}
			return 0
		})
		return found && k >= 0
	}
}

// keyword looks the word up once in each keyword set of the snapshot.
func (c *compiler) keyword(word string) key {
	has := make([]bool, len(c.snap.sets))
	for i, set := range c.snap.sets {
		has[i] = slices.ContainsFunc(set, func(other string) bool { return strings.EqualFold(other, word) })
	}
	return shallow(func(p *probe) bool { return has[p.message.keywordSet()] })
}

// pattern folds a text once and bounds it.
func (c *compiler) pattern(text string) (string, error) {
	if len(text) > maxSearchText {
		return "", fmt.Errorf("mail: search text: %w", ErrTooMany)
	}
	return message.Fold(text), nil
}
