package mail

import (
	"context"
	"slices"

	"fachwerk/internal/store"
)

// Store changes flags; RightWrite. It runs in jobs of 1,000 messages, each
// decided under the account's lock; Refresh then shows the outcome. With an
// error, earlier jobs stay done.
func (v *View) Store(ctx context.Context, c FlagChange) (FlagResult, error) {
	if err := v.s.allow(ctx, v.access, RightWrite); err != nil {
		return FlagResult{}, err
	}
	job := store.FlagChange{Op: store.FlagOp(c.Op), Flags: int64(c.Flags & allFlags), UnchangedSince: -1, Person: v.access.Person}
	var used []string
	if snap := v.Snapshot(); snap != nil && len(c.Keywords) > 0 {
		used = snap.AllKeywords()
	}
	var err error
	if c.Op == RemoveFlags {
		job.Keywords, err = spellings(c.Keywords, used)
	} else {
		job.Keywords, err = spell(c.Keywords, used)
	}
	if err != nil {
		return FlagResult{}, err
	}
	if c.UnchangedSince != nil {
		job.UnchangedSince = int64(min(*c.UnchangedSince, 1<<63-1))
	}
	var result FlagResult
	for part := range slices.Chunk(c.UIDs, jobSize) {
		job.UIDs = wide(part)
		r, err := v.s.store.SetFlags(ctx, v.key(), v.room.mailbox, job)
		if err != nil {
			return result, wrap(err, "store flags in mailbox %d", v.room.mailbox)
		}
		if len(r.Changed) > 0 {
			v.room.wrote(r.ModSeq)
			result.ModSeq = max(result.ModSeq, uint64(r.ModSeq))
		}
		result.Modified = append(result.Modified, narrow(r.Modified)...)
		result.Missing = append(result.Missing, narrow(r.Missing)...)
	}
	slices.Sort(result.Modified)
	slices.Sort(result.Missing)
	return result, nil
}

// Expunge removes messages that have \Deleted: all of them with uids nil, else
// those among uids (RFC 9051 6.4.3, 6.4.9). RightWrite. Many go in several
// transactions; with an error, what the result names is gone already.
func (v *View) Expunge(ctx context.Context, uids []uint32) (Expunged, error) {
	if err := v.s.allow(ctx, v.access, RightWrite); err != nil {
		return Expunged{}, err
	}
	if uids != nil && len(uids) == 0 {
		return Expunged{}, nil
	}
	var named []int64
	if uids != nil {
		named = wide(uids)
	}
	x, err := v.s.store.Expunge(ctx, v.key(), v.room.mailbox, named, true)
	var result Expunged
	if len(x.UIDs) > 0 {
		v.room.wrote(x.ModSeq)
		result = Expunged{ModSeq: uint64(x.ModSeq), UIDs: narrow(x.UIDs)}
		slices.Sort(result.UIDs)
	}
	return result, wrap(err, "expunge mailbox %d", v.room.mailbox)
}

// Copy copies messages to a mailbox, of the same or another account, in one
// transaction (RFC 9051 6.4.7); RightRead here, RightWrite there. ErrTooMany
// beyond the store's limit, ErrNotFound when the target is gone.
func (s *Service) Copy(ctx context.Context, v *View, uids []uint32, to Access, mailbox int64) (CopyUID, error) {
	if err := s.mayCopy(ctx, v, RightRead, to); err != nil {
		return CopyUID{}, err
	}
	if len(uids) == 0 {
		return CopyUID{}, nil
	}
	var r store.CopyResult
	var err error
	if v.key() == to.key() {
		r, err = s.store.Copy(ctx, v.key(), v.room.mailbox, mailbox, wide(uids))
	} else {
		r, err = s.store.CopyAcross(ctx, v.key(), v.room.mailbox, to.key(), mailbox, wide(uids), false)
	}
	if err != nil {
		return CopyUID{}, wrap(err, "copy from mailbox %d to %d", v.room.mailbox, mailbox)
	}
	s.copied(v, r, to, mailbox)
	return copyUID(r), nil
}

// Move moves messages (RFC 6851); RightWrite on both sides. It runs in jobs of
// 1,000: with an error, what the CopyUID names was moved already.
func (s *Service) Move(ctx context.Context, v *View, uids []uint32, to Access, mailbox int64) (CopyUID, error) {
	if err := s.mayCopy(ctx, v, RightWrite, to); err != nil {
		return CopyUID{}, err
	}
	var all CopyUID
	for part := range slices.Chunk(uids, jobSize) {
		var r store.CopyResult
		var err error
		if v.key() == to.key() {
			r, err = s.store.Move(ctx, v.key(), v.room.mailbox, mailbox, wide(part))
		} else {
			r, err = s.store.CopyAcross(ctx, v.key(), v.room.mailbox, to.key(), mailbox, wide(part), true)
		}
		if err != nil {
			return all, wrap(err, "move from mailbox %d to %d", v.room.mailbox, mailbox)
		}
		s.copied(v, r, to, mailbox)
		c := copyUID(r)
		if c.UIDValidity != 0 {
			all.UIDValidity = c.UIDValidity
		}
		all.Source, all.Dest = append(all.Source, c.Source...), append(all.Dest, c.Dest...)
	}
	return all, nil
}

// copied tells the rooms of both mailboxes what a copy or a move wrote.
func (s *Service) copied(v *View, r store.CopyResult, to Access, mailbox int64) {
	if len(r.Dest) > 0 {
		s.views.written(to.key(), mailbox, r.ModSeq)
	}
	if r.Removed != nil && len(r.Removed.UIDs) > 0 {
		v.room.wrote(r.Removed.ModSeq)
	}
}

func (s *Service) mayCopy(ctx context.Context, v *View, here Rights, to Access) error {
	if err := s.allow(ctx, v.access, here); err != nil {
		return err
	}
	return s.allow(ctx, to, RightWrite)
}

func copyUID(r store.CopyResult) CopyUID {
	return CopyUID{UIDValidity: uint32(r.UIDValidity), Source: narrow(r.Source), Dest: narrow(r.Dest)}
}

func wide(uids []uint32) []int64 {
	list := make([]int64, len(uids))
	for i, uid := range uids {
		list[i] = int64(uid)
	}
	return list
}

func narrow(uids []int64) []uint32 {
	list := make([]uint32, len(uids))
	for i, uid := range uids {
		list[i] = uint32(uid)
	}
	return list
}
