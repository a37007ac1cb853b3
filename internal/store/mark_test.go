package store_test

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/sqlite"
	"fachwerk/internal/store/storetest"
)

// marked is a store with a message, after a round of maintenance, which has left the mark.
func marked(t *testing.T, p *storetest.Parts) (anna store.Account, inbox store.Collection) {
	t.Helper()
	anna = p.Person(t, "anna")
	inbox = mailbox(t, p, anna.Key, "INBOX")
	add(t, p, anna.Key, inbox.ID, incompressible(200_000))
	must(t, p.MaintainOnce(t.Context()))
	if _, err := p.Blobs.Stat(t.Context(), blob.MarkKey); err != nil {
		t.Fatal("there is no mark", err)
	}
	return anna, inbox
}

// overdue leaves an object that no row names and one whose time has come, both for long.
func overdue(t *testing.T, p *storetest.Parts) (orphan, due string) {
	t.Helper()
	orphan, due = blob.NewKey(p.Tenant.ID, time.Now().AddDate(0, 0, -12)), blob.NewKey(p.Tenant.ID, time.Now().AddDate(0, 0, -13))
	for _, key := range []string{orphan, due} {
		must(t, p.Blobs.Put(t.Context(), key, blob.Bytes("sealed")))
	}
	sql(t, p, `INSERT INTO content_delete (tenant_id, object_key, due_at) VALUES ($1, $2, {now} - $3)`,
		p.Tenant.ID, due, (24 * time.Hour).Microseconds())
	return orphan, due
}

// round runs maintenance as a process does that has just started, on objects that look old,
// and tells whether it has found that they are another's.
func round(t *testing.T, p *storetest.Parts, db *meta.DB) (foreign bool) {
	t.Helper()
	s, err := store.New(t.Context(), store.Options{
		Sites: []store.Site{{Site: storetest.Site, DB: db, Blobs: aged{p.Blobs}, Foreign: func(f bool) { foreign = f }}},
		Keys:  p.Keys, Placement: p.Placement,
	})
	must(t, err)
	defer s.Close()
	must(t, s.MaintainOnce(t.Context()))
	return foreign
}

func there(t *testing.T, p *storetest.Parts, key string) bool {
	t.Helper()
	_, err := p.Blobs.Stat(t.Context(), key)
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// TestMarkGoesOn: whoever opens the database whose mark the blob store bears goes on, also
// two processes at the same time, and what is to be deleted is.
func TestMarkGoesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		must(t, store.CheckMark(t.Context(), p.DB, p.Blobs)) // there is none yet
		anna, inbox := marked(t, p)
		orphan, due := overdue(t, p)
		for range 3 {
			must(t, store.CheckMark(t.Context(), p.DB, p.Blobs))
			add(t, p, anna.Key, inbox.ID, incompressible(100))
			if round(t, p, p.DB) {
				t.Fatal("its own objects are another's")
			}
			must(t, p.MaintainOnce(t.Context()))
		}
		if there(t, p, orphan) || there(t, p, due) {
			t.Error("nothing was deleted")
		}
		sql(t, p, `UPDATE account SET modseq = modseq + 1`)
		must(t, store.CheckMark(t.Context(), p.DB, p.Blobs))
		found, err := p.CheckAll(t.Context(), store.CheckOptions{})
		must(t, err)
		if len(found) > 0 {
			t.Error(found)
		}
	})
}

// TestMarkOfAnOlderDatabase: a database that comes back older is refused, although it says
// of itself that it is the one that was last used; a new generation settles it.
func TestMarkOfAnOlderDatabase(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		anna, inbox := marked(t, p)
		add(t, p, anna.Key, inbox.ID, incompressible(100))
		must(t, p.MaintainOnce(t.Context()))
		must(t, store.CheckMark(t.Context(), p.DB, p.Blobs))
		sql(t, p, `UPDATE account SET modseq = modseq - 1 WHERE account_id = $1`, anna.Account)
		if err := store.CheckMark(t.Context(), p.DB, p.Blobs); !errors.Is(err, store.ErrForeignBlobs) || !errors.Is(err, meta.ErrForeignStore) {
			t.Fatal(err)
		}
		must(t, p.DB.NewGeneration(t.Context()))
		must(t, store.CheckMark(t.Context(), p.DB, p.Blobs)) // also where nobody could write it
		must(t, store.TakeMark(t.Context(), p.DB, p.Blobs))
		must(t, store.CheckMark(t.Context(), p.DB, p.Blobs))
	})
}

