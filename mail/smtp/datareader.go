package smtp

import (
	"bufio"
	"bytes"
	"io"
)

// dataState is where a dataReader stands in the line.
type dataState uint8

const (
	lineStart   dataState  = iota // after CRLF, or nothing read yet
	lineMiddle                    // anywhere else
	afterCR                       // the last byte was CR
	afterDot                      // a line began with "."
	afterDotCR                    // a line began with "." CR
	dataEnded                     // CRLF "." CRLF was read
	maxDataStep = 32 << 10        // bytes looked at before Read returns
)

// dataReader reads a message sent by DATA (RFC 5321 4.1.1.4, 4.5.2): it takes
// the stuffed dots away and ends, with io.EOF, after CRLF "." CRLF and nothing
// else. All other bytes pass unchanged, at any line length; bare tells whether
// there was a CR without LF or a LF without CR among them. What it yields does
// not depend on how the bytes arrived.
type dataReader struct {
	r     *bufio.Reader
	state dataState
	bare  bool
}

func newDataReader(r *bufio.Reader) *dataReader { return &dataReader{r: r} }

// Read yields at most what is buffered, so that it never waits with bytes in
// hand. A connection that ends before the message does is io.ErrUnexpectedEOF.
func (d *dataReader) Read(p []byte) (int, error) {
	if d.state == dataEnded {
		return 0, io.EOF
	}
	if len(p) < 2 { // one byte read may yield two: the CR kept back, and itself
		return 0, io.ErrShortBuffer
	}
	for {
		if _, err := d.r.Peek(1); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		in, _ := d.r.Peek(min(d.r.Buffered(), maxDataStep))
		used, n := d.decode(p, in)
		if _, err := d.r.Discard(used); err != nil {
			return n, err
		}
		if d.state == dataEnded {
			return n, io.EOF
		}
		if n > 0 {
			return n, nil
		}
	}
}

// decode consumes bytes of in as far as p has room and returns how many it
// consumed and how many it wrote.
func (d *dataReader) decode(p, in []byte) (used, n int) {
	for used < len(in) && n+2 <= len(p) && d.state != dataEnded {
		if d.state == lineMiddle {
			run := plainRun(in[used:min(len(in), used+len(p)-n)])
			if run > 0 {
				copy(p[n:], in[used:used+run])
				used += run
				n += run
				continue
			}
		}
		n += d.step(p[n:], in[used])
		used++
	}
	return used, n
}

// plainRun counts the leading bytes that are neither CR nor LF.
func plainRun(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i]
	}
	if i := bytes.IndexByte(b, '\r'); i >= 0 {
		return i
	}
	return len(b)
}

// step takes one byte and writes none, one or two.
func (d *dataReader) step(p []byte, c byte) int {
	n := 0
	switch d.state {
	case lineStart:
		if c == '.' {
			d.state = afterDot
			return 0
		}
	case afterDot: // the dot was stuffing unless CRLF follows
		if c == '\r' {
			d.state = afterDotCR
			return 0
		}
	case afterDotCR:
		if c == '\n' {
			d.state = dataEnded
			return 0
		}
		p[0], n = '\r', 1
		d.bare = true
	case afterCR:
		if c == '\n' {
			p[0] = c
			d.state = lineStart
			return 1
		}
		d.bare = true
	}
	p[n] = c
	switch c {
	case '\r':
		d.state = afterCR
	case '\n':
		d.bare = true
		d.state = lineMiddle
	default:
		d.state = lineMiddle
	}
	return n + 1
}
