package content

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// The sealed stream, byte by byte (docs/decisions/0002-content-codec.md):
//
//	header   version 1 | form 1 | salt 16
//	chunks   each: AES-256-GCM of (packing 1 | data), tag 16
//	table    AES-256-GCM of (plain size 8 | sealed length 4, a chunk), tag 16
//	trailer  header again 18 | length of the sealed table 4
//
// A stream of one chunk (form 1) has neither table nor trailer. Numbers are
// big-endian. Every data but the last chunk's has ChunkSize bytes unpacked.
const (
	streamVersion = 1
	formOne       = 1
	formMany      = 2

	saltSize    = 16
	headerSize  = 2 + saltSize
	trailerSize = headerSize + 4
	maxSealed   = 1 + ChunkSize + gcmTag // of one chunk
	minSealed   = 1 + gcmTag
	maxChunks   = MaxSize / ChunkSize

	packedNot  = 0
	packedZstd = 1
)

// What a nonce and its associated data say the sealed bytes are.
const (
	kindChunk = 0
	kindLast  = 1
	kindTable = 2
)

// header begins a stream and, when it has many chunks, is repeated at its end,
// where a reader of ranges begins.
type header [headerSize]byte

func (c *codec) newHeader(form byte) (h header) {
	h[0], h[1] = streamVersion, form
	c.salt(h[2:])
	return h
}

// parseHeader reads the header that b begins with.
func parseHeader(b []byte) (h header, err error) {
	if len(b) < headerSize {
		return h, fmt.Errorf("%w: %d sealed bytes are too few", ErrCorrupt, len(b))
	}
	copy(h[:], b)
	if h[0] != streamVersion {
		return h, fmt.Errorf("%w: unknown version %d", ErrCorrupt, h[0])
	}
	if h.form() != formOne && h.form() != formMany {
		return h, fmt.Errorf("%w: unknown form %d", ErrCorrupt, h.form())
	}
	return h, nil
}

func (h *header) form() byte { return h[1] }

// parseTrailer reads the trailer that b is: the header and the table's length.
func parseTrailer(b []byte) (h header, table int, err error) {
	if len(b) != trailerSize {
		return h, 0, fmt.Errorf("%w: %d sealed bytes are too few", ErrCorrupt, len(b))
	}
	if h, err = parseHeader(b); err != nil {
		return h, 0, err
	}
	length := binary.BigEndian.Uint32(b[headerSize:])
	if h.form() != formMany || length < 8+2*4+gcmTag || length > 8+maxChunks*4+gcmTag || (length-8-gcmTag)%4 != 0 {
		return h, 0, fmt.Errorf("%w: malformed trailer", ErrCorrupt)
	}
	return h, int(length), nil
}

// sealer seals and opens the chunks and the table of one stream. The key is the
// stream's own, so nonces may count.
type sealer struct {
	aead  cipher.AEAD
	nonce [gcmNonce]byte // 0 3 | number 8 | kind 1
	place [59]byte       // header 18 | tenant 8 | account 8 | id 16 | number 8 | kind 1
}

func (a *Account) newSealer(h header, id ID, p Purpose) sealer {
	info := make([]byte, 0, 64)
	info = append(info, labelStream...)
	info = append(info, byte(p))
	info = append(info, id[:]...)
	var s sealer
	s.aead = newGCM(derive(a.key, h[2:], string(info)))
	copy(s.place[0:], h[:])
	binary.BigEndian.PutUint64(s.place[18:], uint64(a.tenant))
	binary.BigEndian.PutUint64(s.place[26:], uint64(a.account))
	copy(s.place[34:], id[:])
	return s
}

func (s *sealer) at(number uint64, kind byte) {
	binary.BigEndian.PutUint64(s.nonce[3:], number)
	s.nonce[11] = kind
	binary.BigEndian.PutUint64(s.place[50:], number)
	s.place[58] = kind
}

// seal appends the sealed plain bytes to dst; they may overlap exactly.
func (s *sealer) seal(dst, plain []byte, number uint64, kind byte) []byte {
	s.at(number, kind)
	return s.aead.Seal(dst, s.nonce[:], plain, s.place[:])
}

// open appends the plain bytes to dst; they may overlap exactly.
func (s *sealer) open(dst, sealed []byte, number uint64, kind byte) ([]byte, error) {
	s.at(number, kind)
	plain, err := s.aead.Open(dst, s.nonce[:], sealed, s.place[:])
	if err != nil {
		return nil, fmt.Errorf("%w: part %d does not authenticate", ErrCorrupt, number)
	}
	return plain, nil
}

// table says where the chunks of a stream lie.
type table struct {
	size  int64   // of the plaintext
	start []int64 // where each sealed chunk begins in the stream, and where the last ends
}

// parseTable reads an opened table and checks it against the stream's length.
// The table is authentic here; the checks keep a mistake of a writer from
// becoming a crash of a reader.
func parseTable(b []byte, sealedTable int, streamSize int64) (table, error) {
	chunks := int64(len(b)-8) / 4
	t := table{size: int64(binary.BigEndian.Uint64(b))}
	if t.size <= (chunks-1)*ChunkSize || t.size > chunks*ChunkSize {
		return t, fmt.Errorf("%w: %d chunks cannot hold %d bytes", ErrCorrupt, chunks, t.size)
	}
	t.start = make([]int64, 1, chunks+1)
	t.start[0] = headerSize
	for b := b[8:]; len(b) >= 4; b = b[4:] {
		length := binary.BigEndian.Uint32(b)
		if length <= minSealed || length > maxSealed {
			return t, fmt.Errorf("%w: a chunk of %d bytes", ErrCorrupt, length)
		}
		t.start = append(t.start, t.start[len(t.start)-1]+int64(length))
	}
	if t.start[chunks]+int64(sealedTable)+trailerSize != streamSize {
		return t, fmt.Errorf("%w: the table does not fit the stream", ErrCorrupt)
	}
	return t, nil
}

func (t *table) chunks() int { return len(t.start) - 1 }
