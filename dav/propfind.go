package dav

import (
	"context"
	"net/http"

	"fachwerk/internal/resource"
)

// page is how many members are read at a time.
const page = 500

// propfind is RFC 4918 section 9.1. Members are read page by page and written as they
// come: memory does not depend on how many there are.
func propfind(ctx context.Context, r *Request, t *Target) error {
	body, err := r.expect(r.s.c.Limits.Body, D("propfind"))
	if err != nil {
		return err
	}
	if body == nil { // section 9.1: as if allprop
		body = &Element{Name: D("propfind"), Children: []*Element{{Name: D("allprop")}}}
	}
	sel, err := r.Selection(body)
	if err != nil {
		return err
	}
	if sel.empty() && body.Child(D("prop")) == nil {
		return refused(http.StatusBadRequest, "None of prop, allprop and propname is asked for.")
	}
	deep := r.Depth == DepthInfinity || !r.depthSet
	if deep && t.Level&(AtMember|AtPrincipal) == 0 {
		return Refusal(http.StatusForbidden, D("propfind-finite-depth"), "Depth: infinity is not answered here; ask with Depth 1, folder by folder, or by sync-collection.")
	}
	if err := r.judge(ctx, t, nil); err != nil {
		return err
	}
	m := r.Multistatus()
	if !r.Prefers("depth-noroot") && r.Header.Get("Depth") != "1,noroot" || r.Depth == Depth0 {
		if err := m.one(ctx, t, sel); err != nil {
			return err
		}
	}
	if r.Depth == Depth1 {
		if err := m.members(ctx, t, sel); err != nil {
			return err
		}
	}
	return m.end()
}

// one writes the target itself, also when nothing is asked for: an empty propstat.
func (m *Multistatus) one(ctx context.Context, t *Target, sel *Selection) error {
	if err := m.load(ctx, []*Target{t}, sel); err != nil {
		return err
	}
	if err := sel.response(ctx, m.r, m.XML, t); err != nil {
		return err
	}
	return m.flush()
}

// members writes what lies directly below.
func (m *Multistatus) members(ctx context.Context, t *Target, sel *Selection) error {
	switch t.Level {
	case AtRoot:
		list, err := m.r.belowRoot(ctx, t)
		if err != nil {
			return err
		}
		return m.Resources(ctx, list, sel)
	case AtHome:
		list, err := m.r.Collections(ctx, t)
		if err != nil {
			return err
		}
		return m.Resources(ctx, list, sel)
	case AtCollection, AtFolder:
		return m.r.eachMember(ctx, t, func(list []*Target) error { return m.Resources(ctx, list, sel) })
	}
	return nil
}

// eachMember reads the members of a collection or folder page by page, the next while
// f works on one; the targets are valid during the call.
func (r *Request) eachMember(ctx context.Context, t *Target, f func([]*Target) error) error {
	parent := t.Item.ID
	if t.Level == AtCollection {
		parent = resource.Root
		if t.Mount.Tree {
			parent = t.Mount.Root
		}
	}
	targets := make([]Target, page)
	list := make([]*Target, 0, page)
	prototype := *t
	prototype.Body, prototype.Facts, prototype.Stored, prototype.loaded = nil, nil, nil, 0
	if t.Level == AtFolder {
		prototype.Folders = append(t.Folders[:len(t.Folders):len(t.Folders)], t.Item)
	}
	depth := len(t.Names)
	read := func(after string) func() ([]resource.Item, error) {
		return resource.Ahead(func() ([]resource.Item, error) { return t.source.Members(ctx, t.Collection, parent, after, page) })
	}
	next := read("")
	defer func() {
		if next != nil {
			_, _ = next() // nobody wants it any more
		}
	}()
	for {
		wait := next
		next = nil
		items, err := wait()
		if err != nil {
			return err
		}
		if len(items) == page {
			next = read(items[page-1].Name)
		}
		list = list[:0]
		names := make([]string, 0, len(items)*(depth+1))
		for i := range items {
			at := &targets[i]
			*at = prototype
			at.Item = items[i]
			at.Level = AtMember
			if at.Item.Folder {
				at.Level = AtFolder
			}
			begin := len(names)
			names = append(append(names, t.Names...), at.Item.Name)
			at.Names = names[begin:len(names):len(names)]
			at.Href = member(t.Href, at.Item.Name, at.Item.Folder)
			list = append(list, at)
		}
		if err := f(list); err != nil {
			return err
		}
		if next == nil {
			return nil
		}
	}
}

// belowRoot are the mounts, or the homes that the person may look into.
func (r *Request) belowRoot(ctx context.Context, t *Target) ([]*Target, error) {
	switch {
	case t.mount != nil && r.Principal.Allows(t.Mount.Scope):
		accounts, err := r.readable(ctx)
		if err != nil {
			return nil, err
		}
		var list []*Target
		for _, a := range accounts {
			if t.Mount.Tree {
				// Made when somebody looks in; where that is not permitted yet
				// there is nothing to see.
				at, err := r.find(ctx, []string{t.Mount.Segment, a.Address}, false)
				if isMissing(err) {
					continue
				}
				if err != nil {
					return nil, err
				}
				list = append(list, at)
				continue
			}
			list = append(list, &Target{
				Head: t.Head, Mount: t.Mount, mount: t.mount, Level: AtHome, Account: a, Exists: true,
				Href: href(true, t.Mount.Segment, a.Address),
			})
		}
		return list, nil
	case t.Href == "/":
		list := []*Target{{Level: AtRoot, Exists: true, Href: href(true, principals)}}
		for _, m := range r.s.order {
			if r.Principal.Allows(m.Scope) {
				list = append(list, &Target{Head: m.head, Mount: &m.Mount, mount: m, Level: AtRoot, Exists: true, Href: href(true, m.Segment)})
			}
		}
		return list, nil
	default:
		own, err := r.principal(ctx, r.Principal.Address)
		if err != nil {
			return nil, err
		}
		return []*Target{own}, nil
	}
}
