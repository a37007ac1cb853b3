package child

import (
	"bytes"
	"sync"
)

// Said keeps what is written to it, by several at the same time too. Its zero value is
// empty.
type Said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *Said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// String is all of it.
func (s *Said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// Tail is the last 4,000 bytes of it.
func (s *Said) Tail() string {
	text := s.String()
	return text[max(0, len(text)-4000):]
}
