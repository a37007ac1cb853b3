package files

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fachwerk/internal/resource"
)

// SetModified gives a file another time and leaves all else as it is. The content
// is put in place again, so more than MaxTouch bytes are refused with
// resource.ErrTooLarge. Digests in check must be those of the content, and are kept.
// g must contain the file as seen; errors are those of Receive and of
// resource.Service.Put, and ErrFolder: a folder's time is that of its last change.
func (s *Service) SetModified(ctx context.Context, c resource.Collection, i resource.Item, to time.Time, check []Digest, g resource.Guard) error {
	if i.Folder {
		return resource.ErrFolder
	}
	known, err := s.Digests(ctx, c, []resource.Item{i})
	if err != nil {
		return err
	}
	missing, err := compare(known[i.ID], check)
	switch {
	case err != nil:
		return err
	case !missing && i.Modified.Equal(to):
		return nil
	case i.Size > MaxTouch:
		return fmt.Errorf("set the time of a file: %w", resource.ErrTooLarge)
	}
	body, err := s.resources.Open(ctx, c, i)
	if err != nil {
		return err
	}
	content, err := body.Open(ctx, 0, -1)
	if err != nil {
		return err
	}
	// The digests travel along and are checked: a file is never made worse.
	d, err := s.Receive(ctx, c.Account, Upload{Body: content, Size: i.Size, Replaces: i.Size,
		Modified: to, Digests: append(known[i.ID], check...)})
	if err = errors.Join(err, content.Close()); err != nil {
		return err
	}
	_, err = s.resources.Put(ctx, resource.Place{Collection: c, Parent: i.Parent, Name: i.Name}, d, g)
	return err
}

// compare holds digests against those known; missing: not all of them are known.
func compare(known, check []Digest) (missing bool, err error) {
	for _, want := range check {
		have, ok := find(known, want.Algorithm)
		switch {
		case !ok:
			missing = true
		case !have.Equal(want):
			return false, &DigestError{want.Algorithm}
		}
	}
	return missing, nil
}
