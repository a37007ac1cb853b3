package content

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Chunks shorter than this are not compressed: it would save less than a
// kilobyte and cost more than sealing them.
const minPacked = 512

// codec holds what all accounts share: compressors, which are costly to make,
// and buffers of a chunk's size.
type codec struct {
	enc     *zstd.Encoder
	dec     *zstd.Decoder
	buffers sync.Pool
	blocks  sync.Pool // of those who read ahead

	sealedBlocks sync.Pool
	salt         func([]byte) // fills a header's salt: random but in the golden test
}

// beyond is how many bytes of the next chunk a buffer has room for.
const beyond = 4 << 10

// buffer holds one chunk: its packing byte and plain data, and space in which it is
// compressed, sealed and, behind room for a header, handed on.
type buffer struct {
	plain [1 + ChunkSize + beyond]byte
	space [headerSize + maxSealed]byte
}

func newCodec() *codec {
	workers := runtime.GOMAXPROCS(0)
	// EncodeAll and DecodeAll start no goroutines. A chunk is never longer than
	// the window, and is authenticated, so zstd's own checksum is left out.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(workers), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(ChunkSize), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic("content: zstd encoder with fixed options: " + err.Error())
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(workers), zstd.WithDecoderMaxWindow(ChunkSize),
		zstd.WithDecoderMaxMemory(ChunkSize), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic("content: zstd decoder with fixed options: " + err.Error())
	}
	return &codec{
		enc:     enc,
		dec:     dec,
		buffers: sync.Pool{New: func() any { return new(buffer) }},
		blocks:  sync.Pool{New: func() any { return new(block) }},

		sealedBlocks: sync.Pool{New: func() any { return new(sealedBlock) }},
		salt:         func(b []byte) { rand.Read(b) }, // never fails, see crypto/rand
	}
}

func (c *codec) buffer() *buffer   { return c.buffers.Get().(*buffer) }
func (c *codec) release(b *buffer) { c.buffers.Put(b) }

// pack puts the packing byte and the data, compressed where that saves at least
// a sixteenth, behind each other into space and returns them.
func (c *codec) pack(space, data []byte) (packed []byte, helped bool) {
	if len(data) < minPacked {
		return nil, false
	}
	packed = c.enc.EncodeAll(data, append(space[:0], packedZstd))
	return packed, len(packed) <= 1+len(data)-len(data)/16
}

// unpack returns the data of an opened chunk: a part of it, or decompressed into
// space. Whatever the bytes are, no more than ChunkSize of them come out.
func (c *codec) unpack(space, opened []byte) ([]byte, error) {
	if len(opened) == 0 {
		return nil, fmt.Errorf("%w: empty chunk", ErrCorrupt)
	}
	packing, data := opened[0], opened[1:]
	switch packing {
	case packedNot:
		return data, nil
	case packedZstd:
		data, err := c.dec.DecodeAll(data, space[:0:ChunkSize])
		if err != nil {
			return nil, fmt.Errorf("%w: decompress: %w", ErrCorrupt, err)
		}
		return data, nil
	}
	return nil, fmt.Errorf("%w: unknown packing %d", ErrCorrupt, packing)
}
