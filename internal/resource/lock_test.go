package resource_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

func locked(err error) bool {
	var l *resource.LockedError
	return errors.As(err, &l) && errors.Is(err, resource.ErrLocked)
}

func TestLocks(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		pa, _ := e.Person(t, "anna")
		pb, _ := e.Person(t, "bert")
		team := e.Shared(t, store.Team, "bauamt")
		anna := e.Collection(t, e.Grant(t, team, pa, resource.Read|resource.Write), resource.Drive, "drive")
		bert := fresh(t, e, resource.Collection{Account: e.Grant(t, team, pb, resource.Read|resource.Write), Kind: resource.Drive, Name: "drive"})
		take := func(c resource.Collection, parent int64, name string, l resource.Lock) (resource.Lock, resource.Item, error) {
			held, i, _, err := e.Lock(ctx, at(c, parent, name), l, resource.Guard{})
			return held, i, err
		}
		write := func(c resource.Collection, parent int64, name string, tokens ...string) error {
			_, err := e.Put(ctx, at(c, parent, name), e.Draft(t, c.Account, "text"), resource.Guard{Tokens: tokens})
			return err
		}
		f := e.Folder(t, anna, resource.Root, "f")
		g := e.Folder(t, anna, f.ID, "g")
		e.Write(t, anna, g.ID, "x", "x")

		// LOCK where nothing is makes an empty file.
		one, i, err := take(anna, g.ID, "new", resource.Lock{Owner: []byte("<o/>"), Timeout: time.Minute})
		must(t, err)
		if i.Name != "new" || i.Size != 0 || one.Timeout != time.Minute || one.Person != pa.Account || len(one.Path) != 3 {
			t.Errorf("locked %+v, %+v", i, one)
		}
		if _, _, err := take(bert, g.ID, "new", resource.Lock{Shared: true}); !locked(err) {
			t.Errorf("a shared lock beside an exclusive one: %v", err)
		}
		if err := write(bert, g.ID, "new"); !locked(err) {
			t.Errorf("wrote to what is locked: %v", err)
		}
		if err := write(bert, g.ID, "new", one.Token); !locked(err) {
			t.Errorf("another person's token counted: %v", err)
		}
		if err := write(anna, g.ID, "new"); !locked(err) {
			t.Errorf("wrote without naming the token: %v", err)
		}
		must(t, write(anna, g.ID, "new", one.Token))
		must(t, write(bert, g.ID, "x"))
		if err := e.SetProperties(ctx, bert, i.ID, []resource.Property{{Name: name("p"), Value: []byte("p")}}, resource.Guard{}); !locked(err) {
			t.Errorf("set a property of what is locked: %v", err)
		}
		// Removing or moving the tree needs every lock inside.
		for what, err := range map[string]error{
			"remove": e.Remove(ctx, bert, f, resource.Guard{}),
			"trash":  e.Trash(ctx, anna, f, resource.Guard{}),
			"move": func() error {
				_, _, err := e.Move(ctx, bert, f, at(bert, resource.Root, "f2"), resource.Transfer{}, resource.Guard{})
				return err
			}(),
		} {
			if !locked(err) {
				t.Errorf("%s of a tree with a lock inside: %v", what, err)
			}
		}
		if _, _, err := take(bert, resource.Root, "f", resource.Lock{Infinite: true}); !locked(err) {
			t.Errorf("an infinite lock above a lock: %v", err)
		}
		if _, err := e.Refresh(ctx, bert, one.Token, time.Hour); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("refreshed another's lock: %v", err)
		}
		longer, err := e.Refresh(ctx, anna, one.Token, 30*time.Minute)
		must(t, err)
		if longer.Timeout != 30*time.Minute || !longer.Expires.After(one.Expires) || string(longer.Owner) != "<o/>" {
			t.Errorf("refreshed: %+v", longer)
		}
		if err := e.Unlock(ctx, bert, one.Token); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("released another's lock: %v", err)
		}
		must(t, e.Unlock(ctx, anna, one.Token))

		// A folder's lock of depth 0 keeps its members as they are, not their content.
		own, _, err := take(anna, resource.Root, "f", resource.Lock{})
		must(t, err)
		must(t, write(bert, g.ID, "y"))
		if err := write(bert, f.ID, "y"); !locked(err) {
			t.Errorf("made a member of a locked folder: %v", err)
		}
		if err := e.Remove(ctx, bert, g, resource.Guard{}); !locked(err) {
			t.Errorf("removed a member of a locked folder: %v", err)
		}
		must(t, write(anna, f.ID, "y", own.Token))
		must(t, write(bert, f.ID, "y")) // it is there already
		must(t, e.Unlock(ctx, anna, own.Token))

		// An infinite lock covers what is below, and moves leave it behind.
		all, _, err := take(anna, resource.Root, "f", resource.Lock{Infinite: true})
		must(t, err)
		if err := write(bert, g.ID, "deep"); !locked(err) {
			t.Errorf("wrote below an infinite lock: %v", err)
		}
		if _, _, err := take(bert, g.ID, "x", resource.Lock{Shared: true}); !locked(err) {
			t.Errorf("locked below an infinite lock: %v", err)
		}
		must(t, write(anna, g.ID, "deep", all.Token))
		if _, _, err := e.Move(ctx, anna, f, at(anna, resource.Root, "h"), resource.Transfer{}, resource.Guard{Tokens: []string{all.Token}}); err != nil {
			t.Fatal(err)
		}
		if held, err := e.Locks(ctx, anna); err != nil || len(held) != 0 {
			t.Errorf("locks after the move: %+v, %v", held, err)
		}

		// Two who share, and the whole drive.
		s1, _, err := take(anna, g.ID, "x", resource.Lock{Shared: true})
		must(t, err)
		s2, _, err := take(bert, g.ID, "x", resource.Lock{Shared: true})
		must(t, err)
		must(t, write(bert, g.ID, "x", s2.Token))
		if err := e.Unlock(ctx, bert, s1.Token); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("one who shares released another's lock: %v", err)
		}
		must(t, e.Unlock(ctx, bert, s2.Token))
		if _, _, err := take(bert, resource.Root, "", resource.Lock{Infinite: true}); !locked(err) {
			t.Errorf("the whole drive while there is a lock inside: %v", err)
		}
		must(t, e.Unlock(ctx, anna, s1.Token))
		whole, none, err := take(bert, resource.Root, "", resource.Lock{Infinite: true})
		must(t, err)
		if none.ID != 0 || whole.Item != 0 || len(whole.Path) != 0 {
			t.Errorf("the drive's lock: %+v %+v", whole, none)
		}
		if err := write(anna, resource.Root, "z"); !locked(err) {
			t.Errorf("wrote to a drive that is locked: %v", err)
		}
		manager := anna
		manager.Account = e.Grant(t, team, pa, resource.Read|resource.Write|resource.Manage)
		must(t, e.Unlock(ctx, manager, whole.Token))
		must(t, write(anna, resource.Root, "z"))
		e.Sound(t)
	})
}

