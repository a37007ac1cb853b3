package meta

import (
	"context"
	"fmt"
)

// PutResource is new content for a named item, or a new named item.
type PutResource struct {
	Collection, Parent int64
	Name               string
	Content            Content
	InternalDate       int64 // 0: now, by the database's clock
	Digest             Digest
	// SealMeta is that of NewItem.
	SealMeta   func(objectID int64) (encoder int16, sealed []byte)
	Index      *IndexRow
	SameUID    bool       // an item that bears the name and another UID is *UIDError
	Properties []Property // in the place of all that it had; nil leaves them
	Also       []Statement
	Guard      Guard
	// Staged puts it into a tree that is not whole yet.
	Staged bool
	// New has an item that bears the name be ErrExists.
	New bool
}

// Put is what came of it.
type Put struct {
	Item    Item
	Created bool
}

// Put puts content in place: the item that bears the name keeps its ids and gets a
// new object id, else there is a new one. Errors: ErrChanged, *LockedError,
// ErrParent, ErrName, ErrFolder, ErrQuota, *UIDError, ErrNotFound.
func (db *DB) Put(ctx context.Context, key Key, p PutResource) (Put, error) {
	j := &putResource{p: p}
	if err := db.write(ctx, key, j); err != nil {
		return Put{}, fmt.Errorf("put: %w", err)
	}
	return j.result, nil
}

type putResource struct {
	p      PutResource
	result Put
}

func (j *putResource) weight() int { return 1 + len(j.p.Content.Inline)>>12 }

func (j *putResource) want(w *work) error {
	p := &j.p
	w.wantGuard(&p.Guard, p.Collection)
	w.wantItemNamed(p.Collection, p.Parent, p.Name)
	w.wantChain(p.Collection, p.Parent)
	if p.Properties != nil {
		w.wantPropertyCostsOf(p.Collection, "SELECT item_id FROM item"+inCollection+" AND parent_id = $4 AND name = $5 AND name <> ''",
			p.Parent, p.Name)
	}
	if p.Index != nil {
		w.wantHash(p.Collection, p.Index.Hash)
	}
	return nil
}

func (j *putResource) decide(w *work) error {
	p := &j.p
	c, err := w.collection(p.Collection)
	if err != nil {
		return err
	}
	if err := w.holds(&p.Guard, p.Collection); err != nil {
		return err
	}
	if err := w.mayHold(c, p.Parent, p.Name, rootFor(p.Staged)); err != nil {
		return err
	}
	i := w.itemNamed(p.Collection, p.Parent, p.Name)
	if i != nil && p.New {
		return ErrExists
	}
	if i != nil && i.Flags&FlagFolder != 0 {
		return ErrFolder
	}
	if err := j.fits(w, c, i); err != nil {
		return err
	}
	date := p.InternalDate
	if date == 0 {
		date = w.account.Now
	}
	modseq := w.next()
	if i == nil {
		i = w.insert(c, Item{ObjectID: w.nextID(), Size: p.Content.Size, InternalDate: date, Content: p.Content.ID,
			Name: p.Name, ParentID: p.Parent, Digest: p.Digest, Stored: p.Content.stored()}, modseq)
		w.setProperties(c, i.ID, p.Properties, nil)
		j.result.Created = true
	} else {
		w.replace(c, i, Item{Size: p.Content.Size, InternalDate: date, Content: p.Content.ID, Digest: p.Digest,
			Stored: p.Content.stored()}, modseq)
		j.result.Created = false
		if p.Properties != nil {
			w.extra.Exec("DELETE FROM property"+inCollection+" AND item_id = $4", w.account.Tenant, w.account.Account, c.ID, i.ID)
			w.discharge(c, i.ID)
			w.setProperties(c, i.ID, p.Properties, nil)
		}
	}
	w.raiseChain(c.ID, p.Parent, modseq)
	w.addContent(p.Content)
	if p.SealMeta != nil {
		encoder, sealed := p.SealMeta(i.ObjectID)
		w.metas = append(w.metas, Meta{ObjectID: i.ObjectID, Encoder: encoder, Content: p.Content.ID, Sealed: sealed})
	}
	if p.Index != nil {
		w.index(i, *p.Index)
	}
	w.extra.Statements = append(w.extra.Statements, p.Also...)
	j.result.Item = i.Item
	return nil
}

