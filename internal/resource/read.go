package resource

import (
	"context"

	"fachwerk/internal/store"
)

// Walk follows names from the root of a collection (or from TrashRoot) down and
// answers what was there, in their order. It stops at the first name that leads
// nowhere: found is shorter than names then. One name in calendars and address books.
func (s *Service) Walk(ctx context.Context, c Collection, root int64, names []string) (found []Item, err error) {
	panic("unwritten")
}

// Members answers up to limit members of a folder (Root, TrashRoot or an Item's ID),
// by name in byte order, that follow after. Each page is one snapshot.
func (s *Service) Members(ctx context.Context, c Collection, parent int64, after string, limit int) ([]Item, error) {
	panic("unwritten")
}

// Named answers those of the names that are there, in the order of names, with a zero
// Item where one is not.
func (s *Service) Named(ctx context.Context, c Collection, parent int64, names []string) ([]Item, error) {
	panic("unwritten")
}

// Candidates answers the resources of a calendar or address book whose Index may lie
// in the window, up to limit that follow afterUID, ascending by UID.
func (s *Service) Candidates(ctx context.Context, c Collection, w Window, afterUID int64, limit int) ([]Item, error) {
	panic("unwritten")
}

// ByUID finds the resource whose Index has that UID.
func (s *Service) ByUID(ctx context.Context, c Collection, uid string) (Item, error) {
	panic("unwritten")
}

// Bodies reads the whole content of many small resources in few round trips and calls
// f in the order of items. body is valid during the call only. An item that was
// replaced or removed meanwhile is passed over.
func (s *Service) Bodies(ctx context.Context, c Collection, items []Item, f func(i int, body []byte) error) error {
	panic("unwritten")
}

// Facts calls f with the Facts of those items that have any, in any order; facts are
// valid during the call only.
func (s *Service) Facts(ctx context.Context, c Collection, items []Item, f func(i int, encoder int16, facts []byte) error) error {
	panic("unwritten")
}

// PutFacts replaces an item's facts after their encoder changed.
func (s *Service) PutFacts(ctx context.Context, c Collection, i Item, encoder int16, facts []byte) error {
	panic("unwritten")
}

// Open reads an item's content; ranges are asked of the Body. ErrFolder.
func (s *Service) Open(ctx context.Context, c Collection, i Item) (*store.Body, error) {
	panic("unwritten")
}
