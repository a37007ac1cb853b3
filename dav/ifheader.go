package dav

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"fachwerk/internal/resource"
)

// Bounds of an If header.
const (
	maxIf           = 64 << 10 // bytes
	maxIfConditions = 1000
	maxIfResources  = 50
)

// ifHeader is RFC 4918 section 10.4: it holds if one of its lists holds.
type ifHeader struct {
	lists  []ifList
	tokens []string // all state tokens, which the request submits by naming them
	tags   bool     // entity tags occur
}

// ifList holds if all of its conditions hold, for the resource it is tagged with or, with
// "", for the one of the request.
type ifList struct {
	tag        string
	conditions []ifCondition
}

type ifCondition struct {
	not   bool
	token string // a state token, or
	etag  entityTag
}

func badIf(text string) error {
	return refused(http.StatusBadRequest, "The If header cannot be read: %s.", text)
}

// parseIf reads the header's value.
func parseIf(s string) (*ifHeader, error) {
	if len(s) > maxIf {
		return nil, badIf("it is too long")
	}
	h := &ifHeader{}
	tag, tagged, count := "", false, 0
	s = skipSpace(s)
	if s == "" {
		return nil, badIf("it is empty")
	}
	for ; s != ""; s = skipSpace(s) {
		switch s[0] {
		case '<':
			if !tagged && len(h.lists) > 0 {
				return nil, badIf("some lists are tagged, some are not")
			}
			uri, rest, ok := cutCoded(s)
			if !ok {
				return nil, badIf("a resource tag does not end")
			}
			tag, tagged, s = uri, true, skipSpace(rest)
			if !strings.HasPrefix(s, "(") {
				return nil, badIf("a resource tag has no list")
			}
		case '(':
			l := ifList{tag: tag}
			var err error
			if s, err = l.parse(s[1:], h); err != nil {
				return nil, err
			}
			h.lists = append(h.lists, l)
			if count += len(l.conditions); count > maxIfConditions {
				return nil, badIf("there are too many conditions")
			}
		default:
			return nil, badIf("a list is expected")
		}
	}
	return h, nil
}

// parse reads conditions up to the closing parenthesis.
func (l *ifList) parse(s string, h *ifHeader) (rest string, err error) {
	for {
		s = skipSpace(s)
		c := ifCondition{}
		if len(s) >= 3 && strings.EqualFold(s[:3], "not") {
			c.not, s = true, skipSpace(s[3:])
		}
		switch {
		case s == "":
			return "", badIf("a list does not end")
		case s[0] == ')':
			if c.not || len(l.conditions) == 0 {
				return "", badIf("a list has no condition")
			}
			return s[1:], nil
		case s[0] == '<':
			token, rest, ok := cutCoded(s)
			if !ok || token == "" {
				return "", badIf("a state token does not end")
			}
			c.token, s = token, rest
			if !slices.Contains(h.tokens, token) {
				h.tokens = append(h.tokens, token)
			}
		case s[0] == '[':
			tag, rest, ok := cutEntityTag(skipSpace(s[1:]))
			rest = skipSpace(rest)
			if !ok || !strings.HasPrefix(rest, "]") {
				return "", badIf("an entity tag cannot be read")
			}
			c.etag, s = tag, rest[1:]
			h.tags = true
		default:
			return "", badIf("a condition is expected")
		}
		if l.conditions = append(l.conditions, c); len(l.conditions) > maxIfConditions {
			return "", badIf("there are too many conditions")
		}
	}
}

func skipSpace(s string) string { return strings.TrimLeft(s, " \t\r\n") }

// cutCoded reads a Coded-URL.
func cutCoded(s string) (uri, rest string, ok bool) {
	end := strings.IndexByte(s, '>')
	if !strings.HasPrefix(s, "<") || end < 0 {
		return "", s, false
	}
	return s[1:end], s[end+1:], true
}

