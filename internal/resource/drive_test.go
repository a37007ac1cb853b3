package resource_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// walk answers what lies at a path, or nil.
func walk(t testing.TB, e *resourcetest.Env, c resource.Collection, path string) *resource.Item {
	t.Helper()
	names := strings.Split(path, "/")
	found, err := e.Walk(t.Context(), c, resource.Root, names)
	must(t, err)
	if len(found) < len(names) {
		return nil
	}
	return &found[len(found)-1]
}

func fresh(t testing.TB, e *resourcetest.Env, c resource.Collection) resource.Collection {
	t.Helper()
	now, err := e.Service.Collection(t.Context(), c.Account, c.Kind, c.Name)
	must(t, err)
	return now
}

func drive(t testing.TB, e *resourcetest.Env, local string) resource.Collection {
	t.Helper()
	_, a := e.Person(t, local)
	return e.Collection(t, a, resource.Drive, "drive")
}

func at(c resource.Collection, parent int64, name string) resource.Place {
	return resource.Place{Collection: c, Parent: parent, Name: name}
}

func TestTreesAndTheirETags(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		c := drive(t, e, "anna")
		a := e.Folder(t, c, resource.Root, "a")
		b := e.Folder(t, c, a.ID, "b")
		z := e.Folder(t, c, resource.Root, "z")
		deep := e.Folder(t, c, b.ID, "c")
		e.Write(t, c, deep.ID, "file", "eins")
		found, err := e.Walk(ctx, c, resource.Root, []string{"a", "b", "c", "file", "more"})
		must(t, err)
		if len(found) != 4 || found[2].ID != deep.ID || found[3].Size != 4 {
			t.Errorf("walk: %+v", found)
		}
		tags := func() (list []string) {
			for _, path := range []string{"a", "a/b", "a/b/c", "z"} {
				list = append(list, walk(t, e, c, path).ETag)
			}
			return append(list, fresh(t, e, c).CTag)
		}
		before := tags()
		e.Write(t, c, deep.ID, "file", "zwei")
		after := tags()
		for n, moved := range []bool{true, true, true, false, true} {
			if (before[n] != after[n]) != moved {
				t.Errorf("after a PUT below, ETag %d: %s, then %s", n, before[n], after[n])
			}
		}
		sync := fresh(t, e, c).Token
		moved, created, err := e.Move(ctx, c, b, at(c, z.ID, "b2"), resource.Transfer{}, resource.Guard{})
		must(t, err)
		if !created || moved.ID != b.ID || walk(t, e, c, "a/b") != nil || walk(t, e, c, "z/b2/c/file") == nil {
			t.Errorf("moved %+v", moved)
		}
		changes, err := e.Changes(ctx, c, sync, 100)
		must(t, err)
		there, gone := paths(changes)
		if !slices.Equal(there, []string{"z/b2", "z/b2/c", "z/b2/c/file"}) || !slices.Equal(gone, []string{"a/b"}) {
			t.Errorf("sync of a move: %v, gone %v", there, gone)
		}
		for _, c := range []struct {
			what string
			err  error
			do   func() error
		}{
			{"a folder into itself", resource.ErrLoop, func() error {
				_, _, err := e.Move(ctx, c, z, at(c, deep.ID, "z"), resource.Transfer{}, resource.Guard{})
				return err
			}},
			{"a copy of a folder into itself", resource.ErrLoop, func() error {
				_, _, err := e.Copy(ctx, c, z, at(c, deep.ID, "z"), resource.Transfer{}, resource.Guard{})
				return err
			}},
			{"onto what is there", resource.ErrExists, func() error {
				_, _, err := e.Move(ctx, c, z, at(c, resource.Root, "a"), resource.Transfer{}, resource.Guard{})
				return err
			}},
			{"content over a folder", resource.ErrFolder, func() error {
				_, err := e.Put(ctx, at(c, resource.Root, "a"), e.Draft(t, c.Account, "x"), resource.Guard{})
				return err
			}},
			{"a folder twice", resource.ErrExists, func() error {
				_, err := e.MakeFolder(ctx, at(c, resource.Root, "a"), nil, resource.Guard{})
				return err
			}},
			{"into a file", resource.ErrParent, func() error {
				_, err := e.Put(ctx, at(c, walk(t, e, c, "z/b2/c/file").ID, "x"), e.Draft(t, c.Account, "x"), resource.Guard{})
				return err
			}},
			{"into the trash", resource.ErrParent, func() error {
				_, err := e.Put(ctx, at(c, resource.TrashRoot, "x"), e.Draft(t, c.Account, "x"), resource.Guard{})
				return err
			}},
			{"a slash", resource.ErrName, func() error {
				_, err := e.Put(ctx, at(c, resource.Root, "x/y"), e.Draft(t, c.Account, "x"), resource.Guard{})
				return err
			}},
			{"dots", resource.ErrName, func() error {
				_, err := e.MakeFolder(ctx, at(c, resource.Root, ".."), nil, resource.Guard{})
				return err
			}},
			{"a folder's content", resource.ErrFolder, func() error { _, err := e.Open(ctx, c, z); return err }},
			{"an old ETag's state", resource.ErrChanged, func() error {
				_, err := e.Put(ctx, at(c, deep.ID, "file"), e.Draft(t, c.Account, "x"),
					resource.Guard{Seen: []resource.Seen{{Parent: deep.ID, Name: "file", ID: found[3].ID, ModSeq: found[3].ModSeq}}})
				return err
			}},
			{"a path that moved", resource.ErrChanged, func() error {
				_, err := e.Put(ctx, at(c, b.ID, "new"), e.Draft(t, c.Account, "x"),
					resource.Guard{Seen: []resource.Seen{{Parent: a.ID, Name: "b", ID: b.ID}}})
				return err
			}},
		} {
			if err := c.do(); !errors.Is(err, c.err) {
				t.Errorf("%s: %v, want %v", c.what, err, c.err)
			}
		}
		// A member takes the place of the folder that it lies in.
		inner, created, err := e.Move(ctx, c, moved, at(c, resource.Root, "z"), resource.Transfer{Overwrite: true}, resource.Guard{})
		must(t, err)
		if created || inner.ID != b.ID || walk(t, e, c, "z/c/file") == nil {
			t.Errorf("took the place of its folder: %+v", inner)
		}
		e.Sound(t)
	})
}

