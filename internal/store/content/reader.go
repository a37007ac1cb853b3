package content

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
)

// Sealed streams up to this length are read whole by one request.
const wholeSize = 128 << 10

// Reader gives a range of a content's plain bytes, each chunk only after it was
// authenticated. It is for one goroutine.
type Reader struct {
	codec  *codec
	sealer sealer
	header header
	size   int64 // plain size of the whole content

	table  table
	whole  []byte        // all sealed bytes, where they are in memory
	stream io.ReadCloser // the sealed bytes from the next chunk on, where not
	cancel context.CancelFunc
	ahead  *ahead // opens the chunks of stream, of a long range
	next   int    // chunk
	skip   int    // plain bytes of the next chunk before the range
	left   int64  // plain bytes of the range not yet in rest

	buf   *buffer
	block *block // of ahead, in the place of buf
	rest  []byte // opened bytes not yet read
	after error  // what comes after rest
	err   error
}

// Open reads length plain bytes from offset on, or to the end when length is
// negative. A range that passes the end is cut there; one that begins at or
// beyond the end is empty. Sealed bytes that are not exactly this account's,
// under this id and purpose, are ErrCorrupt, here or in a later Read.
func (a *Account) Open(ctx context.Context, id ID, p Purpose, src Source, offset, length int64) (*Reader, error) {
	return a.Ranges(id, p, src).Open(ctx, offset, length)
}

func (r *Reader) open(ctx context.Context, a *Account, id ID, p Purpose, src Source, offset, length int64) error {
	if r.whole != nil {
		h, err := parseHeader(r.whole)
		if err != nil {
			return err
		}
		r.header, r.sealer = h, a.newSealer(h, id, p)
		if h.form() == formOne {
			return r.openOne(offset, length)
		}
	}
	if err := r.openTable(ctx, a, id, p, src); err != nil {
		return err
	}
	return r.openRange(ctx, src, offset, length)
}

// openRange begins to read a range of a content whose table is known.
func (r *Reader) openRange(ctx context.Context, src Source, offset, length int64) error {
	r.size = r.table.size
	r.setRange(offset, length)
	if r.left == 0 || r.whole != nil {
		return nil
	}
	return r.openStream(ctx, src)
}

// setRange cuts the range at the content's end and finds its first chunk.
func (r *Reader) setRange(offset, length int64) {
	offset = min(offset, r.size)
	r.left = r.size - offset
	if length >= 0 {
		r.left = min(r.left, length)
	}
	r.next, r.skip = int(offset/ChunkSize), int(offset%ChunkSize)
}

// openOne opens a stream of one chunk, all of which is in memory.
func (r *Reader) openOne(offset, length int64) error {
	sealed := r.whole[headerSize:]
	if len(sealed) < minSealed || len(sealed) > maxSealed {
		return fmt.Errorf("%w: one chunk of %d bytes", ErrCorrupt, len(sealed))
	}
	r.buf = r.codec.buffer()
	data, err := r.openChunk(r.buf, sealed, 0, kindLast)
	if err != nil {
		return err
	}
	r.size = int64(len(data))
	r.setRange(offset, length)
	r.rest = data[min(offset, r.size):][:r.left]
	r.left = 0
	return nil
}

// openChunk authenticates a chunk and unpacks it in buf.
func (r *Reader) openChunk(buf *buffer, sealed []byte, number int, kind byte) ([]byte, error) {
	opened, err := r.sealer.open(buf.space[:0], sealed, uint64(number), kind)
	if err != nil {
		return nil, err
	}
	return r.codec.unpack(buf.plain[:], opened)
}

// openTable reads and opens the table at the stream's end.
func (r *Reader) openTable(ctx context.Context, a *Account, id ID, p Purpose, src Source) error {
	size := src.Size()
	if size < headerSize+trailerSize {
		return fmt.Errorf("%w: %d sealed bytes are too few", ErrCorrupt, size)
	}
	end, err := r.readEnd(ctx, src, endLength(src))
	if err != nil {
		return err
	}
	h, length, err := parseTrailer(end[len(end)-trailerSize:])
	if err != nil {
		return err
	}
	need := int64(length + trailerSize)
	if need > size-headerSize {
		return fmt.Errorf("%w: a table longer than the stream", ErrCorrupt)
	}
	if need > int64(len(end)) {
		if end, err = r.readEnd(ctx, src, need); err != nil {
			return err
		}
	}
	if r.sealer.aead == nil {
		r.header, r.sealer = h, a.newSealer(h, id, p)
	} else if subtle.ConstantTimeCompare(h[:], r.header[:]) != 1 {
		return fmt.Errorf("%w: header and trailer differ", ErrCorrupt)
	}
	sealed := end[int64(len(end))-need : len(end)-trailerSize]
	chunks := (length - 8 - gcmTag) / 4
	opened, err := r.sealer.open(nil, sealed, uint64(chunks), kindTable)
	if err != nil {
		return err
	}
	r.table, err = parseTable(opened, length, size)
	return err
}

