package mail

import (
	"slices"
	"strings"

	"fachwerk/internal/store"
)

// builder makes newer snapshots out of older ones. A view has one; its users
// hold the view's loading lock.
type builder struct {
	numbers map[string]int // keyword set, words joined by spaces → its number
	sets    [][]string
	words   []string // of all sets, sorted; made when there are sets it does not cover
	covered int
}

func newBuilder() *builder {
	return &builder{numbers: map[string]int{"": 0}, sets: [][]string{nil}}
}

// maxKeywordSets bounds the numbers a message has room for.
const maxKeywordSets = 1 << 24

// keywordSet returns the number of a set, as stored: sorted, one space between.
func (b *builder) keywordSet(words string) int {
	if n, ok := b.numbers[words]; ok {
		return n
	}
	if len(b.sets) == maxKeywordSets {
		return 0 // more different sets than a mailbox can have messages: crowd() prevents it
	}
	n := len(b.sets)
	words = strings.Clone(words)
	b.numbers[words] = n
	b.sets = append(b.sets, strings.Split(words, " "))
	return n
}

// crowded reports whether most sets are out of use, so that everything is
// better loaded anew.
func (b *builder) crowded(messages int) bool { return len(b.sets) > 2*messages+4096 }

func (b *builder) message(it *store.Item) Message {
	m := Message{
		ModSeq:       uint64(it.ModSeq),
		Size:         it.Size,
		InternalDate: it.InternalDate,
		SaveDate:     it.SaveDate,
		ObjectID:     it.ObjectID,
		ThreadID:     it.ThreadID,
		UID:          uint32(it.UID),
		Flags:        Flags(it.Flags) & allFlags,
	}
	m.setKeywordSet(b.keywordSet(it.Keywords))
	return m
}

// apply returns s with items put in or replaced by UID and others taken out.
// Chunks that nothing touches are shared. Only a view's newest snapshot, or one
// made of it that nobody has seen yet, may be extended; see push.
func (b *builder) apply(s *Snapshot, c store.Collection, items []store.Item, removed []store.Tombstone) *Snapshot {
	put := make([]Message, 0, len(items))
	for i := range items {
		put = append(put, b.message(&items[i]))
	}
	// Journal order: of two states of one message the later one counts.
	slices.SortStableFunc(put, func(x, y Message) int { return int(int64(x.UID) - int64(y.UID)) })
	put = lastOfEach(put)
	drop := make([]uint32, 0, len(removed))
	for i := range removed {
		drop = append(drop, uint32(removed[i].UID))
	}
	slices.Sort(drop)

	n := s.merge(put, drop)
	n.UIDValidity, n.UIDNext, n.HighestModSeq = uint32(c.UIDValidity), uint32(c.UIDNext), uint64(c.ModSeq)
	n.sets, n.words = b.sets, b.allWords()
	return n
}

func (b *builder) allWords() []string {
	if b.covered < len(b.sets) {
		all := slices.Clone(b.words)
		for _, set := range b.sets[b.covered:] {
			all = append(all, set...)
		}
		slices.Sort(all)
		b.words, b.covered = slices.Compact(all), len(b.sets)
	}
	return b.words
}

func lastOfEach(list []Message) []Message {
	kept := list[:0]
	for i := range list {
		if i+1 == len(list) || list[i+1].UID != list[i].UID {
			kept = append(kept, list[i])
		}
	}
	return kept
}

// merge puts messages in and takes UIDs out, both ascending.
func (s *Snapshot) merge(put []Message, drop []uint32) *Snapshot {
	n := &Snapshot{UIDValidity: s.UIDValidity, UIDNext: s.UIDNext, HighestModSeq: s.HighestModSeq, Gone: s.Gone, sets: s.sets, words: s.words}
	n.chunks = make([]chunk, 0, len(s.chunks)+len(put)/chunkSize+1)
	for _, c := range s.chunks {
		last := c.last()
		p := countUpTo(put, last)
		d, _ := slices.BinarySearch(drop, last+1)
		if last == 1<<32-1 {
			d = len(drop)
		}
		if p == 0 && !c.hasAny(drop[:d]) {
			n.chunks = append(n.chunks, c)
		} else {
			n.merged(c, put[:p], drop[:d])
		}
		put, drop = put[p:], drop[d:]
	}
	for _, m := range put {
		if _, gone := slices.BinarySearch(drop, m.UID); !gone {
			n.push(m)
		}
	}
	n.index()
	if len(n.chunks) > 16+4*n.n/chunkSize {
		return n.compacted()
	}
	return n
}

func countUpTo(put []Message, uid uint32) int {
	n, found := chunk(put).find(uid)
	if found {
		n++
	}
	return n
}

func (c chunk) hasAny(uids []uint32) bool {
	for _, uid := range uids {
		if _, found := c.find(uid); found {
			return true
		}
	}
	return false
}

// merged appends new chunks that hold c with put in and drop taken out.
func (s *Snapshot) merged(c chunk, put []Message, drop []uint32) {
	fresh := make(chunk, 0, min(len(c)+len(put), chunkSize))
	add := func(m Message) {
		for len(drop) > 0 && drop[0] < m.UID {
			drop = drop[1:]
		}
		if len(drop) > 0 && drop[0] == m.UID {
			return
		}
		if len(fresh) == chunkSize {
			s.chunks = append(s.chunks, fresh)
			fresh = make(chunk, 0, chunkSize)
		}
		fresh = append(fresh, m)
	}
	for i := range c {
		for len(put) > 0 && put[0].UID < c[i].UID {
			add(put[0])
			put = put[1:]
		}
		if len(put) > 0 && put[0].UID == c[i].UID {
			add(put[0])
			put = put[1:]
			continue
		}
		add(c[i])
	}
	for i := range put {
		add(put[i])
	}
	if len(fresh) > 0 {
		s.chunks = append(s.chunks, fresh)
	}
}

// push appends a message with the highest UID. Room above the last chunk's
// length is filled in place: older snapshots that share the chunk do not look
// there, and only the newest one is ever extended.
func (s *Snapshot) push(m Message) {
	if k := len(s.chunks) - 1; k >= 0 && len(s.chunks[k]) < chunkSize {
		s.chunks[k] = append(s.chunks[k], m)
		return
	}
	s.chunks = append(s.chunks, append(make(chunk, 0, 4), m))
}

// index counts the chunks' first messages.
func (s *Snapshot) index() {
	s.starts = make([]int, len(s.chunks))
	s.n = 0
	for k, c := range s.chunks {
		s.starts[k] = s.n
		s.n += len(c)
	}
}

// compacted copies everything into full chunks, after many small expunges.
func (s *Snapshot) compacted() *Snapshot {
	n := *s
	n.chunks = make([]chunk, 0, s.n/chunkSize+1)
	for _, m := range s.Range(0, s.n) {
		if k := len(n.chunks); k == 0 || len(n.chunks[k-1]) == chunkSize {
			n.chunks = append(n.chunks, make(chunk, 0, min(chunkSize, s.n)))
		}
		k := len(n.chunks) - 1
		n.chunks[k] = append(n.chunks[k], *m)
	}
	n.index()
	return &n
}
