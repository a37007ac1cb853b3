package dav

import (
	"context"
	"errors"
	"net/http"

	"fachwerk/internal/resource"
)

// remove is DELETE (RFC 4918 section 9.6).
func remove(ctx context.Context, r *Request, t *Target) error {
	if r.depthSet && r.Depth != DepthInfinity && t.Level != AtMember {
		return refused(http.StatusBadRequest, "What is deleted goes with all that is in it: Depth must be infinity.")
	}
	first := true
	err := r.decide(ctx, func() (err error) {
		if !first {
			if t, err = r.again(ctx); err != nil {
				return err
			}
			if !t.Exists {
				return notFound()
			}
		}
		first = false
		return r.removeOnce(ctx, t)
	})
	if err != nil {
		return r.refusal(t, err)
	}
	return r.empty(http.StatusNoContent)
}

func (r *Request) removeOnce(ctx context.Context, t *Target) error {
	right := resource.Write
	if t.Level == AtCollection {
		right = resource.Manage
		if t.Mount.Tree {
			return refused(http.StatusForbidden, "A drive as a whole cannot be removed.")
		}
	}
	if err := r.may(t, right, "unbind"); err != nil {
		return err
	}
	g, err := r.judged(ctx, t)
	if err != nil {
		return err
	}
	if t.Level == AtCollection {
		return r.s.c.Resources.RemoveCollection(ctx, t.Collection, g)
	}
	if h, ok := t.Head.(Remover); ok {
		err = h.Remove(ctx, t, g)
	} else {
		err = r.s.c.Resources.Remove(ctx, t.Collection, t.Item, g)
	}
	if errors.Is(err, resource.ErrNotFound) {
		return resource.ErrChanged // look where it is now
	}
	return err
}
