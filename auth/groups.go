package auth

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	// groupsKept is how many groups of a person are kept for grants, and groupMax how
	// many bytes a name may have. Of more, the first in order are kept; for roles all
	// of a token count.
	groupsKept = 200
	groupMax   = 200

	// groupsFresh is how long the same word of an issuer is not compared with the
	// store again.
	groupsFresh = 5 * time.Second
	// groupsRemembered is how long a word is known to be newer than older tokens: far
	// longer than a token lives.
	groupsRemembered = 48 * time.Hour
	groupEntriesMax  = 1 << 15
)

const ticketGroups = "groups.said" // when an issuer last changed its word, by issuer and person

// groups reads the claim; ok is false where the binding names none. A token without
// the claim says that there are no groups: providers leave it out of the token of a
// person who has left the last one.
func (b IssuerBinding) groups(claims map[string]json.RawMessage) (list []string, ok bool) {
	if b.GroupsClaim == "" {
		return nil, false
	}
	raw, there := claims[b.GroupsClaim]
	// realm_access.roles: a member of a member, as Keycloak has it.
	for path := b.GroupsClaim; !there; {
		head, rest, deeper := strings.Cut(path, ".")
		var inner map[string]json.RawMessage
		if !deeper || json.Unmarshal(claims[head], &inner) != nil {
			return nil, true
		}
		path, claims = rest, inner
		raw, there = claims[path]
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		list = []string{one}
	} else if json.Unmarshal(raw, &list) != nil {
		return nil, true
	}
	list = slices.DeleteFunc(list, func(g string) bool { return g == "" || len(g) > groupMax || !utf8.ValidString(g) })
	slices.Sort(list)
	return slices.Compact(list), true
}

// roles are those that groups give by this binding.
func (b IssuerBinding) roles(groups []string) (r Roles) {
	for _, of := range []struct {
		group string
		role  Roles
	}{{b.OperatorGroup, Operator}, {b.AdminGroup, TenantAdmin}, {b.PrivacyGroup, Privacy}} {
		if of.group != "" && slices.Contains(groups, of.group) {
			r |= of.role
		}
	}
	return r
}

// telling picks the groups that give roles: a session keeps no others.
func (b IssuerBinding) telling(groups []string) []string {
	return slices.DeleteFunc(slices.Clone(groups), func(g string) bool {
		return g != b.OperatorGroup && g != b.AdminGroup && g != b.PrivacyGroup
	})
}

// groupBook gives to the store what issuers say of groups. The newest word counts: a
// token that was made before the issuer's last change takes nothing back.
type groupBook struct {
	store   Groups
	tickets Tickets
	now     func() time.Time
	log     *slog.Logger

	mu   sync.Mutex
	said map[groupKey]groupWord
}

type groupKey struct {
	AccountRef
	issuer string
}

type groupWord struct {
	sum   [sha256.Size]byte
	until time.Time
}

func newGroupBook(store Groups, tickets Tickets, now func() time.Time, log *slog.Logger) *groupBook {
	return &groupBook{store: store, tickets: tickets, now: now, log: log, said: map[groupKey]groupWord{}}
}

// note is called with the groups of a token that was made at a time. It gives those
// that count: the token's or, where the issuer has changed its word since, those of
// them that are left. A store that cannot be asked bars nobody's login.
func (g *groupBook) note(ctx context.Context, ref AccountRef, issuer string, said []string, at time.Time) []string {
	if g.store == nil || g.tickets == nil {
		return said
	}
	key, sum := groupKey{ref, issuer}, sumOf(said)
	if g.fresh(key, sum) {
		return said
	}
	counts, err := g.settle(ctx, key, sum, said, at)
	if err != nil {
		g.log.Warn("a person's groups could not be kept", "tenant", ref.Tenant, "account", ref.Account, "err", err)
	}
	return counts
}

