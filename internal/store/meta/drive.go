package meta

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Rule 9: a drive is one collection whose items carry the item id of their folder.
// Renaming a folder writes one row, whatever is in it.

// ErrLoop: a folder cannot go into itself.
var ErrLoop = errors.New("a folder cannot be moved into itself")

// ErrName: a name in a drive is empty or holds a slash.
var ErrName = errors.New("not a name in a drive")

// AddFolder makes a folder in a drive; parent is the item id of the folder it goes
// into, 0 the root. ErrExists says that the name is in use there. Files go in by
// Add, with NewItem.Parent.
func (db *DB) AddFolder(ctx context.Context, key Key, drive, parent int64, name string) (Added, error) {
	j := &addFolder{drive: drive, parent: parent, name: name}
	if err := db.write(ctx, key, j); err != nil {
		return Added{}, fmt.Errorf("add folder: %w", err)
	}
	return j.added, nil
}

type addFolder struct {
	drive, parent int64
	name          string
	added         Added
}

func (j *addFolder) want(w *work) error {
	w.wantCollection(j.drive)
	w.wantItemNamed(j.drive, j.parent, j.name)
	w.wantChain(j.drive, j.parent)
	return nil
}

func (j *addFolder) decide(w *work) error {
	c, err := w.place(j.drive, j.parent, j.name)
	if err != nil {
		return err
	}
	if err := w.account.room(c.cost(1), 1); err != nil {
		return err
	}
	modseq := w.next()
	i := w.insert(c, Item{ObjectID: w.nextID(), Flags: FlagFolder, InternalDate: w.account.Now, Name: j.name,
		ParentID: j.parent, SubtreeModSeq: modseq}, modseq)
	w.raiseChain(c.ID, j.parent, modseq)
	j.added = Added{Collection: c.ID, UID: i.UID, ItemID: i.ID, ObjectID: i.ObjectID, ModSeq: modseq,
		UIDValidity: c.UIDValidity, SaveDate: i.SaveDate}
	return nil
}

// place looks whether an item may come into a folder under a name.
func (w *work) place(drive, parent int64, name string) (*collectionRow, error) {
	c, err := w.collection(drive)
	switch {
	case err != nil:
		return nil, err
	case name == "" || strings.Contains(name, "/"):
		return nil, ErrName
	case parent != 0 && w.folder(drive, parent) == nil:
		return nil, ErrNotFound
	case w.itemNamed(drive, parent, name) != nil:
		return nil, ErrExists
	}
	return c, nil
}

// RenameItem gives a file or folder of a drive another name, another folder or
// both. It writes the item's row, a tombstone with the old place, and the folders
// above both places, whose ETags change.
func (db *DB) RenameItem(ctx context.Context, key Key, drive, uid, parent int64, name string) (Item, error) {
	j := &renameItem{drive: drive, uid: uid, parent: parent, name: name}
	if err := db.write(ctx, key, j); err != nil {
		return Item{}, fmt.Errorf("rename item: %w", err)
	}
	return j.after, nil
}

type renameItem struct {
	drive, uid, parent int64
	name               string
	after              Item
}

func (j *renameItem) want(w *work) error {
	w.wantItems(j.drive, []int64{j.uid})
	w.wantItemNamed(j.drive, j.parent, j.name)
	w.wantChain(j.drive, j.parent)
	w.wantChainAbove(j.drive, j.uid)
	return nil
}

func (j *renameItem) decide(w *work) error {
	i := w.item(j.drive, j.uid)
	if i == nil {
		return ErrNotFound
	}
	if i.ParentID == j.parent && i.Name == j.name {
		j.after = i.Item
		return nil
	}
	c, err := w.place(j.drive, j.parent, j.name)
	if err != nil {
		return err
	}
	for at := j.parent; at > 0; at = w.folder(j.drive, at).ParentID {
		if at == i.ID {
			return ErrLoop
		}
		if w.folder(j.drive, at) == nil {
			return ErrNotFound
		}
	}
	modseq := w.next()
	w.relocate(c, i, j.parent, j.name, modseq)
	j.after = i.Item
	return nil
}

