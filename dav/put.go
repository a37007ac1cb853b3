package dav

import (
	"context"
	"io"
	"net/http"

	"fachwerk/internal/resource"
)

// put is PUT on a member. The body is read once; after that the conditions are judged
// again as often as somebody else comes in between.
func put(ctx context.Context, r *Request, t *Target) error {
	if err := r.mayPut(t); err != nil {
		return err
	}
	if err := r.judge(ctx, t, nil); err != nil {
		return r.unmet(ctx, t, err)
	}
	if err := r.unlocked(ctx, t); err != nil {
		return err
	}
	body := r.incoming(0)
	in := &Incoming{Request: r, Target: t, Body: body, Length: r.http.ContentLength}
	if m := t.Mount.MaxBody; m > 0 {
		if in.Length > m {
			return r.refusal(t, resource.ErrTooLarge)
		}
		in.Body = &limited{Reader: body, left: m}
	}
	draft, err := t.Head.Accept(ctx, in)
	if draft.Upload != nil {
		defer draft.Upload.Close()
	}
	if err != nil {
		return r.refusal(t, err)
	}
	var made resource.Put
	first := true
	err = r.decide(ctx, func() error {
		if !first {
			if t, err = r.again(ctx); err != nil {
				return err
			}
			if err := r.s.allowed(r, t); err != nil {
				return err
			}
		}
		first = false
		made, err = r.write(ctx, t, draft)
		return err
	})
	if err != nil {
		return r.unmet(ctx, t, r.refusal(t, err))
	}
	done := r.Member(&Target{
		Head: t.Head, Mount: t.Mount, mount: t.mount, Account: t.Account, Collection: t.Collection,
		Folders: t.Folders, source: t.source, base: t.base,
	}, made.Item)
	done.Href, done.Names = t.Href, t.Names
	r.wrote = true
	done.Facts, done.FactsEncoder, done.loaded = draft.Facts, draft.Encoder, NeedFacts
	return r.answerPut(ctx, done, made.Created)
}

func (r *Request) mayPut(t *Target) error {
	switch {
	case t.Mount.ReadOnly != "":
		return refused(http.StatusForbidden, "%s", t.Mount.ReadOnly)
	case t.slash:
		return refused(http.StatusMethodNotAllowed, "The name of a file does not end with a slash.")
	case r.Header.Get("Content-Range") != "":
		return refused(http.StatusBadRequest, "Content is stored whole: a PUT may not have Content-Range.")
	}
	if err := r.checkEncoding(); err != nil {
		return err
	}
	privilege := "bind"
	if t.Exists {
		privilege = "write-content"
	}
	return r.may(t, resource.Write, privilege)
}

// write judges and writes once.
func (r *Request) write(ctx context.Context, t *Target, d resource.Draft) (resource.Put, error) {
	g, err := r.judged(ctx, t)
	if err != nil {
		return resource.Put{}, err
	}
	name := t.Name()
	if t.Exists {
		name = t.Item.Name
	}
	return r.s.c.Resources.Put(ctx, resource.Place{Collection: t.Collection, Parent: t.Parent(), Name: name}, d, g)
}

// large is from which length on a lock is looked for before the content comes.
const large = 1 << 20

// unlocked spares a client the upload that a lock would refuse in the end. What counts is
// decided when it is written.
func (r *Request) unlocked(ctx context.Context, t *Target) error {
	if n := r.http.ContentLength; n >= 0 && n < large {
		return nil
	}
	locks, err := r.locks(ctx, t)
	if err != nil {
		return err
	}
	c, err := r.conditions()
	if err != nil {
		return err
	}
	for i := range locks {
		l := &locks[i]
		if covers(l, t, !t.Exists) && (c.list == nil || !c.list.submits(l, r)) {
			if l.Shared && r.holdsShared(locks, t, c) {
				continue
			}
			return &resource.LockedError{Lock: *l}
		}
	}
	return nil
}

func (h *ifHeader) submits(l *resource.Lock, r *Request) bool {
	for _, token := range h.tokens {
		if token == l.Token && l.Person == r.Principal.Account {
			return true
		}
	}
	return false
}

// holdsShared: of several shared locks one's own is enough.
func (r *Request) holdsShared(locks []resource.Lock, t *Target, c *conditions) bool {
	for i := range locks {
		if c.list != nil && covers(&locks[i], t, !t.Exists) && c.list.submits(&locks[i], r) {
			return true
		}
	}
	return false
}

func (r *Request) answerPut(ctx context.Context, t *Target, created bool) error {
	status := http.StatusNoContent
	if created {
		status = http.StatusCreated
	}
	if err := r.describe(ctx, t); err != nil {
		return err
	}
	if !r.Prefers("return=representation") || t.Item.Size > large {
		return r.empty(status)
	}
	if !created {
		status = http.StatusOK
	}
	return r.represent(ctx, t, status)
}

// represent answers the content, as who prefers return=representation likes it (RFC 8144
// section 2.1).
func (r *Request) represent(ctx context.Context, t *Target, status int) error {
	content, err := r.content(ctx, t)
	if err != nil {
		return err
	}
	defer content.Close()
	b, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	h := r.w.Header()
	h.Set("Preference-Applied", "return=representation")
	h.Set("Content-Location", t.Href)
	if !t.Item.Modified.IsZero() {
		h.Set("Last-Modified", t.Item.Modified.UTC().Format(http.TimeFormat))
	}
	kind := safeType(t.Head.ContentType(t))
	h.Set("Content-Disposition", disposition(kind, t.Name()))
	return r.Answer(status, kind, b)
}

// unmet answers a condition that does not hold with what is there now, where the client
// prefers that to asking for it (RFC 8144 section 2.1); err it is otherwise.
func (r *Request) unmet(ctx context.Context, t *Target, err error) error {
	p, ok := asPrecondition(err)
	if !ok || p.Status != http.StatusPreconditionFailed || !t.Exists || t.Level != AtMember ||
		t.Item.Size > large || !r.Prefers("return=representation") {
		return err
	}
	if err := r.describe(ctx, t); err != nil {
		return err
	}
	return r.represent(ctx, t, p.Status)
}

// refusal lets the head say what it has to say about an error of a write.
func (r *Request) refusal(t *Target, err error) error {
	if _, ok := asPrecondition(err); ok || t == nil {
		return err
	}
	if h, ok := t.Head.(Refuser); ok {
		return h.Refuse(r, t, err)
	}
	return err
}

// limited ends with ErrTooLarge where more comes than may.
type limited struct {
	io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, resource.ErrTooLarge
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.Reader.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return n - 1, resource.ErrTooLarge
	}
	return n, err
}
