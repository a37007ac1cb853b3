package imap

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"fachwerk/mail"
	"fachwerk/mail/imap/wire"
)

const (
	// answersAhead is how many messages are read at the same time, for the sake of stores that are far away.
	answersAhead = 4
	// answerInMemory is how many bytes of content one of them may take; a larger one is streamed in its turn.
	answerInMemory = 256 << 10
)

// answer is the FETCH response to one message of which sections are wanted.
type answer struct {
	f    *fetch
	ctx  context.Context
	w    *wire.Writer // the session's, or one of its own that holds what is read ahead
	done chan struct{}

	err        error
	unknownCTE bool
}

// answerAll answers the messages in order; small ones are read ahead.
func (f *fetch) answerAll(at []int, msgs []*mail.Message, parts []part) error {
	ctx, cancel := context.WithCancel(f.s.ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	ahead := make([]*answer, len(msgs))
	next := 0
	for k, m := range msgs {
		for ; len(msgs) > 1 && next < min(k+answersAhead, len(msgs)); next++ {
			if f.structure && !parts[next].there || msgs[next].Size*f.sections() > answerInMemory {
				continue
			}
			a := &answer{f: f, ctx: ctx, w: &wire.Writer{Hold: true}, done: make(chan struct{})}
			ahead[next] = a
			i, m, p := at[next], msgs[next], &parts[next]
			running.Go(func() { a.readAhead(i, m, p) })
		}
		var err error
		switch {
		case f.structure && !parts[k].there:
			f.missing = true
		case ahead[k] != nil:
			err = f.passOn(ahead[k])
		default:
			a := &answer{f: f, ctx: ctx, w: f.s.w}
			err = f.stream(a, at[k], m, &parts[k])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sections is the number of items that are read from content.
func (f *fetch) sections() (n int64) {
	for k := range f.args.items {
		if f.args.items[k].needsContent() {
			n++
		}
	}
	return n
}

// readAhead writes the answer into memory.
func (a *answer) readAhead(i int, m *mail.Message, p *part) {
	defer close(a.done)
	defer func() {
		if fault := recover(); fault != nil {
			a.err = fmt.Errorf("imap: fetch failed: %v", fault)
		}
	}()
	a.err = a.write(i, m, p)
}

// passOn sends what was read ahead.
func (f *fetch) passOn(a *answer) error {
	<-a.done
	defer a.w.Drop()
	if a.err != nil {
		return f.failed(a.err)
	}
	f.unknownCTE = f.unknownCTE || a.unknownCTE
	w := f.s.w
	w.Begin()
	w.B = append(w.B, a.w.B...)
	return w.Commit()
}

// stream answers straight to the client. If content fails before anything of the answer has left, the answer is taken
// back and the FETCH goes on; else the connection has to end, for a literal cannot.
func (f *fetch) stream(a *answer, i int, m *mail.Message, p *part) error {
	w := f.s.w
	w.Begin()
	mark, written := len(w.B), w.Written()
	err := a.write(i, m, p)
	f.unknownCTE = f.unknownCTE || a.unknownCTE
	switch {
	case err == nil:
		return nil
	case w.Err() != nil:
		return w.Err()
	case w.Written() != written:
		f.s.log.Warn("imap: a message broke off while it was sent", "err", err)
		return errEnding
	}
	w.B = w.B[:mark]
	return f.failed(err)
}

// failed notes that a message could not be read; the others still are.
func (f *fetch) failed(err error) error {
	switch {
	case f.s.ctx.Err() != nil:
		return f.s.ctx.Err()
	case errors.Is(err, mail.ErrNotFound):
		f.missing = true
	case f.failure == nil:
		f.failure = err
	}
	return nil
}

// write appends the whole response.
func (a *answer) write(i int, m *mail.Message, p *part) error {
	body, err := a.f.s.sel.view.Content(a.ctx, m)
	if err != nil {
		return err
	}
	w := a.w
	w.Begin()
	w.B = a.f.begin(w.B, i, m)
	start := len(w.B)
	w.B = a.f.plain(w.B, m)
	if len(p.text) > 0 {
		if len(w.B) > start {
			w.B = append(w.B, ' ')
		}
		w.B = append(w.B, p.text...)
	}
	sp := len(w.B) > start
	for k := range a.f.args.items {
		item := &a.f.args.items[k]
		if !item.needsContent() {
			continue
		}
		wrote, err := a.section(item, sp, body, p)
		if err != nil {
			return err
		}
		sp = sp || wrote
	}
	w.B = append(w.B, ')', '\r', '\n')
	return w.Commit()
}
