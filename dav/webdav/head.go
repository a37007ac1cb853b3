package webdav

import (
	"context"
	"errors"
	"net/http"

	"fachwerk/auth"
	"fachwerk/dav"
	"fachwerk/files"
	"fachwerk/internal/resource"
)

// drive is what the two mounts have in common.
type drive struct {
	files *files.Service
	mount dav.Mount
}

// Mount says where the head's resources lie.
func (d *drive) Mount() dav.Mount { return d.mount }

// Ensure makes an account's drive.
func (d *drive) Ensure(ctx context.Context, a resource.Account) error {
	_, err := d.files.Drive(ctx, a)
	return err
}

// Reports has none beside the core's.
func (d *drive) Reports() []dav.Report { return nil }

// ContentType goes by the name.
func (d *drive) ContentType(t *dav.Target) string { return mediaType(t.Name()) }

// Name answers the form in which names are kept, so that a Mac's decomposed name and
// a composed one find the same file.
func (d *drive) Name(segment string, _ bool) (string, error) {
	name, err := files.Name(segment)
	if err != nil {
		return "", bad(sentence(err))
	}
	return name, nil
}

// sentence makes an error of package files one.
func sentence(err error) string {
	var name *files.NameError
	var digest *files.DigestError
	switch {
	case errors.As(err, &name):
		return "This name cannot be used: it " + name.Reason + "."
	case errors.As(err, &digest):
		return "The content that came does not have the " + digest.Algorithm.String() + " digest it was sent with. Nothing was stored."
	}
	return "The content that came does not have the length it was sent with. Nothing was stored."
}

// Refuse makes the errors of package files refusals with a sentence.
func (d *drive) Refuse(_ *dav.Request, _ *dav.Target, err error) error {
	var refusal *dav.Precondition
	switch {
	case errors.As(err, &refusal):
		return err
	case errors.Is(err, resource.ErrDigest), errors.As(err, new(*files.NameError)):
		return bad(sentence(err))
	}
	return err
}

// Files is the head of /files/. It is made by NewFiles.
type Files struct{ drive }

// NewFiles makes the head of drives.
func NewFiles(service *files.Service) *Files {
	return &Files{drive{service, dav.Mount{
		Segment: "files", Kind: resource.Drive, Scope: auth.Files,
		Tree: true, Drive: files.DriveName, Root: resource.Root,
	}}}
}

// Accept takes a file in and checks it against what its sender says of it.
func (f *Files) Accept(ctx context.Context, in *dav.Incoming) (resource.Draft, error) {
	if err := checkPath(in.Target); err != nil {
		return resource.Draft{}, err
	}
	said, err := readFields(in.Header, in.Length)
	if err != nil {
		return resource.Draft{}, err
	}
	u := files.Upload{Body: in.Body, Size: said.size, Modified: said.modified, Digests: said.digests}
	if in.Target.Exists {
		u.Replaces = in.Target.Item.Size
	}
	draft, err := f.files.Receive(ctx, in.Target.Account, u)
	return draft, f.Refuse(in.Request, in.Target, err)
}

// checkPath bounds the path as a whole.
func checkPath(t *dav.Target) error {
	if _, err := files.Path(t.Names); err != nil {
		return bad(sentence(err))
	}
	return nil
}

// MakeCollection lets folders be made that are nothing but folders.
func (f *Files) MakeCollection(_ context.Context, c *dav.Creation) error {
	if len(c.Types) > 0 {
		// RFC 5689 section 3.3.
		return dav.Refusal(http.StatusForbidden, dav.D("valid-resourcetype"), "In a drive there are folders only: no other resourcetype can be made.")
	}
	return checkPath(c.Target)
}

// Remove puts what is deleted into the trash.
func (f *Files) Remove(ctx context.Context, t *dav.Target, g resource.Guard) error {
	return f.files.Gone(ctx, t.Collection, t.Item, false, g)
}

// Transfer bounds the new path.
func (f *Files) Transfer(_ context.Context, _ *dav.Request, _, to *dav.Target) error {
	return checkPath(to)
}
