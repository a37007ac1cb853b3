package meta

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Transfer is a MOVE or COPY of a named item inside an account.
type Transfer struct {
	Collection int64 // where it lies
	ID         int64 // its item id
	To         Spot
	Overwrite  bool // what is there goes: in a drive into the trash, else for good
	// SealPath seals the path of what goes into the trash.
	SealPath func(path []string) []byte
	Guard    Guard
	// Staged says that the item was made by Stage: nobody knows it where it is.
	Staged bool
}

// Spot is where an item lies or might.
type Spot struct {
	Collection, Parent int64
	Name               string
}

// Transferred is what came of it.
type Transferred struct {
	Item    Item
	Created bool // nothing was overwritten
}

// MoveResource gives a named item another place: a constant number of rows,
// whatever lies below. Only what is no folder goes into another collection; it is a
// new item there. Errors: ErrChanged, *LockedError, ErrParent, ErrName, ErrExists,
// ErrLoop, *UIDError, ErrNotFound.
func (db *DB) MoveResource(ctx context.Context, key Key, t Transfer) (Transferred, error) {
	return db.transfer(ctx, key, &transfer{t: t, move: true})
}

// CopyResource gives a named item, without what lies below, a second place; its
// content is shared.
func (db *DB) CopyResource(ctx context.Context, key Key, t Transfer) (Transferred, error) {
	return db.transfer(ctx, key, &transfer{t: t})
}

// JudgeCopy reports what would keep CopyResource from its work, and does nothing.
func (db *DB) JudgeCopy(ctx context.Context, key Key, t Transfer) error {
	_, err := db.transfer(ctx, key, &transfer{t: t, judge: true})
	return err
}

func (db *DB) transfer(ctx context.Context, key Key, j *transfer) (Transferred, error) {
	if err := db.write(ctx, key, j); err != nil {
		return Transferred{}, fmt.Errorf("transfer: %w", err)
	}
	return j.result, nil
}

type transfer struct {
	t      Transfer
	move   bool
	judge  bool // and no more
	result Transferred
}

func (j *transfer) want(w *work) error {
	t := &j.t
	w.wantGuard(&t.Guard, t.Collection)
	w.wantGuard(&t.Guard, t.To.Collection)
	w.wantResource(t.Collection, t.ID)
	w.wantItemNamed(t.To.Collection, t.To.Parent, t.To.Name)
	w.wantChain(t.To.Collection, t.To.Parent)
	w.wantItemNamed(t.To.Collection, TrashRoot, t.To.Name)
	w.wantPropertyCosts(t.Collection, t.ID)
	if t.Overwrite {
		w.wantPropertyCostsOf(t.To.Collection, "SELECT item_id FROM item"+inCollection+" AND parent_id = $4 AND name = $5 AND name <> ''",
			t.To.Parent, t.To.Name)
	}
	// Its row in the index, and who bears the UID at the destination.
	key := w.account.Key
	own := ` AND uid IN (SELECT uid FROM item` + inCollection + ` AND item_id = $4 AND name <> '')`
	w.reads.Query(w.readIndex(t.Collection), fromIndex+own, key.Tenant, key.Account, t.Collection, t.ID)
	other := inTarget + ` AND uid_hash IN (SELECT uid_hash FROM resource_index` + inCollection + own + ")"
	w.reads.Query(w.readIndex(t.To.Collection), "SELECT "+indexColumns+" FROM resource_index"+other,
		key.Tenant, key.Account, t.Collection, t.ID, t.To.Collection)
	w.reads.Query(w.readItems, fromItem+" AND collection_id = $5 AND uid IN (SELECT uid FROM resource_index"+other+")",
		key.Tenant, key.Account, t.Collection, t.ID, t.To.Collection)
	return nil
}

const inTarget = " /*by resource_index_uid*/ WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $5"