// tableGuess is how many bytes of a stream's end most likely hold its table: a
// chunk is seldom compressed to less than a quarter.
func tableGuess(size int64) int64 {
	return min(4<<10+size/(ChunkSize/4)*4, 1<<20)
}

// readEnd returns the last n sealed bytes.
func (r *Reader) readEnd(ctx context.Context, src Source, n int64) ([]byte, error) {
	if r.whole != nil {
		return r.whole[int64(len(r.whole))-n:], nil
	}
	end := make([]byte, n)
	return end, readRange(ctx, src, end, src.Size()-n)
}

// openStream asks for the sealed bytes of the range's chunks, with the header
// before the first one, which must be the same as in the trailer.
func (r *Reader) openStream(ctx context.Context, src Source) error {
	last := int((int64(r.next)*ChunkSize + int64(r.skip) + r.left - 1) / ChunkSize)
	start, end := r.table.start[r.next], r.table.start[last+1]
	if r.next == 0 {
		start = 0
	}
	ctx, r.cancel = context.WithCancel(ctx)
	stream, err := src.ReadRange(ctx, start, end-start)
	if err != nil {
		return fmt.Errorf("content: read sealed bytes: %w", err)
	}
	r.stream = stream
	if r.next > 0 {
		return nil
	}
	var h header
	if err := readFull(stream, h[:]); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(h[:], r.header[:]) != 1 {
		return fmt.Errorf("%w: header and trailer differ", ErrCorrupt)
	}
	return nil
}

// fill makes sure that rest is not empty unless the range is at its end. The end
// is not told by io.EOF: a source's error may wrap that and is not the end.
func (r *Reader) fill() (end bool, err error) {
	if len(r.rest) > 0 {
		return false, nil
	}
	if r.err == nil && r.left > 0 {
		r.err = r.nextChunk()
	}
	if r.err != nil {
		return false, r.err
	}
	return len(r.rest) == 0, nil
}

// nextChunk makes the next chunk's part of the range the rest; reading ahead, that
// of several.
func (r *Reader) nextChunk() error {
	if r.after != nil {
		return r.after
	}
	if r.ahead == nil && r.stream != nil && r.left > aheadFrom {
		r.ahead = newAhead(r.codec, r.openSome, r.chunksLeft())
	}
	var data []byte
	var err error
	if r.ahead != nil {
		data, err = r.takeAhead()
	} else {
		if r.buf == nil {
			r.buf = r.codec.buffer()
		}
		data, err = r.openNext(r.buf)
	}
	if err != nil {
		return err
	}
	data = data[r.skip:]
	r.skip = 0
	r.rest = data[:min(int64(len(data)), r.left)]
	r.left -= int64(len(r.rest))
	return nil
}

// takeAhead gives what was opened ahead, in exchange for what was read.
func (r *Reader) takeAhead() ([]byte, error) {
	r.release()
	o := r.ahead.take()
	r.block = o.in
	if len(o.data) == 0 {
		return nil, o.err
	}
	r.after = o.err
	return o.data, nil
}

// chunksLeft is how many chunks the rest of the range lies in.
func (r *Reader) chunksLeft() int { return int((int64(r.skip) + r.left + ChunkSize - 1) / ChunkSize) }

// openNext reads and opens the next chunk.
func (r *Reader) openNext(buf *buffer) ([]byte, error) {
	from, to := r.table.start[r.next], r.table.start[r.next+1]
	var sealed []byte
	if r.whole != nil {
		sealed = r.whole[from:to]
	} else {
		sealed = buf.space[:to-from]
		if err := readFull(r.stream, sealed); err != nil {
			return nil, err
		}
	}
	kind, want := r.kind(r.next)
	data, err := r.openChunk(buf, sealed, r.next, kind)
	if err != nil {
		return nil, err
	}
	r.next++
	return data, r.check(data, want)
}

