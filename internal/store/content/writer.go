package content

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

// errClosed is what a Writer or Reader answers after Close.
var errClosed = errors.New("content: already closed")

// A chunk that compression did not shorten announces more of its kind: so many
// following ones are sealed as they are before the next attempt.
const packPause = 7

// Writer seals a stream. What is below it sees whole chunks. A Writer that is not
// closed leaves a stream that does not open.
type Writer struct {
	account *Account
	id      ID
	purpose Purpose
	w       io.Writer

	sealer  sealer
	header  header
	buf     *buffer // nil before the first byte and after Close
	n       int     // plain bytes waiting in buf
	lengths []uint32
	pause   int
	size    int64
	sealed  int64
	digest  hash.Hash
	sum     [sha256.Size]byte
	closed  bool
	err     error
}

// Seal returns a Writer that seals what is written to it, as the content id for
// purpose, into w. Close ends the stream; it does not close w.
func (a *Account) Seal(id ID, p Purpose, w io.Writer) *Writer {
	return &Writer{account: a, id: id, purpose: p, w: w, digest: sha256.New()}
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
		n := copy(w.buf.chunk[headerSize+1+w.n:headerSize+1+ChunkSize], p)
		w.digest.Write(p[:n])
		w.n, w.size, written, p = w.n+n, w.size+int64(n), written+n, p[n:]
	}
	return written, nil
}

// flush seals the waiting chunk and writes it, the first with the header.
func (w *Writer) flush(kind byte) error {
	number := len(w.lengths)
	if number == 0 {
		form := byte(formMany)
		if kind == kindLast {
			form = formOne
		}
		w.header = w.account.codec.newHeader(form)
		w.sealer = w.account.newSealer(w.header, w.id, w.purpose)
	}
	plain, space := w.packed()
	copy(space, w.header[:])
	sealed := w.sealer.seal(space[headerSize:headerSize], plain, uint64(number), kind)
	w.lengths = append(w.lengths, uint32(len(sealed)))
	w.n = 0
	if number == 0 {
		sealed = space[:headerSize+len(sealed)]
	}
	return w.write(sealed)
}

// packed returns the waiting data with their packing byte, and the array that
// they lie in behind room for a header: sealing happens in place.
func (w *Writer) packed() (plain, space []byte) {
	data := w.buf.chunk[headerSize+1 : headerSize+1+w.n]
	if w.pause == 0 {
		packed, helped := w.account.codec.pack(w.buf.packed[headerSize:], data)
		if helped {
			return packed, w.buf.packed[:]
		}
		w.pause = packPause
	} else {
		w.pause--
	}
	w.buf.chunk[headerSize] = packedNot
	return w.buf.chunk[headerSize : headerSize+1+w.n], w.buf.chunk[:]
}

func (w *Writer) write(b []byte) error {
	n, err := w.w.Write(b)
	w.sealed += int64(n)
	if err == nil && n != len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		w.fail(err)
	}
	return err
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
	w.closed = true
	if w.err == nil {
		if w.buf == nil { // nothing was written: one empty chunk
			w.buf = w.account.codec.buffer()
		}
		err := w.flush(kindLast)
		if err == nil && len(w.lengths) > 1 {
			err = w.writeTable()
		}
		w.fail(err)
		w.digest.Sum(w.sum[:0])
	}
	w.release()
	return w.err
}

func (w *Writer) release() {
	if w.buf != nil {
		w.account.codec.release(w.buf)
		w.buf = nil
	}
	w.closed = true
}

// writeTable writes the sealed table of chunk lengths and the trailer.
func (w *Writer) writeTable() error {
	table := make([]byte, 8, 8+4*len(w.lengths)+gcmTag+trailerSize)
	binary.BigEndian.PutUint64(table, uint64(w.size))
	for _, length := range w.lengths {
		table = binary.BigEndian.AppendUint32(table, length)
	}
	sealed := w.sealer.seal(table[:0], table, uint64(len(w.lengths)), kindTable)
	end := append(sealed, w.header[:]...)
	return w.write(binary.BigEndian.AppendUint32(end, uint32(len(sealed))))
}

// Size is the number of plain bytes written.
func (w *Writer) Size() int64 { return w.size }

// SealedSize is the number of sealed bytes written below, final after Close.
func (w *Writer) SealedSize() int64 { return w.sealed }

// Sum is the SHA-256 of the plain bytes, after a Close without error.
func (w *Writer) Sum() [sha256.Size]byte { return w.sum }

// SealBytes appends the sealed stream of plain to dst: what Seal writes, for
// bytes that are in memory anyway.
func (a *Account) SealBytes(dst []byte, id ID, p Purpose, plain []byte) []byte {
	if len(plain) <= ChunkSize {
		return a.sealOne(dst, a.codec.newHeader(formOne), id, p, plain)
	}
	out := appender{dst}
	w := Writer{account: a, id: id, purpose: p, w: &out, digest: noDigest{}}
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
	packed, helped := a.codec.pack(buf.packed[:], plain)
	if !helped {
		packed = append(append(buf.chunk[:0], packedNot), plain...)
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