// wantResource has a named item read by its id, with all folders above it.
func (w *work) wantResource(collection, id int64) {
	w.wantItemID(collection, id)
	w.reads.Query(w.readItems, `WITH RECURSIVE chain (id, depth) AS (
		SELECT parent_id, 0 FROM item`+inCollection+` AND item_id = $4 AND name <> ''`+restOfChain,
		w.account.Tenant, w.account.Account, collection, id)
}

func (j *transfer) decide(w *work) error {
	t := &j.t
	src, err := w.collection(t.Collection)
	if err != nil {
		return err
	}
	dst, err := w.collection(t.To.Collection)
	if err != nil {
		return err
	}
	if err := w.holds(&t.Guard, dst.ID, src.ID); err != nil {
		return err
	}
	i := w.byID(src.ID, t.ID)
	if i == nil {
		return ErrNotFound
	}
	there := w.itemNamed(dst.ID, t.To.Parent, t.To.Name)
	if err := j.may(w, dst, i, there); err != nil {
		return err
	}
	if j.judge {
		return nil
	}
	j.result.Created = there == nil
	modseq := w.next()
	switch {
	case j.move && src == dst:
		if !t.Staged {
			w.dropLocks(i)
		}
		if i.ParentID == TrashRoot {
			w.untrash(i)
		}
		if there != nil { // it may hold the item itself
			w.discard(dst, there, t.SealPath, modseq)
		}
		w.relocate(dst, i, t.To.Parent, t.To.Name, modseq)
		j.result.Item = i.Item
	default:
		if there != nil {
			w.discard(dst, there, t.SealPath, modseq)
		}
		made := w.duplicate(dst, i, t.To.Parent, t.To.Name, modseq)
		if j.move {
			w.dropLocks(i)
			w.clear(src, i)
			w.remove(src, i, modseq)
			w.raiseChain(src.ID, i.ParentID, modseq)
		}
		j.result.Item = made.Item
	}
	return nil
}

func unused(i *itemRow) string { return strconv.FormatInt(i.ID, 10) }

// may looks before anything is changed.
func (j *transfer) may(w *work, dst *collectionRow, i, there *itemRow) error {
	t := &j.t
	if err := w.mayHold(dst, t.To.Parent, t.To.Name, Root); err != nil {
		return err
	}
	isFolder := i.Flags&FlagFolder != 0
	if i == there || isFolder && w.lies(dst.ID, t.To.Parent, i) {
		return ErrLoop
	}
	if isFolder && j.move && i.Collection != dst.ID || isFolder && dst.Kind != Drive {
		return ErrParent
	}
	if there != nil && !t.Overwrite {
		return ErrExists
	}
	if there != nil && w.lies(dst.ID, t.To.Parent, there) {
		return ErrLoop
	}
	var err error
	if there == nil {
		err = w.mayList(&t.Guard, dst.ID, t.To.Parent)
	} else {
		err = w.mayRemove(&t.Guard, there)
	}
	if err == nil && j.move && !t.Staged {
		err = w.mayRemove(&t.Guard, i)
	}
	if err != nil {
		return err
	}
	if x := w.indexOf(i); x != nil && (i.Collection != dst.ID || !j.move) {
		if err := w.freeHash(dst.ID, x.Hash, there); err != nil {
			return err
		}
	}
	if !j.move {
		return w.account.room(i.Size+dst.cost(1)+w.propertyCosts[itemKey{i.Collection, i.ID}], 1)
	}
	return nil
}

// lies reports whether a folder is an item or lies below it.
func (w *work) lies(collection, folder int64, i *itemRow) bool {
	for depth := 0; folder > 0 && i.Collection == collection && depth < maxDepth; depth++ {
		if folder == i.ID {
			return true
		}
		at := w.folder(collection, folder)
		if at == nil {
			return false
		}
		folder = at.ParentID
	}
	return false
}