func (g *groupBook) settle(ctx context.Context, key groupKey, sum [sha256.Size]byte, said []string, at time.Time) ([]string, error) {
	kept := said[:min(len(said), groupsKept)]
	if len(kept) < len(said) {
		g.log.Warn("a person is in more groups than are kept", "tenant", key.Tenant, "account", key.Account, "groups", len(said), "kept", groupsKept)
	}
	stored, err := g.store.GroupsOf(ctx, key.AccountRef)
	if err != nil {
		return said, err
	}
	if slices.Equal(stored, kept) {
		g.remember(key, sum)
		return said, nil
	}
	ticket := Ticket{Kind: ticketGroups, ID: key.id(), Expires: g.now().Add(groupsRemembered)}
	last, err := g.tickets.Ticket(ctx, ticketGroups, ticket.ID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return common(said, stored), err
	}
	if err == nil {
		when, before := parseWord(last.Value)
		switch {
		case before == sum: // another issuer's word is what makes the difference
			g.remember(key, sum)
			return said, nil
		case at.Before(when):
			return common(said, stored), nil
		}
	}
	ticket.Value = formatWord(at, sum)
	if err := g.tickets.PutTicket(ctx, ticket); err != nil {
		return said, err // no less true for not being kept
	}
	if err := g.store.SetGroups(ctx, key.AccountRef, key.issuer, kept); err != nil {
		_, _ = g.tickets.TakeTicket(context.WithoutCancel(ctx), ticketGroups, ticket.ID) // the next token tries again
		return said, err
	}
	g.remember(key, sum)
	return said, nil
}

// KeepGroups changes the groups that an issuer says a person is in, by the word of who
// keeps them for it: tokens that were made before count for no more than what is left.
// It is for the embedded provider, whose groups the store has.
func KeepGroups(ctx context.Context, store Groups, tickets Tickets, ref AccountRef, issuer string, said, add, remove []string, now time.Time) error {
	groups := slices.Concat(said, add)
	for _, name := range add {
		if name == "" || len(name) > groupMax || !utf8.ValidString(name) || strings.ContainsFunc(name, isControl) {
			return fmt.Errorf("a group has a name of at most %d bytes", groupMax)
		}
	}
	slices.Sort(groups)
	groups = slices.DeleteFunc(slices.Compact(groups), func(g string) bool { return slices.Contains(remove, g) })
	if len(groups) > groupsKept {
		return fmt.Errorf("a person may be in %d groups: %w", groupsKept, ErrTooMany)
	}
	// A token of this second may be from before the change: it counts as older.
	err := tickets.PutTicket(ctx, Ticket{
		Kind: ticketGroups, ID: groupKey{ref, issuer}.id(), Expires: now.Add(groupsRemembered),
		Value: formatWord(now.Add(time.Second), sumOf(groups)),
	})
	if err != nil {
		return err
	}
	return store.SetGroups(ctx, ref, issuer, groups)
}

// left is what is still true of groups that were said earlier. It is for sessions,
// whose token may be minutes old.
func (g *groupBook) left(ctx context.Context, ref AccountRef, said []string) ([]string, error) {
	if g.store == nil {
		return said, nil
	}
	stored, err := g.store.GroupsOf(ctx, ref)
	if err != nil {
		return nil, err
	}
	return common(said, stored), nil
}

func common(said, stored []string) []string {
	return slices.DeleteFunc(slices.Clone(said), func(g string) bool { return !slices.Contains(stored, g) })
}

func (k groupKey) id() string {
	h := sha256.New()
	var n [16]byte
	binary.BigEndian.PutUint64(n[:8], uint64(k.Tenant))
	binary.BigEndian.PutUint64(n[8:], uint64(k.Account))
	h.Write(n[:])
	h.Write([]byte(k.issuer))
	return hex.EncodeToString(h.Sum(nil))
}

func sumOf(groups []string) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.Join(groups, "\x00")))
}

func formatWord(at time.Time, sum [sha256.Size]byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(at.Unix())), sum[:]...)
}

func parseWord(b []byte) (at time.Time, sum [sha256.Size]byte) {
	if len(b) != 8+len(sum) {
		return
	}
	copy(sum[:], b[8:])
	return time.Unix(int64(binary.BigEndian.Uint64(b)), 0), sum
}

func (g *groupBook) fresh(key groupKey, sum [sha256.Size]byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	w, ok := g.said[key]
	return ok && w.sum == sum && g.now().Before(w.until)
}

func (g *groupBook) remember(key groupKey, sum [sha256.Size]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.said) >= groupEntriesMax {
		clear(g.said) // costs each one read more
	}
	g.said[key] = groupWord{sum, g.now().Add(groupsFresh)}
}
