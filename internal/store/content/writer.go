package content

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// errClosed is what a Writer or Reader answers after Close.
var errClosed = errors.New("content: already closed")

// Writer seals a stream. What is below it sees whole chunks. A Writer that is not
// closed leaves a stream that does not open.
type Writer struct {
	account *Account
	chunks  chunks
	buf     *buffer // nil before the first byte and after Close
	n       int     // plain bytes waiting in buf
	size    int64
	digests digests
	sum     [sha256.Size]byte
	line    *line // of SealParallel, once there is a second chunk
	long    bool  // may have a line
	closed  bool
	err     error
}

// Seal returns a Writer that seals what is written to it, as the content id for
// purpose, into w. Close ends the stream; it does not close w.
func (a *Account) Seal(id ID, p Purpose, w io.Writer) *Writer {
	return &Writer{account: a, chunks: chunks{account: a, id: id, purpose: p, w: w}, digests: digests{sha256.New()}}
}

// SealParallel is Seal for streams that may be long: from the second chunk on, one
// goroutine hashes and one seals while the next chunk comes. w is written by one of
// them, and also, which are digests to compute beside SHA-256, by the other, until
// Close has returned. A Writer that is not closed must be discarded.
func (a *Account) SealParallel(id ID, p Purpose, w io.Writer, also ...hash.Hash) *Writer {
	sealing := a.Seal(id, p, w)
	sealing.long = true
	sealing.digests = append(sealing.digests, also...)
	return sealing
}

// digests are computed over the same bytes; the first is the one that Sum tells.
type digests []hash.Hash

func (d digests) write(p []byte) {
	for _, h := range d {
		h.Write(p) // never fails, see hash.Hash
	}
}

// Write seals p. Its errors are those of the writer below and ErrTooLarge; after
// one of them all further calls fail alike.
func (w *Writer) Write(p []byte) (int, error) {
	if w.closed {
		return 0, errClosed
	}
	if w.size+int64(len(p)) > MaxSize {
		w.fail(fmt.Errorf("%w: more than %d bytes", ErrTooLarge, int64(MaxSize)))
	}
	if w.err != nil {
		return 0, w.err
	}
	if w.buf == nil {
		w.buf = w.account.codec.buffer()
	}
	written := 0
	for len(p) > 0 {
		if w.n == ChunkSize {
			// More follows, so this chunk is not the last.
			if err := w.flush(kindChunk); err != nil {
				return written, err
			}
		}
		n := copy(w.buf.plain[1+w.n:1+ChunkSize], p)
		w.n, w.size, written, p = w.n+n, w.size+int64(n), written+n, p[n:]
	}
	return written, nil
}

// ReadFrom seals what r gives up to its end, without copying it once more. An error
// of r does not end the writing.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	var read int64
	for empty := 0; empty < 100; empty++ {
		if _, err := w.Write(nil); err != nil { // failed or closed
			return read, err
		}
		// A little more than a chunk tells whether this one is the last.
		n, err := r.Read(w.buf.plain[1+w.n:])
		w.n, w.size, read = w.n+n, w.size+int64(n), read+int64(n)
		if full := w.full(); full != nil {
			return read, full
		}
		if err == io.EOF {
			return read, nil
		}
		if err != nil {
			return read, err
		}
		if n > 0 {
			empty = 0
		}
	}
	return read, io.ErrNoProgress
}

// full flushes the chunk that waits, if there is more, and keeps that.
func (w *Writer) full() error {
	if w.size > MaxSize {
		w.fail(fmt.Errorf("%w: more than %d bytes", ErrTooLarge, int64(MaxSize)))
		return w.err
	}
	if w.n <= ChunkSize {
		return nil
	}
	var more [beyond]byte
	n := copy(more[:], w.buf.plain[1+ChunkSize:1+w.n])
	w.n = ChunkSize
	err := w.flush(kindChunk)
	w.n = copy(w.buf.plain[1:], more[:n])
	return err
}

// flush hashes and seals the waiting chunk, or has it done.
func (w *Writer) flush(kind byte) error {
	n := w.n
	w.n = 0
	if w.line == nil && w.long && kind == kindChunk {
		w.line = newLine(&w.chunks, w.digests, w.buf)
	}
	if w.line != nil {
		var err error
		w.buf, err = w.line.put(n, kind)
		w.fail(err)
		return w.err
	}
	w.digests.write(w.buf.plain[1 : 1+n])
	w.fail(w.chunks.add(w.buf, n, kind))
	return w.err
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Close seals the last chunk and ends the stream. It may be called again.
func (w *Writer) Close() error {
	if w.closed {
		return w.err
	}
	if w.err == nil {
		if w.buf == nil { // nothing was written: one empty chunk
			w.buf = w.account.codec.buffer()
		}
		w.flush(kindLast)
		w.fail(w.line.wait())
		if w.err == nil {
			w.fail(w.chunks.end(w.size))
		}
		w.digests[0].Sum(w.sum[:0])
	}
	w.closed = true
	w.Discard()
	return w.err
}

// Discard ends the writing if Close has not. The stream then does not open.
func (w *Writer) Discard() {
	if !w.closed {
		w.closed = true
		w.fail(errClosed)
	}
	if w.line != nil {
		w.line.abandon()
		w.line = nil
	}
	if w.buf != nil {
		w.account.codec.release(w.buf)
		w.buf = nil
	}
}

// Size is the number of plain bytes written.
func (w *Writer) Size() int64 { return w.size }

// SealedSize is the number of sealed bytes written below, final after Close.
func (w *Writer) SealedSize() int64 { return w.chunks.sealed }

// Sum is the SHA-256 of the plain bytes, after a Close without error.
func (w *Writer) Sum() [sha256.Size]byte { return w.sum }

// SealBytes appends the sealed stream of plain to dst: what Seal writes, for
// bytes that are in memory anyway.
func (a *Account) SealBytes(dst []byte, id ID, p Purpose, plain []byte) []byte {
	if len(plain) <= ChunkSize {
		return a.sealOne(dst, a.codec.newHeader(formOne), id, p, plain)
	}
	out := appender{dst}
	w := Writer{account: a, chunks: chunks{account: a, id: id, purpose: p, w: &out}, digests: digests{noDigest{}}}
	_, err := w.Write(plain)
	if err := errors.Join(err, w.Close()); err != nil {
		panic("content: sealing in memory: " + err.Error()) // only MaxSize could be passed
	}
	return out.b
}

// sealOne seals the only chunk of a stream.
func (a *Account) sealOne(dst []byte, h header, id ID, p Purpose, plain []byte) []byte {
	s := a.newSealer(h, id, p)
	buf := a.codec.buffer()
	defer a.codec.release(buf)
	packed, helped := a.codec.pack(buf.space[:], plain)
	if !helped {
		packed = append(append(buf.space[:0], packedNot), plain...)
	}
	return s.seal(append(dst, h[:]...), packed, 0, kindLast)
}

type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// noDigest is a hash for those who do not want one.
type noDigest struct{}

func (noDigest) Write(p []byte) (int, error) { return len(p), nil }
func (noDigest) Sum(b []byte) []byte         { return b }
func (noDigest) Reset()                      {}
func (noDigest) Size() int                   { return 0 }
func (noDigest) BlockSize() int              { return 1 }