// kind tells the last chunk from the others, and how many bytes a chunk must have.
func (r *Reader) kind(number int) (kind byte, want int64) {
	if number == r.table.chunks()-1 {
		return kindLast, r.size - int64(number)*ChunkSize
	}
	return kindChunk, ChunkSize
}

func (r *Reader) check(data []byte, want int64) error {
	if int64(len(data)) != want {
		return fmt.Errorf("%w: a chunk has %d bytes, want %d", ErrCorrupt, len(data), want)
	}
	return nil
}

// openSome reads and opens the next chunks, which follow each other in the block
// then. Where one fails, those before it are returned too. It runs in ahead's
// goroutine, and what it uses of r is that goroutine's alone.
func (r *Reader) openSome(s *sealedBlock, b *block, chunks int) ([]byte, error) {
	from := r.table.start[r.next]
	if err := readFull(r.stream, s[:r.table.start[r.next+chunks]-from]); err != nil {
		return nil, err
	}
	at := 1
	for range chunks {
		sealed := s[r.table.start[r.next]-from : r.table.start[r.next+1]-from]
		kind, want := r.kind(r.next)
		data, err := r.openAt(b[at-1:], sealed, r.next, kind)
		if err == nil {
			err = r.check(data, want)
		}
		if err != nil {
			return b[1:at], err
		}
		at += len(data)
		r.next++
	}
	return b[1:at], nil
}

// openAt opens a chunk so that its data begin at space[1]; what lies before them
// stays.
func (r *Reader) openAt(space, sealed []byte, number int, kind byte) ([]byte, error) {
	before := space[0]
	defer func() { space[0] = before }()
	opened := sealed[:0]
	if len(sealed) == maxSealed { // not compressed, so it comes to lie where it is to
		opened = space[:0]
	}
	opened, err := r.sealer.open(opened, sealed, uint64(number), kind)
	if err != nil {
		return nil, err
	}
	data, err := r.codec.unpack(space[1:], opened)
	if err != nil {
		return nil, err
	}
	if len(data) > 0 && &data[0] != &space[1] { // short and not compressed
		data = space[1 : 1+copy(space[1:], data)]
	}
	return data, nil
}

// Read gives the next plain bytes of the range.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	end, err := r.fill()
	if err != nil {
		return 0, err
	}
	if end {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// WriteTo writes the rest of the range to w, a chunk at a time.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	var written int64
	for {
		end, err := r.fill()
		if end || err != nil {
			return written, err
		}
		n, err := w.Write(r.rest)
		written += int64(n)
		r.rest = r.rest[n:]
		if err != nil {
			return written, err
		}
	}
}

// Size is the plain size of the whole content, not of the range.
func (r *Reader) Size() int64 { return r.size }

// Close ends the reading. It may be called again.
func (r *Reader) Close() error {
	r.err, r.rest, r.left = errClosed, nil, 0
	if r.cancel != nil {
		r.cancel() // also wakes up who reads ahead
	}
	if r.ahead != nil {
		r.ahead.close()
		r.ahead = nil
	}
	r.release()
	if r.stream == nil {
		return nil
	}
	stream := r.stream
	r.stream = nil
	return stream.Close()
}

func (r *Reader) release() {
	if r.buf != nil {
		r.codec.release(r.buf)
		r.buf = nil
	}
	if r.block != nil {
		r.codec.blocks.Put(r.block)
		r.block = nil
	}
}

// OpenBytes appends the plain bytes of a whole sealed stream to dst, or fails
// with ErrCorrupt.
func (a *Account) OpenBytes(dst []byte, id ID, p Purpose, sealed []byte) ([]byte, error) {
	var r Reader
	r.codec, r.whole = a.codec, sealed
	if sealed == nil {
		r.whole = []byte{}
	}
	defer r.Close()
	if err := r.open(context.Background(), a, id, p, Inline(sealed), 0, -1); err != nil {
		return dst, err
	}
	out := dst
	for {
		end, err := r.fill()
		if err != nil {
			return dst, err
		}
		if end {
			return out, nil
		}
		out = append(out, r.rest...)
		r.rest = nil
	}
}
