package meta

// Rule 7: in a mailbox whose SeenByPerson is set, \Seen is each person's own. A
// row of item_seen is laid over the item: it decides \Seen, and the MODSEQ that
// the person sees is the greater one. Without a row the shared flag shows.

var selectSeen = newList(`SELECT collection_id, uid, person_id, flags, modseq FROM item_seen
	WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3 AND person_id = $4 AND uid`, "", 4)

func (w *work) wantSeen(collection, person int64, uids []int64) {
	selectSeen.query(&w.reads, each(func(scan func(...any) error) error {
		var k seenKey
		var s seenRow
		err := scan(&k.collection, &k.uid, &k.person, &s.flags, &s.modseq)
		w.seen[k] = &s
		return err
	}), uids, w.account.Tenant, w.account.Account, collection, person)
}

// overlay lays a person's flags over an item's.
func overlay(i *Item, flags, modseq int64) {
	i.Flags = i.Flags&^FlagSeen | flags&FlagSeen
	i.ModSeq = max(i.ModSeq, modseq)
}

// seenBy is the item as a person sees it; person 0 sees the shared flags.
func (w *work) seenBy(c *collectionRow, row *itemRow, person int64) Item {
	i := row.Item
	i.ModSeq = max(i.ModSeq, c.BaseModSeq)
	if s := w.seen[seenKey{c.ID, i.UID, person}]; s != nil && person != 0 {
		overlay(&i, s.flags, s.modseq)
	}
	return i
}

// setSeenBy changes what differs from view: \Seen in the person's overlay, all
// else in the item.
func (w *work) setSeenBy(c *collectionRow, row *itemRow, person int64, view Item, flags int64, keywords string, modseq int64) {
	if person == 0 {
		w.setFlags(c, row, flags, keywords, modseq)
		return
	}
	if (flags^view.Flags)&FlagSeen != 0 {
		w.seen[seenKey{c.ID, row.UID, person}] = &seenRow{flags: flags & FlagSeen, modseq: modseq, changed: true}
		c.ModSeq, c.changed = modseq, true
	}
	if shared := flags&^FlagSeen | row.Flags&FlagSeen; shared != row.Flags || keywords != row.Keywords {
		w.setFlags(c, row, shared, keywords, modseq)
	}
}
