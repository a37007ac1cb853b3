package mail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"fachwerk/internal/store"
	"fachwerk/mail/message"
)

const (
	// structureBatch is how many stored structures are read at a time, about
	// 1 KB each, and structureBytes how many bytes at most: a hostile message's
	// may have megabytes.
	structureBatch = 128
	structureBytes = 8 << 20
	// structureWorkers is how many are computed anew at a time; writing them
	// back, they share commits.
	structureWorkers = 8
)

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
	for from, size := 0, structureBatch; from < len(msgs); {
		batch := msgs[from:min(from+size, len(msgs))]
		if !v.s.structures.find(v.access.Account, batch, found) {
			err := v.stored(ctx, batch, found)
			if errors.Is(err, errBatchFull) {
				size = len(batch) / 2
				continue
			}
			if err != nil {
				return err
			}
		}
		if err := v.give(ctx, batch, found, &damaged, func(i int, st *Structure) error { return f(from+i, st) }); err != nil {
			return err
		}
		from += len(batch)
		size = min(2*size, structureBatch)
	}
	return damaged
}

// give calls f for each message of a batch, whose structure was found or is
// computed anew.
func (v *View) give(ctx context.Context, batch []*Message, found []*Structure, damaged *error, f func(i int, st *Structure) error) error {
	var fresh map[int]restructured // ahead of their turn
	for i, m := range batch {
		st := found[i]
		if st == nil {
			if _, ready := fresh[i]; !ready {
				fresh = v.restructureSome(ctx, batch, found, i)
			}
			err := fresh[i].err
			switch {
			case errors.Is(err, ErrNotFound):
				continue
			case errors.Is(err, ErrCorrupt):
				v.s.log.Error("message content is damaged", "mailbox", v.room.mailbox, "uid", m.UID, "err", err)
				*damaged = err
				continue
			case err != nil:
				return err
			}
			st = fresh[i].st
		}
		if err := f(i, st); err != nil {
			return err
		}
	}
	return nil
}

// errBatchFull says that a batch has too many bytes and must be halved.
var errBatchFull = errors.New("mail: batch of structures is full")

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
	bytesRead := 0
	err := v.s.store.Metas(ctx, v.key(), ids, func(id int64, encoder int16, plain []byte, _ store.ContentID) error {
		if bytesRead += len(plain); bytesRead > structureBytes && len(msgs) > 1 {
			return errBatchFull
		}
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

// restructured is what computing a structure anew came to.
type restructured struct {
	st  *Structure
	err error
}

// restructureSome computes message i anew and, at the same time, the next ones
// that will need it: after an update of the program that is all of them.
func (v *View) restructureSome(ctx context.Context, batch []*Message, found []*Structure, i int) map[int]restructured {
	results := make([]restructured, structureWorkers)
	fresh := make(map[int]restructured, structureWorkers)
	var some []int
	for k := i; k < len(batch) && len(some) < structureWorkers; k++ {
		if found[k] == nil {
			some = append(some, k)
		}
	}
	var workers sync.WaitGroup
	for n, k := range some {
		workers.Go(func() { results[n].st, results[n].err = v.restructure(ctx, batch[k]) })
	}
	workers.Wait()
	for n, k := range some {
		fresh[k] = results[n]
	}
	return fresh
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
