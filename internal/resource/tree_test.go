package resource_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store/storetest"
)

// grow makes a tree of folders with n files in all, and answers its top.
func grow(t testing.TB, e *resourcetest.Env, c resource.Collection, name string, n int) resource.Item {
	t.Helper()
	top := e.Folder(t, c, resource.Root, name)
	folders := []int64{top.ID}
	for i := 100; i < n; i += 100 {
		parent := folders[0]
		if i%300 == 0 {
			parent = folders[len(folders)-1]
		}
		folders = append(folders, e.Folder(t, c, parent, fmt.Sprintf("folder%d", i)).ID)
	}
	var next atomic.Int64
	var writing sync.WaitGroup
	for range 16 {
		writing.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				u, err := e.NewUpload(t.Context(), c.Account, resource.UploadOptions{Size: 1})
				if err == nil {
					_, err = u.Write([]byte("x"))
				}
				if err == nil {
					err = u.Finish()
				}
				if err == nil {
					_, err = e.Put(t.Context(), at(c, folders[i/100], fmt.Sprintf("file%d", i)), resource.Draft{Upload: u}, resource.Guard{})
				}
				if err != nil {
					t.Error(err)
					return
				}
				_ = u.Close()
			}
		})
	}
	writing.Wait()
	return top
}

func count(t testing.TB, e *resourcetest.Env, c resource.Collection, parent int64) (n int) {
	t.Helper()
	after := ""
	for {
		page, err := e.Members(t.Context(), c, parent, after, 500)
		must(t, err)
		for _, i := range page {
			after = i.Name
			n++
			if i.Folder {
				n += count(t, e, c, i.ID)
			}
		}
		if len(page) < 500 {
			return n
		}
	}
}

func TestLargeTrees(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		files := 5000
		if testing.Short() {
			files = 700
		}
		ctx := t.Context()
		c := drive(t, e, "anna")
		top := grow(t, e, c, "tree", files)
		all := count(t, e, c, top.ID)
		sync := fresh(t, e, c).Token
		begun := time.Now()
		copied, created, err := e.Copy(ctx, c, top, at(c, resource.Root, "copy"), resource.Transfer{}, resource.Guard{})
		must(t, err)
		t.Logf("copied %d in %v", all, time.Since(begun))
		if n := count(t, e, c, copied.ID); n != all || !created {
			t.Errorf("%d of %d were copied", n, all)
		}
		changes, err := e.Changes(ctx, c, sync, 10)
		must(t, err)
		for changes.More {
			next, err := e.Changes(ctx, c, changes.Token, 10_000)
			must(t, err)
			next.List = append(changes.List, next.List...)
			changes = next
		}
		there, gone := paths(changes)
		if there = slices.Compact(there); len(there) != all+1 || len(gone) != 0 {
			t.Errorf("a sync tells %d of %d copied, and %d gone", len(there), all+1, len(gone))
		}
		sync = fresh(t, e, c).Token
		begun = time.Now()
		moved, created, err := e.Move(ctx, c, top, at(c, resource.Root, "copy"), resource.Transfer{Overwrite: true}, resource.Guard{})
		must(t, err)
		t.Logf("moved over the copy in %v", time.Since(begun))
		if n := count(t, e, c, moved.ID); n != all || created {
			t.Errorf("%d of %d were moved", n, all)
		}
		if changes, err = e.Changes(ctx, c, sync, 10); err != nil {
			t.Fatal(err)
		}
		if there, gone = paths(changes); len(there) != all+1 || !slices.Equal(gone, []string{"tree"}) {
			t.Errorf("a sync tells %d of %d, gone %v", len(there), all+1, gone)
		}
		trash, err := e.Trashed(ctx, c)
		must(t, err)
		if len(trash) != 1 {
			t.Fatalf("in the trash: %+v", trash)
		}
		sync = fresh(t, e, c).Token
		must(t, e.Remove(ctx, c, trash[0].Item, resource.Guard{}))
		begun = time.Now()
		must(t, e.Remove(ctx, c, moved, resource.Guard{}))
		t.Logf("removed in %v", time.Since(begun))
		if n := count(t, e, c, resource.Root); n != 0 {
			t.Errorf("%d are left to see", n)
		}
		if changes, err = e.Changes(ctx, c, sync, 100_000); err != nil {
			t.Fatal(err)
		}
		if there, gone = paths(changes); len(there) != 0 || !slices.Equal(gone, []string{"copy"}) {
			t.Errorf("a sync of the removal tells %d, gone %d", len(there), len(gone))
		}
		// The path is in use again: members of the former folder are told one by one.
		again := e.Folder(t, c, resource.Root, "copy")
		e.Write(t, c, again.ID, "file0", "x")
		if changes, err = e.Changes(ctx, c, sync, 100_000); err != nil {
			t.Fatal(err)
		}
		if there, gone = paths(changes); len(there) != 2 || slices.Contains(gone, "copy") || slices.Contains(gone, "copy/file0") ||
			!slices.Contains(gone, "copy/file1") {
			t.Errorf("in use again: %v, %d gone", there, len(gone))
		}
		must(t, e.Store().MaintainOnce(ctx))
		used, _, err := e.Usage(ctx, c.Account)
		if now := fresh(t, e, c); err != nil || used != 1+2*resource.ItemCost || now.Items != 2 {
			t.Errorf("%d bytes and %d items stayed, %v", used, now.Items, err)
		}
		e.Sound(t)
	})
}

