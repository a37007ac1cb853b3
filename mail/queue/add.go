package queue

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/net/idna"

	"fachwerk/internal/budget"
	"fachwerk/internal/store"
)

// Ref names a queued message.
type Ref = store.QueueRef

// Errors of Add and of Body.Write that heads tell apart.
var (
	ErrTooLarge  = store.ErrTooLarge
	ErrTemporary = store.ErrTemporary
)

// Message is a message to be queued.
type Message struct {
	Tenant      int64  // whose queue: the sender's, or of relayed mail the recipients'
	Sender      int64  // account that submitted it, 0 if none
	ReversePath string // empty: the null reverse-path
	EnvID       string // RFC 3461 4.4, decoded
	Ret         string // RFC 3461 4.3
	SMTPUTF8    bool   // asked for in MAIL
	EightBit    bool   // a byte above 127 in it
	BinaryMIME  bool
	Recipients  []Recipient
}

// Recipient is a forward-path of a Message.
type Recipient struct {
	ForwardPath string // local-part@domain
	Local       bool   // its account is here
	ORcpt       string // RFC 3461 4.2, as sent
	Notify      string // RFC 3461 4.1, upper case; empty: the default
}

// Body takes a message's bytes until it is queued; they are sealed wherever they
// touch a disk. It may be added any number of times, until Close.
type Body struct{ spool *store.Spool }

// NewBody begins a message of at most limit bytes.
func (q *Queue) NewBody(limit int64) *Body { return &Body{q.store.NewSpool(limit)} }

// For says who sends it, of whom no one may have more than a share of what is on its way
// in at a time. Call it before the first Write.
func (b *Body) For(tenant, person int64) {
	b.spool.For(budget.Holder{Tenant: tenant, Account: person})
}

// Reserve makes room for so many bytes before any has come.
func (b *Body) Reserve(bytes int64) error { return b.spool.Reserve(bytes) }

// Write takes the next bytes; ErrTooLarge beyond the limit.
func (b *Body) Write(p []byte) (int, error) { return b.spool.Write(p) }

// Close frees what the bytes took.
func (b *Body) Close() error { return b.spool.Close() }

// Add queues a message, durably when the error is nil, for all its recipients
// in one row. prefix, usually the header, is put before the body. A message must
// hold no bare CR and no bare LF unless it is BinaryMIME and all recipients are
// local.
func (q *Queue) Add(ctx context.Context, m Message, prefix []byte, body *Body) (Ref, error) {
	refs, err := q.add(ctx, []Message{m}, prefix, body)
	if err != nil {
		return Ref{}, err
	}
	return refs[0], nil
}

// AddAll is Add for several tenants, one row each. On an error some may have it: what
// can be known before the first row is asked before.
func (q *Queue) AddAll(ctx context.Context, list []Message, prefix []byte, body *Body) error {
	_, err := q.add(ctx, list, prefix, body)
	return err
}

// Admit reports whether mail may be queued for a tenant now.
func (q *Queue) Admit(ctx context.Context, tenant int64) error {
	return q.store.AdmitsQueue(ctx, tenant)
}

func (q *Queue) add(ctx context.Context, list []Message, prefix []byte, body *Body) ([]Ref, error) {
	entries := make([]store.QueueEntry, len(list))
	for i, m := range list {
		row, err := q.row(m)
		if err != nil {
			return nil, err
		}
		entries[i] = store.QueueEntry{Tenant: m.Tenant, Message: row}
	}
	refs, err := q.store.EnqueueAll(ctx, entries, prefix, body.spool)
	if err != nil {
		return nil, fmt.Errorf("queue: add: %w", err)
	}
	return refs, nil
}

func (q *Queue) row(m Message) (store.QueueMessage, error) {
	row := store.QueueMessage{
		ReversePath: m.ReversePath, EnvID: m.EnvID, Ret: m.Ret, Sender: m.Sender,
		SMTPUTF8: m.SMTPUTF8, EightBit: m.EightBit, BinaryMIME: m.BinaryMIME,
		Recipients: make([]store.QueueRecipient, len(m.Recipients)),
	}
	expires := q.now().Add(q.cfg.Lifetime)
	for i, r := range m.Recipients {
		hop := store.LocalHop
		if !r.Local {
			var err error
			if hop, err = hopOf(r.ForwardPath); err != nil {
				return row, err
			}
		}
		row.Recipients[i] = store.QueueRecipient{
			N: i, ForwardPath: r.ForwardPath, ORcpt: r.ORcpt, Notify: r.Notify, NextHop: hop, Expires: expires,
		}
	}
	return row, nil
}

// hopOf is the domain of an address in A-labels.
func hopOf(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	domain, err := idna.Lookup.ToASCII(strings.ToLower(address[at+1:]))
	if at <= 0 || err != nil || domain == "" || domain == store.LocalHop {
		return "", fmt.Errorf("queue: no domain to send to")
	}
	return domain, nil
}
