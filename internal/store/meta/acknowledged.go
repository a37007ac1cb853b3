package meta

import "sync"

// remembered is of how many accounts the newest modseq is kept, at least; it is kept of
// fewer than twice as many.
const remembered = 2000

// acknowledged is what this process knows to have been promised: the newest modseq of the
// accounts that changed last, and the directory's counter. A database that answers less
// has lost it. What a failover or a restore loses is always the end, so that the newest
// suffice.
type acknowledged struct {
	mu         sync.Mutex
	young, old map[Key]int64
	directory  int64
	expected   map[[16]byte]map[Key]int64 // of transactions that have not been answered
}

// note remembers a modseq that was acknowledged, or shown to somebody.
func (s *acknowledged) note(key Key, modseq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(key, modseq)
}

func (s *acknowledged) put(key Key, modseq int64) {
	if s.young == nil || len(s.young) >= remembered {
		s.young, s.old = make(map[Key]int64), s.young
	}
	s.young[key] = max(modseq, s.young[key], s.old[key])
}

// newest is the highest modseq of an account that is known; 0 if none is.
func (s *acknowledged) newest(key Key) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.young[key], s.old[key])
}

// all is everything that is known.
func (s *acknowledged) all() map[Key]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[Key]int64, len(s.young)+len(s.old))
	for key, modseq := range s.old {
		all[key] = modseq
	}
	for key, modseq := range s.young {
		all[key] = modseq
	}
	return all
}

// forget begins anew: the store is another one by a person's will.
func (s *acknowledged) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.young, s.old, s.directory = nil, nil, 0
}

// noteDirectory remembers the directory's counter as it was acknowledged, or read.
func (s *acknowledged) noteDirectory(count int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.directory = max(s.directory, count)
}

// newestDirectory is the highest that is known of it; 0 if nothing is.
func (s *acknowledged) newestDirectory() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.directory
}

// expect notes what an operation will have written once it is committed.
func (s *acknowledged) expect(operation []byte, key Key, modseq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.expected == nil {
		s.expected = make(map[[16]byte]map[Key]int64)
	}
	id := [16]byte(operation)
	if s.expected[id] == nil {
		s.expected[id] = make(map[Key]int64)
	}
	s.expected[id][key] = modseq
}

// settle ends an operation: what it was expected to write is acknowledged, or is not.
func (s *acknowledged) settle(operation []byte, committed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := [16]byte(operation)
	if committed {
		for key, modseq := range s.expected[id] {
			s.put(key, modseq)
		}
	}
	delete(s.expected, id)
}

// drop forgets what an operation was expected to write: it is run again.
func (s *acknowledged) drop(operation []byte) { s.settle(operation, false) }
