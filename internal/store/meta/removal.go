package meta

import (
	"context"
	"fmt"
	"time"
)

// Removal takes a named item away.
type Removal struct {
	Collection int64
	ID         int64 // item id
	Guard      Guard
	// SealPath, where set, has it go into the trash, with its path sealed.
	SealPath func(path []string) []byte
	// Idle says that only what lies in the trash directly, and has for so long, is
	// meant, which no lock keeps there; 0: something else is meant.
	Idle time.Duration
	// Staged says that it is what Stage made and has no place yet.
	Staged bool
	// As, where set, is the item as it was seen: ErrChanged if it, or anything
	// below a folder, changed since.
	As *Item
	// Judge reports what would keep it from its work, and does nothing.
	Judge bool
}

// RemoveResource removes a named item for good, a folder with all below it, or puts
// it into the trash. What was in a removed folder is gone for every reader at once;
// its rows, and what they take of the quota, go by Reap.
func (db *DB) RemoveResource(ctx context.Context, key Key, r Removal) error {
	if err := db.write(ctx, key, &removeResource{r: r}); err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	return nil
}

type removeResource struct {
	r       Removal
	deleted int64 // when it came into the trash; 0: it does not lie there directly
}

func (j *removeResource) want(w *work) error {
	w.wantGuard(&j.r.Guard, j.r.Collection)
	w.wantResource(j.r.Collection, j.r.ID)
	w.wantPropertyCosts(j.r.Collection, j.r.ID)
	if j.r.Idle > 0 {
		found := false
		j.deleted = 0
		w.reads.Query(maybe(&found, &j.deleted), "SELECT deleted_at FROM trash"+inCollection+" AND item_id = $4",
			w.account.Tenant, w.account.Account, j.r.Collection, j.r.ID)
	}
	if j.r.SealPath != nil {
		w.reads.Query(w.readItems, "SELECT "+columnsOf("i")+` FROM item s CROSS JOIN item i /*by item_name*/`+ofItem+` AND i.parent_id = -1 AND i.name = s.name AND i.name <> ''
			AND s.tenant_id = $1 AND s.account_id = $2 AND s.collection_id = $3 AND s.item_id = $4 AND s.name <> ''`,
			w.account.Tenant, w.account.Account, j.r.Collection, j.r.ID)
	}
	return nil
}

func (j *removeResource) decide(w *work) error {
	c, err := w.collection(j.r.Collection)
	if err != nil {
		return err
	}
	if err := w.holds(&j.r.Guard, c.ID); err != nil {
		return err
	}
	i := w.byID(c.ID, j.r.ID)
	if i == nil || j.r.Staged != (i.ParentID == staged) || i.ParentID == doomed {
		return ErrNotFound
	}
	if j.r.Idle > 0 && (i.ParentID != TrashRoot || j.deleted == 0 || j.deleted > w.account.Now-j.r.Idle.Microseconds()) {
		return ErrNotFound // it was restored meanwhile, and perhaps deleted anew
	}
	if j.r.SealPath != nil && (c.Kind != Drive || i.ParentID == TrashRoot) {
		return ErrParent
	}
	if was := j.r.As; was != nil && (was.ModSeq != w.modseq(i) || was.SubtreeModSeq != i.SubtreeModSeq) {
		return ErrChanged
	}
	if err := w.mayRemove(&j.r.Guard, i); err != nil && j.r.Idle == 0 {
		return err
	}
	if j.r.Judge {
		return nil
	}
	modseq := w.next()
	w.dropLocks(i)
	if j.r.SealPath != nil {
		w.trash(c, i, j.r.SealPath, modseq)
		return nil
	}
	if i.ParentID == TrashRoot {
		w.untrash(i)
	}
	w.take(c, i, modseq)
	return nil
}

// reapFolders is how many removed folders a batch of Reap begins.
const reapFolders = 50

// staleAfter is how old a tree must be that never became whole.
const staleAfter = 24 * time.Hour

// Reap removes up to about limit rows of what was in removed folders of a drive,
// and reports whether there is more. Each leaves its tombstone at its old place, so
// that a sync can tell of it where the folder's path is in use again.
func (db *DB) Reap(ctx context.Context, key Key, drive int64, limit int) (more bool, err error) {
	j := &reap{drive: drive, limit: max(limit, 1)}
	if err := db.write(ctx, key, j); err != nil {
		return false, fmt.Errorf("reap: %w", err)
	}
	return j.more, nil
}

// Reapable answers the drives of an account in which Reap has something to do, and
// hides trees that never became whole.
func (db *DB) Reapable(ctx context.Context, key Key) (drives []int64, err error) {
	b := &Batch{}
	b.Query(each(func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		drives = append(drives, id)
		return err
	}), `SELECT c.collection_id FROM collection c WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.state = 0 AND c.kind = 4
		AND (EXISTS (SELECT 1 FROM item i /*by item_name*/ WHERE i.tenant_id = $1 AND i.account_id = $2
			AND i.collection_id = c.collection_id AND i.name <> '' AND i.parent_id = -2)
		OR EXISTS (SELECT 1 FROM item i /*by item_name*/ WHERE i.tenant_id = $1 AND i.account_id = $2
			AND i.collection_id = c.collection_id AND i.name <> '' AND i.parent_id = -3
			AND i.save_date < {now} - CAST($3 AS BIGINT)))`,
		key.Tenant, key.Account, staleAfter.Microseconds())
	if err := db.engine.Read(ctx, b); err != nil {
		return nil, fmt.Errorf("reap: %w", err)
	}
	return drives, nil
}