func TestLocksExpireAndCalendarsTakeThemToo(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded)
	ctx := t.Context()
	c := drive(t, e, "anna")
	short, i, _, err := e.Lock(ctx, at(c, resource.Root, "a"), resource.Lock{Timeout: 50 * time.Millisecond}, resource.Guard{})
	must(t, err)
	time.Sleep(80 * time.Millisecond)
	if held, err := e.Locks(ctx, c); err != nil || len(held) != 0 {
		t.Errorf("an expired lock is held: %+v, %v", held, err)
	}
	if _, err := e.Refresh(ctx, c, short.Token, time.Minute); !errors.Is(err, resource.ErrNotFound) {
		t.Errorf("refreshed an expired lock: %v", err)
	}
	must(t, e.Remove(ctx, c, i, resource.Guard{}))
	long, _, _, err := e.Lock(ctx, at(c, resource.Root, "a"), resource.Lock{Timeout: 1000 * time.Hour}, resource.Guard{})
	must(t, err)
	if long.Timeout != time.Hour {
		t.Errorf("granted for %v", long.Timeout)
	}
	must(t, e.Store().MaintainOnce(ctx))
	k := e.Collection(t, c.Account, resource.Calendar, "k")
	if _, _, _, err := e.Lock(ctx, at(k, resource.Root, "new.ics"), resource.Lock{}, resource.Guard{}); !errors.Is(err, resource.ErrNotFound) {
		t.Errorf("LOCK made an empty calendar object: %v", err)
	}
	if _, _, _, err := e.Lock(ctx, at(k, resource.Root, ""), resource.Lock{Infinite: true}, resource.Guard{}); err != nil {
		t.Fatal(err)
	}
	if err := e.RemoveCollection(ctx, k, resource.Guard{}); !locked(err) {
		t.Errorf("removed a locked calendar: %v", err)
	}
	e.Sound(t)
}