func TestTrashAndRestore(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		c := drive(t, e, "anna")
		folder := e.Folder(t, c, resource.Root, "Akten")
		sub := e.Folder(t, c, folder.ID, "2026")
		file := e.Write(t, c, sub.ID, "Bericht.txt", "eins")
		sync := fresh(t, e, c).Token
		must(t, e.Trash(ctx, c, file, resource.Guard{}))
		second := e.Write(t, c, sub.ID, "Bericht.txt", "zwei")
		must(t, e.Trash(ctx, c, second, resource.Guard{}))
		third := e.Write(t, c, sub.ID, "Bericht.txt", "drei")
		list, err := e.Trashed(ctx, c)
		must(t, err)
		if len(list) != 2 || list[0].Item.Name == list[1].Item.Name || strings.Join(list[1].Path, "/") != "Akten/2026/Bericht.txt" ||
			!list[0].Expires.After(list[0].Deleted) {
			t.Fatalf("trash: %+v", list)
		}
		if err := e.Trash(ctx, c, list[0].Item, resource.Guard{}); !errors.Is(err, resource.ErrParent) {
			t.Errorf("into the trash from the trash: %v", err)
		}
		changes, err := e.Changes(ctx, c, sync, 100)
		must(t, err)
		there, gone := paths(changes)
		if !slices.Equal(there, []string{"Akten/2026/Bericht.txt"}) || len(gone) != 0 {
			t.Errorf("sync: %v, gone %v", there, gone)
		}
		all, err := e.Changes(ctx, c, "", 100)
		must(t, err)
		if there, _ := paths(all); !slices.Equal(there, []string{"Akten", "Akten/2026", "Akten/2026/Bericht.txt"}) {
			t.Errorf("a first sync shows %v", there)
		}
		path, err := e.Restore(ctx, c, list[1].Item)
		must(t, err)
		if strings.Join(path, "/") != "Akten/2026/Bericht (2).txt" {
			t.Errorf("restored to %v", path)
		}
		must(t, e.Trash(ctx, c, third, resource.Guard{}))
		must(t, e.Remove(ctx, c, folder, resource.Guard{}))
		if walk(t, e, c, "Akten") != nil {
			t.Error("a removed folder is there")
		}
		e.Write(t, c, resource.Root, "Akten", "a file in the way")
		if path, err = e.Restore(ctx, c, third); err != nil || strings.Join(path, "/") != "Akten (2)/2026/Bericht.txt" {
			t.Errorf("restored to %v, %v", path, err)
		}
		if got := e.Body(t, c, *walk(t, e, c, "Akten (2)/2026/Bericht.txt")); got != "drei" {
			t.Errorf("restored %q", got)
		}
		if _, err := e.Restore(ctx, c, third); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("restored what is not in the trash: %v", err)
		}
		e.Sound(t)
	})
}

