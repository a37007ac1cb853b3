package contacts

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"fachwerk/internal/resource"
)

// Source is what a search reads of an address book: a part of resource.Service.
type Source interface {
	Changes(ctx context.Context, c resource.Collection, token string, limit int) (resource.Changes, error)
	Facts(ctx context.Context, c resource.Collection, items []resource.Item, f func(i int, encoder int16, facts []byte) error) error
	Contents(ctx context.Context, c resource.Collection, items []resource.Item, cost func(size int64) int64, f func(i int, body []byte) error) error
}

// Keeper is a Source that takes searchable forms which were made anew.
type Keeper interface {
	PutFacts(ctx context.Context, c resource.Collection, i resource.Item, encoder int16, facts []byte) error
}

// page is how many cards are read at once.
const page = 500

// refreshTime bounds how long a book may take to be read.
const refreshTime = time.Minute

// small is the size in cards below which the last segment of a book is made anew
// together with what came since.
const small = 256

// segment are cards of a book that came in together.
type segment struct {
	columns
	items []resource.Item
	facts []string
	size  int64 // bytes of items and facts
}

func newSegment(items []resource.Item, facts []string) *segment {
	s := &segment{items: items, facts: facts}
	s.cards = s
	for i := range items {
		s.size += int64(len(facts[i]) + len(items[i].Name) + len(items[i].ETag) + itemBytes)
	}
	return s
}

// itemBytes is about what an item takes in memory beside its strings, its place in
// the book's map included.
const itemBytes = 280

// Len is the number of cards, those gone since too.
func (s *segment) Len() int { return len(s.items) }

// Card reads the searchable form of one.
func (s *segment) Card(i int) (*Card, error) { return ReadFacts(s.facts[i]) }

// Texts reads the texts of one property of a card, without making the card.
func (s *segment) Texts(i int, name string, f func(text string, left bool)) error {
	return factTexts(s.facts[i], name, f)
}

// part is a segment as a snapshot sees it.
type part struct {
	*segment
	gone set
}

// snapshot is a book at one time. It does not change.
type snapshot struct {
	parts  []part
	modseq int64 // at least up to which it knows the collection
}

func (s *snapshot) bytes() (n int64) {
	for _, p := range s.parts {
		n += p.size + p.columns.bytes.Load()
	}
	return n
}

// book is an address book in memory.
type book struct {
	current atomic.Pointer[snapshot]
	// huge is set for a book that alone is larger than the memory for all.
	huge atomic.Bool

	mu    sync.Mutex // held while refreshing
	token string
	where map[string]place // by name
}

type place struct {
	segment *segment
	at      uint32
}

// refresh brings the book to the state of c or later. maximum bounds its bytes:
// errHuge.
func (b *book) refresh(ctx context.Context, src Source, c resource.Collection, maximum int64) (*snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	// Whoever waits next needs it even if this client is gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
	defer cancel()
	old := b.current.Load()
	if old != nil && c.ModSeq <= old.modseq {
		return old, nil
	}
	if old == nil {
		old = &snapshot{}
		b.token, b.where = "", map[string]place{}
	}
	next, err := b.follow(ctx, src, c, old, maximum)
	if err != nil {
		b.current.Store(nil) // begin anew the next time
		return nil, err
	}
	b.current.Store(next)
	return next, nil
}

// follow reads all changes since b.token.
func (b *book) follow(ctx context.Context, src Source, c resource.Collection, old *snapshot, maximum int64) (*snapshot, error) {
	next := &snapshot{modseq: c.ModSeq, parts: append([]part(nil), old.parts...)}
	copied := map[*segment]bool{} // whose gone this refresh owns
	for more := true; more; {
		changes, err := src.Changes(ctx, c, b.token, page)
		if err != nil {
			return nil, err
		}
		for _, ch := range changes.List {
			b.forget(next, copied, ch.Path)
		}
		items := present(changes)
		if len(items) > 0 {
			if err := b.take(ctx, src, c, next, items); err != nil {
				return nil, err
			}
		}
		if next.bytes() > maximum {
			return nil, errHuge
		}
		b.token, more = changes.Token, changes.More
	}
	return b.tidy(next), nil
}

