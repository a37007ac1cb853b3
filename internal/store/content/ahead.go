package content

import "sync"

const (
	// aheadFrom is how many bytes must be left of a range for a goroutine to be
	// worth its start.
	aheadFrom = 4 * ChunkSize
	// aheadLength is how many opened chunks wait to be read.
	aheadLength = 2
)

// ahead reads and opens the chunks of a range while earlier ones are on their way
// to the client. It ends with close.
type ahead struct {
	codec   *codec
	opened  chan openedChunk
	stop    chan struct{}
	working sync.WaitGroup
}

// openedChunk is a chunk, in a buffer, or what kept it from being opened.
type openedChunk struct {
	buf  *buffer
	data []byte
	err  error
}

// newAhead calls open for so many chunks, until one fails.
func newAhead(c *codec, open func(*buffer) ([]byte, error), chunks int) *ahead {
	a := &ahead{codec: c, opened: make(chan openedChunk, aheadLength), stop: make(chan struct{})}
	a.working.Go(func() {
		for range chunks {
			o := openedChunk{buf: c.buffer()}
			o.data, o.err = open(o.buf)
			select {
			case a.opened <- o:
			case <-a.stop:
				c.release(o.buf)
				return
			}
			if o.err != nil {
				return
			}
		}
	})
	return a
}

// take returns the next chunk; the buffer is the caller's. It is called once for
// each chunk, and not after an error.
func (a *ahead) take() (*buffer, []byte, error) {
	o := <-a.opened
	return o.buf, o.data, o.err
}

func (a *ahead) close() {
	close(a.stop)
	a.working.Wait()
	close(a.opened)
	for o := range a.opened {
		a.codec.release(o.buf)
	}
}
