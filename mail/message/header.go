package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"strings"
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

// Is tells whether the field has this name, whatever its case.
func (f Field) Is(name string) bool {
	return len(f.Name) == len(name) && strings.EqualFold(string(f.Name), name)
}

// Fields yields the fields of a header block in order, up to the blank line that ends it or to the end of the block.
// Concatenating every Raw gives the block without its blank line.
func Fields(header []byte) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		for start := 0; start < len(header); {
			if blankLine(header[start:]) > 0 {
				return
			}
			end := fieldEnd(header, start)
			f := Field{Raw: header[start:end:end], Offset: start}
			f.Name, f.Value = splitField(f.Raw)
			if !yield(f) {
				return
			}
			start = end
		}
	}
}

// fieldEnd returns where the field that begins at start ends: before the first line that does not continue it.
func fieldEnd(b []byte, start int) int {
	for i := start; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return len(b)
		}
		i += n + 1
		if i == len(b) || b[i] != ' ' && b[i] != '\t' {
			return i
		}
	}
}

// blankLine returns the length of the line end that b begins with, 0 if it begins with something else.
func blankLine(b []byte) int {
	switch {
	case len(b) > 0 && b[0] == '\n':
		return 1
	case len(b) > 1 && b[0] == '\r' && b[1] == '\n':
		return 2
	}
	return 0
}

// splitField divides a field at its colon. A name is made of visible ASCII; white space before the colon is obsolete
// syntax (RFC 5322 4.5). Anything else has no name and is all value.
func splitField(raw []byte) (name, value []byte) {
	n := fieldName(raw)
	if n == 0 {
		return nil, raw
	}
	i := n
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\t') {
		i++
	}
	if i == len(raw) || raw[i] != ':' {
		return nil, raw
	}
	return raw[:n], raw[i+1:]
}

// fieldName returns the length of the run of field-name bytes (RFC 5322 3.6.8 ftext) that b begins with.
func fieldName(b []byte) int {
	for i, c := range b {
		if c <= ' ' || c > '~' || c == ':' {
			return i
		}
	}
	return len(b)
}

// FilterHeader returns the fields of header whose names are listed (not listed, if not is set), byte for byte, and
// the blank line if header had one (RFC 9051 6.4.5.1, HEADER.FIELDS). Names compare without regard to case. With not,
// lines that are no field are kept, so that only the named fields go.
func FilterHeader(header []byte, names []string, not bool) []byte {
	listed := make(map[string]bool, len(names))
	for _, n := range names {
		listed[lower(n)] = true
	}
	out := make([]byte, 0, min(len(header), 4096))
	end := 0
	var low []byte
	for f := range Fields(header) {
		low = appendLower(low[:0], f.Name)
		if listed[string(low)] != not {
			out = append(out, f.Raw...)
		}
		end = f.Offset + len(f.Raw)
	}
	n := blankLine(header[end:])
	return append(out, header[end:end+n]...)
}

func appendLower(dst, src []byte) []byte {
	for _, c := range src {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// SplitHeader reads from r up to and including the blank line that ends the header (CRLF or LF) and returns those
// bytes; r then stands at the body. A message that ends before a blank line is all header. After limit bytes without
// a blank line it returns what it read, a little more than limit at most, with [ErrHeaderTooLarge].
func SplitHeader(r *bufio.Reader, limit int) ([]byte, error) {
	var header []byte
	for lineStart := 0; ; {
		piece, err := r.ReadSlice('\n')
		header = append(header, piece...)
		switch {
		case err == nil:
			if blankLine(header[lineStart:]) > 0 {
				return header, nil
			}
			lineStart = len(header)
		case errors.Is(err, io.EOF):
			return header, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return header, err
		}
		if len(header) > limit {
			return header, ErrHeaderTooLarge
		}
	}
}

// Unfold returns a field body as text on one line: each fold (RFC 5322 2.2.3), with the white space on both sides of
// it, becomes one space, and white space round the whole goes.
func Unfold(value []byte) string {
	value = bytes.Trim(value, " \t\r\n")
	if bytes.IndexByte(value, '\n') < 0 {
		return string(value)
	}
	out := make([]byte, 0, len(value))
	for len(value) > 0 {
		line, rest, folded := bytes.Cut(value, []byte{'\n'})
		if folded {
			line = bytes.TrimRight(line, " \t\r")
		}
		if len(out) > 0 && len(line) > 0 {
			out = append(out, ' ')
		}
		out = append(out, line...)
		value = bytes.TrimLeft(rest, " \t")
	}
	return string(out)
}

// unfoldExactly takes away a field body's line ends alone, for values in which every space counts (boundaries), and
// white space round the whole.
func unfoldExactly(value []byte) string {
	value = bytes.Trim(value, " \t\r\n")
	if bytes.IndexByte(value, '\n') < 0 {
		return string(value)
	}
	out := make([]byte, 0, len(value))
	for i, c := range value {
		if c == '\n' || c == '\r' && value[i+1] == '\n' { // a trimmed value does not end in CR
			continue
		}
		out = append(out, c)
	}
	return string(out)
}
