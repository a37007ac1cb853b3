package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"fachwerk/internal/store"
)

// Body is a message's content.
type Body struct{ b *store.Body }

// Size is the number of bytes.
func (b *Body) Size() int64 { return b.b.Size() }

// Open reads length bytes from offset on, as stored; a negative length reads to
// the end. The reader must be closed. ErrTemporary, ErrCorrupt, ErrNotFound.
func (b *Body) Open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	r, err := b.b.Open(ctx, offset, length)
	if err != nil {
		return nil, wrap(err, "open content")
	}
	return faults{r}, nil
}

// faults tells what kind of error a read met.
type faults struct{ io.ReadCloser }

func (f faults) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = wrap(err, "read content")
	}
	return n, err
}

// Content finds a message's content; RightRead. ErrNotFound when it was expunged.
func (v *View) Content(ctx context.Context, m *Message) (*Body, error) {
	if err := v.s.allow(ctx, v.access, RightRead); err != nil {
		return nil, err
	}
	body, _, err := v.content(ctx, m)
	return body, err
}

func (v *View) content(ctx context.Context, m *Message) (*Body, store.ContentID, error) {
	id, err := v.contentID(ctx, m)
	if err != nil {
		return nil, id, wrap(err, "message %d of mailbox %d", m.UID, v.room.mailbox)
	}
	b, err := v.s.store.Body(ctx, v.key(), id)
	if err != nil {
		return nil, id, wrap(err, "message %d of mailbox %d", m.UID, v.room.mailbox)
	}
	return &Body{b}, id, nil
}

// ahead is how many messages behind one that is read are looked up with it:
// clients read in order.
const ahead = 64

// contentID finds out where a message's content is. That never changes while
// the message is there; whether it is, the newest snapshot tells.
func (v *View) contentID(ctx context.Context, m *Message) (store.ContentID, error) {
	uids := []int64{int64(m.UID)}
	if snap := v.Snapshot(); snap != nil {
		i, there := snap.IndexOf(m.UID)
		id, known := v.room.contents.get(m.UID)
		if there && known {
			return id, nil
		}
		for _, next := range snap.Range(i, i+ahead) {
			if next.UID != m.UID {
				uids = append(uids, int64(next.UID))
			}
		}
	}
	items, err := v.s.store.ItemsByUID(ctx, v.key(), v.room.mailbox, uids)
	if err != nil {
		return store.ContentID{}, err
	}
	v.room.contents.put(items)
	for i := range items {
		if items[i].UID == uids[0] {
			return items[i].Content, nil
		}
	}
	return store.ContentID{}, fmt.Errorf("message was expunged: %w", ErrNotFound)
}

// contents remembers where some messages' contents are.
type contents struct {
	mu  sync.Mutex
	ids map[uint32]store.ContentID
}

const maxContents = 1024

func (c *contents) get(uid uint32) (store.ContentID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, ok := c.ids[uid]
	return id, ok
}

func (c *contents) put(items []store.Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil || len(c.ids)+len(items) > maxContents {
		c.ids = make(map[uint32]store.ContentID, ahead)
	}
	for i := range items {
		c.ids[uint32(items[i].UID)] = items[i].Content
	}
}

func (c *contents) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids = nil
}
