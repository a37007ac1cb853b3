package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
)

// ErrLease says that a queue recipient's lease is not the caller's (any more).
var ErrLease = errors.New("the lease has passed to someone else")

// QueueRef names a message of the outbound queue.
type QueueRef struct {
	Tenant  int64
	Account int64 // the tenant's queue account
	ID      int64
}

// QueueState says what became of a recipient.
type QueueState int16

// States of a queue recipient.
const (
	QueueWaiting QueueState = iota
	QueueDelivered
	QueueFailed
	QueueDropped
)

// QueueMessage is a message that waits to be sent. Its envelope is sealed under
// the tenant's queue account, as is its body.
type QueueMessage struct {
	Ref         QueueRef
	ReversePath string // empty for DSNs
	EnvID, Ret  string // RFC 3461
	SMTPUTF8    bool
	BinaryMIME  bool
	EightBit    bool
	Sender      int64 // account of who submitted it; 0 if none
	Size        int64
	Created     time.Time
	Recipients  []QueueRecipient
}

// QueueRecipient is one forward-path of a message.
type QueueRecipient struct {
	N             int
	ForwardPath   string
	ORcpt, Notify string // RFC 3461
	NextHop       string // domain, or LocalHop
	State         QueueState
	Attempts      int
	Due           time.Time // of the next attempt
	Expires       time.Time // when it is given up
	Delayed       time.Time // when the sender was told of a delay; zero: not yet
	LastReply     string
	Token         int64 // of the claim; 0 outside one
	// Late is how long it had been due when it was claimed, by the database's clock.
	Late time.Duration
}

// LocalHop is the next hop of recipients whose account is here.
const LocalHop = "local"

type queueEnvelope struct {
	ReversePath string `json:"f"`
	EnvID       string `json:"e,omitempty"`
	Ret         string `json:"r,omitempty"`
	SMTPUTF8    bool   `json:"u,omitempty"`
	BinaryMIME  bool   `json:"b,omitempty"`
	EightBit    bool   `json:"8,omitempty"`
	Sender      int64  `json:"s,omitempty"`
}

type queuePath struct {
	ForwardPath string `json:"t"`
	ORcpt       string `json:"o,omitempty"`
	Notify      string `json:"n,omitempty"`
	LastReply   string `json:"l,omitempty"`
}

// queueAccount finds a tenant's hidden queue account.
func (s *Store) queueAccount(ctx context.Context, tenant int64) (Key, error) {
	s.sealers.mu.Lock()
	key, ok := s.sealers.queues[tenant]
	s.sealers.mu.Unlock()
	if ok {
		return key, nil
	}
	key.Tenant = tenant
	err := s.at(ctx, tenant).one(ctx, []any{&key.Account}, `SELECT account_id FROM account WHERE tenant_id = $1 AND kind = 6`, tenant)
	if err != nil {
		return key, fmt.Errorf("queue account: %w", err)
	}
	s.sealers.mu.Lock()
	defer s.sealers.mu.Unlock()
	if s.sealers.queues == nil {
		s.sealers.queues = make(map[int64]Key)
	}
	s.sealers.queues[tenant] = key
	return key, nil
}

func insertQueued(b *meta.Batch, account *content.Account, ref QueueRef, c meta.Content, m QueueMessage) {
	aad := c.ID[:]
	envelope, _ := json.Marshal(queueEnvelope{m.ReversePath, m.EnvID, m.Ret, m.SMTPUTF8, m.BinaryMIME, m.EightBit, m.Sender})
	var inline any
	if c.Inline != nil {
		inline = c.Inline
	}
	b.Exec(`INSERT INTO content (tenant_id, account_id, content_id, size, sealed, object_key, inline, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, {now})`, ref.Tenant, ref.Account, c.ID[:], c.Size, c.Sealed, c.ObjectKey, inline)
	b.Exec(`INSERT INTO queue_message (tenant_id, account_id, message_id, content_id, size, sealed, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, {now})`, ref.Tenant, ref.Account, ref.ID, c.ID[:], c.Size,
		account.SealSmall("queue-envelope", aad, envelope))
	for i, r := range m.Recipients {
		b.Exec(`INSERT INTO queue_recipient (tenant_id, account_id, message_id, recipient, sealed, next_hop, due_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN CAST($7 AS BIGINT) = 0 THEN {now} ELSE CAST($7 AS BIGINT) END, $8)`,
			ref.Tenant, ref.Account, ref.ID, int64(i), sealPath(account, aad, r), r.NextHop, microsOf(r.Due), microsOf(r.Expires))
	}
}

func sealPath(account *content.Account, aad []byte, r QueueRecipient) []byte {
	plain, _ := json.Marshal(queuePath{r.ForwardPath, r.ORcpt, r.Notify, r.LastReply})
	return account.SealSmall("queue-recipient", aad, plain)
}

// WatchQueue calls f when something was enqueued or made due, by other processes too
// where the database carries hints. f must not block.
func (s *Store) WatchQueue(f func()) (stop func()) { return s.queued.listen(f) }

// QueueBody reads a queued message.
func (s *Store) QueueBody(ctx context.Context, ref QueueRef) (*Body, error) {
	key := Key{Tenant: ref.Tenant, Account: ref.Account}
	rows, err := s.at(ctx, ref.Tenant).messageRows(ctx, []QueueRef{ref})
	if err != nil {
		return nil, err
	}
	row, ok := rows[ref]
	if !ok {
		return nil, ErrNotFound
	}
	cid, err := content.ParseID(row.aad)
	if err != nil {
		return nil, err
	}
	return s.body(ctx, key, ContentID(cid), content.PurposeQueue)
}

// QueueLength counts messages and waiting recipients; an error says that a site is
// missing in it.
func (s *Store) QueueLength(ctx context.Context) (messages, waiting int64, err error) {
	var mu sync.Mutex
	s.eachSite(ctx, func(ctx context.Context, at *site) error {
		m, w, failed := at.queueLength(ctx)
		mu.Lock()
		defer mu.Unlock()
		messages, waiting, err = messages+m, waiting+w, errors.Join(err, failed)
		return failed
	})
	return messages, waiting, err
}

func (at *site) queueLength(ctx context.Context) (messages, waiting int64, err error) {
	err = at.one(ctx, []any{&messages, &waiting}, `SELECT (SELECT count(*) FROM queue_message),
		(SELECT count(*) FROM queue_recipient WHERE state = 0)`)
	return messages, waiting, err
}