type reap struct {
	drive int64
	limit int
	more  bool
}

func (j *reap) weight() int { return j.limit }

func (j *reap) want(w *work) error {
	w.wantCollection(j.drive)
	key := w.account.Key
	const tops = " AND name <> '' AND parent_id = -2 ORDER BY name LIMIT $4"
	w.reads.Query(w.readItemsWithCosts, "SELECT "+columnsOf("i")+costOfItem+" FROM item i"+ofItem+tops, key.Tenant, key.Account, j.drive, int64(reapFolders))
	w.reads.Query(w.readItemsWithCosts, "SELECT "+columnsOf("i")+costOfItem+` FROM (SELECT item_id AS top FROM item`+inCollection+tops+`) t
		CROSS JOIN item i /*by item_name*/`+ofItem+` AND i.name <> '' AND i.parent_id = t.top LIMIT $5`,
		key.Tenant, key.Account, j.drive, int64(reapFolders), int64(j.limit))
	w.reads.Query(w.readItems, fromItem+` AND collection_id = $3 AND name <> '' AND parent_id = -3
		AND save_date < {now} - CAST($4 AS BIGINT) ORDER BY name LIMIT $5`,
		key.Tenant, key.Account, j.drive, staleAfter.Microseconds(), int64(reapFolders))
	return nil
}

func (j *reap) decide(w *work) error {
	c, err := w.collection(j.drive)
	if err != nil {
		return err
	}
	rows := sorted(w.items, func(i *itemRow) bool { return i.Collection == c.ID && !i.gone }, byPlace)
	if len(rows) == 0 {
		j.more = false
		return nil
	}
	modseq := w.next()
	members := 0
	for _, i := range rows {
		switch {
		case i.ParentID == staged:
			w.relocate(c, i, doomed, unused(i), modseq)
			members++
		case i.ParentID > 0:
			members++
			w.take(c, i, modseq)
		}
	}
	j.more = members > 0 || len(rows) >= reapFolders
	if members >= j.limit {
		return nil
	}
	for _, i := range rows { // all that was in these is known
		if i.ParentID == doomed && i.ModSeq != modseq {
			w.clear(c, i)
			w.remove(c, i, modseq)
		}
	}
	return nil
}

// Trashed is an item directly below TrashRoot.
type Trashed struct {
	Item       Item
	DeletedAt  int64
	SealedPath []byte
}

// Trash answers what was put into the trash of a drive, last deleted first.
func (db *DB) Trash(ctx context.Context, key Key, drive int64) ([]Trashed, error) {
	type note struct {
		at   int64
		path []byte
	}
	notes := map[int64]note{}
	items, err := db.items(ctx, key, drive, nil, func(b *Batch, read func(Rows) error) {
		b.Query(read, fromItem+" AND collection_id = $3 AND parent_id = -1 AND name <> '' ORDER BY name", key.Tenant, key.Account, drive)
		b.Query(each(func(scan func(...any) error) error {
			var id int64
			var n note
			err := scan(&id, &n.at, &n.path)
			notes[id] = n
			return err
		}), "SELECT item_id, deleted_at, sealed FROM trash"+inCollection, key.Tenant, key.Account, drive)
	})
	if err != nil {
		return nil, err
	}
	list := make([]Trashed, 0, len(items))
	for _, i := range items {
		list = append(list, Trashed{i, notes[i.ID].at, notes[i.ID].path})
	}
	sortTrash(list)
	return list, nil
}

// OldTrash is an item whose time in the trash is over.
type OldTrash struct {
	Key        Key
	Collection int64
	Item       int64
}

// OldTrash answers up to limit items of all accounts that have been in the trash
// for longer than keep.
func (db *DB) OldTrash(ctx context.Context, keep time.Duration, limit int) (old []OldTrash, err error) {
	b := &Batch{}
	b.Query(each(func(scan func(...any) error) error {
		var o OldTrash
		err := scan(&o.Key.Tenant, &o.Key.Account, &o.Collection, &o.Item)
		old = append(old, o)
		return err
	}), `SELECT t.tenant_id, t.account_id, t.collection_id, t.item_id FROM trash t JOIN collection c
		ON c.tenant_id = t.tenant_id AND c.account_id = t.account_id AND c.collection_id = t.collection_id
		JOIN account a ON a.tenant_id = t.tenant_id AND a.account_id = t.account_id
		WHERE c.state = 0 AND a.state <> 2 AND t.deleted_at <= {now} - CAST($1 AS BIGINT) ORDER BY t.deleted_at LIMIT $2`,
		keep.Microseconds(), int64(limit))
	if err := db.engine.Read(ctx, b); err != nil {
		return nil, fmt.Errorf("old trash: %w", err)
	}
	return old, nil
}

// ForgetLocks removes locks that have expired.
func (db *DB) ForgetLocks(ctx context.Context) error {
	_, err := db.step(ctx, "DELETE FROM dav_lock WHERE expires_at <= {now}", nil)
	return err
}
