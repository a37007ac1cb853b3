package content

import "sync"

const (
	// aheadFrom is how many bytes must be left of a range for a goroutine to be
	// worth its start.
	aheadFrom = 4 * ChunkSize
	// aheadChunks is how many chunks are read and handed on at once: that saves
	// calls to the kernel and waking each other up.
	aheadChunks = 4
	// aheadLength is how many blocks wait to be read, beside the one that is being
	// opened and the one that is being read.
	aheadLength = 1
)

// block holds the plain bytes of some chunks that follow each other. The first byte
// is room for a packing byte.
type block [1 + aheadChunks*ChunkSize]byte

// sealedBlock is where the same chunks are read.
type sealedBlock [aheadChunks * maxSealed]byte

// ahead reads and opens the chunks of a range while earlier ones are on their way
// to the client. It ends with close.
type ahead struct {
	codec   *codec
	opened  chan openedBlock
	stop    chan struct{}
	working sync.WaitGroup
}

// openedBlock is what was opened, in a block, and what kept more from being opened.
type openedBlock struct {
	in   *block
	data []byte
	err  error
}

// newAhead calls open for so many chunks, some at a time, until it fails.
func newAhead(c *codec, open func(s *sealedBlock, b *block, chunks int) ([]byte, error), chunks int) *ahead {
	a := &ahead{codec: c, opened: make(chan openedBlock, aheadLength), stop: make(chan struct{})}
	a.working.Go(func() {
		sealed := c.sealedBlocks.Get().(*sealedBlock)
		defer c.sealedBlocks.Put(sealed)
		for chunks > 0 {
			n := min(chunks, aheadChunks)
			chunks -= n
			o := openedBlock{in: c.blocks.Get().(*block)}
			o.data, o.err = open(sealed, o.in, n)
			select {
			case a.opened <- o:
			case <-a.stop:
				c.blocks.Put(o.in)
				return
			}
			if o.err != nil {
				return
			}
		}
	})
	return a
}

// take returns the next block, which is the caller's. It is not called beyond the
// last chunk, and not after an error.
func (a *ahead) take() openedBlock { return <-a.opened }

func (a *ahead) close() {
	close(a.stop)
	a.working.Wait()
	close(a.opened)
	for o := range a.opened {
		a.codec.blocks.Put(o.in)
	}
}
