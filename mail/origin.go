package mail

import (
	"context"
	"hash"
	"io"

	"fachwerk/internal/store"
)

// Origin says where an imported message came from. An account takes each origin
// once: Append fails with ErrExists for one it has.
type Origin = store.Origin

// SourceID hashes what names a mailbox of another server.
func (s *Service) SourceID(parts ...string) []byte { return s.store.SourceID(parts...) }

// OriginDigest digests a message's bytes as a source gives them.
func (s *Service) OriginDigest() hash.Hash { return s.store.OriginDigest() }

// Origins lists what an account has imported from a source.
func (s *Service) Origins(ctx context.Context, a Access, source []byte) ([]Origin, error) {
	if err := s.allow(ctx, a, RightRead); err != nil {
		return nil, err
	}
	list, err := s.store.Origins(ctx, a.key(), source)
	return list, wrap(err, "origins")
}

// AddOrigin notes one more place that an imported message came from.
func (s *Service) AddOrigin(ctx context.Context, a Access, o Origin) error {
	if err := s.allow(ctx, a, RightWrite); err != nil {
		return err
	}
	return wrap(s.store.AddOrigin(ctx, a.key(), o), "note origin")
}

// DigestObject reads a stored message to its end and digests it. found is false
// when no mailbox holds it any more.
func (s *Service) DigestObject(ctx context.Context, a Access, objectID int64) (digest []byte, found bool, err error) {
	if err := s.allow(ctx, a, RightRead); err != nil {
		return nil, false, err
	}
	items, err := s.store.ItemsByObject(ctx, a.key(), []int64{objectID})
	if err != nil || len(items) == 0 {
		return nil, false, wrap(err, "object %d", objectID)
	}
	body, err := s.store.Body(ctx, a.key(), items[0].Content)
	if err != nil {
		return nil, true, wrap(err, "object %d", objectID)
	}
	r, err := body.Open(ctx, 0, -1)
	if err != nil {
		return nil, true, wrap(err, "object %d", objectID)
	}
	defer r.Close()
	h := s.store.OriginDigest()
	if _, err := io.Copy(h, r); err != nil {
		return nil, true, wrap(err, "object %d", objectID)
	}
	return h.Sum(nil), true, nil
}
