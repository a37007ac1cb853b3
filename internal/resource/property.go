package resource

import (
	"context"
)

// Properties answers the properties of a collection (key 0) and of the items named by
// ID, in one round trip. ids nil means the collection alone.
func (s *Service) Properties(ctx context.Context, c Collection, ids []int64) (map[int64][]Property, error) {
	panic("unwritten")
}

// SetProperties changes properties of an item, or with item 0 those of the collection
// itself, all or nothing. ErrTooMany beyond 1,000 properties or 1 MiB a resource.
func (s *Service) SetProperties(ctx context.Context, c Collection, item int64, changes []PropertyChange, g Guard) error {
	panic("unwritten")
}
