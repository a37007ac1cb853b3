package contentline

import "strings"

// arenaSize is how much text is allocated together at most, bytes.
const arenaSize = 32 << 10

// An arena keeps the texts of lines behind each other: one allocation for many lines, of
// the size they have, instead of one each. What is read is kept or let go as a whole.
type arena struct{ b strings.Builder }

// keep copies text; left is how many bytes of input there may still be after it.
func (a *arena) keep(text []byte, left int) string {
	if len(text) > arenaSize/4 {
		return string(text)
	}
	if a.b.Cap()-a.b.Len() < len(text) {
		a.b = strings.Builder{}
		a.b.Grow(min(len(text)+left, arenaSize))
	}
	from := a.b.Len()
	a.b.Write(text)
	return a.b.String()[from:]
}

// A store keeps the parts of lines in arrays that several lines share. An array that is
// full is left to the lines that have parts in it: what is not used of it is little, and
// nothing is in two.
type store[T any] struct {
	array []T // all but the last ones are in lines
	first int // of the line being read
}

// The arrays of a store grow with what was read, from shares for a small object to larger
// ones, of which little is left over at the end.
const (
	firstShare = 4
	lastShare  = 128
)

// begin begins a line, or a part of it that has an array of its own.
func (s *store[T]) begin() { s.array = s.array[:s.first] }

func (s *store[T]) count() int { return len(s.array) - s.first }

func (s *store[T]) add(v T) {
	if len(s.array) == cap(s.array) {
		n := s.count()
		grown := make([]T, n, max(firstShare, min(2*cap(s.array), lastShare), 2*n))
		copy(grown, s.array[s.first:])
		s.array, s.first = grown, 0
	}
	s.array = append(s.array, v)
}

// taken are those since begin; nil for none.
func (s *store[T]) taken() []T {
	n := len(s.array)
	if n == s.first {
		return nil
	}
	v := s.array[s.first:n:n]
	s.first = n
	return v
}