// TestLocksOfOnePerson: who shares a drive cannot take all its locks, who owns one can.
func TestLocksOfOnePerson(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		pa, own := e.Person(t, "anna")
		pb, _ := e.Person(t, "bert")
		team := e.Shared(t, store.Team, "bauamt")
		anna := e.Collection(t, e.Grant(t, team, pa, resource.Read|resource.Write), resource.Drive, "drive")
		bert := fresh(t, e, resource.Collection{Account: e.Grant(t, team, pb, resource.Read|resource.Write), Kind: resource.Drive, Name: "drive"})
		f := e.Folder(t, anna, resource.Root, "f")
		take := func(c resource.Collection, name string) (resource.Lock, error) {
			l, _, _, err := e.Lock(ctx, at(c, resource.Root, name), resource.Lock{Shared: true}, resource.Guard{})
			return l, err
		}
		var last resource.Lock
		for range resource.MaxPersonLocks {
			var err error
			last, err = take(anna, f.Name)
			must(t, err)
		}
		if _, err := take(anna, f.Name); !errors.Is(err, resource.ErrTooMany) {
			t.Errorf("one lock more than one person may hold: %v", err)
		}
		if _, err := take(bert, f.Name); err != nil {
			t.Errorf("the other's: %v", err)
		}
		must(t, e.Unlock(ctx, anna, last.Token))
		if _, err := take(anna, f.Name); err != nil {
			t.Errorf("after one was released: %v", err)
		}
		mine := e.Collection(t, own, resource.Drive, "drive")
		e.Folder(t, mine, resource.Root, "f")
		for range resource.MaxPersonLocks + 1 {
			if _, err := take(mine, "f"); err != nil {
				t.Fatalf("in the own drive: %v", err)
			}
		}
		e.Sound(t)
	})
}

// TestOneOfManyWins: of 16 who decided on the same state one writes, each time.
func TestOneOfManyWins(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		rounds := 200
		if testing.Short() {
			rounds = 20
		}
		c := drive(t, e, "anna")
		i := e.Write(t, c, resource.Root, "a", "0")
		drafts := make([]resource.Draft, 16)
		for range rounds {
			for n := range drafts {
				u, err := e.NewUpload(t.Context(), c.Account, resource.UploadOptions{Size: 1})
				must(t, err)
				_, err = u.Write([]byte("x"))
				must(t, err)
				must(t, u.Finish())
				drafts[n].Upload = u
			}
			seen := resource.Guard{Seen: []resource.Seen{{Name: "a", ID: i.ID, ModSeq: i.ModSeq}}}
			won := make(chan resource.Item, 16)
			failed := make(chan error, 16)
			for _, d := range drafts {
				go func() {
					put, err := e.Put(context.WithoutCancel(t.Context()), at(c, resource.Root, "a"), d, seen)
					_ = d.Upload.Close()
					if err != nil {
						failed <- err
						return
					}
					won <- put.Item
				}()
			}
			winners := 0
			for range 16 {
				select {
				case i = <-won:
					winners++
				case err := <-failed:
					if !errors.Is(err, resource.ErrChanged) {
						t.Error(err)
					}
				}
			}
			if winners != 1 {
				t.Fatalf("%d of 16 won", winners)
			}
		}
		e.Sound(t)
	})
}
