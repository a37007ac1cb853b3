package meta

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DriveItem is an item with the path that it has now: names joined by slashes.
type DriveItem struct {
	Path string
	Item Item
}

// DriveChanges is what happened in a drive since a token, read in one snapshot.
type DriveChanges struct {
	Collection Collection
	Items      []DriveItem // added, changed or moved, and all that lies in moved folders; by path
	Removed    []string    // paths that lead nowhere now; what lay below them is not named
	Next       Token
	More       bool
}

// DriveChanges answers the changes of a drive since a token as a sync sees them
// (RFC 6578): by path. A folder that was moved is one removed path, its old one, and
// every descendant at its new path. If something else bears the old path now, its
// former members are removed paths of their own.
//
// limit bounds the journal that is read; what lies in moved folders comes on top.
func (db *DB) DriveChanges(ctx context.Context, key Key, drive int64, since Token, limit int) (DriveChanges, error) {
	var d DriveChanges
	err := db.engine.View(ctx, func(tx Tx) error {
		e := within{db.engine, tx}
		q := &changesQuery{key: key, id: drive, since: since, limit: max(limit, 1)}
		if err := q.run(ctx, e); err != nil {
			return err
		}
		t := &tree{key: key, drive: drive, since: since, folders: map[int64]*Item{}, items: map[int64]*Item{}}
		var err error
		d, err = t.changes(ctx, tx, q.answer())
		return err
	})
	if err != nil {
		return DriveChanges{}, fmt.Errorf("changes of drive %d: %w", drive, err)
	}
	return d, nil
}

// within is an engine whose snapshot is a transaction that is open already.
type within struct {
	Engine
	tx Tx
}

func (w within) View(_ context.Context, f func(Tx) error) error { return f(w.tx) }
func (w within) Read(ctx context.Context, b *Batch) error       { return w.tx.Run(ctx, b) }

// place is where an item lies or lay.
type place struct {
	parent int64
	name   string
}

// tree knows the folders of a drive that lead to what is told, and where a reader at the
// token believes things to lie.
type tree struct {
	key     Key
	drive   int64
	since   Token
	folders map[int64]*Item // by item id; nil: there is no such folder
	items   map[int64]*Item // what is told, by item id
	known   map[int64]place // at the token, where that differs from now
}

func (t *tree) changes(ctx context.Context, tx Tx, c Changes) (DriveChanges, error) {
	d := DriveChanges{Collection: c.Collection, Next: c.Next, More: c.More}
	for n := range c.Items {
		t.items[c.Items[n].ID] = &c.Items[n]
	}
	below, err := t.descendants(ctx, tx, c.Items)
	if err != nil {
		return d, err
	}
	var parents []int64
	for _, i := range t.items {
		parents = append(parents, i.ParentID)
	}
	if err := t.load(ctx, tx, parents); err != nil {
		return d, err
	}
	for _, i := range t.items {
		if path, ok := t.path(i.ParentID, i.Name, t.now); ok {
			i.ModSeq = max(i.ModSeq, c.Collection.BaseModSeq)
			d.Items = append(d.Items, DriveItem{path, *i})
		}
	}
	slices.SortFunc(d.Items, func(a, b DriveItem) int { return strings.Compare(a.Path, b.Path) })
	if len(c.Removed)+len(below) > 0 {
		d.Removed, err = t.removed(ctx, tx, c.Removed, below)
	}
	return d, err
}

// selectFolders reads folders with all that they lie in. What was seen already ends the
// walk, so a circle does.
var selectFolders = newList(`WITH RECURSIVE chain (id) AS (
		SELECT item_id FROM item /*by item_folder*/`+inCollection+" AND flags >= 32 AND item_id", `
		UNION
		SELECT i.parent_id FROM chain c CROSS JOIN item i /*by item_folder*/`+ofItem+` AND i.flags >= 32 AND i.item_id = c.id AND i.parent_id > 0)
	SELECT `+columnsOf("i")+` FROM chain c CROSS JOIN item i /*by item_folder*/`+ofItem+" AND i.flags >= 32 AND i.item_id = c.id", 3)

// load reads those of the folders that are not known yet.
func (t *tree) load(ctx context.Context, tx Tx, ids []int64) error {
	ids = slices.DeleteFunc(ascending(ids), func(id int64) bool {
		_, asked := t.folders[id]
		return asked || id <= 0
	})
	if len(ids) == 0 {
		return nil
	}
	var b Batch
	var found []Item
	selectFolders.query(&b, readItems(&found), ids, t.key.Tenant, t.key.Account, t.drive)
	if err := tx.Run(ctx, &b); err != nil {
		return err
	}
	for _, id := range ids {
		t.folders[id] = nil
	}
	for n := range found {
		t.folders[found[n].ID] = &found[n]
	}
	return nil
}

// recall reads from where things have moved since the token.
func (t *tree) recall(ctx context.Context, tx Tx) error {
	var left []Tombstone
	var b Batch
	b.Query(readTombstones(&left), `SELECT modseq, item_id, uid, created_modseq, parent_id, name FROM tombstone`+inCollection+
		" AND modseq >= $4 AND (modseq > $4 OR item_id > $5) ORDER BY modseq, item_id",
		t.key.Tenant, t.key.Account, t.drive, t.since.ModSeq, t.since.ItemID)
	if err := tx.Run(ctx, &b); err != nil {
		return err
	}
	t.known = make(map[int64]place, len(left))
	for _, l := range left {
		if _, later := t.known[l.ItemID]; !later { // the first place it left
			t.known[l.ItemID] = place{l.ParentID, l.Name}
		}
	}
	return nil
}

