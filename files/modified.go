package files

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"fachwerk/internal/resource"
)

// SetModified gives a file another time and leaves all else, its ETag included, as it
// is. Digests in check must be those of the content, and are kept; one that is not
// known yet is compared by reading the content, so a file of more than MaxCheck bytes
// is refused then with resource.ErrTooLarge. g must contain the file as seen. Errors
// are *DigestError, those of resource.Service.Touch, and ErrFolder: a folder's time is
// that of its last change.
func (s *Service) SetModified(ctx context.Context, c resource.Collection, i resource.Item, to time.Time, check []Digest, g resource.Guard) error {
	if i.Folder {
		return resource.ErrFolder
	}
	if len(check) > 0 {
		if err := s.keep(ctx, c, i, check); err != nil {
			return err
		}
	}
	if i.Modified.Equal(to) {
		return nil
	}
	_, err := s.resources.Touch(ctx, c, i, to, g)
	return err
}

// keep compares digests with a file's content and keeps those that were not known.
func (s *Service) keep(ctx context.Context, c resource.Collection, i resource.Item, check []Digest) error {
	known, err := s.Digests(ctx, c, []resource.Item{i})
	if err != nil {
		return err
	}
	missing, err := compare(known[i.ID], check)
	switch {
	case err != nil || !missing:
		return err
	case i.Size > MaxCheck:
		return fmt.Errorf("compare the digest of a file: %w", resource.ErrTooLarge)
	}
	kept, err := s.digest(ctx, c, i, append(known[i.ID], check...))
	if err != nil {
		return err
	}
	return s.resources.PutFacts(ctx, c, i, FactsEncoder, EncodeFacts(kept))
}

// digest reads a file and answers the digests, which must be those of its content.
func (s *Service) digest(ctx context.Context, c resource.Collection, i resource.Item, want []Digest) ([]Digest, error) {
	e, err := expect(want)
	if err != nil {
		return nil, err
	}
	body, err := s.resources.Open(ctx, c, i)
	if err != nil {
		return nil, err
	}
	content, err := body.Open(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	sha := sha256.New()
	all := []io.Writer{sha}
	for _, h := range e.hashes {
		all = append(all, h)
	}
	_, err = io.Copy(io.MultiWriter(all...), content)
	if err = errors.Join(err, content.Close()); err != nil {
		return nil, err
	}
	return e.check([sha256.Size]byte(sha.Sum(nil)))
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
