package dav

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"fachwerk/internal/resource"
)

// conditions are what a request makes its success depend on.
type conditions struct {
	match, noneMatch []entityTag // nil: no such header
	unmodified       time.Time   // zero: no such header
	list             *ifHeader   // RFC 4918 section 10.4; nil: no such header
}

// entityTag is one of a list; any is "*".
type entityTag struct {
	tag       string
	weak, any bool
}

// conditions reads the headers, once a request.
func (r *Request) conditions() (*conditions, error) {
	if r.conditional != nil {
		return r.conditional, nil
	}
	c := &conditions{}
	var err error
	if c.match, err = entityTags(r.Header["If-Match"]); err != nil {
		return nil, err
	}
	if c.noneMatch, err = entityTags(r.Header["If-None-Match"]); err != nil {
		return nil, err
	}
	if v := r.Header.Get("If-Unmodified-Since"); v != "" {
		// A date that cannot be read is passed over (RFC 9110 section 13.1.4).
		if at, err := http.ParseTime(v); err == nil {
			c.unmodified = at
		}
	}
	if v := r.Header["If"]; len(v) > 0 {
		if c.list, err = parseIf(strings.Join(v, " ")); err != nil {
			return nil, err
		}
	}
	r.conditional = c
	return c, nil
}

// maxTags bounds the entity tags of one header.
const maxTags = 1000

// entityTags reads a list of them (RFC 9110 section 8.8.3).
func entityTags(lines []string) ([]entityTag, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	list := []entityTag{}
	rest := strings.TrimSpace(strings.Join(lines, ","))
	if rest == "*" {
		return []entityTag{{any: true}}, nil
	}
	for rest = strings.TrimLeft(rest, ", \t"); rest != ""; rest = strings.TrimLeft(rest, ", \t") {
		tag, after, ok := cutEntityTag(rest)
		if !ok {
			// Some clients send tags without quotes; they mean the whole value.
			var bare string
			bare, after, _ = strings.Cut(rest, ",")
			bare = strings.TrimSpace(bare)
			if strings.ContainsAny(bare, `"`) {
				return nil, refused(http.StatusBadRequest, "An entity tag cannot be read.")
			}
			tag = entityTag{tag: bare}
		}
		list = append(list, tag)
		if len(list) > maxTags {
			return nil, refused(http.StatusBadRequest, "There are more than %d entity tags.", maxTags)
		}
		rest = after
	}
	return list, nil
}

func cutEntityTag(s string) (t entityTag, rest string, ok bool) {
	if after, weak := strings.CutPrefix(s, "W/"); weak {
		t.weak, s = true, after
	}
	if !strings.HasPrefix(s, `"`) {
		return t, s, false
	}
	end := strings.IndexByte(s[1:], '"')
	if end < 0 {
		return t, s, false
	}
	t.tag = s[1 : 1+end]
	return t, s[2+end:], true
}

// decided reports whether a write must see the state that the conditions were judged on.
func (c *conditions) decided() bool {
	return c.match != nil || c.noneMatch != nil || !c.unmodified.IsZero() || c.list != nil && c.list.tags
}

// judge decides the conditions on what was read (RFC 9110 section 13.2.2, RFC 4918
// section 10.4). A write compares under the lock that it is still so: see guard. For
// GET and HEAD the two headers that lead to 304 are net/http's.
func (r *Request) judge(ctx context.Context, t *Target, g *resource.Guard) error {
	c, err := r.conditions()
	if err != nil {
		return err
	}
	reading := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !reading {
		if err := c.judgeTags(t); err != nil {
			return err
		}
	}
	if c.list == nil {
		return nil
	}
	holds, err := c.list.judge(ctx, r, t, g)
	if err != nil {
		return err
	}
	if !holds {
		return failed("None of the lists of the If header holds.")
	}
	return nil
}

func (c *conditions) judgeTags(t *Target) error {
	tag := t.etag()
	switch {
	case c.match != nil:
		if !matches(c.match, tag, t.Exists, true) {
			return failed("It is not, or no longer, what If-Match says.")
		}
	case !c.unmodified.IsZero() && t.Exists && t.Item.Modified.Truncate(time.Second).After(c.unmodified):
		return failed("It was changed after the time of If-Unmodified-Since.")
	}
	if c.noneMatch != nil && matches(c.noneMatch, tag, t.Exists, false) {
		return failed("It is what If-None-Match says it must not be.")
	}
	return nil
}

// matches compares strongly, or weakly (RFC 9110 section 8.8.3.2). Our tags are strong.
func matches(list []entityTag, tag string, exists, strong bool) bool {
	if !exists {
		return false
	}
	for _, e := range list {
		if e.any || tag != "" && e.tag == tag && !(strong && e.weak) {
			return true
		}
	}
	return false
}

func failed(text string) *Precondition { return refused(http.StatusPreconditionFailed, text) }

// judged decides the conditions of a write on t and gives what it was decided under.
func (r *Request) judged(ctx context.Context, t *Target) (resource.Guard, error) {
	g, err := r.guard(t)
	if err == nil {
		err = r.judge(ctx, t, &g)
	}
	return g, err
}

// guard is what a write on t was decided under: the folders it lies in, with what the
// conditions were judged on, and the lock tokens that the request submits.
func (r *Request) guard(t *Target) (resource.Guard, error) {
	c, err := r.conditions()
	if err != nil {
		return resource.Guard{}, err
	}
	g := resource.Guard{}
	if c.list != nil {
		g.Tokens = c.list.tokens
	}
	t.seen(&g, c.decided())
	return g, nil
}

// seen adds the folders of a path and what lies there, and with strict its state too: no
// other resource is written to than the one at this place, wherever it is moved
// meanwhile. The state of a folder or collection is all that its ETag tells of.
func (t *Target) seen(g *resource.Guard, strict bool) {
	if t.Level == AtCollection && t.Exists && t.Virtual == nil && strict {
		g.Seen = append(g.Seen, t.Collection.Seen())
	}
	if t.Level&(AtFolder|AtMember) == 0 || t.Virtual != nil {
		return
	}
	parent := resource.Root
	if t.Mount.Tree {
		parent = t.Mount.Root
	}
	for _, f := range t.Folders {
		g.Seen = append(g.Seen, resource.Seen{Collection: t.Collection.ID, Parent: parent, Name: f.Name, ID: f.ID})
		parent = f.ID
	}
	switch {
	case t.Exists:
		s := resource.Seen{Collection: t.Collection.ID, Parent: parent, Name: t.Item.Name, ID: t.Item.ID}
		if strict {
			at := t.Item.Seen()
			s.ModSeq, s.Below = at.ModSeq, at.Below
		}
		g.Seen = append(g.Seen, s)
	case strict:
		g.Seen = append(g.Seen, resource.Seen{Collection: t.Collection.ID, Parent: parent, Name: t.Name()})
	}
}

// tries bounds how often a write is decided anew before the client is asked to.
const tries = 40

// decide runs a write that reads, judges and writes until nobody else comes in between.
func (r *Request) decide(ctx context.Context, f func() error) error {
	for i := range tries {
		err := f()
		if !errors.Is(err, resource.ErrChanged) {
			return err
		}
		if i < 2 {
			continue
		}
		wait := time.NewTimer(time.Duration(rand.IntN(i+1)) * time.Millisecond)
		select {
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		case <-wait.C:
		}
	}
	return resource.ErrChanged
}

// again resolves the request's target anew after something changed.
func (r *Request) again(ctx context.Context) (*Target, error) {
	return r.resolve(ctx, requestPath(r.http.URL), creates(r.Method))
}
