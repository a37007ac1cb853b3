package dav

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"fachwerk/internal/resource"
)

// Bounds of a lock.
const (
	maxOwner     = 8 << 10 // bytes of the owner element
	infiniteLock = 1<<32 - 1
)

// lock is LOCK (RFC 4918 section 9.10): a new one, or without a body the refresh of one.
func lock(ctx context.Context, r *Request, t *Target) error {
	switch {
	case t.Mount.Root != resource.Root, t.Mount.ReadOnly != "":
		return refused(http.StatusForbidden, "Nothing can be locked here.")
	case t.Level == AtMember && !t.Exists && !t.Mount.Tree:
		return refused(http.StatusForbidden, "Only a drive can keep a name free by a lock.")
	}
	if err := r.may(t, resource.Write, "write-content"); err != nil {
		return err
	}
	body, err := r.expect(r.s.c.Limits.Body, D("lockinfo"))
	if err != nil {
		return err
	}
	if body == nil {
		return r.refresh(ctx, t)
	}
	l, err := r.lockInfo(body)
	if err != nil {
		return err
	}
	var created bool
	first := true
	err = r.decide(ctx, func() (err error) {
		if !first {
			if t, err = r.again(ctx); err != nil {
				return err
			}
			if err := r.s.allowed(r, t); err != nil {
				return err
			}
		}
		first = false
		l.Path = slices.Clone(t.Names)
		created, err = r.lockOnce(ctx, t, &l)
		return err
	})
	var locked *resource.LockedError
	if errors.As(err, &locked) {
		return conflict(t, &locked.Lock)
	}
	if errors.Is(err, resource.ErrTooMany) {
		return later(http.StatusServiceUnavailable, 60, fmt.Sprintf("There are too many locks here: a person may hold %d in another account, "+
			"and %d may be held in all. Release some, or wait until they expire.", resource.MaxPersonLocks, resource.MaxLocks))
	}
	if err != nil {
		return r.refusal(t, err)
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	r.w.Header().Set("Lock-Token", "<"+l.Token+">")
	return r.answerLock(status, t, l)
}

func (r *Request) lockOnce(ctx context.Context, t *Target, l *resource.Lock) (created bool, err error) {
	g, err := r.judged(ctx, t)
	if err != nil {
		return false, err
	}
	at := resource.Place{Collection: t.Collection, Parent: t.Parent(), Name: t.Name()}
	if t.Exists && t.Level != AtCollection {
		at.Name = t.Item.Name
	}
	taken, _, created, err := r.s.c.Resources.Lock(ctx, at, *l, g)
	if err == nil {
		taken.Path = l.Path
		*l = taken
	}
	return created, err
}

// lockInfo reads the body and the headers of a new lock.
func (r *Request) lockInfo(body *Element) (l resource.Lock, err error) {
	scope, kind := body.Child(D("lockscope")), body.Child(D("locktype"))
	switch {
	case r.depthSet && r.Depth == Depth1:
		return l, refused(http.StatusBadRequest, "Depth of a lock is 0 or infinity.")
	case kind.Child(D("write")) == nil:
		return l, refused(http.StatusUnprocessableEntity, "Only write locks are known.")
	case scope.Child(D("shared")) != nil && scope.Child(D("exclusive")) == nil:
		l.Shared = true
	case scope.Child(D("exclusive")) == nil || scope.Child(D("shared")) != nil:
		return l, refused(http.StatusUnprocessableEntity, "A lock is either exclusive or shared.")
	}
	if owner := body.Child(D("owner")); owner != nil {
		l.Owner = owner.Verbatim()
		if len(l.Owner) > maxOwner {
			return l, refused(http.StatusRequestEntityTooLarge, "The owner of a lock is longer than %d bytes.", maxOwner)
		}
	}
	l.Infinite = !r.depthSet || r.Depth == DepthInfinity
	l.Timeout, err = parseTimeout(r.Header)
	l.Person = r.Principal.Account
	return l, err
}

// parseTimeout reads what the client would like (RFC 4918 section 10.7); zero: it does not
// say. The longest that is granted is the store's matter.
func parseTimeout(h http.Header) (time.Duration, error) {
	for _, line := range h.Values("Timeout") {
		for v := range strings.SplitSeq(line, ",") {
			v = strings.TrimSpace(v)
			if strings.EqualFold(v, "Infinite") {
				return infiniteLock * time.Second, nil
			}
			if len(v) > 7 && strings.EqualFold(v[:7], "Second-") {
				n, err := strconv.ParseUint(v[7:], 10, 32)
				if err != nil && !errors.Is(err, strconv.ErrRange) {
					return 0, refused(http.StatusBadRequest, "The Timeout header cannot be read.")
				}
				return time.Duration(max(n, 1)) * time.Second, nil
			}
		}
	}
	return 0, nil
}

// refresh is section 9.10.2: the lock is named by the If header.
func (r *Request) refresh(ctx context.Context, t *Target) error {
	c, err := r.conditions()
	if err != nil {
		return err
	}
	if c.list == nil || len(c.list.tokens) != 1 {
		return refused(http.StatusBadRequest, "LOCK without a body refreshes a lock: the If header must name one.")
	}
	timeout, err := parseTimeout(r.Header)
	if err != nil {
		return err
	}
	l, err := r.held(ctx, t, c.list.tokens[0], http.StatusPreconditionFailed)
	if err != nil {
		return err
	}
	path := l.Path
	l, err = r.s.c.Resources.Refresh(ctx, t.Collection, l.Token, timeout)
	if errors.Is(err, resource.ErrNotFound) {
		return Refusal(http.StatusForbidden, D("lock-token-matches-request-uri"), "The lock is another person's.")
	}
	if err != nil {
		return err
	}
	l.Path = path
	return r.answerLock(http.StatusOK, t, l)
}

// held finds a lock by its token, if the target is in its scope.
func (r *Request) held(ctx context.Context, t *Target, token string, otherwise int) (resource.Lock, error) {
	locks, err := r.locks(ctx, t)
	if err != nil {
		return resource.Lock{}, err
	}
	for i := range locks {
		if locks[i].Token == token && covers(&locks[i], t, false) {
			return locks[i], nil
		}
	}
	return resource.Lock{}, Refusal(otherwise, D("lock-token-matches-request-uri"), "No lock with this token holds here. It may have expired.")
}

// unlock is section 9.11.
func unlock(ctx context.Context, r *Request, t *Target) error {
	token, rest, ok := cutCoded(skipSpace(r.Header.Get("Lock-Token")))
	if !ok || token == "" || skipSpace(rest) != "" {
		return refused(http.StatusBadRequest, "UNLOCK needs a Lock-Token.")
	}
	l, err := r.held(ctx, t, token, http.StatusConflict)
	if err != nil {
		return err
	}
	if err := r.judge(ctx, t, nil); err != nil {
		return err
	}
	err = r.s.c.Resources.Unlock(ctx, t.Collection, l.Token)
	if errors.Is(err, resource.ErrNotFound) && l.Person != r.Principal.Account {
		return denied(t.Href, "unlock")
	}
	if errors.Is(err, resource.ErrNotFound) {
		return Refusal(http.StatusConflict, D("lock-token-matches-request-uri"), "The lock is gone already.")
	}
	if err != nil {
		return err
	}
	return r.empty(http.StatusNoContent)
}

func (r *Request) answerLock(status int, t *Target, l resource.Lock) error {
	var x XML
	x.root(D("prop"))
	x.Open(D("lockdiscovery"))
	x.activeLock(&l, t.lockRoot(&l), l.Person == r.Principal.Account)
	x.Close(D("lockdiscovery"))
	x.Close(D("prop"))
	return r.Answer(status, xmlType, x.b)
}

// activeLock is section 14.1. The token is shown to who took the lock out: to nobody else
// it is of use.
func (x *XML) activeLock(l *resource.Lock, root string, own bool) {
	scope, depth := "exclusive", "0"
	if l.Shared {
		scope = "shared"
	}
	if l.Infinite {
		depth = "infinity"
	}
	x.Open(D("activelock"))
	x.Open(D("locktype"))
	x.Empty(D("write"))
	x.Close(D("locktype"))
	x.Open(D("lockscope"))
	x.Empty(D(scope))
	x.Close(D("lockscope"))
	x.Element(D("depth"), depth)
	if len(l.Owner) > 0 {
		x.Raw(l.Owner)
	}
	left := max(time.Until(l.Expires), 0)
	if l.Timeout > 0 {
		left = min(left, l.Timeout)
	}
	x.Element(D("timeout"), "Second-"+strconv.FormatInt(int64(left.Round(time.Second)/time.Second), 10))
	if own {
		x.Open(D("locktoken"))
		x.Href(l.Token)
		x.Close(D("locktoken"))
	}
	x.Open(D("lockroot"))
	x.Href(root)
	x.Close(D("lockroot"))
	x.Close(D("activelock"))
}

// lockRoot is the href of what a lock was taken out on.
func (t *Target) lockRoot(l *resource.Lock) string {
	at := t.base
	for _, n := range l.Path {
		at = member(at, n, false)
	}
	if len(l.Path) == len(t.Names) {
		return t.Href
	}
	if len(l.Path) < len(t.Names) && len(l.Path) > 0 {
		at += "/" // a folder above
	}
	return at
}

// maxDiscovered is how many locks of others one resource shows: of a thousand shared ones
// on a folder each member would show all.
const maxDiscovered = 20

// lockDiscovery shows the locks in whose scope it is (section 15.8).
func lockDiscovery(ctx context.Context, v *Value) (bool, error) {
	locks, err := v.discovered(ctx, v.Target)
	if err != nil {
		return false, err
	}
	if len(locks) == 0 {
		v.XML.Empty(D("lockdiscovery"))
		return true, nil
	}
	v.XML.Open(D("lockdiscovery"))
	others := 0
	for i := range locks {
		if !covers(&locks[i], v.Target, false) {
			continue
		}
		own := locks[i].Person == v.Principal.Account
		if !own {
			if others++; others > maxDiscovered {
				continue
			}
		}
		v.XML.activeLock(&locks[i], v.Target.lockRoot(&locks[i]), own)
	}
	v.XML.Close(D("lockdiscovery"))
	return true, nil
}

// discovered asks once a request and collection, and anew after an If header was judged.
func (r *Request) discovered(ctx context.Context, t *Target) ([]resource.Lock, error) {
	if !t.lockable() {
		return nil, nil
	}
	k := t.lockKey()
	if locks, ok := r.lockLists[k]; ok {
		return locks, nil
	}
	locks, err := r.locks(ctx, t)
	if err != nil {
		return nil, err
	}
	if r.lockLists == nil {
		r.lockLists = map[[2]int64][]resource.Lock{}
	}
	r.lockLists[k] = locks
	return locks, nil
}

// lockKey is what the locks of a request's collections are kept by.
func (t *Target) lockKey() [2]int64 { return [2]int64{t.Account.Key.Account, t.Collection.ID} }

// lockedRefusal is 423 for a write (section 16: lock-token-submitted), with the root of
// the lock whose token is missing.
func lockedRefusal(r *Request, e *resource.LockedError) *Precondition {
	p := Refusal(http.StatusLocked, D("lock-token-submitted"), "It is locked, and the request does not name the lock.")
	if t := r.target; t != nil {
		at := t.lockRoot(&e.Lock)
		p.Inner = func(x *XML) { x.Href(at) }
	}
	return p
}

// conflict is 423 for a lock that another one stands against.
func conflict(t *Target, l *resource.Lock) *Precondition {
	p := Refusal(http.StatusLocked, D("no-conflicting-lock"), "It, or something above or below it, is locked already.")
	at := t.lockRoot(l)
	p.Inner = func(x *XML) { x.Href(at) }
	return p
}