func TestTrashIsEmptiedAfterItsTime(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded, func(o *resource.Options) { o.Keep = time.Millisecond })
	ctx := t.Context()
	c := drive(t, e, "anna")
	folder := e.Folder(t, c, resource.Root, "f")
	for _, name := range []string{"1", "2", "3"} {
		e.Write(t, c, folder.ID, name, name)
	}
	single := e.Write(t, c, resource.Root, "s", "s")
	must(t, e.SetProperties(ctx, c, folder.ID, []resource.Property{{Name: name("p"), Value: []byte("p")}}, resource.Guard{}))
	must(t, e.Trash(ctx, c, folder, resource.Guard{}))
	must(t, e.Trash(ctx, c, single, resource.Guard{}))
	used, _, err := e.Usage(ctx, c.Account)
	must(t, err)
	const property = store.PropertyCost + 10 // at least: its name, and its value sealed
	if least := int64(4 + 5*resource.ItemCost + property); used < least || used > least+200 {
		t.Errorf("what is in the trash takes %d bytes of the quota, want %d and a little more", used, least)
	}
	time.Sleep(10 * time.Millisecond)
	more, err := e.EmptyTrash(ctx, 1)
	must(t, err)
	if !more {
		t.Error("there was no more after one of two")
	}
	if more, err = e.EmptyTrash(ctx, 10); err != nil || more {
		t.Errorf("more %v, %v", more, err)
	}
	list, err := e.Trashed(ctx, c)
	must(t, err)
	if used, _, err = e.Usage(ctx, c.Account); err != nil || used != 0 || len(list) != 0 {
		t.Errorf("%d bytes and %d in the trash stayed, %v", used, len(list), err)
	}
	must(t, e.Store().MaintainOnce(ctx))
	e.Sound(t)
}

func TestQuota(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		c := drive(t, e, "anna")
		e.Write(t, c, resource.Root, "a", strings.Repeat("x", 1060))
		draft := e.Draft(t, c.Account, strings.Repeat("y", 1060))
		more := e.Draft(t, c.Account, strings.Repeat("z", 1060))
		must(t, e.Store().SetQuota(ctx, c.Account.Key, 3*resource.ItemCost+1100, 0))
		if _, err := e.Put(ctx, at(c, resource.Root, "b"), draft, resource.Guard{}); !errors.Is(err, resource.ErrQuota) {
			t.Errorf("passed the quota: %v", err)
		}
		if _, err := e.Put(ctx, at(c, resource.Root, "a"), more, resource.Guard{}); err != nil {
			t.Errorf("in the place of as much: %v", err)
		}
		if _, _, err := e.Copy(ctx, c, *walk(t, e, c, "a"), at(c, resource.Root, "b"), resource.Transfer{}, resource.Guard{}); !errors.Is(err, resource.ErrQuota) {
			t.Errorf("a copy passed the quota: %v", err)
		}
		used, quota, err := e.Usage(ctx, c.Account)
		if err != nil || used != resource.ItemCost+1060 || quota != 3*resource.ItemCost+1100 {
			t.Errorf("usage %d of %d, %v", used, quota, err)
		}
		folder := e.Folder(t, c, resource.Root, "f")
		e.Write(t, c, folder.ID, "g", strings.Repeat("g", 30))
		if _, _, err := e.Copy(ctx, c, folder, at(c, resource.Root, "f2"), resource.Transfer{}, resource.Guard{}); !errors.Is(err, resource.ErrQuota) {
			t.Errorf("a tree passed the quota: %v", err)
		}
		if walk(t, e, c, "f2") != nil {
			t.Error("a part of the tree is seen")
		}
		if used, _, err = e.Usage(ctx, c.Account); err != nil || used != 3*resource.ItemCost+1090 {
			t.Errorf("usage %d, %v: something of the refused tree stayed", used, err)
		}
		e.Sound(t)
	})
}

