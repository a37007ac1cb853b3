package message

import (
	"bufio"
	"errors"
	"iter"
)

// ErrHeaderTooLarge is returned by [SplitHeader] when no blank line came within the limit.
var ErrHeaderTooLarge = errors.New("message: header too large")

// Field is one field of a header block; its slices point into the block.
type Field struct {
	Name   []byte // before the colon, white space taken away; empty for a line that is no field
	Value  []byte // after the colon, folding and final line end included
	Raw    []byte // the whole field with all its lines
	Offset int    // of Raw in the block
}

// Fields yields the fields of a header block in order, up to the blank line that ends it or to the end of the block.
func Fields(header []byte) iter.Seq[Field] { return func(func(Field) bool) {} }

// FilterHeader returns the fields of header whose names are listed (not listed, if not is set), byte for byte, and
// the blank line if header had one (RFC 9051 6.4.5.1, HEADER.FIELDS). Names compare without regard to case.
func FilterHeader(header []byte, names []string, not bool) []byte { return nil }

// SplitHeader reads from r up to and including the blank line that ends the header (CRLF or LF) and returns those
// bytes; r then stands at the body. A message that ends before a blank line is all header. After limit bytes without
// a blank line it returns what it read with [ErrHeaderTooLarge].
func SplitHeader(r *bufio.Reader, limit int) ([]byte, error) { return nil, nil }

// Unfold takes away a field body's line ends and the white space around it (RFC 5322 2.2.3).
func Unfold(value []byte) string { return string(value) }
