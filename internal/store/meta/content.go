package meta

import (
	"context"
	"fmt"
)

const fromContent = `SELECT content_id, size, sealed, object_key, inline FROM content
	WHERE tenant_id = $1 AND account_id = $2`

var selectContents = newList(fromContent+" AND content_id", "", 2)

func readContents(read func(Content)) func(Rows) error {
	return each(func(scan func(...any) error) error {
		var c Content
		if err := scan(&c.ID, &c.Size, &c.Sealed, &c.ObjectKey, &c.Inline); err != nil {
			return err
		}
		read(c)
		return nil
	})
}

// Content answers where a content lies, with its bytes where they are inline, or
// ErrNotFound.
func (db *DB) Content(ctx context.Context, key Key, id ContentID) (Content, error) {
	found, err := db.ContentsOf(ctx, key, []ContentID{id})
	if err != nil {
		return Content{}, err
	}
	c, ok := found[id]
	if !ok {
		return Content{}, fmt.Errorf("content: %w", ErrNotFound)
	}
	return c, nil
}

// ContentsOf answers those of the contents that are there. The caller keeps the
// number so small that their inline bytes fit into memory.
func (db *DB) ContentsOf(ctx context.Context, key Key, ids []ContentID) (map[ContentID]Content, error) {
	found := make(map[ContentID]Content, len(ids))
	b := &Batch{}
	args := make([][]byte, len(ids))
	for i := range ids {
		args[i] = ids[i][:]
	}
	eachList(selectContents, args, []any{key.Tenant, key.Account}, func(text string, args []any) {
		b.Query(readContents(func(c Content) { found[c.ID] = c }), text, args...)
	})
	if len(ids) == 0 {
		return found, nil
	}
	if err := db.engine.Read(ctx, b); err != nil {
		return nil, fmt.Errorf("contents: %w", err)
	}
	return found, nil
}

// Contents answers up to limit contents that follow after, by id: all that an
// account has, page by page.
func (db *DB) Contents(ctx context.Context, key Key, after ContentID, limit int) ([]Content, error) {
	var found []Content
	b := &Batch{}
	b.Query(readContents(func(c Content) { found = append(found, c) }),
		fromContent+" AND content_id > $3 ORDER BY content_id LIMIT $4", key.Tenant, key.Account, after[:], int64(limit))
	if err := db.engine.Read(ctx, b); err != nil {
		return nil, fmt.Errorf("contents: %w", err)
	}
	return found, nil
}

const fromMeta = "SELECT object_id, encoder, content_id, sealed FROM item_meta WHERE tenant_id = $1 AND account_id = $2"

var selectMetas = newList(fromMeta+" AND object_id", "", 2)

// metaPage is how many rows of item_meta are in memory at once.
const metaPage = 500

// Metas calls f for those rows of item_meta that are there, ascending by object
// id, page by page. No transaction is open while f runs, so it may write to a
// client. Meta.Sealed is f's to keep.
func (db *DB) Metas(ctx context.Context, key Key, objectIDs []int64, f func(Meta) error) error {
	objectIDs = ascending(objectIDs)
	page := make([]Meta, 0, min(len(objectIDs), metaPage))
	for len(objectIDs) > 0 {
		n := min(len(objectIDs), metaPage)
		ids := objectIDs[:n]
		objectIDs = objectIDs[n:]
		page = page[:0]
		b := &Batch{}
		read := readMetas(&page, ids)
		if dense(ids) {
			b.Query(read, fromMeta+" AND object_id BETWEEN $3 AND $4 ORDER BY object_id", key.Tenant, key.Account, ids[0], ids[n-1])
		} else {
			selectMetas.query(b, read, ids, key.Tenant, key.Account)
		}
		if err := db.engine.Read(ctx, b); err != nil {
			return fmt.Errorf("metas: %w", err)
		}
		sortMetas(page)
		for _, m := range page {
			if err := f(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// readMetas appends the rows whose object is wanted; a range brings others along.
func readMetas(page *[]Meta, wanted []int64) func(Rows) error {
	return each(func(scan func(...any) error) error {
		var m Meta
		if err := scan(&m.ObjectID, &m.Encoder, &m.Content, &m.Sealed); err != nil {
			return err
		}
		if contains(wanted, m.ObjectID) {
			*page = append(*page, m)
		}
		return nil
	})
}

// PutMeta writes a row of item_meta in the place of an older encoder's. It is no
// change in the journal: nothing that a client knows changes. ErrReference says
// that the content is gone.
func (db *DB) PutMeta(ctx context.Context, key Key, m Meta) error {
	err := db.Update(ctx, func(tx Tx) error {
		var b Batch
		insertMetas.add(&b, key, 1, func(_ int, args []any) []any {
			return append(args, m.ObjectID, int64(m.Encoder), m.Content[:], m.Sealed)
		})
		return tx.Run(ctx, &b)
	})
	if err != nil {
		return fmt.Errorf("put meta: %w", err)
	}
	return nil
}
