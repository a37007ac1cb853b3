package metatest

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"fachwerk/internal/store/meta"
)

// testQuotaCosts: empty files, folders and properties take of the quota, and what is taken
// is given back when they go.
func testQuotaCosts(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	drive, err := s.CreateCollection(ctx, s.Key, meta.Drive, "drive", "", meta.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	used := func() int64 {
		t.Helper()
		s.sound(t)
		a, err := s.Account(ctx, s.Key)
		if err != nil {
			t.Fatal(err)
		}
		return a.UsedBytes
	}
	limit := func(bytes int64) {
		t.Helper()
		err := s.Update(ctx, func(tx meta.Tx) error {
			var b meta.Batch
			b.Exec("UPDATE account SET quota_bytes = $3 WHERE tenant_id = $1 AND account_id = $2", s.Key.Tenant, s.Key.Account, bytes)
			return tx.Run(ctx, &b)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	empty := func(name string) meta.PutResource {
		p := Resource(drive.ID, 0, name)
		p.Content = NewContent(0)
		p.Content.Inline = []byte{0} // the seal
		return p
	}
	value := func(name string, size int) meta.Property {
		return meta.Property{Space: "DAV:", Local: name, Sealed: make([]byte, size)}
	}
	put, err := s.Put(ctx, s.Key, empty("a"))
	if err != nil {
		t.Fatal(err)
	}
	folder, err := s.MakeFolder(ctx, s.Key, meta.NewFolder{Collection: drive.ID, Name: "f", Properties: []meta.Property{value("ä", 10)}})
	if err != nil {
		t.Fatal(err)
	}
	base := int64(2*meta.ItemCost + meta.PropertyCost + len("DAV:") + 1 + 10) // "ä" is one letter
	if got := used(); got != base {
		t.Fatalf("an empty file and a folder with a property take %d bytes, want %d", got, base)
	}
	// Nothing more fits, of whatever kind; what is there may change and go.
	limit(base + meta.PropertyCost)
	for name, f := range map[string]func() error{
		"file": func() error { _, err := s.Put(ctx, s.Key, empty("b")); return err },
		"folder": func() error {
			_, err := s.MakeFolder(ctx, s.Key, meta.NewFolder{Collection: drive.ID, Name: "g"})
			return err
		},
		"copy": func() error {
			_, err := s.CopyResource(ctx, s.Key, meta.Transfer{Collection: drive.ID, ID: put.Item.ID, To: meta.Spot{Collection: drive.ID, Name: "b"}})
			return err
		},
		"property": func() error {
			return s.SetProperties(ctx, s.Key, drive.ID, put.Item.ID, []meta.Property{value("p", 200)}, meta.Guard{})
		},
		"property of the collection": func() error {
			return s.SetProperties(ctx, s.Key, drive.ID, 0, []meta.Property{value("p", 200)}, meta.Guard{})
		},
		"collection": func() error {
			_, err := s.CreateCollection(ctx, s.Key, meta.Calendar, "c", "", meta.CollectionOptions{Properties: []meta.Property{value("p", 5000)}})
			return err
		},
	} {
		if err := f(); !errors.Is(err, meta.ErrQuota) {
			t.Errorf("a %s above the quota: %v", name, err)
		}
	}
	for _, change := range [][]meta.Property{{value("ä", 20), value("ä", 8)}, {value("ä", 3)}} {
		if err := s.SetProperties(ctx, s.Key, drive.ID, folder.ID, change, meta.Guard{}); err != nil {
			t.Errorf("a smaller property: %v", err)
		}
	}
	if got := used(); got != base-7 {
		t.Errorf("after a smaller value %d, want %d", got, base-7)
	}
	// What every account has from the beginning comes all the same.
	if _, err := s.CreateCollection(ctx, s.Key, meta.Calendar, "first", "",
		meta.CollectionOptions{Properties: []meta.Property{value("p", 300)}}); err != nil {
		t.Errorf("a first calendar: %v", err)
	}
	limit(0)
	testRecount(t, s)
	s.useProperties(t, drive.ID, folder, put.Item)
	used()
	for _, i := range []int64{folder.ID, put.Item.ID} {
		if err := s.RemoveResource(ctx, s.Key, meta.Removal{Collection: drive.ID, ID: i}); err != nil {
			t.Fatal(err)
		}
	}
	for more := true; more; {
		if more, err = s.Reap(ctx, s.Key, drive.ID, 2); err != nil {
			t.Fatal(err)
		}
		used()
	}
	calendars, err := s.Collections(ctx, s.Key, meta.Calendar)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range append(calendars, drive) {
		if err := s.DeleteCollection(ctx, s.Key, c.ID); err != nil {
			t.Fatal(err)
		}
	}
	if got := used(); got != 0 {
		t.Errorf("%d bytes are still taken", got)
	}
}

// testRecount: what a replica of the version before counted is put right.
func testRecount(t *testing.T, s *Store) {
	t.Helper()
	before, err := s.Account(t.Context(), s.Key)
	if err != nil {
		t.Fatal(err)
	}
	if wrong, err := s.Recount(t.Context(), s.Key); wrong || err != nil {
		t.Errorf("recount of what is right: %v, %v", wrong, err)
	}
	for _, fault := range []string{"UPDATE account SET used_bytes = used_bytes - 512", "UPDATE collection SET property_bytes = 0"} {
		err := s.Update(t.Context(), func(tx meta.Tx) error {
			var b meta.Batch
			b.Exec(fault)
			return tx.Run(t.Context(), &b)
		})
		if err != nil {
			t.Fatal(err)
		}
		if wrong, err := s.Recount(t.Context(), s.Key); !wrong || err != nil {
			t.Errorf("%s: recount %v, %v", fault, wrong, err)
		}
		s.sound(t)
	}
	if after, err := s.Account(t.Context(), s.Key); err != nil || after.UsedBytes != before.UsedBytes {
		t.Errorf("%d bytes after a recount, want %d, %v", after.UsedBytes, before.UsedBytes, err)
	}
}

// useProperties has properties replaced, copied, overwritten and removed.
func (s *Store) useProperties(t *testing.T, drive int64, folder, file meta.Item) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		s.sound(t)
	}
	some := []meta.Property{{Space: "s", Local: "one", Sealed: []byte("1")}, {Space: "s", Local: "two", Sealed: []byte("22")}}
	check(s.SetProperties(ctx, s.Key, drive, file.ID, some, meta.Guard{}))
	check(s.SetProperties(ctx, s.Key, drive, file.ID, []meta.Property{{Space: "s", Local: "two"}, {Space: "s", Local: "no"}}, meta.Guard{}))
	p := Resource(drive, 0, "a")
	p.Properties = some[:1]
	_, err := s.Put(ctx, s.Key, p)
	check(err)
	p.Properties = []meta.Property{}
	_, err = s.Put(ctx, s.Key, p)
	check(err)
	check(s.SetProperties(ctx, s.Key, drive, file.ID, some, meta.Guard{}))
	for _, name := range []string{"copy", "copy", "other"} { // the second overwrites for good
		_, err = s.CopyResource(ctx, s.Key, meta.Transfer{Collection: drive, ID: file.ID, Overwrite: true,
			To: meta.Spot{Collection: drive, Parent: folder.ID, Name: name}})
		check(err)
	}
	top, err := s.Stage(ctx, s.Key, meta.NewFolder{Collection: drive, Name: "tree", Properties: some})
	check(err)
	_, err = s.CopyMembers(ctx, s.Key, drive, drive, []meta.Member{{UID: file.UID, ID: file.ID, Parent: top.ID}})
	check(err)
	check(s.RemoveResource(ctx, s.Key, meta.Removal{Collection: drive, ID: top.ID, Staged: true}))
}

// testQuotaMigration: the counters of a store that counted contents alone are right
// once it is opened.
func testQuotaMigration(t *testing.T, f Factory) {
	ctx := t.Context()
	place := f.Place(t)
	e, err := f.Engine(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	before := fstest.MapFS{}
	for _, name := range []string{"00001_house.sql", "00002_dav.sql", "00003_people.sql"} {
		text, err := fs.ReadFile(meta.Migrations(), name)
		if err != nil {
			t.Fatal(err)
		}
		before[name] = &fstest.MapFile{Data: text}
	}
	if err := e.Migrate(ctx, before); err != nil {
		t.Fatal(err)
	}
	key := meta.Key{Tenant: id(), Account: id()}
	err = e.Update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec("INSERT INTO tenant (tenant_id, name, home_site, created_at) VALUES ($1, 'old', 'here', {now})", key.Tenant)
		b.Exec(`INSERT INTO account (tenant_id, account_id, kind, address, epoch, modseq, next_id, last_uidvalidity, used_bytes, used_items,
			wrapped_key, created_at) VALUES ($1, $2, 1, 'anna@musterstadt.example', 1, 9, 20, 5, 10, 2, $3, {now})`, key.Tenant, key.Account, []byte{1})
		b.Exec(`INSERT INTO collection (tenant_id, account_id, collection_id, kind, name, uidvalidity, uidnext, modseq, self_modseq,
			items, unseen, bytes, created_at) VALUES ($1, $2, 1, 4, 'drive', 5, 3, 7, 1, 2, 2, 10, {now}),
			($1, $2, 2, 1, 'INBOX', 4, 1, 8, 1, 0, 0, 0, {now})`, key.Tenant, key.Account)
		c := NewContent(10)
		b.Exec(`INSERT INTO content (tenant_id, account_id, content_id, size, sealed, inline, created_at)
			VALUES ($1, $2, $3, 10, 10, $4, {now})`, key.Tenant, key.Account, c.ID[:], c.Inline)
		b.Exec(`INSERT INTO item (tenant_id, account_id, collection_id, uid, item_id, object_id, modseq, created_modseq, flags, size,
			internal_date, save_date, content_id, name, digest, subtree_modseq)
			VALUES ($1, $2, 1, 1, 10, 11, 6, 6, 0, 10, 1, 1, $3, 'file', $4, 0), ($1, $2, 1, 2, 12, 13, 7, 7, 32, 0, 1, 1, NULL, 'folder', NULL, 7)`,
			key.Tenant, key.Account, c.ID[:], make([]byte, 16))
		b.Exec(`INSERT INTO property (tenant_id, account_id, collection_id, item_id, space, local, sealed)
			VALUES ($1, $2, 1, 0, 'DAV:', 'displayname', $3), ($1, $2, 1, 10, 'urn:x', 'größe', $3)`, key.Tenant, key.Account, []byte("sealed"))
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
	a, err := s.Account(ctx, key)
	want := int64(10 + 2*meta.ItemCost + 2*(meta.PropertyCost+6) + 4 + 11 + 5 + 5)
	if err != nil || a.UsedBytes != want {
		t.Errorf("%d bytes are used, want %d, %v", a.UsedBytes, want, err)
	}
}
