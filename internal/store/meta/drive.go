package meta

// Rule 9: a drive is one collection whose items carry the item id of their folder.

const fromItemNamed = fromItem + " AND collection_id = $3 AND parent_id = $4 AND name = $5 AND name <> ''"

// selectChain reads a folder and all above it. The depth bound ends a walk through
// rows that are damaged.
const selectChain = `WITH RECURSIVE chain (id, depth) AS (
		SELECT CAST($4 AS BIGINT), 0
		UNION ALL
		SELECT i.parent_id, c.depth + 1 FROM chain c JOIN item i ON i.item_id = c.id
		WHERE i.tenant_id = $1 AND i.account_id = $2 AND i.collection_id = $3 AND i.flags >= 32
		AND i.parent_id <> 0 AND c.depth < 200)
	` + fromItem + ` AND collection_id = $3 AND flags >= 32 AND item_id IN (SELECT id FROM chain)`

func (w *work) wantItemNamed(collection, parent int64, name string) {
	w.reads.Query(w.readItems, fromItemNamed, w.account.Tenant, w.account.Account, collection, parent, name)
}

// itemNamed answers the item that bears a name in a folder now, or nil.
func (w *work) itemNamed(collection, parent int64, name string) *itemRow {
	for _, i := range w.items {
		if i.Collection == collection && i.ParentID == parent && i.Name == name && !i.gone {
			return i
		}
	}
	return nil
}

// wantChain has a folder read with all folders above it.
func (w *work) wantChain(collection, folder int64) {
	w.reads.Query(w.readItems, selectChain, w.account.Tenant, w.account.Account, collection, folder)
}

// byID answers an item that is there by its item id, or nil.
func (w *work) byID(collection, id int64) *itemRow {
	for _, i := range w.items {
		if i.Collection == collection && i.ID == id && !i.gone {
			return i
		}
	}
	return nil
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
	for folder != 0 {
		i := w.byID(collection, folder)
		if i == nil || i.SubtreeModSeq == modseq {
			return
		}
		i.SubtreeModSeq, i.moved = modseq, true
		folder = i.ParentID
	}
}
