package content

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

// mustRefuse demands that no byte of a damaged stream is given out as good: all
// that is read must be a beginning of the plain bytes, and then ErrCorrupt.
func mustRefuse(t *testing.T, what string, a *Account, id ID, p Purpose, sealed, plain []byte) {
	t.Helper()
	for name, src := range map[string]Source{"inline": Inline(sealed), "object": &counting{sealed: sealed}} {
		got, err := open(a, id, p, src, 0, -1)
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s, %s: %d bytes opened, %v", what, name, len(got), err)
		}
		if !bytes.HasPrefix(plain, got) {
			t.Errorf("%s, %s: false bytes given out", what, name)
		}
	}
	if got, err := a.OpenBytes(nil, id, p, sealed); !errors.Is(err, ErrCorrupt) || len(got) != 0 {
		t.Errorf("%s, OpenBytes: %d bytes, %v", what, len(got), err)
	}
}

func TestBitFlips(t *testing.T) {
	a, id := testAccount(), NewID()
	for _, plain := range [][]byte{nil, mailText(300), mailText(5000), noise(2*ChunkSize + 9)} {
		sealed := seal(t, a, id, PurposeContent, plain)
		step := max(1, len(sealed)/257)
		for i := 0; i < len(sealed); i++ {
			if i > 2*headerSize && i < len(sealed)-200 && i%step != 0 {
				continue
			}
			bad := slices.Clone(sealed)
			bad[i] ^= 1 << (i % 8)
			mustRefuse(t, "flipped bit", a, id, PurposeContent, bad, plain)
		}
	}
}

func TestTruncationAndExtension(t *testing.T) {
	a, id := testAccount(), NewID()
	for _, plain := range [][]byte{nil, mailText(300), noise(3*ChunkSize + 9)} {
		sealed := seal(t, a, id, PurposeContent, plain)
		for _, n := range []int{0, 1, headerSize - 1, headerSize, headerSize + 1, headerSize + maxSealed,
			headerSize + 2*maxSealed, len(sealed) - trailerSize, len(sealed) - 1} {
			if n >= 0 && n < len(sealed) {
				mustRefuse(t, "cut", a, id, PurposeContent, sealed[:n], plain)
			}
		}
		mustRefuse(t, "extended", a, id, PurposeContent, append(slices.Clone(sealed), 0), plain)
	}
}

// parts takes a stream of incompressible chunks apart.
func parts(sealed []byte, chunks int) (head []byte, chunk [][]byte, end []byte) {
	head, rest := sealed[:headerSize], sealed[headerSize:]
	for range chunks {
		chunk, rest = append(chunk, rest[:maxSealed]), rest[maxSealed:]
	}
	return head, chunk, rest
}

func TestMovedChunks(t *testing.T) {
	a, id := testAccount(), NewID()
	plain := noise(4 * ChunkSize)
	sealed := seal(t, a, id, PurposeContent, plain)
	head, c, end := parts(sealed, 4)
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	if !bytes.Equal(join(head, c[0], c[1], c[2], c[3], end), sealed) {
		t.Fatal("the stream was not taken apart rightly")
	}
	mustRefuse(t, "swapped chunks", a, id, PurposeContent, join(head, c[1], c[0], c[2], c[3], end), plain)
	mustRefuse(t, "doubled chunk", a, id, PurposeContent, join(head, c[0], c[0], c[2], c[3], end), plain)
	mustRefuse(t, "last chunk moved", a, id, PurposeContent, join(head, c[0], c[3], c[2], c[1], end), plain)
	mustRefuse(t, "missing chunk", a, id, PurposeContent, join(head, c[0], c[1], c[2], end), plain)

	// A chunk of the same content, sealed another time, has another key.
	_, other, otherEnd := parts(seal(t, a, id, PurposeContent, plain), 4)
	mustRefuse(t, "chunk of another sealing", a, id, PurposeContent, join(head, other[0], c[1], c[2], c[3], end), plain)
	mustRefuse(t, "table of another sealing", a, id, PurposeContent, join(head, c[0], c[1], c[2], c[3], otherEnd), plain)

	// A stream of one chunk cannot be made from a stream of many.
	one := join(head, c[0])
	one[1] = formOne
	mustRefuse(t, "first chunk as the only one", a, id, PurposeContent, one, plain)
}

func TestMovedStreams(t *testing.T) {
	c := newCodec()
	key, id := make([]byte, keySize), NewID()
	a := newAccount(c, 11, 22, key)
	for _, plain := range [][]byte{mailText(300), noise(2 * ChunkSize)} {
		sealed := seal(t, a, id, PurposeContent, plain)
		// Even with the same key, each part of the place counts.
		mustRefuse(t, "another tenant", newAccount(c, 12, 22, key), id, PurposeContent, sealed, nil)
		mustRefuse(t, "another account", newAccount(c, 11, 23, key), id, PurposeContent, sealed, nil)
		mustRefuse(t, "another id", a, NewID(), PurposeContent, sealed, nil)
		mustRefuse(t, "another purpose", a, id, PurposeQueue, sealed, nil)
		otherKey := bytes.Repeat([]byte{1}, keySize)
		mustRefuse(t, "another key", newAccount(c, 11, 22, otherKey), id, PurposeContent, sealed, nil)
	}
}

