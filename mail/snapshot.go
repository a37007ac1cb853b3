package mail

import (
	"iter"
	"slices"
	"sort"
)

// Snapshot is a mailbox's messages by UID at one moment. It is immutable and
// shared; pointers to its messages stay valid as long as they are held.
type Snapshot struct {
	UIDValidity   uint32
	UIDNext       uint32
	HighestModSeq uint64
	Gone          bool // the mailbox was deleted; the messages are those last known

	chunks []chunk
	starts []int // starts[k] is the index of the first message of chunks[k]
	n      int
	sets   [][]string // keyword sets by number; 0 is none
	words  []string   // of all sets
}

// chunk is a run of messages, never empty, at most chunkSize long. Chunks are
// shared by snapshots: what lies below a chunk's length is never written again,
// but room above it may be filled for a newer snapshot (see builder).
type chunk []Message

// chunkSize bounds what a change of one message copies: 512 × 56 bytes.
const chunkSize = 512

// Len is the number of messages.
func (s *Snapshot) Len() int { return s.n }

// At returns message i, counted from 0: the one with sequence number i+1.
func (s *Snapshot) At(i int) *Message {
	k := s.chunkOf(i)
	return &s.chunks[k][i-s.starts[k]]
}

// chunkOf finds the chunk that holds index i.
func (s *Snapshot) chunkOf(i int) int {
	return sort.Search(len(s.starts), func(k int) bool { return s.starts[k] > i }) - 1
}

// IndexOf returns the index of the message with that UID, or, when there is
// none, of the first one above it (Len if there is none either).
func (s *Snapshot) IndexOf(uid uint32) (i int, found bool) {
	k := sort.Search(len(s.chunks), func(k int) bool { return s.chunks[k].last() >= uid })
	if k == len(s.chunks) {
		return s.n, false
	}
	j, found := s.chunks[k].find(uid)
	return s.starts[k] + j, found
}

func (c chunk) last() uint32 { return c[len(c)-1].UID }

func (c chunk) find(uid uint32) (int, bool) {
	return slices.BinarySearchFunc(c, uid, func(m Message, uid uint32) int { return int(int64(m.UID) - int64(uid)) })
}

// Range yields the messages from index i up to but not including j.
func (s *Snapshot) Range(i, j int) iter.Seq2[int, *Message] {
	return func(yield func(int, *Message) bool) {
		i, j := max(i, 0), min(j, s.n)
		if i >= j {
			return
		}
		for k := s.chunkOf(i); i < j; k++ {
			c := s.chunks[k]
			for at := i - s.starts[k]; at < len(c) && i < j; at, i = at+1, i+1 {
				if !yield(i, &c[at]) {
					return
				}
			}
		}
	}
}

// Keywords returns the keywords of a message of this snapshot, sorted, in the
// spelling stored. The slice is shared and must not be modified.
func (s *Snapshot) Keywords(m *Message) []string { return s.sets[m.keywordSet()] }

// AllKeywords lists the keywords known in the mailbox, sorted, for FLAGS and
// PERMANENTFLAGS. Some may have gone out of use. The slice is shared and must
// not be modified.
func (s *Snapshot) AllKeywords() []string { return s.words }

func (m *Message) keywordSet() int {
	return int(m.keywords[0]) | int(m.keywords[1])<<8 | int(m.keywords[2])<<16
}

func (m *Message) setKeywordSet(n int) {
	m.keywords = [3]uint8{uint8(n), uint8(n >> 8), uint8(n >> 16)}
}

// bytes estimates the memory that the snapshot keeps alive.
func (s *Snapshot) bytes() int64 {
	n := int64(len(s.chunks)) * 32
	for _, c := range s.chunks {
		n += int64(cap(c)) * messageBytes
	}
	for _, set := range s.sets {
		n += 24
		for _, word := range set {
			n += 16 + int64(len(word))
		}
	}
	return n
}

// messageBytes is unsafe.Sizeof(Message{}); a test compares.
const messageBytes = 56