// TestMarkOfAnother: a database whose objects are another's, or those of a later generation
// of it, deletes none, and contests them: nobody deletes any until that was long ago.
func TestMarkOfAnother(t *testing.T) {
	for name, change := range map[string]struct{ away, back string }{
		"another installation": {`UPDATE installation SET created_at = created_at + 1`, `UPDATE installation SET created_at = created_at - 1`},
		"a later generation":   {`UPDATE installation SET generation = generation + 1`, `UPDATE installation SET generation = generation - 1`},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, p *storetest.Parts) {
				marked(t, p)
				orphan, due := overdue(t, p)
				sql(t, p, change.away)
				must(t, store.TakeMark(t.Context(), p.DB, p.Blobs))
				sql(t, p, change.back)
				if err := store.CheckMark(t.Context(), p.DB, p.Blobs); !errors.Is(err, store.ErrForeignBlobs) {
					t.Fatal(err)
				}
				if there(t, p, blob.ContestKey) {
					t.Error("who only looks writes")
				}
				kept := func(who string) {
					t.Helper()
					if !round(t, p, p.DB) {
						t.Error(who, "is not told")
					}
					if !there(t, p, orphan) || !there(t, p, due) {
						t.Error(who, "has deleted something")
					}
				}
				kept("the one that is refused")
				sql(t, p, change.away)
				kept("the one that the mark names")
				must(t, p.Blobs.Delete(t.Context(), blob.ContestKey)) // as if it was long ago
				if round(t, p, p.DB) || there(t, p, orphan) || there(t, p, due) {
					t.Error("nothing is deleted any more")
				}
			})
		})
	}
}

// TestRemovalOfATenantWaits: of a tenant that is removed in a copy no object is noted.
func TestRemovalOfATenantWaits(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		marked(t, p)
		sql(t, p, `UPDATE installation SET generation = generation + 1`)
		must(t, store.TakeMark(t.Context(), p.DB, p.Blobs))
		sql(t, p, `UPDATE installation SET generation = generation - 1`)
		before := len(objects(t, p))
		must(t, p.RemoveTenant(t.Context(), p.Tenant.ID))
		for range 3 {
			round(t, p, p.DB)
		}
		if after := len(objects(t, p)); after != before {
			t.Errorf("%d of %d objects are left", after, before)
		}
		if n := rows(t, p.DB, `SELECT count(*) FROM tenant`); n != 1 {
			t.Error("the tenant is forgotten before its objects could be noted")
		}
	})
}

// TestSecondDatabase: a backup that somebody tries out over the blob store that is in use
// takes nothing from it, and those who go on there are told.
func TestSecondDatabase(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	anna := p.Person(t, "anna")
	inbox := mailbox(t, p, anna.Key, "INBOX")
	must(t, p.MaintainOnce(t.Context()))
	path := filepath.Join(t.TempDir(), "copy.db")
	must(t, sqlite.Backup(t.Context(), filepath.Join(p.Folder, "fachwerk.db"), path))
	// Mail of the days after the backup, which was made 40 days ago.
	one := add(t, p, anna.Key, inbox.ID, incompressible(200_000))
	was := objects(t, p)[0].Key
	r, err := p.Blobs.Get(t.Context(), was, 0, -1)
	must(t, err)
	sealed, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	key := blob.NewKey(p.Tenant.ID, time.Now().AddDate(0, 0, -40))
	must(t, p.Blobs.Put(t.Context(), key, blob.Bytes(sealed)))
	must(t, p.Blobs.Delete(t.Context(), was))
	sql(t, p, `UPDATE content SET object_key = $1`, key)
	must(t, p.MaintainOnce(t.Context()))

	engine, err := sqlite.OpenRestored(t.Context(), path, false)
	must(t, err)
	db, err := meta.Renew(t.Context(), engine, slog.New(slog.DiscardHandler))
	must(t, err)
	defer db.Close()
	must(t, store.TakeMark(t.Context(), db, p.Blobs))
	for range 2 {
		round(t, p, db) // it has just begun: nothing is swept
		if !round(t, p, p.DB) {
			t.Error("those who go on are not told")
		}
	}
	if !round(t, p, db) {
		t.Error("the one who tries the copy out is not told")
	}
	if got := read(t, p, anna.Key, inbox.ID, one.UID); len(got) != 200_000 {
		t.Error("the message is gone")
	}
	if err := store.CheckMark(t.Context(), p.DB, p.Blobs); !errors.Is(err, store.ErrForeignBlobs) {
		t.Error("another server starts there:", err)
	}
}

// TestMarkNobodyCanRead: where nobody can look whose objects they are, none is deleted, and
// nothing is written over what is there.
func TestMarkNobodyCanRead(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		marked(t, p)
		orphan, due := overdue(t, p)
		must(t, p.Blobs.Put(t.Context(), blob.MarkKey, blob.Bytes(`{"installation":`)))
		if err := store.CheckMark(t.Context(), p.DB, p.Blobs); err == nil || errors.Is(err, store.ErrForeignBlobs) {
			t.Error(err)
		}
		if err := p.MaintainOnce(t.Context()); err == nil {
			t.Error("nobody is told")
		}
		if !there(t, p, orphan) || !there(t, p, due) {
			t.Error("something was deleted")
		}
		must(t, store.TakeMark(t.Context(), p.DB, p.Blobs))
		must(t, p.MaintainOnce(t.Context()))
		must(t, store.CheckMark(t.Context(), p.DB, p.Blobs))
	})
}
