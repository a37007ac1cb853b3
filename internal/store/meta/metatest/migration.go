package metatest

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"fachwerk/internal/store/meta"
)

// testMigration: a store that the first version made, with mail in it, opens whole
// and takes named resources from then on.
func testMigration(t *testing.T, f Factory) {
	ctx := t.Context()
	place := f.Place(t)
	e, err := f.Engine(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	const house = "00001_house.sql"
	text, err := fs.ReadFile(meta.Migrations(), house)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Migrate(ctx, fstest.MapFS{house: {Data: text}}); err != nil {
		t.Fatal(err)
	}
	key := meta.Key{Tenant: id(), Account: id()}
	err = e.Update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec("INSERT INTO tenant (tenant_id, name, home_site, created_at) VALUES ($1, 'old', 'here', {now})", key.Tenant)
		b.Exec(`INSERT INTO account (tenant_id, account_id, kind, address, epoch, generation, modseq, next_id, last_uidvalidity, used_bytes, used_items,
			wrapped_key, created_at) VALUES ($1, $2, 1, 'anna@musterstadt.example', 1, 0, 7, 10, 5, 300, 3, $3, {now})`,
			key.Tenant, key.Account, []byte{1})
		b.Exec(`INSERT INTO collection (tenant_id, account_id, collection_id, kind, name, uidvalidity, uidnext, modseq, self_modseq,
			items, unseen, bytes, created_at) VALUES ($1, $2, 1, 1, 'INBOX', 5, 4, 7, 1, 3, 3, 300, {now})`, key.Tenant, key.Account)
		for uid := int64(1); uid <= 3; uid++ {
			c := NewContent(100)
			b.Exec(`INSERT INTO content (tenant_id, account_id, content_id, size, sealed, inline, created_at)
				VALUES ($1, $2, $3, 100, 100, $4, {now})`, key.Tenant, key.Account, c.ID[:], c.Inline)
			b.Exec(`INSERT INTO item (tenant_id, account_id, collection_id, uid, item_id, object_id, modseq, created_modseq, size,
				internal_date, save_date, content_id) VALUES ($1, $2, 1, $3, $4, $4, $5, $5, 100, 1, 1, $6)`,
				key.Tenant, key.Account, uid, uid+3, uid+4, c.ID[:])
		}
		return tx.Run(ctx, &b)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	s := &Store{DB: OpenAt(t, f, place), Place: place, Key: key}
	s.sound(t)
	items, err := s.Items(ctx, key, 1, 0, 10)
	if err != nil || len(items) != 3 || items[2].UID != 3 || items[2].Digest != (meta.Digest{}) {
		t.Fatalf("of before: %+v, %v", items, err)
	}
	if _, err := s.Add(ctx, key, 1, Messages(2)); err != nil {
		t.Fatal(err)
	}
	useResources(t, s)
	s.sound(t)
	if more, err := s.CountPlaces(ctx, key); more || err != nil {
		t.Errorf("counting the places: %v, %v", more, err)
	}
	if items, err = s.Items(ctx, key, 1, 0, 10); err != nil || len(items) != 5 || items[0].Stored != meta.StoredDatabase {
		t.Errorf("counted: %+v, %v", items, err)
	}
	s.sound(t)
}
