package store_test

import (
	"errors"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// A move into another account whose source was changed at the end takes its copy back,
// but never what it did not make.
func TestMoveAcrossTakesBackItsOwnCopyOnly(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	ctx := t.Context()
	from, to := p.Person(t, "anna").Key, p.Person(t, "jan").Key
	drive := func(key store.Key) int64 {
		c, err := p.CreateCollectionWith(ctx, key, store.Drive, "drive", nil)
		must(t, err)
		return c.ID
	}
	src, dst := drive(from), drive(to)
	put := func(key store.Key, drive int64, name, text string) store.Item {
		done, err := p.PutResource(ctx, key, store.PutResource{Collection: drive, Name: name,
			Upload: upload(t, p, key, []byte(text), int64(len(text)))})
		must(t, err)
		return done.Item
	}
	stale := put(from, src, "a", "source")
	put(from, src, "a", "changed at the end")
	for _, x := range []struct {
		name             string
		created, changed bool
		stays            bool
	}{{"its own copy", true, false, false}, {"an overwritten file", false, false, true}, {"a copy that somebody changed", true, true, true}} {
		made := put(to, dst, "b", "copy")
		if x.changed {
			put(to, dst, "b", "changed")
		}
		err := p.Leave(ctx, from, to, store.Transfer{Collection: src, To: store.Spot{Collection: dst, Name: "b"}}, stale,
			store.Transferred{Item: made, Created: x.created})
		if !errors.Is(err, store.ErrChanged) {
			t.Errorf("%s: %v", x.name, err)
		}
		found, err := p.WalkNames(ctx, to, dst, 0, []string{"b"})
		must(t, err)
		if (len(found) == 1) != x.stays {
			t.Errorf("%s: there are %d", x.name, len(found))
		}
	}
	if found, err := p.WalkNames(ctx, from, src, 0, []string{"a"}); err != nil || len(found) != 1 {
		t.Errorf("the source: %v, %v", found, err)
	}
}
