package resource

import (
	"context"
)

// Changes answers up to limit changes since a token; the empty token lists all that is
// there. ErrToken where it is not of this collection, of another generation or older
// than the history kept.
func (s *Service) Changes(ctx context.Context, c Collection, token string, limit int) (Changes, error) {
	panic("unwritten")
}
