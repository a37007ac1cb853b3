package meta

import (
	"slices"
	"strings"
)

// The parents that are no folder of a drive. What lies below the last two no reader
// sees.
const (
	Root      int64 = 0
	TrashRoot int64 = -1
	doomed    int64 = -2 // folders that were removed; their rows go in batches
	staged    int64 = -3 // trees that are being copied, until they are whole
)

// maxDepth bounds walks from an item up to the root: it ends one through rows that
// are damaged.
const maxDepth = 1000

// MaxDepth is how deep folders may be made.
const MaxDepth = 200

// Seen is a place of a named item and what was there when a write was decided on.
type Seen struct {
	Collection int64 // 0: the write's own, of two either
	Parent     int64
	Name       string
	ID         int64 // 0: nothing was there
	ModSeq     int64 // 0: any state will do
	// Below, where not 0, is the highest modseq of what lies in a folder. With Name ""
	// the collection itself is meant: Below is its modseq, ModSeq that of its own
	// row and properties.
	Below int64
}

// LockSeen is a lock token and whether it was held when a write was decided on.
type LockSeen struct {
	Collection int64
	Token      string
	Held       bool
}

// Guard is under what a write was decided; it is compared under the account's lock.
type Guard struct {
	Seen   []Seen
	Locks  []LockSeen
	Tokens []string // of locks that the request names
	Person int64    // whose tokens they must be
}

const (
	fromItemNamed = fromItem + " AND collection_id = $3 AND parent_id = $4 AND name = $5 AND name <> ''"
	fromItemID    = fromItem + " AND collection_id = $3 AND item_id = $4 AND name <> ''"
)

func (w *work) wantItemNamed(collection, parent int64, name string) {
	k := nameKey{collection, parent, name}
	if name == "" || w.wantedNames[k] {
		return
	}
	if w.wantedNames == nil {
		w.wantedNames = map[nameKey]bool{}
	}
	w.wantedNames[k] = true
	w.reads.Query(w.readItems, fromItemNamed, w.account.Tenant, w.account.Account, collection, parent, name)
}

func (w *work) wantItemID(collection, id int64) {
	w.reads.Query(w.readItems, fromItemID, w.account.Tenant, w.account.Account, collection, id)
}

// wantGuard has read what the guard compares, and the locks.
func (w *work) wantGuard(g *Guard, collections ...int64) {
	for _, c := range collections {
		w.wantCollection(c)
		w.wantLocks(c)
		for _, s := range g.Seen {
			if s.Collection == 0 {
				w.wantItemNamed(c, s.Parent, s.Name)
			}
		}
	}
	for _, s := range g.Seen {
		if s.Collection != 0 { // another one of the account's perhaps
			w.wantCollection(s.Collection)
			w.wantItemNamed(s.Collection, s.Parent, s.Name)
		}
	}
	for _, l := range g.Locks {
		w.wantLocks(l.Collection)
	}
}

// holds reports ErrChanged where something is otherwise than the writer has seen it.
func (w *work) holds(g *Guard, collections ...int64) error {
next:
	for _, s := range g.Seen {
		if s.Name == "" && s.Below == 0 || s.Collection != 0 && w.is(s.Collection, s) {
			continue
		}
		for _, c := range collections {
			if s.Collection == 0 && w.is(c, s) {
				continue next
			}
		}
		return ErrChanged
	}
	for _, l := range g.Locks {
		held := slices.ContainsFunc(w.locks[l.Collection], func(h *lockRow) bool { return h.Token == l.Token && !h.gone })
		if held != l.Held {
			return ErrChanged
		}
	}
	return nil
}

// is reports whether a place is as it was seen.
func (w *work) is(collection int64, s Seen) bool {
	if s.Name == "" {
		c := w.collections[collection]
		return c != nil && !c.Deleted && c.ModSeq == s.Below && c.SelfModSeq == s.ModSeq
	}
	i := w.itemNamed(collection, s.Parent, s.Name)
	if i == nil {
		return s.ID == 0
	}
	return i.ID == s.ID && (s.ModSeq == 0 || s.ModSeq == w.modseq(i)) && (s.Below == 0 || s.Below == i.SubtreeModSeq)
}

// modseq is an item's as readers see it (rule 6).
func (w *work) modseq(i *itemRow) int64 {
	if c := w.collections[i.Collection]; c != nil {
		return max(i.ModSeq, c.BaseModSeq)
	}
	return i.ModSeq
}

// note keeps the maps by name and id right when an item comes.
func (w *work) note(i *itemRow) {
	if w.names != nil && i.Name != "" {
		w.names[nameKey{i.Collection, i.ParentID, i.Name}] = i
		w.ids[itemKey{i.Collection, i.ID}] = i
	}
}

func (w *work) byName() {
	if w.names != nil {
		return
	}
	w.names, w.ids = make(map[nameKey]*itemRow, len(w.items)), make(map[itemKey]*itemRow, len(w.items))
	for _, i := range w.items {
		if !i.gone {
			w.note(i)
		}
	}
}

// itemNamed answers the item that bears a name in a folder now, or nil.
func (w *work) itemNamed(collection, parent int64, name string) *itemRow {
	w.byName()
	if i := w.names[nameKey{collection, parent, name}]; i != nil && !i.gone {
		return i
	}
	return nil
}

// byID answers a named item that is there by its item id, or nil.
func (w *work) byID(collection, id int64) *itemRow {
	w.byName()
	if i := w.ids[itemKey{collection, id}]; i != nil && !i.gone {
		return i
	}
	return nil
}

// rootOf is the root that a folder lies below, and how deep. ok is false where a
// folder is missing on the way.
func (w *work) rootOf(collection, folder int64) (root int64, depth int, ok bool) {
	for depth < maxDepth {
		if folder <= 0 {
			return folder, depth, true
		}
		i := w.folder(collection, folder)
		if i == nil {
			return 0, depth, false
		}
		folder = i.ParentID
		depth++
	}
	return 0, depth, false
}

// pathOf are the names from the root down to an item.
func (w *work) pathOf(i *itemRow) []string {
	var path []string
	for depth := 0; i != nil && depth < maxDepth; depth++ {
		path = append([]string{i.Name}, path...)
		i = w.byID(i.Collection, i.ParentID)
	}
	return path
}

// mayHold reports whether an item may come into a folder below a root.
func (w *work) mayHold(c *collectionRow, parent int64, name string, below int64) error {
	if name == "" || strings.ContainsAny(name, "/\x00") {
		return ErrName
	}
	root, depth, ok := w.rootOf(c.ID, parent)
	switch {
	case !ok || root != below, c.Kind != Drive && parent != Root && parent != staged:
		return ErrParent
	case depth > MaxDepth:
		return ErrName
	}
	return nil
}

// relocate gives a named item another place. The old one is left as a tombstone,
// and the folders above both change.
func (w *work) relocate(c *collectionRow, i *itemRow, parent int64, name string, modseq int64) {
	w.raiseChain(c.ID, i.ParentID, modseq)
	w.leave(c, i, modseq)
	w.byName()
	if k := (nameKey{i.Collection, i.ParentID, i.Name}); w.names[k] == i {
		delete(w.names, k)
	}
	i.ParentID, i.Name, i.ModSeq, i.MovedModSeq, i.moved = parent, name, modseq, modseq, true
	w.note(i)
	w.raiseChain(c.ID, parent, modseq)
	c.ModSeq, c.changed = modseq, true
}
