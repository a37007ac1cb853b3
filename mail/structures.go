package mail

import (
	"bytes"
	"context"
	"errors"
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
	found := make([]*Structure, min(len(msgs), structureBatch))
	for from := 0; from < len(msgs); from += structureBatch {
		batch := msgs[from:min(from+structureBatch, len(msgs))]
		if !v.s.structures.find(v.access.Account, batch, found) {
			if err := v.stored(ctx, batch, found); err != nil {
				return err
			}
		}
		for i, m := range batch {
			st := found[i]
			if st == nil {
				var err error
				st, err = v.restructure(ctx, m)
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
			}
			if err := f(from+i, st); err != nil {
				return err
			}
		}
	}
	return damaged
}

// stored reads those structures of the current version that found lacks.
func (v *View) stored(ctx context.Context, msgs []*Message, found []*Structure) error {
	ids := make([]int64, 0, len(msgs))
	for i, m := range msgs {
		if found[i] == nil && m.ObjectID != 0 {
			ids = append(ids, m.ObjectID)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	byObject := make(map[int64]*Structure, len(ids))
	err := v.s.store.Metas(ctx, v.key(), ids, func(id int64, encoder int16, plain []byte, _ store.ContentID) error {
		st := new(Structure)
		if encoder == encoderVersion && st.decode(bytes.Clone(plain)) == nil {
			byObject[id] = st
			v.s.structures.keep(v.access.Account, id, st)
		}
		return nil
	})
	for i, m := range msgs {
		if found[i] == nil {
			found[i] = byObject[m.ObjectID]
		}
	}
	return wrap(err, "structures of mailbox %d", v.room.mailbox)
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