// RemoveItem removes a file, or a folder that is empty: ErrReference says that it
// is not.
func (db *DB) RemoveItem(ctx context.Context, key Key, drive, uid int64) error {
	if err := db.write(ctx, key, &removeItem{drive: drive, uid: uid}); err != nil {
		return fmt.Errorf("remove item: %w", err)
	}
	return nil
}

type removeItem struct{ drive, uid int64 }

func (j *removeItem) want(w *work) error {
	w.wantItems(j.drive, []int64{j.uid})
	w.wantChainAbove(j.drive, j.uid)
	w.reads.Query(w.readItems, fromItem+` AND collection_id = $3 AND name <> '' AND parent_id IN
		(SELECT item_id FROM item WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3 AND uid = $4 AND flags >= 32)
		LIMIT 1`, w.account.Tenant, w.account.Account, j.drive, j.uid)
	return nil
}

func (j *removeItem) decide(w *work) error {
	c, err := w.collection(j.drive)
	if err != nil {
		return err
	}
	i := w.item(j.drive, j.uid)
	if i == nil {
		return ErrNotFound
	}
	for _, member := range w.items {
		if member.Collection == j.drive && member.ParentID == i.ID && !member.gone {
			return ErrReference
		}
	}
	modseq := w.next()
	w.raiseChain(c.ID, i.ParentID, modseq)
	w.remove(c, i, modseq)
	return nil
}

// selectChain reads a folder and all above it. The depth bound ends a walk through
// rows that are damaged.
const selectChain = `WITH RECURSIVE chain (id, depth) AS (
		SELECT CAST($4 AS BIGINT), 0` + restOfChain

// selectChainAbove reads all folders above an item.
const selectChainAbove = `WITH RECURSIVE chain (id, depth) AS (
		SELECT parent_id, 0 FROM item WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3 AND uid = $4` + restOfChain

const restOfChain = `
		UNION ALL
		SELECT i.parent_id, c.depth + 1 FROM chain c CROSS JOIN item i /*by item_folder*/
		WHERE i.item_id = c.id AND i.tenant_id = $1 AND i.account_id = $2 AND i.collection_id = $3 AND i.flags >= 32
		AND i.parent_id > 0 AND c.depth < 1000)
	SELECT ` + itemColumns + ` FROM chain c CROSS JOIN item i /*by item_folder*/` + ofItem + ` AND i.flags >= 32 AND i.item_id = c.id`

// wantChain has a folder read with all folders above it.
func (w *work) wantChain(collection, folder int64) {
	if k := (itemKey{collection, folder}); folder > 0 && !w.wantedIDs[k] {
		if w.wantedIDs == nil {
			w.wantedIDs = map[itemKey]bool{}
		}
		w.wantedIDs[k] = true
		w.reads.Query(w.readItems, selectChain, w.account.Tenant, w.account.Account, collection, folder)
	}
}

func (w *work) wantChainAbove(collection, uid int64) {
	w.reads.Query(w.readItems, selectChainAbove, w.account.Tenant, w.account.Account, collection, uid)
}

// folder answers a folder that is there, or nil.
func (w *work) folder(collection, id int64) *itemRow {
	if i := w.byID(collection, id); i != nil && i.Flags&FlagFolder != 0 {
		return i
	}
	return nil
}

// raiseChain moves the subtree modseq of a folder and of all above it: their ETags
// change, but it is no change of the journal.
func (w *work) raiseChain(collection, folder, modseq int64) {
	for folder > 0 {
		i := w.byID(collection, folder)
		if i == nil || i.SubtreeModSeq == modseq {
			return
		}
		i.SubtreeModSeq, i.moved = modseq, true
		folder = i.ParentID
	}
}
