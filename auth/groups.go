package auth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
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
	// many bytes a name may have. Of more, those that give roles and the first in order
	// are kept; for roles all of a token count.
	groupsKept = 200
	groupMax   = 200

	// groupsFresh is how long the same word of an issuer is not compared with the
	// store again.
	groupsFresh     = 5 * time.Second
	groupEntriesMax = 1 << 15
)

// groups reads the claim. A token without it says that there are no groups: providers
// leave it out of the token of a person who has left the last one. Where the binding
// names none, there are none either, nor are there any more that it said once.
func (b IssuerBinding) groups(claims map[string]json.RawMessage) (list []string) {
	if b.GroupsClaim == "" {
		return nil
	}
	raw, there := claims[b.GroupsClaim]
	// realm_access.roles: a member of a member, as Keycloak has it.
	for path := b.GroupsClaim; !there; {
		head, rest, deeper := strings.Cut(path, ".")
		var inner map[string]json.RawMessage
		if !deeper || json.Unmarshal(claims[head], &inner) != nil {
			return nil
		}
		path, claims = rest, inner
		raw, there = claims[path]
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		list = []string{one}
	} else if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	list = slices.DeleteFunc(list, func(g string) bool { return g == "" || len(g) > groupMax || !utf8.ValidString(g) })
	slices.Sort(list)
	return slices.Compact(list)
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

// kept are the groups of a token that are kept: not more than so many, those that give
// roles before others.
func (b IssuerBinding) kept(groups []string) []string {
	if len(groups) <= groupsKept {
		return groups
	}
	list := b.telling(groups)
	for _, g := range groups {
		if len(list) < groupsKept && !slices.Contains(list, g) {
			list = append(list, g)
		}
	}
	slices.Sort(list)
	return list
}

// hear is what holds once an issuer has said so, and which groups of a login by this
// word count. A newer word replaces the last, an older one counts for no more than what
// is left of it. Of two of the same second nobody knows which is newer: what both say
// holds.
func (last Word) hear(said Word) (holds Word, counts []string) {
	switch {
	case last.At.IsZero() || said.At.After(last.At):
		return said, said.Groups
	case said.At.Before(last.At):
		return last, common(said.Groups, last.Groups)
	}
	both := common(said.Groups, last.Groups)
	return Word{both, last.At}, both
}

// groupBook gives to the store what issuers say of groups. The newest word counts: a
// token that was made before the issuer's last one takes nothing back. What other
// issuers of the tenant say neither gives nor takes anything here.
type groupBook struct {
	store Groups
	now   func() time.Time
	log   *slog.Logger

	mu   sync.Mutex
	said map[groupKey]groupWord
}

type groupKey struct {
	AccountRef
	issuer string
}

// groupWord is a word that was the newest a moment ago.
type groupWord struct {
	sum   [sha256.Size]byte
	at    time.Time
	until time.Time
}

func newGroupBook(store Groups, now func() time.Time, log *slog.Logger) *groupBook {
	return &groupBook{store: store, now: now, log: log, said: map[groupKey]groupWord{}}
}

// note is called with the groups of a token that was made at a time, by a binding. It
// gives those that count: the token's or, where the issuer has said something else
// since, those of them that are left. A store that cannot be asked bars nobody's login.
func (g *groupBook) note(ctx context.Context, ref AccountRef, by IssuerBinding, groups []string, at time.Time) []string {
	if g.store == nil {
		return groups
	}
	key, sum, at := groupKey{ref, by.URL}, sumOf(groups), at.Truncate(time.Second)
	if g.fresh(key, sum, at) {
		return groups
	}
	said := Word{Groups: by.kept(groups), At: at}
	if len(said.Groups) < len(groups) {
		g.log.Warn("a person is in more groups than are kept", "tenant", ref.Tenant, "account", ref.Account, "groups", len(groups), "kept", groupsKept)
	}
	counts, again := said.Groups, false
	holds, err := g.store.ChangeWord(ctx, ref, by.URL, func(last Word) (holds Word, _ error) {
		again = slices.Equal(last.Groups, said.Groups)
		holds, counts = last.hear(said)
		return holds, nil
	})
	if err != nil && !again { // that it was said again need not be known
		g.log.Warn("a person's groups could not be kept", "tenant", ref.Tenant, "account", ref.Account, "err", err)
	}
	if len(counts) < len(said.Groups) {
		return counts
	}
	if err == nil && holds.At.Equal(at) {
		g.remember(key, sum, at)
	}
	return groups
}

// KeepGroups changes the groups that an issuer says a person is in, by the word of who
// keeps them for it: tokens that were made before count for no more than what is left.
// It is for the embedded provider, whose groups the store has.
func KeepGroups(ctx context.Context, store Groups, ref AccountRef, issuer string, add, remove []string, now time.Time) error {
	for _, name := range add {
		if name == "" || len(name) > groupMax || !utf8.ValidString(name) || strings.ContainsFunc(name, isControl) {
			return fmt.Errorf("a group has a name of at most %d bytes", groupMax)
		}
	}
	_, err := store.ChangeWord(ctx, ref, issuer, func(last Word) (Word, error) {
		groups := slices.Concat(last.Groups, add)
		slices.Sort(groups)
		groups = slices.DeleteFunc(slices.Compact(groups), func(g string) bool { return slices.Contains(remove, g) })
		if len(groups) > groupsKept {
			return last, fmt.Errorf("a person may be in %d groups: %w", groupsKept, ErrTooMany)
		}
		// A token of this second may be from before the change: it counts as older.
		at := now.Truncate(time.Second).Add(time.Second)
		if last.At.After(at) {
			at = last.At
		}
		return Word{groups, at}, nil
	})
	return err
}

// left is what is still true of groups that an issuer said earlier. It is for sessions,
// whose token may be minutes old.
func (g *groupBook) left(ctx context.Context, ref AccountRef, issuer string, said []string) ([]string, error) {
	if g.store == nil {
		return said, nil
	}
	last, err := g.store.Word(ctx, ref, issuer)
	if err != nil {
		return nil, err
	}
	return common(said, last.Groups), nil
}

func common(said, stored []string) []string {
	return slices.DeleteFunc(slices.Clone(said), func(g string) bool { return !slices.Contains(stored, g) })
}

func sumOf(groups []string) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.Join(groups, "\x00")))
}

func (g *groupBook) fresh(key groupKey, sum [sha256.Size]byte, at time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	w, ok := g.said[key]
	return ok && w.sum == sum && !at.After(w.at) && g.now().Before(w.until)
}

func (g *groupBook) remember(key groupKey, sum [sha256.Size]byte, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.said) >= groupEntriesMax {
		clear(g.said) // costs each one read more
	}
	g.said[key] = groupWord{sum, at, g.now().Add(groupsFresh)}
}
