package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fachwerk/auth"
	"fachwerk/internal/store"
)

// Kind says what sort of account a recipient is.
type Kind int8

const (
	KindPerson   = Kind(store.Person)
	KindFunction = Kind(store.Function)
	KindTeam     = Kind(store.Team)
	KindRoom     = Kind(store.Room)
	KindResource = Kind(store.Resource)
)

// Recipient is an account that an address leads to.
type Recipient struct {
	Tenant, Account int64
	Address         string // the account's primary address
	Detail          string // of a sub-address (alice+detail@), as sent; else empty
	Kind            Kind
}

func (r Recipient) key() store.Key { return store.Key{Tenant: r.Tenant, Account: r.Account} }

// Resolve finds who gets mail for an address: a primary address, an alias, or
// one of these with "+detail" at the end of its local part (RFC 5233), in any
// case, the domain in U- or A-labels. A disabled account still takes mail.
// ErrNotLocal, ErrNoSuchUser, ErrTemporary.
func (s *Service) Resolve(ctx context.Context, address string) (Recipient, error) {
	to, err := s.resolve(ctx, address, s.store.Resolve)
	if errors.Is(err, store.ErrNotFound) {
		return Recipient{}, s.unknown(ctx, address[strings.LastIndexByte(address, '@')+1:], err)
	}
	return to, err
}

// resolve is Resolve by a way to look an address up; store.ErrNotFound where there is
// nobody, whyever.
func (s *Service) resolve(ctx context.Context, address string, look func(context.Context, string) (store.Account, error)) (Recipient, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return Recipient{}, wrap(ErrNotLocal, "resolve an address without a domain")
	}
	local, domain := unquote(address[:at]), address[at:]
	account, err := look(ctx, local+domain)
	detail := ""
	// A plus sign may belong to the address itself, so the whole comes first.
	if plus := strings.IndexByte(local, '+'); plus > 0 && errors.Is(err, store.ErrNotFound) {
		detail = local[plus+1:]
		account, err = look(ctx, local[:plus]+domain)
	}
	if errors.Is(err, store.ErrNotFound) {
		return Recipient{}, err
	}
	if err != nil {
		return Recipient{}, wrap(err, "resolve recipient")
	}
	return Recipient{
		Tenant: account.Tenant, Account: account.Key.Account, Address: account.Address, Detail: detail, Kind: Kind(account.Kind),
	}, nil
}

// unknown tells an unknown user from a foreign domain.
func (s *Service) unknown(ctx context.Context, domain string, cause error) error {
	_, err := s.store.DomainTenant(ctx, domain)
	switch {
	case err == nil:
		return fmt.Errorf("mail: %w: %w", ErrNoSuchUser, cause)
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrAddress):
		return fmt.Errorf("mail: %w: %w", ErrNotLocal, cause)
	}
	return wrap(err, "resolve domain")
}

// unquote takes the quotes and backslashes from a quoted local part (RFC 5321 4.1.2).
func unquote(local string) string {
	if len(local) < 2 || local[0] != '"' || local[len(local)-1] != '"' {
		return local
	}
	var b strings.Builder
	for i := 1; i < len(local)-1; i++ {
		if local[i] == '\\' && i+1 < len(local)-1 {
			i++
		}
		b.WriteByte(local[i])
	}
	return b.String()
}

// CheckQuota tells whether a message of size bytes would fit now: advice for an
// early ErrQuota, decided again at delivery.
func (s *Service) CheckQuota(ctx context.Context, to Recipient, size int64) error {
	a, err := s.store.Account(ctx, to.key())
	if err != nil {
		return wrap(err, "quota of a recipient")
	}
	if a.QuotaBytes > 0 && a.UsedBytes+size > a.QuotaBytes || a.QuotaItems > 0 && a.UsedItems+1 > a.QuotaItems {
		return wrap(ErrQuota, "recipient")
	}
	return nil
}

// QueueMark names a recipient of a queued message that a delivery marks as
// delivered in the same transaction, if Token holds its lease.
type QueueMark struct {
	Tenant, Account, Message int64 // Account is the tenant's queue account
	Recipient                int
	Token                    int64
}

