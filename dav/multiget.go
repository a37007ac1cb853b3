package dav

import (
	"context"
	"errors"
	"slices"
	"strings"

	"fachwerk/internal/resource"
)

// Resolve finds what hrefs (paths or URLs, as the client wrote them) name, such as those
// of a multiget, in few round trips; in their order, with Exists false where nothing is,
// and nil where an href lies outside of t or cannot be one. A Target has the canonical
// Href; where it is not there the client's.
func (r *Request) Resolve(ctx context.Context, t *Target, hrefs []string) ([]*Target, error) {
	list := make([]*Target, len(hrefs))
	base, _, err := r.s.splitPath(t.Href)
	if err != nil {
		return nil, err
	}
	var direct []int // directly in t: looked up together
	var names []string
	for i, h := range hrefs {
		path, ok, err := r.s.localPath(strings.TrimSpace(h), r.http.Host)
		if err != nil || !ok {
			continue
		}
		below, _, err := r.s.splitPath(path)
		if err != nil || !isBelow(below, base) {
			continue
		}
		if len(below) == len(base)+1 && t.Level == AtCollection {
			name, err := t.name(below[len(base)], false)
			if err != nil {
				continue
			}
			direct, names = append(direct, i), append(names, name)
			continue
		}
		at, err := r.find(ctx, below, false)
		var p *Precondition
		switch {
		case errors.As(err, &p) || isMissing(err):
			at = &Target{Href: h}
		case err != nil:
			return nil, err
		}
		list[i] = at
	}
	return list, r.resolveDirect(ctx, t, hrefs, direct, names, list)
}

func (r *Request) resolveDirect(ctx context.Context, t *Target, hrefs []string, at []int, names []string, list []*Target) error {
	begin := 0
	for some := range slices.Chunk(names, page) {
		// The second half of a page is looked up meanwhile.
		half := len(some) / 2
		wait := resource.Ahead(func() ([]resource.Item, error) {
			return t.source.Named(ctx, t.Collection, t.Parent(), some[half:])
		})
		found, err := t.source.Named(ctx, t.Collection, t.Parent(), some[:half])
		rest, also := wait()
		if err := errors.Join(err, also); err != nil {
			return err
		}
		for i, item := range append(found, rest...) {
			k := at[begin+i]
			if item.ID == 0 {
				list[k] = &Target{Href: hrefs[k], Level: AtMember, mount: t.mount, Mount: t.Mount, Head: t.Head}
				continue
			}
			list[k] = r.Member(t, item)
		}
		begin += len(some)
	}
	return nil
}

func isBelow(names, base []string) bool {
	if len(names) < len(base) {
		return false
	}
	for i := range base {
		// The account may be named by another case of its address.
		if names[i] != base[i] && !(i == 1 && strings.EqualFold(names[i], base[i])) {
			return false
		}
	}
	return true
}

var _ Source = (*resource.Service)(nil)