func TestRandomOperationsStaySound(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		c := drive(t, e, "anna")
		k := e.Collection(t, c.Account, resource.Calendar, "k")
		seed := uint64(time.Now().UnixNano())
		t.Logf("seed %d", seed)
		var folders sync.Map
		folders.Store(0, resource.Root)
		for n := range 5 {
			folders.Store(n+1, e.Folder(t, c, resource.Root, fmt.Sprint("f", n)).ID)
		}
		var working sync.WaitGroup
		for worker := range 8 {
			working.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(worker)))
				folder := func() int64 { id, _ := folders.Load(r.IntN(6)); return id.(int64) }
				spot := func() resource.Place { return at(c, folder(), fmt.Sprint("n", r.IntN(8))) }
				some := func() (resource.Item, bool) {
					list, err := e.Members(ctx, c, folder(), "", 20)
					if err != nil {
						t.Error(err)
					}
					if len(list) == 0 {
						return resource.Item{}, false
					}
					return list[r.IntN(len(list))], true
				}
				for range 60 {
					i, ok := some()
					var err error
					switch op := r.IntN(11); {
					case op < 3:
						var u *resource.Upload
						if u, err = e.NewUpload(ctx, c.Account, resource.UploadOptions{Size: -1}); err == nil {
							fmt.Fprint(u, r.IntN(1000))
							if err = u.Finish(); err == nil {
								_, err = e.Put(ctx, spot(), resource.Draft{Upload: u}, resource.Guard{})
							}
							_ = u.Close()
						}
					case op == 3:
						_, err = e.MakeFolder(ctx, spot(), []resource.Property{{Name: name("p"), Value: []byte("p")}}, resource.Guard{})
					case op == 4 && ok:
						_, _, err = e.Move(ctx, c, i, spot(), resource.Transfer{Overwrite: r.IntN(2) == 0}, resource.Guard{})
					case op == 5 && ok:
						_, _, err = e.Copy(ctx, c, i, spot(), resource.Transfer{Overwrite: r.IntN(2) == 0}, resource.Guard{})
					case op == 6 && ok:
						err = e.Remove(ctx, c, i, resource.Guard{})
					case op == 7 && ok:
						err = e.Trash(ctx, c, i, resource.Guard{})
					case op == 8 && ok:
						var l resource.Lock
						if l, _, _, err = e.Lock(ctx, at(c, i.Parent, i.Name), resource.Lock{Infinite: true, Timeout: time.Minute}, resource.Guard{}); err == nil {
							_ = e.SetProperties(ctx, c, i.ID, []resource.Property{{Name: name("q"), Value: []byte("q")}}, resource.Guard{Tokens: []string{l.Token}})
							err = e.Unlock(ctx, c, l.Token)
						}
					case op == 9:
						trash, listErr := e.Trashed(ctx, c)
						if err = listErr; err == nil && len(trash) > 0 {
							_, err = e.Restore(ctx, c, trash[r.IntN(len(trash))].Item)
						}
					default:
						var u *resource.Upload
						if u, err = e.NewUpload(ctx, c.Account, resource.UploadOptions{Size: -1}); err == nil {
							if err = u.Finish(); err == nil {
								x := &resource.Index{UID: fmt.Sprint(r.IntN(12)), Components: 1, To: 1}
								_, err = e.Put(ctx, at(k, resource.Root, fmt.Sprint("n", r.IntN(12))), resource.Draft{Upload: u, Index: x}, resource.Guard{})
							}
							_ = u.Close()
						}
						if list, listErr := e.Members(ctx, k, resource.Root, "", 20); listErr == nil && len(list) > 6 {
							_ = e.Remove(ctx, k, list[0], resource.Guard{})
						}
					}
					var conflict *resource.UIDError
					if err != nil && !locked(err) && !errors.As(err, &conflict) && !slices.ContainsFunc([]error{resource.ErrNotFound,
						resource.ErrExists, resource.ErrParent, resource.ErrLoop, resource.ErrFolder},
						func(known error) bool { return errors.Is(err, known) }) {
						t.Errorf("worker %d: %v", worker, err)
					}
				}
			})
		}
		working.Wait()
		must(t, e.Store().MaintainOnce(ctx))
		e.Sound(t)
	})
}

