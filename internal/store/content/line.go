package content

import (
	"sync"
	"sync/atomic"
)

// lineLength is how many chunks of one stream are in memory at once: one that is
// being filled, and some that are hashed and sealed.
const lineLength = 4

// line hashes and seals the chunks of a stream in two goroutines, each in order.
// They end with wait or abandon.
type line struct {
	chunks    *chunks
	digests   digests
	hash      chan *part
	seal      chan *part
	free      chan *part
	parts     [lineLength]part
	made      int   // of parts
	filling   *part // is with the writer
	working   sync.WaitGroup
	abandoned atomic.Bool
	ended     bool
	failed    atomic.Pointer[error]
}

// part is a chunk on its way; it is free when both are done with it.
type part struct {
	buf  *buffer
	n    int
	kind byte
	todo atomic.Int32
}

// newLine makes one whose writer is filling buf.
func newLine(c *chunks, d digests, buf *buffer) *line {
	l := &line{
		chunks: c, digests: d, hash: make(chan *part, lineLength), seal: make(chan *part, lineLength),
		free: make(chan *part, lineLength), made: 1,
	}
	l.filling = &l.parts[0]
	l.filling.buf = buf
	l.working.Go(func() {
		for p := range l.hash {
			if !l.over() {
				l.digests.write(p.buf.plain[1 : 1+p.n])
			}
			l.done(p)
		}
	})
	l.working.Go(func() {
		for p := range l.seal {
			if !l.over() {
				l.fail(l.chunks.add(p.buf, p.n, p.kind))
			}
			l.done(p)
		}
	})
	return l
}

// over reports whether further work would be for nothing.
func (l *line) over() bool { return l.abandoned.Load() || l.failed.Load() != nil }

func (l *line) done(p *part) {
	if p.todo.Add(-1) == 0 {
		l.free <- p // never blocks: there are not more parts than places
	}
}

// put hands over the chunk that was filled and returns a buffer for the next one.
func (l *line) put(n int, kind byte) (*buffer, error) {
	p := l.filling
	p.n, p.kind = n, kind
	p.todo.Store(2)
	l.hash <- p
	l.seal <- p
	if l.made < lineLength {
		l.filling = &l.parts[l.made]
		l.filling.buf = l.chunks.account.codec.buffer()
		l.made++
	} else {
		l.filling = <-l.free
	}
	return l.filling.buf, l.err()
}

func (l *line) fail(err error) {
	if err != nil {
		l.failed.Store(&err)
	}
}

func (l *line) err() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// wait returns when all chunks are hashed and sealed, or one has failed.
func (l *line) wait() error {
	if l == nil {
		return nil
	}
	if !l.ended {
		l.ended = true
		close(l.hash)
		close(l.seal)
		l.working.Wait()
		for range len(l.free) {
			l.chunks.account.codec.release((<-l.free).buf)
		}
	}
	return l.err()
}

// abandon ends the work; what waits is left undone.
func (l *line) abandon() {
	l.abandoned.Store(true)
	_ = l.wait() // the stream is given up, whatever failed
}