// duplicate makes an item that shares another one's content.
func (w *work) duplicate(c *collectionRow, i *itemRow, parent int64, name string, modseq int64) *itemRow {
	made := i.Item
	made.ParentID, made.Name, made.MovedModSeq, made.SubtreeModSeq = parent, name, 0, 0
	if made.Flags&FlagFolder != 0 {
		made.SubtreeModSeq, made.ObjectID = modseq, w.nextID()
	}
	row := w.insert(c, made, modseq)
	w.raiseChain(c.ID, parent, modseq)
	w.copyProperties(c, i, row)
	if x := w.indexOf(i); x != nil {
		w.index(row, x.IndexRow)
	}
	return row
}

// discard takes away what a name was borne by: in a drive into the trash.
func (w *work) discard(c *collectionRow, i *itemRow, seal func([]string) []byte, modseq int64) {
	w.dropLocks(i)
	if c.Kind == Drive && seal != nil {
		w.trash(c, i, seal, modseq)
		return
	}
	w.take(c, i, modseq)
}

// take removes an item for good: a folder by hiding it, for its rows are many.
func (w *work) take(c *collectionRow, i *itemRow, modseq int64) {
	if i.Flags&FlagFolder != 0 {
		w.relocate(c, i, doomed, unused(i), modseq)
		return
	}
	w.clear(c, i)
	w.raiseChain(c.ID, i.ParentID, modseq)
	w.remove(c, i, modseq)
}

// clear removes what hangs on a named item besides its content and its index.
func (w *work) clear(c *collectionRow, i *itemRow) {
	if w.cleared == nil {
		w.cleared = map[int64][]int64{}
	}
	w.cleared[c.ID] = append(w.cleared[c.ID], i.ID)
	w.discharge(c, i.ID)
}

var clearTables = []*list{
	newList("DELETE FROM property"+inCollection+" AND item_id", "", 3),
	newList("DELETE FROM dav_lock"+inCollection+" AND item_id", "", 3),
	newList("DELETE FROM trash"+inCollection+" AND item_id", "", 3),
}

func (w *work) flushCleared(b *Batch) {
	for _, c := range slices.Sorted(maps.Keys(w.cleared)) {
		for _, l := range clearTables {
			l.exec(b, w.cleared[c], w.account.Tenant, w.account.Account, c)
		}
	}
}

// trash puts an item of a drive into the trash, under a name that is free there.
func (w *work) trash(c *collectionRow, i *itemRow, seal func([]string) []byte, modseq int64) {
	path := seal(w.pathOf(i))
	name := i.Name
	if w.itemNamed(c.ID, TrashRoot, name) != nil {
		name = Numbered(i.Name, modseq)
	}
	w.relocate(c, i, TrashRoot, name, modseq)
	w.extra.Exec(`INSERT INTO trash (tenant_id, account_id, collection_id, item_id, deleted_at, sealed)
		VALUES ($1, $2, $3, $4, $5, $6)`, w.account.Tenant, w.account.Account, c.ID, i.ID, w.account.Now, path)
}

// MaxName is how long a name may become by a number that is put into it, bytes: what
// file systems hold and hrefs are read up to.
const MaxName = 255

// Numbered puts a number before the ending of a name, which is cut where it would
// become too long.
func Numbered(name string, n int64) string {
	stem, ending := cutEnding(name)
	number := " (" + strconv.FormatInt(n, 10) + ")"
	for len(stem) > 1 && len(stem)+len(number)+len(ending) > MaxName {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	return stem + number + ending
}

func cutEnding(name string) (stem, ending string) {
	if n := strings.LastIndexByte(name, '.'); n > 0 && len(name)-n <= 16 {
		return name[:n], name[n:]
	}
	return name, ""
}

func (w *work) untrash(i *itemRow) {
	w.extra.Exec("DELETE FROM trash"+inCollection+" AND item_id = $4", w.account.Tenant, w.account.Account, i.Collection, i.ID)
}