// judge decides the header for a request on t. What entity tags of other resources of the
// same account, and state tokens, were judged on goes into g, if not nil. Of another
// account, which has a lock of its own, they are judged when they are read.
func (h *ifHeader) judge(ctx context.Context, r *Request, t *Target, g *resource.Guard) (bool, error) {
	clear(r.lockLists) // what holds now is asked, once for all conditions
	resources := map[string]*Target{"": t}
	holds := false
	for _, l := range h.lists {
		at, known := resources[l.tag]
		if !known {
			if len(resources) > maxIfResources {
				return false, badIf("it names too many resources")
			}
			var err error
			if at, err = r.tagged(ctx, l.tag, t); err != nil {
				return false, err
			}
			resources[l.tag] = at
			if at != nil && at != t && g != nil && h.tags && at.Account.Key == t.Account.Key {
				at.seen(g, true)
			}
		}
		ok, err := l.holds(ctx, r, at, t, g)
		if err != nil {
			return false, err
		}
		holds = holds || ok
	}
	return holds, nil
}

// tagged finds the resource of a tag; nil where it is none of ours.
func (r *Request) tagged(ctx context.Context, tag string, t *Target) (*Target, error) {
	path, ok, err := r.s.localPath(tag, r.http.Host)
	if err != nil || !ok {
		return nil, err
	}
	at, err := r.resolve(ctx, path, false)
	var p *Precondition
	if errors.As(err, &p) || errors.Is(err, resource.ErrNotFound) {
		return nil, nil
	}
	if err == nil && at.Href == t.Href {
		return t, nil
	}
	return at, err
}

// holds decides one list; at is nil for a resource that is not there.
func (l *ifList) holds(ctx context.Context, r *Request, at, t *Target, g *resource.Guard) (bool, error) {
	for _, c := range l.conditions {
		ok := false
		switch {
		case at == nil:
		case c.token != "":
			var err error
			if ok, err = r.lockedBy(ctx, at, c.token); err != nil {
				return false, err
			}
			if g != nil && at.lockable() && at.Account.Key == t.Account.Key {
				held := slices.ContainsFunc(r.lockLists[at.lockKey()], func(h resource.Lock) bool { return h.Token == c.token })
				g.Locks = append(g.Locks, resource.LockSeen{Collection: at.Collection.ID, Token: c.token, Held: held})
			}
		default:
			ok = matches([]entityTag{c.etag}, at.etag(), at.Exists, false)
		}
		if ok == c.not {
			return false, nil
		}
	}
	return true, nil
}

// lockedBy reports whether the resource is in the scope of the lock with that token: its
// own, or one of depth infinity above. For what is not there yet the lock of the folder
// counts too, which its creation needs (RFC 4918 sections 7.4 and 7.5).
func (r *Request) lockedBy(ctx context.Context, t *Target, token string) (bool, error) {
	if !strings.HasPrefix(token, "urn:uuid:") && !strings.HasPrefix(token, "opaquelocktoken:") {
		return false, nil
	}
	locks, err := r.discovered(ctx, t)
	if err != nil {
		return false, err
	}
	for i := range locks {
		if locks[i].Token == token && covers(&locks[i], t, !t.Exists) {
			return true, nil
		}
	}
	return false, nil
}

// covers reports whether a lock holds for the target. folder: one of its folder alone
// does as well.
func covers(l *resource.Lock, t *Target, folder bool) bool {
	n := len(l.Path)
	if n > len(t.Names) || !slices.Equal(l.Path, t.Names[:n]) {
		return false
	}
	return n == len(t.Names) || l.Infinite || folder && n == len(t.Names)-1
}

// lockable reports whether there may be locks in the target's collection.
func (t *Target) lockable() bool {
	return t.Level&(AtCollection|AtFolder|AtMember) != 0 && t.Virtual == nil && t.Collection.ID != 0 && t.Mount.Root == resource.Root
}

// locks are those held in the target's collection.
func (r *Request) locks(ctx context.Context, t *Target) ([]resource.Lock, error) {
	if !t.lockable() {
		return nil, nil
	}
	return r.s.c.Resources.Locks(ctx, t.Collection)
}