// TestSyncConverges has a client follow a drive and a calendar by tokens, in small
// pages, while others change them; it ends with what is there.
func TestSyncConverges(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded)
	ctx := t.Context()
	c := drive(t, e, "anna")
	k := e.Collection(t, c.Account, resource.AddressBook, "k")
	r := rand.New(rand.NewPCG(1, 2))
	known, cards := map[string]string{}, map[string]string{}
	tokens := map[int64]string{}
	follow := func(c resource.Collection, known map[string]string, pages int) {
		for range pages {
			changes, err := e.Changes(ctx, c, tokens[c.ID], 3)
			must(t, err)
			for _, x := range changes.List {
				if x.Removed {
					for path := range known {
						if path == x.Path || len(path) > len(x.Path) && path[:len(x.Path)+1] == x.Path+"/" {
							delete(known, path)
						}
					}
				} else {
					known[x.Path] = x.Item.Name
				}
			}
			if tokens[c.ID] = changes.Token; !changes.More {
				return
			}
		}
	}
	for round := range 300 {
		list, err := e.Changes(ctx, c, "", 1000)
		must(t, err)
		var folders, all []resource.Item
		for _, x := range list.List {
			if all = append(all, x.Item); x.Item.Folder {
				folders = append(folders, x.Item)
			}
		}
		parent := resource.Root
		if len(folders) > 0 && r.IntN(3) > 0 {
			parent = folders[r.IntN(len(folders))].ID
		}
		spot := at(c, parent, fmt.Sprint("n", r.IntN(5)))
		switch op := r.IntN(7); {
		case op < 2:
			_, err = e.MakeFolder(ctx, spot, nil, resource.Guard{})
		case op < 4:
			_, err = e.Put(ctx, spot, e.Draft(t, c.Account, fmt.Sprint(round)), resource.Guard{})
		case op == 4 && len(all) > 0:
			_, _, err = e.Move(ctx, c, all[r.IntN(len(all))], spot, resource.Transfer{Overwrite: true}, resource.Guard{})
		case op == 5 && len(all) > 0:
			err = e.Trash(ctx, c, all[r.IntN(len(all))], resource.Guard{})
		case op == 6 && len(all) > 0:
			err = e.Remove(ctx, c, all[r.IntN(len(all))], resource.Guard{})
		}
		if err != nil && !errors.Is(err, resource.ErrExists) && !errors.Is(err, resource.ErrLoop) && !errors.Is(err, resource.ErrFolder) &&
			!errors.Is(err, resource.ErrNotFound) {
			t.Fatal(err)
		}
		if card := fmt.Sprint(r.IntN(6)); r.IntN(2) == 0 {
			e.Write(t, k, resource.Root, card, fmt.Sprint(round))
		} else if i, err := e.Named(ctx, k, resource.Root, []string{card}); err == nil && i[0].ID != 0 {
			must(t, e.Remove(ctx, k, i[0], resource.Guard{}))
		}
		if round%4 == 0 {
			follow(c, known, 2)
			follow(k, cards, 1)
		}
		if round%25 != 24 {
			continue
		}
		follow(c, known, 1000)
		follow(k, cards, 1000)
		for _, x := range []struct {
			c     resource.Collection
			known map[string]string
		}{{c, known}, {k, cards}} {
			now, err := e.Changes(ctx, x.c, "", 1000)
			must(t, err)
			there, _ := paths(now)
			var have []string
			for path := range x.known {
				have = append(have, path)
			}
			slices.Sort(have)
			if !slices.Equal(there, have) {
				t.Fatalf("round %d: the client has %v, there is %v", round, have, there)
			}
		}
	}
	e.Sound(t)
}

func TestTokens(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded)
	ctx := t.Context()
	c := drive(t, e, "anna")
	k := e.Collection(t, c.Account, resource.Calendar, "k")
	e.Write(t, c, resource.Root, "a", "a")
	good := fresh(t, e, c).Token
	for _, bad := range []string{"x", "1.2.3", "0.0.0.0", good + ".1", "-" + good, good + " ", "9" + good, fresh(t, e, k).Token,
		fmt.Sprintf("0.%d.%d.1", c.ID, 1<<40)} {
		if _, err := e.Changes(ctx, c, bad, 10); !errors.Is(err, resource.ErrToken) {
			t.Errorf("token %q: %v", bad, err)
		}
	}
	must(t, e.Store().NewGeneration(ctx, storetest.Site.Name))
	if _, err := e.Changes(ctx, c, good, 10); !errors.Is(err, resource.ErrToken) {
		t.Errorf("a token of another generation: %v", err)
	}
	if _, err := e.Changes(ctx, c, fresh(t, e, c).Token, 10); err != nil {
		t.Errorf("the new generation's own token: %v", err)
	}
	folder := e.Folder(t, c, resource.Root, "f")
	must(t, e.Remove(ctx, c, folder, resource.Guard{}))
	e.Sound(t)
	must(t, e.Store().RemoveAccount(ctx, c.Account.Key))
	must(t, e.Store().MaintainOnce(ctx))
}
