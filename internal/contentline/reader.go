package contentline

import (
	"bytes"
	"io"
)

// A Reader reads content lines one by one. Blank lines are passed over.
//
// Lines end in CRLF or LF; stray CRs before an LF belong to the line end. A CR
// without LF ends lines only in input whose first line ends in one, as old Mac
// programs wrote it; elsewhere it is part of the value, as programs that
// forget to escape it mean it.
type Reader struct {
	buf []byte
	pos int // bytes taken

	limits   Limits
	number   int // physical lines taken
	lines    int // logical lines returned
	values   int // parameters and values in them
	ends     ending
	failed   error
	fold     []byte // a folded line being joined
	params   store[Param]
	valuesOf store[string]
	text     arena
}

type ending uint8

const (
	unknown ending = iota
	byLF
	byCR
)

// NewBytes reads data, which must not change meanwhile.
func NewBytes(data []byte, limits Limits) *Reader {
	return &Reader{buf: data, limits: limits.orDefault()}
}

// Next returns the next line, io.EOF at the end, or a *SyntaxError, after
// which the Reader goes on with the line that follows unless the error wraps
// ErrTooLarge.
func (r *Reader) Next() (Line, error) {
	if r.failed != nil {
		return Line{}, r.failed
	}
	text, number, err := r.logical()
	if err == nil {
		if r.lines++; r.limits.Lines > 0 && r.lines > r.limits.Lines {
			err = tooLarge(number, "there are too many lines")
		}
	}
	if err != nil {
		r.failed = err
		return Line{}, err
	}
	line, err := r.parse(text, number)
	for i := range line.Params {
		r.values += 1 + len(line.Params[i].Values)
	}
	if r.limits.Values > 0 && r.values > r.limits.Values {
		r.failed = tooLarge(number, "there are too many parameters")
		return Line{}, r.failed
	}
	return line, err
}

// Number is how many physical lines have been read.
func (r *Reader) Number() int { return r.number }

func tooLarge(line int, reason string) error {
	return &SyntaxError{Line: line, Reason: reason, Err: ErrTooLarge}
}

// logical reads and unfolds one line that is not blank.
func (r *Reader) logical() (text string, number int, err error) {
	j := r.join()
	if j.text == nil {
		return "", 0, io.EOF
	}
	number = r.number + j.first
	if r.limits.Line > 0 && len(j.text) > r.limits.Line {
		return "", 0, tooLarge(number, "the line is too long")
	}
	r.number += j.lines
	r.pos = j.next
	if r.limits.Bytes > 0 && int64(r.pos) > r.limits.Bytes {
		return "", 0, tooLarge(r.number, "there are too many bytes")
	}
	return r.text.keep(j.text, len(r.buf)-r.pos), number, nil
}

// joined is one logical line found in the buffer.
type joined struct {
	text  []byte // nil at the end of the input
	next  int    // where the next one begins
	first int    // its first physical line, counted from the buffer's position
	lines int    // physical lines taken
}

// join finds the next logical line.
func (r *Reader) join() (j joined) {
	j.next = r.pos
	folded := false
	for {
		line, next := r.physical(j.next)
		if line == nil { // the end
			j.text = dropSoftBreaks(j.text)
			return j
		}
		if r.pos == 0 && j.lines == 0 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		j.lines++
		j.next = next
		switch {
		case len(line) == 0 && j.text == nil:
			continue // blank, before the line
		case j.text == nil:
			j.text, j.first = line, j.lines
		case softBreak(j.text): // vCard 2.1: it goes on whatever the next line begins with
			r.fold = append(r.folding(j.text, folded)[:len(j.text)-1], line...)
			j.text, folded = r.fold, true
		default:
			r.fold = append(r.folding(j.text, folded), line[1:]...)
			j.text, folded = r.fold, true
		}
		goesOn, skip := r.continues(j.next)
		if !goesOn && !softBreak(j.text) {
			return j
		}
		for ; goesOn && skip > 0; skip-- {
			_, j.next = r.physical(j.next)
			j.lines++
		}
	}
}

// folding returns r.fold with text in it, where it is not in it already.
func (r *Reader) folding(text []byte, folded bool) []byte {
	if folded {
		return r.fold
	}
	return append(r.fold[:0], text...)
}

// continues reports whether the line at buf[at], after blank ones, is folded
// onto the one before, and how many blank ones there are.
func (r *Reader) continues(at int) (yes bool, blank int) {
	for {
		if at < len(r.buf) && (r.buf[at] == ' ' || r.buf[at] == '\t') {
			return true, blank
		}
		if at < len(r.buf) && r.buf[at] != '\r' && r.buf[at] != '\n' {
			return false, 0
		}
		line, next := r.physical(at)
		if len(line) > 0 || line == nil {
			return false, 0
		}
		blank++
		at = next
	}
}

// physical finds the line at buf[at] and what follows it. A nil line is the end
// of the input.
func (r *Reader) physical(at int) (line []byte, next int) {
	rest := r.buf[at:]
	if r.ends == unknown {
		r.ends = firstEnding(rest)
	}
	i := -1
	switch r.ends {
	case byLF:
		i = bytes.IndexByte(rest, '\n')
	case byCR:
		i = bytes.IndexAny(rest, "\r\n")
	}
	switch {
	case i >= 0:
		return trimCR(rest[:i]), at + i + 1
	case len(rest) == 0:
		return nil, at
	}
	return trimCR(rest), len(r.buf)
}

// trimCR drops CRs at the end; the answer is never nil.
func trimCR(line []byte) []byte {
	for len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	if line == nil {
		line = []byte{}
	}
	return line
}

// firstEnding learns from the first line end what a CR without LF means.
func firstEnding(b []byte) ending {
	i := bytes.IndexAny(b, "\r\n")
	if i < 0 {
		return unknown
	}
	for i < len(b) && b[i] == '\r' {
		i++
	}
	if i < len(b) && b[i] == '\n' {
		return byLF
	}
	return byCR
}

// headOctets is how much of a line is searched for its encoding.
const headOctets = 256

// softBreak reports whether a line ends in a quoted-printable soft break (vCard
// 2.1, vCalendar 1.0). The head alone is searched for the encoding, so that a
// long value is not searched once for each of its lines.
func softBreak(line []byte) bool {
	if len(line) == 0 || line[len(line)-1] != '=' {
		return false
	}
	head := line[:min(len(line), headOctets)]
	if i := bytes.IndexByte(head, ':'); i >= 0 {
		head = head[:i]
	}
	return bytes.Contains(bytes.ToUpper(head), []byte("QUOTED-PRINTABLE"))
}

// dropSoftBreaks cuts off the soft breaks of a line that nothing follows. They
// stand for no character, and written again they would take in the next line.
func dropSoftBreaks(line []byte) []byte {
	if !softBreak(line) {
		return line
	}
	return bytes.TrimRight(line, "=\r")
}