// present are the items of changes that are there.
func present(changes resource.Changes) []resource.Item {
	items := make([]resource.Item, 0, len(changes.List))
	for _, ch := range changes.List {
		if !ch.Removed {
			items = append(items, ch.Item)
		}
	}
	return items
}

// forget marks what a change replaces or removes as gone.
func (b *book) forget(next *snapshot, copied map[*segment]bool, name string) {
	at, ok := b.where[name]
	if !ok {
		return
	}
	delete(b.where, name)
	for i := range next.parts {
		p := &next.parts[i]
		if p.segment != at.segment {
			continue
		}
		if !copied[p.segment] {
			gone := newSet(p.Len())
			copy(gone, p.gone)
			p.gone, copied[p.segment] = gone, true
		}
		p.gone.add(at.at)
	}
}

// take adds cards as a segment of their own, or with those of a small last one.
func (b *book) take(ctx context.Context, src Source, c resource.Collection, next *snapshot, items []resource.Item) error {
	facts, err := readFacts(ctx, src, c, items)
	if err != nil {
		return err
	}
	var keptItems []resource.Item
	var keptFacts []string
	if n := len(next.parts); n > 0 && next.parts[n-1].Len() < small {
		keptItems, keptFacts = next.parts[n-1].living()
		next.parts = next.parts[:n-1]
	}
	for i := range items {
		if facts[i] != "" { // else replaced meanwhile: a later change tells
			keptItems, keptFacts = append(keptItems, items[i]), append(keptFacts, facts[i])
		}
	}
	b.add(next, keptItems, keptFacts)
	return nil
}

func (b *book) add(next *snapshot, items []resource.Item, facts []string) {
	if len(items) == 0 {
		return
	}
	s := newSegment(items, facts)
	for i := range items {
		b.where[items[i].Name] = place{s, uint32(i)}
	}
	next.parts = append(next.parts, part{segment: s})
}

// living are the cards of a part that are not gone.
func (p *part) living() (items []resource.Item, facts []string) {
	for i := range p.items {
		if !p.gone.has(uint32(i)) {
			items, facts = append(items, p.items[i]), append(facts, p.facts[i])
		}
	}
	return items, facts
}

// tidy makes parts anew of which more is gone than left.
func (b *book) tidy(s *snapshot) *snapshot {
	out := &snapshot{modseq: s.modseq}
	for _, p := range s.parts {
		if p.gone.count()*2 <= p.Len() {
			out.parts = append(out.parts, p)
			continue
		}
		items, facts := p.living()
		b.add(out, items, facts)
	}
	return out
}

// readFacts answers the searchable forms of cards; "" for one that was replaced or
// removed meanwhile. Cards whose form is missing or of an older encoder are read.
func readFacts(ctx context.Context, src Source, c resource.Collection, items []resource.Item) ([]string, error) {
	out := make([]string, len(items))
	err := src.Facts(ctx, c, items, func(i int, encoder int16, facts []byte) error {
		if encoder == FactsEncoder {
			out[i] = string(facts)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var without []resource.Item
	var which []int
	for i := range items {
		if out[i] == "" {
			without, which = append(without, items[i]), append(which, i)
		}
	}
	if len(without) == 0 {
		return out, nil
	}
	err = src.Contents(ctx, c, without, cost, func(i int, body []byte) error {
		card, err := Parse(body)
		if err != nil {
			card = &Card{Version: Version3} // stored by other rules: found by nothing, shown all the same
		}
		out[which[i]] = string(card.Facts())
		return nil
	})
	if keeper, ok := src.(Keeper); ok && err == nil {
		for k, i := range which {
			if out[i] != "" {
				// Whoever may only read cannot keep it; the next search makes it again.
				_ = keeper.PutFacts(ctx, c, without[k], FactsEncoder, []byte(out[i]))
			}
		}
	}
	return out, err
}