// DeliverOptions are those of one delivery.
type DeliverOptions struct {
	Queue *QueueMark // nil: not from the queue
}

// Deliver stores a message for a recipient: in the mailbox named by the
// address's detail if there is one, else in INBOX. prefix are the trace fields,
// each ended by CRLF. The message is durable when the error is nil. ErrQuota,
// ErrTooLarge, ErrTemporary, ErrNotFound when the account is gone; ErrLease.
func (s *Service) Deliver(ctx context.Context, to Recipient, in *Incoming, prefix []byte, o DeliverOptions) (Appended, error) {
	var opts []store.AddOption
	if q := o.Queue; q != nil {
		ref := store.QueueRef{Tenant: q.Tenant, Account: q.Account, ID: q.Message}
		opts = append(opts, store.MarkQueueDone(ref, q.Recipient, q.Token))
	}
	if to.Detail != "" {
		id, err := s.detailMailbox(ctx, to)
		if err != nil {
			return Appended{}, err
		}
		if id != 0 {
			added, err := s.deliver(ctx, to, id, in, prefix, opts)
			if !errors.Is(err, ErrNotFound) { // else it was deleted just now
				return added, err
			}
		}
	}
	for tried := false; ; tried = true {
		id, err := s.inbox(ctx, to.key())
		if err != nil {
			return Appended{}, err
		}
		added, err := s.deliver(ctx, to, id, in, prefix, opts)
		if err == nil || tried || !errors.Is(err, ErrNotFound) {
			return added, err
		}
		s.inboxes.forget(to.key())
	}
}

func (s *Service) deliver(ctx context.Context, to Recipient, mailbox int64, in *Incoming, prefix []byte, opts []store.AddOption) (Appended, error) {
	list, err := s.add(ctx, to.key(), mailbox, []Append{{In: in, Prefix: prefix}}, opts...)
	if err != nil {
		return Appended{}, err
	}
	return list[0], nil
}

// inbox finds INBOX's id, which never changes.
func (s *Service) inbox(ctx context.Context, key store.Key) (int64, error) {
	if id := s.inboxes.get(key); id != 0 {
		return id, nil
	}
	c, err := s.byName(ctx, key, Inbox)
	if err != nil {
		return 0, wrap(err, "INBOX")
	}
	s.inboxes.put(key, c.ID)
	return c.ID, nil
}

// detailMailbox finds the mailbox that a sub-address names, in any case, at the
// top or below INBOX; 0 if there is none. Mail to it is not marked or hidden:
// a sender can name any mailbox, so Trash and Junk do not count.
func (s *Service) detailMailbox(ctx context.Context, to Recipient) (int64, error) {
	name, invalid := normalizeName(to.Detail)
	if invalid != nil {
		return 0, nil // senders may write anything there
	}
	list, err := s.store.Collections(ctx, to.key(), store.Mailbox)
	if err != nil {
		return 0, wrap(err, "mailboxes of a recipient")
	}
	found := int64(0)
	for i := range list {
		switch c := &list[i]; {
		case c.SpecialUse != "":
		case c.Name == name:
			return c.ID, nil
		case strings.EqualFold(c.Name, name), strings.EqualFold(c.Name, Inbox+Separator+name) && found == 0:
			found = c.ID
		}
	}
	return found, nil
}

// MaySend reports whether a principal may send as an address: one of their own
// addresses and aliases, sub-addresses included, or one of an account granted
// with RightSendAs. Whether the login covers sending is the head's to ask.
func (s *Service) MaySend(ctx context.Context, p *auth.Principal, address string) (bool, error) {
	// In the principal's tenant alone, so that addresses of other tenants are the same
	// work as those of nobody.
	to, err := s.resolve(ctx, address, func(ctx context.Context, address string) (store.Account, error) {
		return s.store.ResolveIn(ctx, p.Tenant, address)
	})
	if errors.Is(err, ErrNotLocal) || errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if to.Account == p.Account {
		return true, nil
	}
	r, err := s.granted(ctx, Access{Tenant: to.Tenant, Account: to.Account, Address: to.Address, Person: p.Account})
	return r&RightSendAs != 0, err
}