func TestAcrossAccounts(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		p, anna := e.Person(t, "anna")
		c := e.Collection(t, anna, resource.Drive, "drive")
		team := e.Grant(t, e.Shared(t, store.Team, "bauamt"), p, resource.Read|resource.Write)
		d := e.Collection(t, team, resource.Drive, "drive")
		folder := e.Folder(t, c, resource.Root, "f")
		sub := e.Folder(t, c, folder.ID, "sub")
		file := e.Write(t, c, sub.ID, "1", "eins")
		big := strings.Repeat("large content ", 20_000)
		e.Write(t, c, folder.ID, "2", big)
		must(t, e.SetProperties(ctx, c, file.ID, []resource.Property{{Name: name("p"), Value: []byte("p")}}, resource.Guard{}))
		seen := resource.Guard{Seen: []resource.Seen{{Name: "f", ID: folder.ID}, {Name: "g"}}}
		moved, created, err := e.Move(ctx, c, folder, at(d, resource.Root, "g"), resource.Transfer{}, seen)
		must(t, err)
		if !created || moved.Name != "g" || walk(t, e, c, "f") != nil {
			t.Errorf("moved: %+v", moved)
		}
		there := walk(t, e, d, "g/sub/1")
		if there == nil || e.Body(t, d, *there) != "eins" || e.Body(t, d, *walk(t, e, d, "g/2")) != big || there.ETag == file.ETag {
			t.Errorf("at the destination: %+v", there)
		}
		props, err := e.Properties(ctx, d, []int64{there.ID})
		must(t, err)
		if len(props[there.ID]) != 1 {
			t.Errorf("properties: %v", props)
		}
		if _, _, err := e.Copy(ctx, d, *there, at(c, resource.Root, "back"), resource.Transfer{}, resource.Guard{}); err != nil {
			t.Errorf("copy back: %v", err)
		}
		if _, _, err := e.Copy(ctx, d, *there, at(c, resource.Root, "back"), resource.Transfer{}, resource.Guard{}); !errors.Is(err, resource.ErrExists) {
			t.Errorf("copy over what is there: %v", err)
		}
		from, to := e.Collection(t, anna, resource.Calendar, "c"), e.Collection(t, team, resource.Calendar, "c")
		draft := e.Draft(t, anna, "event")
		draft.Index, draft.Facts, draft.Encoder = &resource.Index{UID: "u", Components: 1, From: 5, To: 9}, []byte("facts"), 3
		put, err := e.Put(ctx, at(from, resource.Root, "e.ics"), draft, resource.Guard{})
		must(t, err)
		event, _, err := e.Move(ctx, from, put.Item, at(to, resource.Root, "e.ics"), resource.Transfer{}, resource.Guard{})
		must(t, err)
		if found, err := e.ByUID(ctx, to, "u"); err != nil || found.ID != event.ID {
			t.Errorf("by UID: %+v, %v", found, err)
		}
		facts := 0
		must(t, e.Facts(ctx, to, []resource.Item{event}, func(_ int, encoder int16, plain []byte) error {
			if encoder == 3 && string(plain) == "facts" {
				facts++
			}
			return nil
		}))
		if facts != 1 {
			t.Error("the facts did not come along")
		}
		e.Sound(t)
	})
}

func TestTouchAndOrigin(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		c := drive(t, e, "anna")
		draft := e.Draft(t, c.Account, "text")
		source := e.Store().SourceID("cloud", "anna")
		draft.Origin = &store.Origin{Source: source, UIDValidity: 1, UID: 7, Digest: []byte("digest")}
		put, err := e.Put(ctx, at(c, resource.Root, "a"), draft, resource.Guard{})
		must(t, err)
		if list, err := e.Store().Origins(ctx, c.Account.Key, source); err != nil || len(list) != 1 || list[0].UID != 7 {
			t.Errorf("origins: %+v, %v", list, err)
		}
		then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		touched, err := e.Touch(ctx, c, put.Item, then, resource.Guard{})
		must(t, err)
		found := walk(t, e, c, "a")
		if !found.Modified.Equal(then) || found.ETag != put.Item.ETag || found.ModSeq <= put.Item.ModSeq || !touched.Modified.Equal(then) ||
			!found.Created.Equal(put.Item.Created) {
			t.Errorf("touched: %+v", found)
		}
		stale := resource.Guard{Seen: []resource.Seen{{Name: "a", ID: put.Item.ID, ModSeq: put.Item.ModSeq}}}
		if _, err := e.Touch(ctx, c, put.Item, then, stale); !errors.Is(err, resource.ErrChanged) {
			t.Errorf("decided on what was: %v", err)
		}
		if e.Body(t, c, *found) != "text" {
			t.Error("the content changed")
		}
		e.Sound(t)
	})
}

// TestMoveAcrossRespectsLocks: nothing appears where the source may not go.
func TestMoveAcrossRespectsLocks(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded)
	ctx := t.Context()
	p, anna := e.Person(t, "anna")
	c := e.Collection(t, anna, resource.Drive, "drive")
	d := e.Collection(t, e.Grant(t, e.Shared(t, store.Team, "bauamt"), p, resource.Read|resource.Write), resource.Drive, "drive")
	folder := e.Folder(t, c, resource.Root, "f")
	e.Write(t, c, folder.ID, "1", "eins")
	held, _, _, err := e.Lock(ctx, at(c, folder.ID, "1"), resource.Lock{}, resource.Guard{})
	must(t, err)
	if _, _, err := e.Move(ctx, c, folder, at(d, resource.Root, "f"), resource.Transfer{}, resource.Guard{}); !locked(err) {
		t.Errorf("moved what is locked: %v", err)
	}
	if walk(t, e, d, "f") != nil {
		t.Error("a copy stayed")
	}
	if _, _, err := e.Move(ctx, c, folder, at(d, resource.Root, "f"), resource.Transfer{}, resource.Guard{Tokens: []string{held.Token}}); err != nil {
		t.Error(err)
	}
	if walk(t, e, c, "f") != nil || walk(t, e, d, "f/1") == nil {
		t.Error("it is not where it was moved to")
	}
	e.Sound(t)
}
