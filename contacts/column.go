package contacts

import (
	"bytes"
	"maps"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
)

// cards are some cards that do not change.
type cards interface {
	Len() int
	// Card reads one.
	Card(i int) (*Card, error)
	// Texts calls f with the text (Property.Text) of every property of the name (upper
	// case) that card i has; left is set where the searchable form is without it.
	Texts(i int, name string, f func(text string, left bool)) error
}

// maxColumns bounds how many property names are kept as columns of some cards. Clients
// ask for FN, EMAIL, N, NICKNAME, ORG and TEL; a query for anything else beyond the
// bound looks at every card.
const maxColumns = 12

// columns find, among some cards, those that a filter may want: never too few. A column
// is made when a property is first asked for.
type columns struct {
	cards
	mu     sync.Mutex
	byName map[string]*column
	bytes  atomic.Int64
}

// column has the values of one property of all cards as one text, folded, each between
// NULs: to search it is to search a single string, and "\x00jo" finds what begins with jo.
type column struct {
	text []byte
	at   []uint32 // where each value's leading NUL is
	of   []uint32 // whose it is, by number of the card
	left []uint32 // cards with a value that was left out: they always may match
}

// warm makes the columns that another had.
func (x *columns) warm(other *columns) {
	other.mu.Lock()
	names := slices.Collect(maps.Keys(other.byName))
	other.mu.Unlock()
	for _, name := range names {
		if _, err := x.get(name); err != nil {
			return // whoever searches is told
		}
	}
}

// get answers the column of a property (upper case); nil beyond maxColumns.
func (x *columns) get(name string) (*column, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if c := x.byName[name]; c != nil {
		return c, nil
	}
	if len(x.byName) >= maxColumns {
		return nil, nil
	}
	c := &column{}
	for i := range x.Len() {
		err := x.Texts(i, name, func(text string, left bool) {
			if left {
				c.left = append(c.left, uint32(i))
				return
			}
			c.at, c.of = append(c.at, uint32(len(c.text))), append(c.of, uint32(i))
			c.text = appendUnicodeFold(append(c.text, 0), text)
		})
		if err != nil {
			return nil, err
		}
	}
	c.text = bytes.Clone(append(c.text, 0))
	if x.byName == nil {
		x.byName = map[string]*column{}
	}
	x.byName[name] = c
	x.bytes.Add(int64(len(c.text) + 8*len(c.at) + 4*len(c.left) + 100))
	return c, nil
}

// candidates are the cards that a filter may match; nil means any.
func (x *columns) candidates(f *Filter) (set, error) {
	var all set
	for i := range f.Props {
		p := &f.Props[i]
		c, err := x.get(strings.ToUpper(p.Name))
		switch {
		case err != nil:
			return nil, err
		case c == nil && f.Test == AnyOf:
			return nil, nil
		case c == nil:
			continue
		}
		some := c.bound(p, x.Len())
		switch {
		case all == nil:
			all = some
		case f.Test == AllOf:
			all.and(some)
		default:
			all.or(some)
		}
	}
	return all, nil
}

// bound are the cards with a property that p may match. Parameters and negated texts
// need the property to be there and are not looked at otherwise.
func (c *column) bound(p *PropFilter, n int) set {
	out := newSet(n)
	if p.NotDefined {
		c.has(out)
		for i := range out {
			out[i] = ^out[i]
			if p.Group != "" {
				out[i] = ^uint64(0) // the column does not know groups
			}
		}
		out.cut(n)
		return out
	}
	narrow := len(p.Texts) > 0
	for i := range p.Texts {
		narrow = narrow && (p.Test == AllOf || !p.Texts[i].Negate)
	}
	if p.Test == AnyOf && len(p.Params) > 0 {
		narrow = false
	}
	first := true
	for i := range p.Texts {
		t := &p.Texts[i]
		if !narrow || t.Negate {
			continue
		}
		some := newSet(n)
		c.search(t, some)
		if p.Test == AllOf && !first {
			out.and(some)
		} else {
			out.or(some)
		}
		first = false
	}
	if first {
		c.has(out)
	}
	for _, i := range c.left {
		out.add(i)
	}
	return out
}

// has adds all cards that have the property.
func (c *column) has(out set) {
	for _, list := range [][]uint32{c.of, c.left} {
		for _, i := range list {
			out.add(i)
		}
	}
}

// search adds the cards of all values that meet t, negated or not.
func (c *column) search(t *TextMatch, out set) {
	pattern := []byte(t.broad)
	switch {
	case t.Match == Equals:
		pattern = append(append([]byte{0}, pattern...), 0)
	case len(pattern) == 0:
		for _, i := range c.of {
			out.add(i)
		}
		return
	case t.Match == StartsWith:
		pattern = append([]byte{0}, pattern...)
	case t.Match == EndsWith:
		pattern = append(pattern, 0)
	}
	for from, value := 0, 0; ; {
		at := bytes.Index(c.text[from:], pattern)
		if at < 0 {
			return
		}
		at += from
		value += sort.Search(len(c.at)-value, func(i int) bool { return int(c.at[value+i]) > at }) - 1
		out.add(c.of[value])
		value++
		if value == len(c.at) {
			return
		}
		from = int(c.at[value])
	}
}

// set is a set of small numbers.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

func (s set) add(i uint32)      { s[i/64] |= 1 << (i % 64) }
func (s set) has(i uint32) bool { return int(i/64) < len(s) && s[i/64]&(1<<(i%64)) != 0 }

func (s set) and(o set) {
	for i := range s {
		s[i] &= o[i]
	}
}

func (s set) or(o set) {
	for i := range s {
		s[i] |= o[i]
	}
}

// cut takes out what is not below n.
func (s set) cut(n int) {
	if n%64 != 0 {
		s[n/64] &= 1<<(n%64) - 1
	}
}

func (s set) count() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// each calls f for every number in order until it answers false.
func (s set) each(f func(i int) bool) {
	for k, w := range s {
		for w != 0 {
			if !f(k*64 + bits.TrailingZeros64(w)) {
				return
			}
			w &= w - 1
		}
	}
}
