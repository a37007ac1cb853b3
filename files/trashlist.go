package files

import (
	"context"
	"sync"

	"fachwerk/internal/resource"
)

// Trashed answers what is known of one resource directly in the trash; ok is false
// for others. Asked for every member of a listing it reads the trash once.
func (s *Service) Trashed(ctx context.Context, c resource.Collection, i resource.Item) (e TrashEntry, ok bool, err error) {
	if i.Parent != resource.TrashRoot {
		return e, false, nil
	}
	byID, err := s.lists.get(ctx, s.resources, c)
	if err != nil {
		return e, false, err
	}
	e, ok = byID[i.ID]
	return e, ok, nil
}

// trashLists keeps the trash as it was lately read. A drive's CTag changes whenever
// anything in it does, so a list that is found is right.
type trashLists struct {
	mu   sync.Mutex
	next int
	list [8]trashList
}

type trashList struct {
	collection resource.Collection // as read; the key is in it
	byID       map[int64]TrashEntry
}

func (l *trashLists) get(ctx context.Context, r *resource.Service, c resource.Collection) (map[int64]TrashEntry, error) {
	if byID := l.find(c); byID != nil {
		return byID, nil
	}
	list, err := r.Trashed(ctx, c)
	if err != nil {
		return nil, err
	}
	byID := make(map[int64]TrashEntry, len(list))
	for _, t := range list {
		byID[t.Item.ID] = entry(t)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list[l.next] = trashList{c, byID}
	l.next = (l.next + 1) % len(l.list)
	return byID, nil
}

func (l *trashLists) find(c resource.Collection) map[int64]TrashEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.list {
		k := &l.list[i].collection
		if k.CTag != "" && k.CTag == c.CTag && k.ID == c.ID && k.Account.Key == c.Account.Key {
			return l.list[i].byID
		}
	}
	return nil
}
