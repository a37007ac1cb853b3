package dav

import (
	"context"
	"errors"
	"net/http"

	"fachwerk/internal/resource"
)

// transfer is COPY and MOVE (RFC 4918 sections 9.8 and 9.9).
func transfer(ctx context.Context, r *Request, t *Target) error {
	rules, err := r.rules(t)
	if err != nil {
		return err
	}
	path, err := r.destination()
	if err != nil {
		return err
	}
	var created bool
	var to *Target
	first := true
	err = r.decide(ctx, func() (err error) {
		if !first {
			if t, err = r.again(ctx); err != nil {
				return err
			}
			if !t.Exists {
				return notFound()
			}
		}
		first = false
		if to, err = r.resolve(ctx, path, true); err != nil {
			if isMissing(err) || isStatus(err, http.StatusNotFound) {
				return refused(http.StatusConflict, "The destination is in no collection that you may use.")
			}
			return err
		}
		created, err = r.transferOnce(ctx, t, to, rules)
		return err
	})
	switch {
	case errors.Is(err, resource.ErrExists) && !rules.Overwrite:
		return failed("There is something at the destination, and Overwrite is F.")
	case err != nil:
		return r.refusal(to, err)
	case created:
		// What was made is not what the request names (RFC 9110 section 15.3.2).
		r.w.Header().Set("Location", to.Href)
		return r.empty(http.StatusCreated)
	}
	return r.empty(http.StatusNoContent)
}

func isStatus(err error, status int) bool {
	p, ok := asPrecondition(err)
	return ok && p.Status == status
}

// rules reads Depth and Overwrite.
func (r *Request) rules(t *Target) (rules resource.Transfer, err error) {
	switch {
	case t.Level == AtCollection && t.Mount.Tree:
		return rules, refused(http.StatusForbidden, "A drive as a whole can be neither copied nor moved.")
	case t.Level == AtCollection:
		return rules, refused(http.StatusForbidden, "A whole collection can be neither copied nor moved; another name for people is its displayname.")
	case r.Method == "MOVE" && r.depthSet && r.Depth != DepthInfinity && t.Level == AtFolder:
		return rules, refused(http.StatusBadRequest, "A folder moves with all that is in it: Depth must be infinity.")
	case r.Method == "COPY" && r.depthSet && r.Depth == Depth1:
		return rules, refused(http.StatusBadRequest, "Depth of a COPY is 0 or infinity.")
	}
	rules.Shallow = r.depthSet && r.Depth == Depth0
	switch r.Header.Get("Overwrite") {
	case "", "T", "t":
		rules.Overwrite = true
	case "F", "f":
	default:
		return rules, refused(http.StatusBadRequest, "Overwrite is neither T nor F.")
	}
	return rules, nil
}

// destination reads the header (RFC 4918 section 10.3).
func (r *Request) destination() (path string, err error) {
	values := r.Header.Values("Destination")
	if len(values) != 1 || values[0] == "" {
		return "", refused(http.StatusBadRequest, "%s needs one Destination.", r.Method)
	}
	path, ok, err := r.s.localPath(values[0], r.http.Host)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", refused(http.StatusBadGateway, "The destination is on another server.")
	}
	return path, nil
}

func (r *Request) transferOnce(ctx context.Context, t, to *Target, rules resource.Transfer) (created bool, err error) {
	if err := r.mayTransfer(t, to); err != nil {
		return false, err
	}
	g, err := r.guard(t)
	if err != nil {
		return false, err
	}
	if err := r.judge(ctx, t, &g); err != nil {
		return false, err
	}
	if to.Exists && !rules.Overwrite {
		return false, resource.ErrExists
	}
	if t.Account.Key != to.Account.Key {
		// Two accounts have two locks: what is written is decided under that of
		// the destination. The source was judged when it was read.
		g.Seen = nil
	}
	to.seen(&g, false)
	if h, ok := to.Head.(Transferrer); ok {
		if err := h.Transfer(ctx, r, t, to); err != nil {
			return false, err
		}
	}
	name := to.Name()
	if to.Exists {
		name = to.Item.Name
	}
	place := resource.Place{Collection: to.Collection, Parent: to.Parent(), Name: name}
	if r.Method == "COPY" {
		_, created, err = r.s.c.Resources.Copy(ctx, t.Collection, t.Item, place, rules, g)
		return created, err
	}
	_, created, err = r.s.c.Resources.Move(ctx, t.Collection, t.Item, place, rules, g)
	if errors.Is(err, resource.ErrNotFound) {
		err = resource.ErrChanged // look where it is now
	}
	return created, err
}

func (r *Request) mayTransfer(t, to *Target) error {
	switch {
	case to.Level&(AtMember|AtFolder) == 0:
		return refused(http.StatusForbidden, "The destination is not inside of a collection.")
	case to.orphan:
		return refused(http.StatusConflict, "The folder or collection of the destination does not exist.")
	case to.Mount.ReadOnly != "":
		return refused(http.StatusForbidden, "%s", to.Mount.ReadOnly)
	case t.Mount.Kind != to.Mount.Kind:
		return refused(http.StatusForbidden, "What lies in %s cannot go into %s.", t.Mount.Segment, to.Mount.Segment)
	case to.Exists && to.Item.ID == t.Item.ID && sameCollection(t, to) && to.Name() == t.Name():
		return refused(http.StatusForbidden, "Source and destination are the same.")
	}
	if r.Method == "MOVE" {
		if err := r.may(t, resource.Write, "unbind"); err != nil {
			return err
		}
	} else if t.Virtual != nil {
		return refused(http.StatusForbidden, "What the server makes up cannot be copied here.")
	}
	return r.may(to, resource.Write, "bind")
}
