package mail

import (
	"context"
	"fmt"
	"strings"

	"fachwerk/internal/store"
)

// Rename renames a mailbox with its inferiors, in one transaction, and makes
// the missing levels above the new name; RightManage. Of INBOX it moves the
// messages into a new mailbox and leaves INBOX and its inferiors (RFC 9051
// 6.3.6). Subscriptions keep the names they have. ErrNotFound, ErrExists, ErrName.
func (s *Service) Rename(ctx context.Context, a Access, from, to string) error {
	if err := s.allow(ctx, a, RightManage); err != nil {
		return err
	}
	from, err := normalizeName(from)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if to, err = normalizeName(strings.TrimSuffix(to, Separator)); err != nil {
		return err
	}
	list, err := s.collections(ctx, a)
	if err != nil {
		return err
	}
	renames, err := planRename(list, from, to)
	if err != nil {
		return wrap(err, "rename mailbox")
	}
	if from == Inbox {
		return s.renameInbox(ctx, a, renames[0].ID, to)
	}
	if err := s.makeParents(ctx, a.key(), list, to); err != nil {
		return err
	}
	return wrap(s.store.RenameCollections(ctx, a.key(), renames), "rename mailbox")
}

// planRename lists the mailbox and its inferiors with their new names, or why
// that cannot be.
func planRename(list []store.Collection, from, to string) ([]store.Rename, error) {
	if below(to, from) && from != Inbox {
		return nil, fmt.Errorf("%w: a mailbox cannot be moved below itself", ErrName)
	}
	var renames []store.Rename
	found, taken := false, false
	for i := range list {
		switch name := list[i].Name; {
		case name == from:
			// The mailbox itself first.
			renames = append([]store.Rename{{ID: list[i].ID, From: name, To: to}}, renames...)
			found, taken = true, taken || from == to
		case name == to, below(name, to) && from != Inbox && !below(name, from):
			taken = true
		case below(name, from):
			renames = append(renames, store.Rename{ID: list[i].ID, From: name, To: to + name[len(from):]})
		}
	}
	if !found {
		return nil, ErrNotFound
	}
	if taken {
		return nil, ErrExists
	}
	for _, r := range renames {
		if _, err := normalizeName(r.To); err != nil {
			return nil, err
		}
	}
	return renames, nil
}

// renameInbox moves the messages that INBOX holds now into a new mailbox; RightWrite
// comes with managing here, since nothing leaves the account.
func (s *Service) renameInbox(ctx context.Context, a Access, inbox int64, to string) error {
	if _, err := s.Create(ctx, a, to, ""); err != nil {
		return err
	}
	target, err := s.byName(ctx, a.key(), to)
	if err != nil {
		return wrap(err, "rename INBOX")
	}
	for after := int64(0); ; {
		items, err := s.store.Items(ctx, a.key(), inbox, after, jobSize)
		if err != nil || len(items) == 0 {
			return wrap(err, "rename INBOX")
		}
		uids := make([]int64, len(items))
		for i := range items {
			uids[i] = items[i].UID
		}
		after = uids[len(uids)-1]
		if _, err := s.store.Move(ctx, a.key(), inbox, target.ID, uids); err != nil {
			return wrap(err, "rename INBOX")
		}
	}
}

// jobSize is how many messages one transaction of a STORE, EXPUNGE or MOVE takes.
const jobSize = 1000
