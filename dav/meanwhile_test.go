package dav_test

import (
	"context"
	"testing"

	"fachwerk/auth"
	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store/storetest"
)

// hastyHead lets somebody else be faster between the reading and the writing of a DELETE,
// COPY or MOVE.
type hastyHead struct {
	plainHead
	meanwhile func(at *dav.Target) // once
}

func (h *hastyHead) others(at *dav.Target) {
	if f := h.meanwhile; f != nil {
		h.meanwhile = nil
		f(at)
	}
}

func (h *hastyHead) Remove(ctx context.Context, t *dav.Target, g resource.Guard) error {
	h.others(t)
	return h.resources.Remove(ctx, t.Collection, t.Item, g)
}

func (h *hastyHead) Transfer(_ context.Context, _ *dav.Request, from, _ *dav.Target) error {
	h.others(from)
	return nil
}

// What another person moved away meanwhile is neither removed nor moved again.
func TestOnlyWhatLiesAtThePlace(t *testing.T) {
	h := &hastyHead{plainHead: plainHead{first: "drive",
		mount: dav.Mount{Segment: "files", Kind: resource.Drive, Scope: auth.Files, Tree: true, Drive: "drive"}}}
	env := davtest.Open(t, storetest.Embedded, func(e *resourcetest.Env) []dav.Head {
		h.resources = e.Service
		return []dav.Head{h}
	})
	c := env.Client(t, "anna")
	home := "/files/" + c.Address + "/"
	rescue := func(at *dav.Target) {
		_, _, err := env.Move(t.Context(), at.Collection, at.Item,
			resource.Place{Collection: at.Collection, Name: "rescued.txt"}, resource.Transfer{}, resource.Guard{})
		if err != nil {
			t.Error(err)
		}
	}
	for _, method := range []string{"DELETE", "MOVE", "COPY"} {
		c.Want(t, 201, "PUT", home+"a.txt", "precious")
		h.meanwhile = rescue
		c.Want(t, 404, method, home+"a.txt", "", "Destination", home+"b.txt")
		if got := c.Do(t, "GET", home+"rescued.txt", ""); got.Status != 200 || got.Body != "precious" {
			t.Errorf("%s: what was moved away: %d %q", method, got.Status, got.Body)
		}
		c.Want(t, 204, "DELETE", home+"rescued.txt", "")
	}
	env.Sound(t)
}
