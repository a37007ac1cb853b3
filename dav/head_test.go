package dav_test

import (
	"context"
	"encoding/xml"
	"io"
	"mime"
	"path"
	"testing"

	"fachwerk/auth"
	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store/storetest"
)

// plainHead is the least that a head can be: it stores whatever comes.
type plainHead struct {
	mount     dav.Mount
	resources *resource.Service
	first     string // collection of every account
}

func (h *plainHead) Mount() dav.Mount { return h.mount }

func (h *plainHead) Ensure(ctx context.Context, a resource.Account) error {
	if h.first == "" {
		return nil
	}
	_, err := h.resources.EnsureCollection(ctx, a, h.mount.Kind, h.first, nil)
	return err
}

func (h *plainHead) Accept(ctx context.Context, in *dav.Incoming) (resource.Draft, error) {
	u, err := h.resources.NewUpload(ctx, in.Target.Account, resource.UploadOptions{Size: in.Length})
	if err != nil {
		return resource.Draft{}, err
	}
	d := resource.Draft{Upload: u}
	if _, err := io.Copy(u, in.Body); err != nil {
		return d, err
	}
	if !h.mount.Tree {
		d.Index = &resource.Index{UID: in.Target.Name()}
	}
	return d, u.Finish()
}

func (h *plainHead) MakeCollection(context.Context, *dav.Creation) error { return nil }
func (h *plainHead) Properties() []dav.LiveProperty                      { return nil }
func (h *plainHead) Reports() []dav.Report                               { return nil }

func (h *plainHead) ContentType(t *dav.Target) string {
	return mime.TypeByExtension(path.Ext(t.Name()))
}

// open starts a server with a drive and with calendars that hold anything.
func open(t testing.TB, e storetest.Engines, change ...func(*dav.Config)) *davtest.Env {
	t.Helper()
	return davtest.Open(t, e, plainHeads, change...)
}

func plainHeads(env *resourcetest.Env) []dav.Head {
	return []dav.Head{
		&plainHead{mount: dav.Mount{Segment: "files", Kind: resource.Drive, Scope: auth.Files, Tree: true, Drive: "drive"},
			resources: env.Service, first: "drive"},
		&plainHead{mount: dav.Mount{Segment: "calendars", Kind: resource.Calendar, Scope: auth.Calendars,
			HomeSet: dav.CalDAV("calendar-home-set"), Types: []xml.Name{dav.CalDAV("calendar")},
			Features: []string{"calendar-access"}, MaxBody: 1 << 20}, resources: env.Service, first: "calendar"},
	}
}

// each runs a test on both pairs of engines, as far as they are there.
func each(t *testing.T, f func(t *testing.T, env *davtest.Env)) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) { f(t, open(t, e)) })
	}
}
