package contacts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"fachwerk/internal/resource"
)

// errHuge says that a book is larger than the memory for all of them.
var errHuge = errors.New("contacts: the address book does not fit into memory")

// DefaultMemory is how many bytes of address books are kept in memory by default: about
// 60,000 cards.
const DefaultMemory = 32 << 20

// Books searches address books and keeps those that were searched in memory, within
// bounds. A search first looks whether the collection changed, by its modseq, and reads
// what did. Books is safe for concurrent use.
type Books struct {
	maximum int64

	mu   sync.Mutex
	kept map[bookKey]*keptBook
	used int64 // grows with each use
}

type bookKey struct{ tenant, account, collection int64 }

type keptBook struct {
	book
	bytes int64
	last  int64
}

// NewBooks keeps up to memory bytes; 0 means DefaultMemory.
func NewBooks(memory int64) *Books {
	if memory <= 0 {
		memory = DefaultMemory
	}
	return &Books{maximum: memory, kept: map[bookKey]*keptBook{}}
}

// Found is what a search found.
type Found struct {
	Items []resource.Item
	More  bool // there are more than the limit
}

// Search finds up to limit cards (0: all) that match a filter. c must have been read in
// this request: a change committed before that is always seen.
func (b *Books) Search(ctx context.Context, src Source, c resource.Collection, f *Filter, limit int) (Found, error) {
	s := search{ctx: ctx, src: src, c: c, filter: f, limit: limit}
	k := b.enter(bookKey{c.Account.Key.Tenant, c.Account.Key.Account, c.ID})
	if k.huge.Load() {
		return s.stream()
	}
	snap := k.current.Load()
	if snap == nil || snap.modseq < c.ModSeq {
		var err error
		snap, err = k.refresh(ctx, src, c, b.maximum)
		if errors.Is(err, resource.ErrToken) {
			snap, err = k.refresh(ctx, src, c, b.maximum) // history ended: all anew
		}
		if errors.Is(err, errHuge) {
			k.huge.Store(true)
			return s.stream()
		}
		if err != nil {
			return Found{}, err
		}
	}
	err := s.snapshot(snap)
	b.weigh(k, snap)
	return s.found, err
}

func (b *Books) enter(key bookKey) *keptBook {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.kept[key]
	if k == nil {
		k = &keptBook{}
		b.kept[key] = k
	}
	b.used++
	k.last = b.used
	return k
}

// weigh counts what a book takes now and lets go of those longest unused.
func (b *Books) weigh(k *keptBook, s *snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k.bytes = s.bytes()
	var sum int64
	for _, o := range b.kept {
		sum += o.bytes + keptBytes
	}
	for sum > b.maximum && len(b.kept) > 1 {
		var oldest bookKey
		last := b.used + 1
		for key, o := range b.kept {
			if o.last < last && o != k {
				oldest, last = key, o.last
			}
		}
		if last > b.used {
			return
		}
		sum -= b.kept[oldest].bytes + keptBytes
		delete(b.kept, oldest)
	}
}

// keptBytes is what even an empty book takes.
const keptBytes = 512

// search is one question to one book.
type search struct {
	ctx    context.Context
	src    Source
	c      resource.Collection
	filter *Filter
	limit  int
	found  Found
	open   []resource.Item // whose searchable form does not suffice
}

// snapshot looks through a book in memory. With a limit it goes by name, so that the same
// question finds the same cards.
func (s *search) snapshot(snap *snapshot) error {
	var list []hit
	for _, p := range snap.parts {
		candidates, err := p.candidates(s.filter)
		if err != nil {
			return err
		}
		for i := range p.items {
			if !p.gone.has(uint32(i)) && (candidates == nil || candidates.has(uint32(i))) {
				list = append(list, hit{p.segment, i})
			}
		}
	}
	if s.limit > 0 {
		slices.SortFunc(list, func(a, b hit) int { return strings.Compare(a.items[a.at].Name, b.items[b.at].Name) })
	}
	for _, h := range list {
		if s.found.More {
			break
		}
		if err := s.look(h.items[h.at], h.facts[h.at]); err != nil {
			return err
		}
		if s.limit > 0 {
			if err := s.opened(); err != nil { // in its place
				return err
			}
		}
	}
	return s.opened()
}

// hit is a card that may match.
type hit struct {
	*segment
	at int
}

// look judges one card by its searchable form.
func (s *search) look(i resource.Item, facts string) error {
	card, err := ReadFacts(facts)
	if err != nil {
		return err
	}
	for j := range card.Properties {
		if p := &card.Properties[j]; p.Left && s.filter.asksFor(p.Name) {
			s.open = append(s.open, i)
			return nil
		}
	}
	s.judge(i, card)
	return nil
}

func (s *search) judge(i resource.Item, card *Card) {
	switch {
	case s.found.More || !s.filter.Matches(card):
	case s.limit > 0 && len(s.found.Items) == s.limit:
		s.found.More = true
	default:
		s.found.Items = append(s.found.Items, i)
	}
}

// opened judges the cards that had to be read whole.
func (s *search) opened() error {
	if len(s.open) == 0 || s.found.More {
		return nil
	}
	err := s.src.Contents(s.ctx, s.c, s.open, cost, func(i int, body []byte) error {
		if card, err := Parse(body); err == nil {
			s.judge(s.open[i], card)
		}
		return nil
	})
	s.open = nil
	return err
}

// stream looks through a book that is not kept, page by page.
func (s *search) stream() (Found, error) {
	for token, more := "", true; more && !s.found.More; {
		changes, err := s.src.Changes(s.ctx, s.c, token, page)
		if err != nil {
			return Found{}, err
		}
		items := present(changes)
		facts, err := readFacts(s.ctx, s.src, s.c, items)
		if err != nil {
			return Found{}, err
		}
		for i := range items {
			if facts[i] == "" {
				continue
			}
			if err := s.look(items[i], facts[i]); err != nil {
				return Found{}, err
			}
		}
		if err := s.opened(); err != nil {
			return Found{}, err
		}
		token, more = changes.Token, changes.More
	}
	s.found.Items = newest(s.found.Items)
	return s.found, nil
}

// newest leaves out what a later page has again because it changed meanwhile.
func newest(items []resource.Item) []resource.Item {
	last := make(map[string]int, len(items))
	for i := range items {
		last[items[i].Name] = i
	}
	kept := items[:0]
	for i := range items {
		if last[items[i].Name] == i {
			kept = append(kept, items[i])
		}
	}
	return kept
}
