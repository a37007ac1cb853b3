package mail

import (
	"context"
	"time"

	"fachwerk/internal/store"
	"fachwerk/mail/message"
)

// Append is one message of an APPEND (RFC 9051 6.3.12, RFC 3502).
type Append struct {
	In       *Incoming
	Prefix   []byte // header fields put before the message, each ended by CRLF; nil for none
	Flags    Flags
	Keywords []string
	Date     time.Time // INTERNALDATE; zero: now
	Origin   *Origin   // of an imported message; nil for others
}

// Appended tells where a message went.
type Appended struct {
	Mailbox          int64
	UID, UIDValidity uint32
	ModSeq           uint64
	ObjectID         int64
	ThreadID         int64
	Size             int64
}

// Append adds messages to a mailbox in one transaction, all of them or none;
// RightWrite. ErrNotFound when the mailbox is gone, ErrQuota, ErrTooLarge,
// ErrKeyword, ErrTooMany, ErrTemporary.
func (s *Service) Append(ctx context.Context, a Access, mailbox int64, messages []Append) ([]Appended, error) {
	if err := s.allow(ctx, a, RightWrite); err != nil {
		return nil, err
	}
	if len(messages) == 0 {
		return nil, nil
	}
	return s.add(ctx, a.key(), mailbox, messages)
}

func (s *Service) add(ctx context.Context, key store.Key, mailbox int64, messages []Append, opts ...store.AddOption) ([]Appended, error) {
	objects := make([]store.NewObject, len(messages))
	for i := range messages {
		var err error
		if objects[i], err = newObject(&messages[i]); err != nil {
			return nil, err
		}
	}
	opts = append(opts, store.OfKind(store.Mailbox)) // no other kind of collection takes messages
	added, err := s.store.AddObjects(ctx, key, mailbox, objects, opts...)
	if err != nil {
		return nil, wrap(err, "add to mailbox %d", mailbox)
	}
	if len(added) > 0 {
		s.views.written(key, mailbox, added[0].ModSeq)
	}
	list := make([]Appended, len(added))
	for i, x := range added {
		list[i] = Appended{
			Mailbox: mailbox, UID: uint32(x.UID), UIDValidity: uint32(x.UIDValidity), ModSeq: uint64(x.ModSeq),
			ObjectID: x.ObjectID, ThreadID: x.ThreadID, Size: int64(len(messages[i].Prefix)) + messages[i].In.Size(),
		}
	}
	return list, nil
}

func newObject(m *Append) (store.NewObject, error) {
	if err := m.In.Err(); err != nil {
		return store.NewObject{}, err
	}
	keywords, err := spell(m.Keywords, nil)
	if err != nil {
		return store.NewObject{}, err
	}
	found, err := m.In.withPrefix(m.Prefix)
	if err != nil {
		return store.NewObject{}, err
	}
	st, err := newStructure(found, m.In.preview)
	if err != nil {
		return store.NewObject{}, err
	}
	date := m.Date
	if !date.IsZero() && date.UnixMicro() == 0 {
		date = date.Add(time.Microsecond) // 0 means now to the store; some archives date mail to 1970
	}
	return store.NewObject{
		Prefix: m.Prefix, Body: m.In.spool, Encoder: encoderVersion, Meta: st.encode(),
		ThreadKeys: message.ThreadKeys(found), Flags: int64(m.Flags & allFlags), Keywords: keywords, Date: date,
		Origin: m.Origin,
	}, nil
}
