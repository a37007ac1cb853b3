package resource_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// two answers the drives of a person and of a team that they may write to.
func two(t *testing.T, e *resourcetest.Env) (own, team resource.Collection) {
	t.Helper()
	p, anna := e.Person(t, "anna")
	granted := e.Grant(t, e.Shared(t, store.Team, "bauamt"), p, resource.Read|resource.Write|resource.Manage)
	return e.Collection(t, anna, resource.Drive, "drive"), e.Collection(t, granted, resource.Drive, "drive")
}

// What is written to the source after it was read does not go with the move.
func TestMoveAcrossLosesNoLaterWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		c, d := two(t, e)
		read := e.Write(t, c, resource.Root, "a", "first")
		e.Write(t, c, resource.Root, "a", "second")
		_, _, err := e.Move(t.Context(), c, read, at(d, resource.Root, "a"), resource.Transfer{}, resource.Guard{})
		if !errors.Is(err, resource.ErrChanged) {
			t.Errorf("a move of what was replaced meanwhile: %v", err)
		}
		if i := walk(t, e, c, "a"); i == nil || e.Body(t, c, *i) != "second" {
			t.Errorf("the later content is gone: %+v", i)
		}
		if i := walk(t, e, d, "a"); i != nil {
			t.Errorf("at the destination: %+v", i)
		}
		e.Sound(t)
	})
}

// What a file from another account overwrites goes into the trash, as all else does.
func TestOverwrittenAcrossGoesIntoTheTrash(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		c, d := two(t, e)
		file := e.Write(t, c, resource.Root, "a", "mine")
		there := e.Write(t, d, resource.Root, "b", "theirs")
		for _, move := range []bool{false, true} {
			do := e.Copy
			if move {
				do = e.Move
			}
			done, created, err := do(t.Context(), c, file, at(d, resource.Root, "b"), resource.Transfer{Overwrite: true}, resource.Guard{})
			must(t, err)
			if created || done.Name != "b" || e.Body(t, d, done) != "mine" {
				t.Errorf("move %v: %+v, created %v", move, done, created)
			}
		}
		list, err := e.Trashed(t.Context(), d)
		must(t, err)
		found := false
		for _, one := range list {
			found = found || one.Item.ID == there.ID && e.Body(t, d, one.Item) == "theirs"
		}
		if !found || len(list) != 2 {
			t.Errorf("in the trash: %+v", list)
		}
		if walk(t, e, c, "a") != nil {
			t.Error("the source stayed")
		}
		must(t, e.Store().MaintainOnce(t.Context()))
		e.Sound(t)
	})
}

// A page of changes that ends between what was overwritten and the folder that took its
// place tells what lies in that folder with the next one.
func TestSyncBetweenOverwrittenAndFolder(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		c := drive(t, e, "anna")
		e.Write(t, c, resource.Root, "x", "overwritten")
		folder := e.Folder(t, c, resource.Root, "f")
		e.Write(t, c, folder.ID, "member", "m")
		token := fresh(t, e, c).Token
		_, _, err := e.Move(ctx, c, folder, at(c, resource.Root, "x"), resource.Transfer{Overwrite: true}, resource.Guard{})
		must(t, err)
		told := map[string]bool{}
		for range 10 {
			changes, err := e.Changes(ctx, c, token, 1)
			must(t, err)
			for _, x := range changes.List {
				told[x.Path] = !x.Removed
			}
			if token = changes.Token; !changes.More {
				break
			}
		}
		if !told["x"] || !told["x/member"] || told["f"] {
			t.Errorf("told: %v", told)
		}
	})
}

// What was restored and deleted again has its whole time in the trash again, also where
// the list of what is to go was read before.
func TestTrashTimeBeginsAnew(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded)
	ctx := t.Context()
	c := drive(t, e, "anna")
	file := e.Write(t, c, resource.Root, "a", "a")
	must(t, e.Trash(ctx, c, file, resource.Guard{}))
	err := e.Store().ExpireTrashed(ctx, c.Account.Key, c.ID, file.ID, time.Hour)
	if !errors.Is(err, resource.ErrNotFound) {
		t.Errorf("what lies there for a moment: %v", err)
	}
	if list, err := e.Trashed(ctx, c); err != nil || len(list) != 1 {
		t.Errorf("in the trash: %v, %v", list, err)
	}
	time.Sleep(2 * time.Millisecond)
	must(t, e.Store().ExpireTrashed(ctx, c.Account.Key, c.ID, file.ID, time.Millisecond))
	if list, err := e.Trashed(ctx, c); err != nil || len(list) != 0 {
		t.Errorf("in the trash: %v, %v", list, err)
	}
}

// A home, which is listed whole, has an end.
func TestCollectionsAreBounded(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded)
	_, anna := e.Person(t, "anna")
	for i := range resource.MaxCollections {
		if _, err := e.CreateCollection(t.Context(), anna, resource.Calendar, fmt.Sprint(i), nil); err != nil {
			t.Fatalf("the %dth: %v", i, err)
		}
	}
	if _, err := e.CreateCollection(t.Context(), anna, resource.Calendar, "one more", nil); !errors.Is(err, resource.ErrTooMany) {
		t.Errorf("one more: %v", err)
	}
	if _, err := e.CreateCollection(t.Context(), anna, resource.Calendar, "7", nil); !errors.Is(err, resource.ErrExists) {
		t.Errorf("one that is there: %v", err)
	}
	if _, err := e.CreateCollection(t.Context(), anna, resource.AddressBook, "7", nil); err != nil {
		t.Errorf("an address book: %v", err)
	}
}

// A name that gets a number in the trash, or when it is restored, stays one that hrefs
// can have.
func TestLongNamesStayReachable(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded)
	ctx := t.Context()
	c := drive(t, e, "anna")
	long := strings.Repeat("ü", 125) + "x.txt" // 255 bytes
	for range 3 {
		must(t, e.Trash(ctx, c, e.Write(t, c, resource.Root, long, "deleted"), resource.Guard{}))
	}
	e.Write(t, c, resource.Root, long, "there")
	list, err := e.Trashed(ctx, c)
	must(t, err)
	reachable := func(name string) {
		if len(name) > 255 || !utf8.ValidString(name) || !strings.HasSuffix(name, ".txt") {
			t.Errorf("%d bytes: %q", len(name), name)
		}
	}
	for _, one := range list {
		reachable(one.Item.Name)
		path, err := e.Restore(ctx, c, one.Item)
		must(t, err)
		reachable(path[len(path)-1])
	}
	if n := count(t, e, c, resource.Root); len(list) != 3 || n != 4 {
		t.Errorf("%d were in the trash, %d files are there", len(list), n)
	}
}