// follow reads the folders that were above places at the token.
func (t *tree) follow(ctx context.Context, tx Tx, places []place) error {
	for range maxDepth { // each round gets at least one folder further up
		var missing []int64
		for _, p := range places {
			id := p.parent
			for depth := 0; id > 0 && depth < maxDepth; depth++ {
				above, ok := t.then(id)
				if !ok {
					if _, asked := t.folders[id]; !asked {
						missing = append(missing, id)
					}
					break
				}
				id = above.parent
			}
		}
		if len(missing) == 0 {
			return nil
		}
		if err := t.load(ctx, tx, missing); err != nil {
			return err
		}
	}
	return nil
}

// descendants reads all that lies in folders that have moved since the token, level
// by level, and adds it to what is told.
func (t *tree) descendants(ctx context.Context, tx Tx, changed []Item) (below []Item, err error) {
	if t.since.ModSeq == 0 {
		return nil, nil
	}
	var level []int64
	for _, i := range changed {
		if i.Flags&FlagFolder != 0 && t.since.Compare(Token{i.MovedModSeq, i.ID}) < 0 {
			level = append(level, i.ID)
		}
	}
	seen := map[int64]bool{}
	for len(level) > 0 {
		var b Batch
		var members []Item
		selectMembersOf.query(&b, readItems(&members), ascending(level), t.key.Tenant, t.key.Account, t.drive)
		if err := tx.Run(ctx, &b); err != nil {
			return nil, err
		}
		level = nil
		for n := range members {
			i := &members[n]
			if seen[i.ID] {
				continue
			}
			seen[i.ID] = true
			below = append(below, *i)
			t.items[i.ID] = i
			if i.Flags&FlagFolder != 0 {
				level = append(level, i.ID)
			}
		}
	}
	return below, nil
}

var selectMembersOf = newJoin("BIGINT", 3, itemColumns, "item_name", " AND i.name <> '' AND i.parent_id = v.x")

// now is a folder's place now.
func (t *tree) now(folder int64) (place, bool) {
	f := t.folders[folder]
	if f == nil {
		return place{}, false
	}
	return place{f.ParentID, f.Name}, true
}

// then is a folder's place at the token.
func (t *tree) then(folder int64) (place, bool) {
	if p, ok := t.known[folder]; ok {
		return p, true
	}
	return t.now(folder)
}

// path joins the names from the root down.
func (t *tree) path(parent int64, name string, where func(int64) (place, bool)) (string, bool) {
	names := []string{name}
	for depth := 0; parent != 0; depth++ {
		p, ok := where(parent)
		if !ok || depth > maxDepth {
			return "", false
		}
		names = append(names, p.name)
		parent = p.parent
	}
	slices.Reverse(names)
	return strings.Join(names, "/"), true
}

// removed answers the paths of tombstones, and those of former members of moved
// folders, that lead nowhere now, without those below another of them.
func (t *tree) removed(ctx context.Context, tx Tx, gone []Tombstone, below []Item) ([]string, error) {
	if err := t.recall(ctx, tx); err != nil {
		return nil, err
	}
	places := make([]place, 0, len(gone)+len(below))
	for _, g := range gone {
		places = append(places, place{g.ParentID, g.Name})
	}
	for _, i := range below {
		p, moved := t.known[i.ID]
		if !moved {
			p = place{i.ParentID, i.Name}
		}
		places = append(places, p)
	}
	if err := t.follow(ctx, tx, places); err != nil {
		return nil, err
	}
	paths := map[string]bool{}
	for _, p := range places {
		if path, ok := t.path(p.parent, p.name, t.then); ok {
			paths[path] = true
		}
	}
	if err := t.dropUsed(ctx, tx, paths); err != nil {
		return nil, err
	}
	var removed []string
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		above := path
		for covered := false; !covered; {
			n := strings.LastIndexByte(above, '/')
			if n < 0 {
				removed = append(removed, path)
				break
			}
			above = above[:n]
			covered = paths[above]
		}
	}
	return removed, nil
}

// dropUsed takes away the paths that lead to something now. It goes down from the root,
// all paths together.
func (t *tree) dropUsed(ctx context.Context, tx Tx, paths map[string]bool) error {
	at := map[place]int64{}
	walking := make(map[string]int64, len(paths)) // path → the folder it has led to so far
	for path := range paths {
		walking[path] = Root
	}
	for depth := 0; len(walking) > 0; depth++ {
		wanted := map[int64]map[string]bool{}
		for path, folder := range walking {
			if wanted[folder] == nil {
				wanted[folder] = map[string]bool{}
			}
			wanted[folder][nameAt(path, depth)] = true
		}
		var b Batch
		var found []Item
		for _, folder := range slices.Sorted(maps.Keys(wanted)) {
			eachList(selectNamed, slices.Sorted(maps.Keys(wanted[folder])), []any{t.key.Tenant, t.key.Account, t.drive, folder},
				func(text string, args []any) { b.Query(readItems(&found), text, args...) })
		}
		if err := tx.Run(ctx, &b); err != nil {
			return err
		}
		for n := range found {
			at[place{found[n].ParentID, found[n].Name}] = found[n].ID
		}
		for path, folder := range walking {
			id, there := at[place{folder, nameAt(path, depth)}]
			switch {
			case !there:
				delete(walking, path)
			case strings.Count(path, "/") == depth:
				delete(paths, path)
				delete(walking, path)
			default:
				walking[path] = id
			}
		}
	}
	return nil
}

// nameAt is the n-th name of a path, from 0.
func nameAt(path string, n int) string {
	for range n {
		_, path, _ = strings.Cut(path, "/")
	}
	name, _, _ := strings.Cut(path, "/")
	return name
}
