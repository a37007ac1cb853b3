package wire

import (
	"bytes"
	"io"
	"slices"
	"sync"
)

// flushAt is how many bytes of responses wait at most before they are written.
const flushAt = 32 << 10

var writeBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, flushAt+4<<10)
	return &b
}}

// Writer gathers responses in one buffer: append to B, then call Commit. While nothing waits it holds no buffer. It
// is not safe for concurrent use.
type Writer struct {
	B []byte // what waits; append to it between Begin and Commit
	// Hold keeps everything in B, however long it grows; Drop throws it away.
	Hold bool

	dst io.Writer
	buf *[]byte
	err error
	n   int64
}

// NewWriter returns a Writer to dst.
func NewWriter(dst io.Writer) *Writer { return &Writer{dst: dst} }

// Reset makes it write to dst; nothing may wait.
func (w *Writer) Reset(dst io.Writer) { w.dst = dst }

// Begin must be called before B is appended to.
func (w *Writer) Begin() {
	if w.buf == nil {
		w.buf = writeBuffers.Get().(*[]byte)
		w.B = (*w.buf)[:0]
	}
}

// Commit ends a piece of output; it writes when enough waits.
func (w *Writer) Commit() error {
	if len(w.B) >= flushAt && !w.Hold {
		return w.write()
	}
	return w.err
}

func (w *Writer) write() error {
	if w.err == nil && len(w.B) > 0 {
		_, w.err = w.dst.Write(w.B)
		w.n += int64(len(w.B))
	}
	w.B = w.B[:0]
	return w.err
}

// Flush writes what waits and gives the buffer back.
func (w *Writer) Flush() error {
	err := w.write()
	w.Drop()
	return err
}

// Drop throws away what waits and gives the buffer back.
func (w *Writer) Drop() {
	if w.buf != nil {
		// An unusually grown buffer is left to the collector.
		if cap(w.B) <= 2*flushAt {
			*w.buf = w.B[:0]
			writeBuffers.Put(w.buf)
		}
		w.buf, w.B = nil, nil
	}
}

// Err returns the first error of writing; after it nothing is written any more.
func (w *Writer) Err() error { return w.err }

// Written is the number of bytes that have left the buffer. While it stays the same, B may be cut back.
func (w *Writer) Written() int64 { return w.n }

// Done is Commit for those who need not know yet: an error stays and Err tells it.
func (w *Writer) Done() { _ = w.Commit() }

// Line appends s and CRLF.
func (w *Writer) Line(s string) {
	w.Begin()
	w.B = append(w.B, s...)
	w.B = append(w.B, '\r', '\n')
	w.Done()
}

// Copy streams exactly n bytes of r, as a literal's content. replaceNUL writes 0x80 in the place of NUL, which only a
// literal8 may carry (section 4.3.1). An error, io.ErrUnexpectedEOF among them, leaves a literal unfinished: the
// connection must be closed.
func (w *Writer) Copy(r io.Reader, n int64, replaceNUL bool) error {
	w.Begin()
	for n > 0 {
		if w.Hold {
			w.B = slices.Grow(w.B, int(min(n, flushAt)))
		} else if len(w.B) >= flushAt {
			if err := w.write(); err != nil {
				return err
			}
		}
		room := w.B[len(w.B):cap(w.B)]
		if len(room) == 0 {
			if err := w.write(); err != nil {
				return err
			}
			continue
		}
		if int64(len(room)) > n {
			room = room[:n]
		}
		k, err := r.Read(room)
		if replaceNUL {
			ReplaceNUL(room[:k])
		}
		w.B = w.B[:len(w.B)+k]
		n -= int64(k)
		if err != nil && n > 0 {
			return noEOF(err)
		}
	}
	return w.Commit()
}

// ReplaceNUL puts 0x80 in the place of every NUL.
func ReplaceNUL(b []byte) {
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return
		}
		b[i] = 0x80
		b = b[i+1:]
	}
}
