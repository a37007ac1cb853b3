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
	return s.items(c, rows), err
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
	return s.items(c, rows), err
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
	byName := make(map[string]int, len(rows))
	for n := range rows {
		byName[rows[n].Name] = n
	}
	list := make([]Item, len(names))
	for n, name := range names {
		if found, ok := byName[name]; ok {
			list[n] = s.item(c, rows[found])
		}
	}
	return list, nil
}

// Candidates answers the resources of a calendar or address book whose Index may lie
// in the window, up to limit that follow afterUID, ascending by UID.
func (s *Service) Candidates(ctx context.Context, c Collection, w Window, afterUID int64, limit int) ([]Item, error) {
	rows, err := s.o.Store.Candidates(ctx, c.Account.Key, c.ID, store.Window(w), afterUID, limit)
	return s.items(c, rows), err
}

// ByUID finds the resource whose Index has that UID.
func (s *Service) ByUID(ctx context.Context, c Collection, uid string) (Item, error) {
	i, err := s.o.Store.ByUID(ctx, c.Account.Key, c.ID, uid)
	if err != nil {
		return Item{}, err
	}
	return s.item(c, i), nil
}

// Bodies are read some at a time, which are in memory together: those that f is called
// with and those that are on their way meanwhile.
const (
	batchBytes = 1 << 20
	batchItems = 128
	onTheWay   = 2
)

// bodies are contents behind each other.
type bodies struct {
	plain []byte
	ends  []int // of each
	items []int // whose each is
}

// Bodies reads the whole content of many small resources in few round trips and calls
// f in the order of items. body is valid during the call only. An item that was
// replaced or removed meanwhile is passed over once its content has gone.
func (s *Service) Bodies(ctx context.Context, c Collection, items []Item, f func(i int, body []byte) error) error {
	var coming []func() (bodies, error)
	defer func() {
		for _, wait := range coming {
			_, _ = wait() // nobody wants them any more
		}
	}()
	for from := 0; from < len(items) || len(coming) > 0; {
		// A large one is enough at a time: each is in memory twice while it comes.
		for len(coming) < onTheWay && from < len(items) && (len(coming) == 0 || items[from].Size <= batchBytes) {
			begin, end := from, from+batch(items[from:])
			coming = append(coming, Ahead(func() (bodies, error) { return s.bodies(ctx, c, items[begin:end], begin) }))
			from = end
		}
		wait := coming[0]
		coming = coming[1:]
		b, err := wait()
		if err != nil {
			return err
		}
		begin := 0
		for n, end := range b.ends {
			if err := f(b.items[n], b.plain[begin:end:end]); err != nil {
				return err
			}
			begin = end
		}
	}
	return nil
}

// batch is how many items are read together.
func batch(items []Item) int {
	var bytes int64
	for n := range items {
		if bytes += items[n].Size; n == batchItems || n > 0 && bytes > batchBytes {
			return n
		}
	}
	return len(items)
}

// bodies reads those of items, which are numbered from first.
func (s *Service) bodies(ctx context.Context, c Collection, items []Item, first int) (b bodies, err error) {
	ids := make([]store.ContentID, 0, len(items))
	places := make([]int, 0, len(items))
	var bytes int64
	for n := range items {
		if items[n].content != (store.ContentID{}) {
			ids, places = append(ids, items[n].content), append(places, first+n)
			bytes += items[n].Size
		}
	}
	b.plain = make([]byte, 0, bytes)
	err = s.o.Store.Contents(ctx, c.Account.Key, ids, func(i int, body []byte) error {
		b.plain = append(b.plain, body...)
		b.ends, b.items = append(b.ends, len(b.plain)), append(b.items, places[i])
		return nil
	})
	return b, err
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
