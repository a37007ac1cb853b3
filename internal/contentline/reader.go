package contentline

import "io"

// A Reader reads content lines one by one.
type Reader struct{ unwritten bool }

// NewReader reads from r, which it buffers.
func NewReader(r io.Reader, limits Limits) *Reader { panic("unwritten") }

// NewBytes reads data, which must not change meanwhile.
func NewBytes(data []byte, limits Limits) *Reader { panic("unwritten") }

// Next returns the next line, io.EOF at the end, or a *SyntaxError, after
// which the Reader goes on with the line that follows unless the error wraps
// ErrTooLarge. Empty lines are passed over.
func (r *Reader) Next() (Line, error) { panic("unwritten") }
