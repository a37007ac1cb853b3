package dav_test

import (
	"context"
	"fmt"
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
	t.Run("conditions", func(t *testing.T) { testConditionsMeanwhile(t, h, env, c) })
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

// What a folder's ETag and a lock token were judged on must still be so when it is
// written.
func testConditionsMeanwhile(t *testing.T, h *hastyHead, env *davtest.Env, c *davtest.Client) {
	at, other := "/files/"+c.Address+"/f/", "/files/"+c.Address+"/g/"
	make := func() (tag string) {
		c.Do(t, "DELETE", at, "")
		c.Do(t, "DELETE", other, "")
		c.Want(t, 201, "MKCOL", at, "")
		c.Want(t, 201, "MKCOL", other, "")
		c.Want(t, 201, "PUT", at+"a.txt", "a")
		return c.Propfind(t, at, "0", "<D:getetag/>").Responses[0].Text(dav.NamespaceDAV, "getetag")
	}
	for _, method := range []string{"DELETE", "MOVE", "COPY"} {
		for form, value := range map[string]string{"If-Match": "%s", "If": "([%s])"} {
			tag := make()
			h.meanwhile = func(*dav.Target) { c.Want(t, 201, "PUT", at+"precious.txt", "p") }
			c.Want(t, 412, method, at, "", form, fmt.Sprintf(value, tag), "Destination", other+"f")
			c.Want(t, 200, "GET", at+"precious.txt", "")
		}
		// Of another resource than the one that is written.
		tag := make()
		h.meanwhile = func(*dav.Target) { c.Want(t, 201, "PUT", at+"precious.txt", "p") }
		c.Want(t, 412, method, other, "", "If", "<"+at+"> (["+tag+"])", "Destination", at+"f")
		// A lock is gone, or has come.
		make()
		token := c.Want(t, 200, "LOCK", at+"a.txt", lockBody("exclusive")).Header.Get("Lock-Token")
		h.meanwhile = func(*dav.Target) { c.Want(t, 204, "UNLOCK", at+"a.txt", "", "Lock-Token", token) }
		c.Want(t, 412, method, at+"a.txt", "", "If", "("+token+")", "Destination", other+"a.txt")
		h.meanwhile = func(*dav.Target) {
			token = c.Want(t, 200, "LOCK", at+"a.txt", lockBody("exclusive")).Header.Get("Lock-Token")
		}
		if status := c.Do(t, method, at+"a.txt", "", "If", "(Not "+token+")", "Destination", other+"b.txt").Status; method != "COPY" && status != 423 {
			t.Errorf("%s of what was locked meanwhile: %d", method, status)
		}
		c.Want(t, 204, "UNLOCK", at+"a.txt", "", "Lock-Token", token)
	}
	make()
	env.Sound(t)
	c.Want(t, 204, "DELETE", at, "")
	c.Want(t, 204, "DELETE", other, "")
}
