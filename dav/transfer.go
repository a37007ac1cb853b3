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
		if t.Level == AtCollection {
			created, err = r.transferWhole(ctx, t, to, rules)
		} else {
			created, err = r.transferOnce(ctx, t, to, rules)
		}
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
	case r.Method == "MOVE" && r.depthSet && r.Depth != DepthInfinity && t.Level&(AtFolder|AtCollection) != 0:
		return rules, refused(http.StatusBadRequest, "What moves does so with all that is in it: Depth must be infinity.")
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
	g, err := r.judged(ctx, t)
	if err != nil {
		return false, err
	}
	if to.Exists && !rules.Overwrite {
		return false, resource.ErrExists
	}
	if t.Account.Key != to.Account.Key {
		// Each account compares its own, a COPY that of the destination: what it
		// copies is what was read.
		rules.From = g
		g = resource.Guard{Tokens: g.Tokens}
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

// transferWhole moves or copies a calendar or an address book in its account.
func (r *Request) transferWhole(ctx context.Context, t, to *Target, rules resource.Transfer) (created bool, err error) {
	if err := r.mayTransferWhole(t, to); err != nil {
		return false, err
	}
	g, err := r.judged(ctx, t)
	if err != nil {
		return false, err
	}
	if to.Exists && !rules.Overwrite {
		return false, resource.ErrExists
	}
	whole := resource.CollectionTransfer{Name: to.asked, Over: to.Collection, Shallow: rules.Shallow}
	if r.Method == "COPY" {
		_, err = r.s.c.Resources.CopyCollection(ctx, t.Collection, whole, g)
	} else {
		_, err = r.s.c.Resources.MoveCollection(ctx, t.Collection, whole, g)
	}
	switch {
	case errors.Is(err, resource.ErrNotFound):
		err = resource.ErrChanged // look what it is called now
	case errors.Is(err, resource.ErrTooMany):
		err = refused(http.StatusInsufficientStorage, "It has more than the %d members that are copied at once, or there are %d collections already.",
			resource.MaxCopied, resource.MaxCollections)
	}
	return !to.Exists, err
}

func (r *Request) mayTransferWhole(t, to *Target) error {
	switch {
	case t.Mount.Kind != to.Mount.Kind:
		return refused(http.StatusForbidden, "What lies in %s cannot go into %s.", t.Mount.Segment, to.Mount.Segment)
	case to.Level != AtCollection:
		location := CardDAV("addressbook-collection-location-ok") // RFC 6352 section 6.3.1
		if to.Mount.calendars() {
			location = CalDAV("calendar-collection-location-ok") // RFC 4791 section 5.3.1
		}
		return Refusal(http.StatusForbidden, location, "A whole collection can only lie directly in a home.")
	case t.Virtual != nil, to.Virtual != nil:
		return refused(http.StatusForbidden, "What the server makes up can be neither copied nor moved, and nothing takes its place.")
	case t.Account.Key != to.Account.Key:
		return refused(http.StatusForbidden, "A whole collection stays in its account. Make one in the other account and move the members.")
	case to.Exists && to.Collection.ID == t.Collection.ID:
		return refused(http.StatusForbidden, "Source and destination are the same.")
	}
	if r.Method == "MOVE" {
		if err := r.may(t, resource.Manage, "unbind"); err != nil {
			return err
		}
	}
	return r.may(to, resource.Manage, "bind")
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