// A chunk that decompresses to more than a chunk is refused without being
// decompressed, even when it is authentic.
func TestCompressionBomb(t *testing.T) {
	a, id := testAccount(), NewID()
	bomb := a.codec.enc.EncodeAll(make([]byte, 256<<20), []byte{packedZstd})
	if len(bomb) > 1+ChunkSize {
		t.Fatalf("the bomb has %d bytes and would not fit a chunk", len(bomb))
	}
	h := a.codec.newHeader(formOne)
	s := a.newSealer(h, id, PurposeContent)
	sealed := s.seal(h[:], bomb, 0, kindLast)
	mustRefuse(t, "bomb", a, id, PurposeContent, sealed, nil)
	if n := testing.AllocsPerRun(3, func() { a.OpenBytes(nil, id, PurposeContent, sealed) }); n > 200 {
		t.Errorf("refusing it took %v allocations", n)
	}
}

// Authentic streams that no writer of ours makes are refused, not crashed on.
func TestMalformedButAuthentic(t *testing.T) {
	a, id := testAccount(), NewID()
	one := func(opened []byte) []byte {
		h := a.codec.newHeader(formOne)
		s := a.newSealer(h, id, PurposeContent)
		return s.seal(h[:], opened, 0, kindLast)
	}
	mustRefuse(t, "no packing byte", a, id, PurposeContent, one(nil), nil)
	mustRefuse(t, "unknown packing", a, id, PurposeContent, one([]byte{9, 1, 2}), nil)
	mustRefuse(t, "garbage as zstd", a, id, PurposeContent, one([]byte{packedZstd, 1, 2, 3, 4, 5}), nil)

	many := func(size uint64, lengths []uint32, chunks ...[]byte) []byte {
		h := a.codec.newHeader(formMany)
		s := a.newSealer(h, id, PurposeContent)
		out := slices.Clone(h[:])
		for i, c := range chunks {
			kind := byte(kindChunk)
			if i == len(chunks)-1 {
				kind = kindLast
			}
			out = s.seal(out, append([]byte{packedNot}, c...), uint64(i), kind)
		}
		table := binary.BigEndian.AppendUint64(nil, size)
		for _, l := range lengths {
			table = binary.BigEndian.AppendUint32(table, l)
		}
		before := len(out)
		out = s.seal(out, table, uint64(len(lengths)), kindTable)
		length := uint32(len(out) - before)
		return binary.BigEndian.AppendUint32(append(out, h[:]...), length)
	}
	full, last := noise(ChunkSize), []byte("end")
	good := many(ChunkSize+3, []uint32{maxSealed, 3 + minSealed}, full, last)
	if got, err := a.OpenBytes(nil, id, PurposeContent, good); err != nil || !bytes.Equal(got, append(slices.Clone(full), last...)) {
		t.Fatalf("a good stream made by hand: %d bytes, %v", len(got), err)
	}
	plain := append(slices.Clone(full), last...)
	mustRefuse(t, "size too great", a, id, PurposeContent, many(1<<63, []uint32{maxSealed, 20}, full, last), plain)
	mustRefuse(t, "size off by one", a, id, PurposeContent, many(ChunkSize+4, []uint32{maxSealed, 20}, full, last), plain)
	mustRefuse(t, "lengths moved", a, id, PurposeContent, many(ChunkSize+3, []uint32{maxSealed - 1, 21}, full, last), plain)
	mustRefuse(t, "length 0", a, id, PurposeContent, many(ChunkSize+3, []uint32{0, maxSealed + 20}, full, last), plain)
	mustRefuse(t, "short first chunk", a, id, PurposeContent, many(ChunkSize+3, []uint32{20, 20}, last, last), nil)
}

func FuzzOpenStream(f *testing.F) {
	a := testAccount()
	id := ID{1, 2, 3}
	f.Add([]byte{}, int64(0), int64(-1))
	f.Add(a.SealBytes(nil, id, PurposeContent, mailText(700)), int64(3), int64(9))
	f.Add(a.SealBytes(nil, id, PurposeContent, make([]byte, 3*ChunkSize)), int64(ChunkSize), int64(ChunkSize))
	f.Fuzz(func(t *testing.T, sealed []byte, offset, length int64) {
		// As an object even where short, so that the trailer is parsed first too.
		for _, src := range []Source{Inline(sealed), &counting{sealed: append(make([]byte, wholeSize), sealed...)}} {
			got, err := open(a, id, PurposeContent, src, offset, length)
			if err == nil && length >= 0 && int64(len(got)) > length {
				t.Errorf("%d bytes given, %d asked", len(got), length)
			}
		}
	})
}

// FuzzParts feeds the parsers what authentication would keep from them.
func FuzzParts(f *testing.F) {
	f.Add(make([]byte, trailerSize), 40, int64(100))
	f.Fuzz(func(t *testing.T, b []byte, sealedTable int, streamSize int64) {
		parseHeader(b)
		if _, length, err := parseTrailer(b); err == nil && length > 8+4*maxChunks+gcmTag {
			t.Errorf("a table of %d bytes", length)
		}
		if len(b) >= 8+2*4 && len(b)%4 == 0 {
			table, err := parseTable(b, sealedTable, streamSize)
			if err == nil && (table.size < 0 || table.size > int64(table.chunks())*ChunkSize) {
				t.Errorf("%d bytes in %d chunks", table.size, table.chunks())
			}
		}
		testCodec.unpack(make([]byte, ChunkSize), b)
	})
}

var testCodec = newCodec()
