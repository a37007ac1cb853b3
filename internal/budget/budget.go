package budget

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Holder is whom bytes are counted for.
type Holder struct{ Tenant, Account int64 }

// Budget is a number of bytes that requests share. It is safe for concurrent use.
type Budget struct {
	total, share, free int64
	all                *semaphore.Weighted

	mu      sync.Mutex
	holders map[Holder]*holder
}

// holder is somebody who has or waits for something.
type holder struct {
	own   *semaphore.Weighted
	users int
}

// New makes a Budget of total bytes, of which one holder has at most share at a time.
// What asks for no more than free bytes costs nothing: it is as much as any request
// takes.
func New(total, share, free int64) *Budget {
	total = max(total, 1)
	share = min(max(share, 1), total)
	return &Budget{total: total, share: share, free: free,
		all: semaphore.NewWeighted(total), holders: map[Holder]*holder{}}
}

// Free is up to how many bytes cost nothing.
func (b *Budget) Free() int64 { return b.free }

// Take waits until bytes are free for the holder; done gives them back, and may be
// called more than once. Who asks for more than a share gets it when it has nothing
// else, and who asks for more than there is gets all of it: then nobody else has
// anything. The error is that of ctx, and done is never nil.
//
// Who holds something must not call Take again before giving it back.
func (b *Budget) Take(ctx context.Context, of Holder, bytes int64) (done func(), err error) {
	if bytes <= b.free {
		return func() {}, ctx.Err()
	}
	h := b.enter(of)
	own, all := min(bytes, b.share), min(bytes, b.total)
	if err := h.own.Acquire(ctx, own); err != nil {
		b.leave(of, h)
		return func() {}, err
	}
	if err := b.all.Acquire(ctx, all); err != nil {
		h.own.Release(own)
		b.leave(of, h)
		return func() {}, err
	}
	return sync.OnceFunc(func() {
		b.all.Release(all)
		h.own.Release(own)
		b.leave(of, h)
	}), nil
}

func (b *Budget) enter(of Holder) *holder {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.holders[of]
	if h == nil {
		h = &holder{own: semaphore.NewWeighted(b.share)}
		b.holders[of] = h
	}
	h.users++
	return h
}

// leave forgets a holder with its last user.
func (b *Budget) leave(of Holder, h *holder) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if h.users--; h.users == 0 {
		delete(b.holders, of)
	}
}
