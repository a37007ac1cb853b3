package files

import (
	"context"
	"errors"
	"io"
	"time"

	"fachwerk/internal/resource"
)

// DriveName is the name of an account's one drive. It appears in no path.
const DriveName = "drive"

// MaxCheck is up to how many bytes a file may have whose content is read to compare a
// digest that was sent without it ([Service.SetModified]).
const MaxCheck = 1 << 30

// Service is files in terms of resources. It is safe for concurrent use.
type Service struct {
	resources *resource.Service
	lists     trashLists
}

// New makes a Service.
func New(resources *resource.Service) *Service { return &Service{resources: resources} }

// Drive answers an account's drive, made at its first use.
func (s *Service) Drive(ctx context.Context, a resource.Account) (resource.Collection, error) {
	c, err := s.resources.Collection(ctx, a, resource.Drive, DriveName)
	if !errors.Is(err, resource.ErrNotFound) {
		return c, err
	}
	return s.resources.EnsureCollection(ctx, a, resource.Drive, DriveName, nil)
}

// Upload is a file on its way in, and what its sender says about it.
type Upload struct {
	Body     io.Reader
	Size     int64     // bytes; -1: not known
	Replaces int64     // bytes of the file whose place it takes: the quota counts them once
	Modified time.Time // the file's own time; zero: now
	Digests  []Digest  // must be those of the content
}

// Receive reads a file whole and checks it. The draft is complete and durable, but
// invisible until it is put in place; who does not put it closes its Upload. Errors:
// resource.ErrQuota (before a byte is read where the size is known), *DigestError,
// resource.ErrDigest where the size is another, and those of the body.
func (s *Service) Receive(ctx context.Context, a resource.Account, u Upload) (resource.Draft, error) {
	e, err := expect(u.Digests)
	if err != nil {
		return resource.Draft{}, err
	}
	up, err := s.resources.NewUpload(ctx, a, resource.UploadOptions{Size: u.Size, Replaces: u.Replaces, Also: e.hashes})
	if err != nil {
		return resource.Draft{}, err
	}
	d, err := fill(up, u, e)
	if err != nil {
		return resource.Draft{}, errors.Join(err, up.Close())
	}
	return d, nil
}

func fill(up *resource.Upload, u Upload, e expectations) (resource.Draft, error) {
	if _, err := up.ReadFrom(u.Body); err != nil { // not io.Copy: whatever else a body can do
		return resource.Draft{}, err
	}
	if err := up.Finish(); err != nil {
		return resource.Draft{}, err
	}
	kept, err := e.check(up.SHA256())
	if err != nil {
		return resource.Draft{}, err
	}
	return resource.Draft{Upload: up, Modified: u.Modified, Facts: EncodeFacts(kept), Encoder: FactsEncoder}, nil
}

// Digests answers the digests known of files, by item ID; folders and unknown ones
// are not in it.
func (s *Service) Digests(ctx context.Context, c resource.Collection, items []resource.Item) (map[int64][]Digest, error) {
	out := make(map[int64][]Digest, len(items))
	err := s.resources.Facts(ctx, c, items, func(i int, encoder int16, facts []byte) error {
		if d, err := DecodeFacts(encoder, facts); err == nil {
			out[items[i].ID] = d
		}
		return nil
	})
	return out, err
}

// Gone takes a file or folder out of a drive: into the trash, or for good where it is
// [Fleeting] or lies in the trash already.
func (s *Service) Gone(ctx context.Context, c resource.Collection, i resource.Item, inTrash bool, g resource.Guard) error {
	if inTrash || !i.Folder && Fleeting(i.Name) {
		return s.resources.Remove(ctx, c, i, g)
	}
	return s.resources.Trash(ctx, c, i, g)
}
