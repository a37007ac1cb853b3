package resource

import (
	"context"
	"errors"
	"fmt"

	"fachwerk/internal/store"
)

// Walk follows names from the root of a collection (or from TrashRoot) down and
// answers what was there, in their order. It stops at the first name that leads
// nowhere: found is shorter than names then. One name in calendars and address books.
func (s *Service) Walk(ctx context.Context, c Collection, root int64, names []string) (found []Item, err error) {
	if root < TrashRoot || len(names) > maxDepth {
		return nil, nil
	}
	rows, err := s.o.Store.WalkNames(ctx, c.Account.Key, c.ID, root, names)
	return s.items(rows), err
}

// maxDepth is how many names a path may have.
const maxDepth = 1000

// Members answers up to limit members of a folder (Root, TrashRoot or an Item's ID),
// by name in byte order, that follow after. Each page is one snapshot.
func (s *Service) Members(ctx context.Context, c Collection, parent int64, after string, limit int) ([]Item, error) {
	if parent < TrashRoot {
		return nil, ErrNotFound
	}
	rows, err := s.o.Store.Members(ctx, c.Account.Key, c.ID, parent, after, limit)
	return s.items(rows), err
}

// Named answers those of the names that are there, in the order of names, with a zero
// Item where one is not.
func (s *Service) Named(ctx context.Context, c Collection, parent int64, names []string) ([]Item, error) {
	if parent < TrashRoot {
		return make([]Item, len(names)), nil
	}
	rows, err := s.o.Store.Named(ctx, c.Account.Key, c.ID, parent, names)
	if err != nil {
		return nil, err
	}
	byName := make(map[string]Item, len(rows))
	for _, i := range rows {
		byName[i.Name] = s.item(i)
	}
	list := make([]Item, len(names))
	for n, name := range names {
		list[n] = byName[name]
	}
	return list, nil
}

// Candidates answers the resources of a calendar or address book whose Index may lie
// in the window, up to limit that follow afterUID, ascending by UID.
func (s *Service) Candidates(ctx context.Context, c Collection, w Window, afterUID int64, limit int) ([]Item, error) {
	rows, err := s.o.Store.Candidates(ctx, c.Account.Key, c.ID, store.Window(w), afterUID, limit)
	return s.items(rows), err
}

// ByUID finds the resource whose Index has that UID.
func (s *Service) ByUID(ctx context.Context, c Collection, uid string) (Item, error) {
	i, err := s.o.Store.ByUID(ctx, c.Account.Key, c.ID, uid)
	if err != nil {
		return Item{}, err
	}
	return s.item(i), nil
}

// A batch of bodies is bounded, because it is in memory at once.
const (
	batchBytes = 4 << 20
	batchItems = 256
)

// Bodies reads the whole content of many small resources in few round trips and calls
// f in the order of items. body is valid during the call only. An item that was
// replaced or removed meanwhile is passed over once its content has gone.
func (s *Service) Bodies(ctx context.Context, c Collection, items []Item, f func(i int, body []byte) error) error {
	for from := 0; from < len(items); {
		var ids []store.ContentID
		var places []int
		var bytes int64
		to := from
		for ; to < len(items) && len(ids) < batchItems && (bytes == 0 || bytes+items[to].Size <= batchBytes); to++ {
			if items[to].content != (store.ContentID{}) {
				ids, places = append(ids, items[to].content), append(places, to)
				bytes += items[to].Size
			}
		}
		err := s.o.Store.Contents(ctx, c.Account.Key, ids, func(i int, body []byte) error { return f(places[i], body) })
		if err != nil {
			return err
		}
		from = to
	}
	return nil
}

// Facts calls f with the Facts of those items that have any, in any order; facts are
// valid during the call only.
func (s *Service) Facts(ctx context.Context, c Collection, items []Item, f func(i int, encoder int16, facts []byte) error) error {
	places := make(map[int64][]int, len(items))
	objects := make([]int64, 0, len(items))
	for n, i := range items {
		if i.object != 0 {
			places[i.object] = append(places[i.object], n)
			objects = append(objects, i.object)
		}
	}
	return s.o.Store.Metas(ctx, c.Account.Key, objects, func(object int64, encoder int16, facts []byte, _ store.ContentID) error {
		for _, n := range places[object] {
			if err := f(n, encoder, facts); err != nil {
				return err
			}
		}
		return nil
	})
}

// PutFacts replaces an item's facts after their encoder changed. Those of one that
// was replaced meanwhile are passed over.
func (s *Service) PutFacts(ctx context.Context, c Collection, i Item, encoder int16, facts []byte) error {
	if i.Folder {
		return ErrFolder
	}
	return s.o.Store.PutMeta(ctx, c.Account.Key, i.object, encoder, i.content, facts)
}

// Open reads an item's content; ranges are asked of the Body. ErrFolder.
func (s *Service) Open(ctx context.Context, c Collection, i Item) (*store.Body, error) {
	if i.Folder {
		return nil, fmt.Errorf("open %q: %w", i.Name, ErrFolder)
	}
	b, err := s.o.Store.Body(ctx, c.Account.Key, i.content)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("open %q: %w", i.Name, ErrNotFound)
	}
	return b, err
}
