package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"fachwerk/internal/store"
	"fachwerk/mail/message"
)

// structureBatch is how many stored structures are read at a time: about 1 KB
// each, in memory until they have been given out.
const structureBatch = 128

// Structures calls f for each of the messages in turn, with its index in msgs.
// They are read in batches, so that nothing of the database is held while f
// runs. What was computed by another version is computed anew and written back.
// A message that was expunged meanwhile is passed over, and so is one whose
// content is damaged, which ErrCorrupt tells after all others were given out.
// An error of f ends it and is returned as it is. RightRead.
func (v *View) Structures(ctx context.Context, msgs []*Message, f func(i int, st *Structure) error) error {
	if err := v.s.allow(ctx, v.access, RightRead); err != nil {
		return err
	}
	var damaged error
	arena := make([]byte, 0, 1024*min(len(msgs), structureBatch))
	for from := 0; from < len(msgs); from += structureBatch {
		batch := msgs[from:min(from+structureBatch, len(msgs))]
		stored, grown, err := v.stored(ctx, batch, arena[:0])
		arena = grown
		if err != nil {
			return err
		}
		for i, m := range batch {
			var st Structure
			plain, ok := stored[m.ObjectID]
			if !ok || st.decode(plain) != nil {
				fresh, err := v.restructure(ctx, m)
				if errors.Is(err, ErrNotFound) {
					continue
				}
				if errors.Is(err, ErrCorrupt) {
					v.s.log.Error("message content is damaged", "mailbox", v.room.mailbox, "uid", m.UID, "err", err)
					damaged = err
					continue
				}
				if err != nil {
					return err
				}
				st = *fresh
			}
			if err := f(from+i, &st); err != nil {
				return err
			}
		}
	}
	return damaged
}

// stored reads the structures of the current version into arena, by object id.
func (v *View) stored(ctx context.Context, msgs []*Message, arena []byte) (map[int64][]byte, []byte, error) {
	ids := make([]int64, 0, len(msgs))
	for _, m := range msgs {
		if m.ObjectID != 0 {
			ids = append(ids, m.ObjectID)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	found := make(map[int64][]byte, len(ids))
	err := v.s.store.Metas(ctx, v.key(), ids, func(id int64, encoder int16, plain []byte, _ store.ContentID) error {
		if encoder == encoderVersion {
			start := len(arena)
			arena = append(arena, plain...) // what is there already stays where it is, in the old array if need be
			found[id] = arena[start:len(arena):len(arena)]
		}
		return nil
	})
	return found, arena, wrap(err, "structures of mailbox %d", v.room.mailbox)
}

// restructure computes a message's structure from its content and writes it
// back; that it could not be written is no fault of the reader's.
func (v *View) restructure(ctx context.Context, m *Message) (*Structure, error) {
	body, id, err := v.content(ctx, m)
	if err != nil {
		return nil, err
	}
	found, err := scan(ctx, body)
	if err != nil {
		return nil, wrap(err, "read message %d of mailbox %d", m.UID, v.room.mailbox)
	}
	st, err := newStructure(found, previewOf(found, func(offset, length int64) (io.ReadCloser, error) {
		return body.Open(ctx, offset, length)
	}))
	if err != nil {
		return nil, err
	}
	if err := v.s.store.PutMeta(ctx, v.key(), m.ObjectID, encoderVersion, id, st.encode()); err != nil && !cancelled(err) {
		v.s.log.Warn("structure could not be written back", "err", err)
	}
	return st, nil
}

func scan(ctx context.Context, body *Body) (*message.Message, error) {
	r, err := body.Open(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	sc := message.NewScanner(message.Limits{})
	if _, err := io.Copy(sc, r); err != nil {
		return nil, err
	}
	return sc.Finish(), nil
}

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
	if err != nil && err != io.EOF {
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
	var none store.ContentID
	items, err := v.s.store.ItemsByUID(ctx, v.key(), v.room.mailbox, []int64{int64(m.UID)})
	if err == nil && len(items) == 0 {
		err = fmt.Errorf("message was expunged: %w", ErrNotFound)
	}
	if err != nil {
		return nil, none, wrap(err, "message %d of mailbox %d", m.UID, v.room.mailbox)
	}
	b, err := v.s.store.Body(ctx, v.key(), items[0].Content)
	if err != nil {
		return nil, none, wrap(err, "message %d of mailbox %d", m.UID, v.room.mailbox)
	}
	return &Body{b}, items[0].Content, nil
}