// fits looks before anything is changed.
func (j *putResource) fits(w *work, c *collectionRow, i *itemRow) error {
	p := &j.p
	bytes, items := p.Content.Size+c.cost(1)+costOf(p.Properties), int64(1)
	locked := w.mayList
	if i != nil {
		bytes, items = bytes-c.cost(1)-i.Size, 0
		if p.Properties != nil {
			bytes -= w.propertyCosts[itemKey{c.ID, i.ID}]
		}
		locked = func(g *Guard, _, _ int64) error { return w.mayChange(g, i) }
	}
	if err := locked(&p.Guard, p.Collection, p.Parent); err != nil {
		return err
	}
	if p.Index != nil {
		if err := w.freeHash(p.Collection, p.Index.Hash, i); err != nil {
			return err
		}
		if x := w.indexes[indexKey{p.Collection, p.Index.Hash}]; p.SameUID && i != nil && (x == nil || x.uid != i.UID) {
			return &UIDError{i.Name}
		}
	}
	if bytes <= 0 && items == 0 {
		return nil // what makes no more of it may come while the quota is passed
	}
	return w.account.room(max(bytes, 0), items)
}

// replace gives an item other content.
func (w *work) replace(c *collectionRow, i *itemRow, to Item, modseq int64) {
	more := to.Size - i.Size
	c.countStored(&i.Item, -1)
	i.ObjectID, i.Size, i.InternalDate, i.Content, i.Digest = w.nextID(), to.Size, to.InternalDate, to.Content, to.Digest
	i.Stored = to.Stored
	c.countStored(&i.Item, 1)
	i.ModSeq, i.replaced = modseq, true
	c.Bytes += more
	w.account.UsedBytes += more
	c.ModSeq, c.changed = modseq, true
}

func rootFor(isStaged bool) int64 {
	if isStaged {
		return staged
	}
	return Root
}

// NewFolder is a folder to be made.
type NewFolder struct {
	Collection, Parent int64
	Name               string
	InternalDate       int64 // 0: now
	Properties         []Property
	Guard              Guard
	Staged             bool
}

// MakeFolder makes a folder with its properties; ErrExists, ErrParent.
func (db *DB) MakeFolder(ctx context.Context, key Key, n NewFolder) (Item, error) {
	j := &makeFolder{n: n}
	if err := db.write(ctx, key, j); err != nil {
		return Item{}, fmt.Errorf("make folder: %w", err)
	}
	return j.made, nil
}

// Stage makes the folder that a tree is put together in before it gets its place
// by MoveResource. One that is left is removed after a day.
func (db *DB) Stage(ctx context.Context, key Key, n NewFolder) (Item, error) {
	n.Parent, n.Staged = staged, true
	return db.MakeFolder(ctx, key, n)
}

// StageFile puts a file where Stage makes folders.
func (db *DB) StageFile(ctx context.Context, key Key, p PutResource) (Put, error) {
	p.Parent, p.Staged = staged, true
	return db.Put(ctx, key, p)
}

type makeFolder struct {
	n    NewFolder
	made Item
}

func (j *makeFolder) want(w *work) error {
	w.wantGuard(&j.n.Guard, j.n.Collection)
	w.wantItemNamed(j.n.Collection, j.n.Parent, j.n.Name)
	w.wantChain(j.n.Collection, j.n.Parent)
	return nil
}

func (j *makeFolder) decide(w *work) error {
	n := &j.n
	c, err := w.collection(n.Collection)
	if err != nil {
		return err
	}
	if err := w.holds(&n.Guard, n.Collection); err != nil {
		return err
	}
	if c.Kind != Drive {
		return ErrParent
	}
	if err := w.mayHold(c, n.Parent, n.Name, rootFor(n.Staged)); err != nil {
		return err
	}
	if w.itemNamed(n.Collection, n.Parent, n.Name) != nil {
		return ErrExists
	}
	if err := w.mayList(&n.Guard, n.Collection, n.Parent); err != nil {
		return err
	}
	if err := w.account.room(c.cost(1)+costOf(n.Properties), 1); err != nil {
		return err
	}
	date := n.InternalDate
	if date == 0 {
		date = w.account.Now
	}
	modseq := w.next()
	i := w.insert(c, Item{ObjectID: w.nextID(), Flags: FlagFolder, InternalDate: date, Name: n.Name, ParentID: n.Parent,
		SubtreeModSeq: modseq}, modseq)
	w.raiseChain(c.ID, n.Parent, modseq)
	w.setProperties(c, i.ID, n.Properties, nil)
	j.made = i.Item
	return nil
}
