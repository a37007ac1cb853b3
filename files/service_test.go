package files_test

import (
	"crypto/md5"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/files"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// each runs a test on both pairs of engines.
func each(t *testing.T, f func(t *testing.T, e *resourcetest.Env, s *files.Service)) {
	t.Helper()
	for _, engines := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(engines.String(), func(t *testing.T) {
			e := resourcetest.Open(t, engines)
			f(t, e, files.New(e.Service))
			e.Sound(t)
		})
	}
}

func drive(t *testing.T, s *files.Service, a resource.Account) resource.Collection {
	t.Helper()
	c, err := s.Drive(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// put stores a file with what is said of it.
func put(t *testing.T, e *resourcetest.Env, s *files.Service, c resource.Collection, name string, u files.Upload) (resource.Item, error) {
	t.Helper()
	d, err := s.Receive(t.Context(), c.Account, u)
	if err != nil {
		return resource.Item{}, err
	}
	made, err := e.Put(t.Context(), resource.Place{Collection: c, Parent: resource.Root, Name: name}, d, resource.Guard{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Item, nil
}

func TestDriveIsMadeAtItsFirstUse(t *testing.T) {
	each(t, func(t *testing.T, e *resourcetest.Env, s *files.Service) {
		_, anna := e.Person(t, "anna")
		if first, again := drive(t, s, anna), drive(t, s, anna); first.ID != again.ID || first.Name != files.DriveName {
			t.Errorf("first %+v, then %+v", first, again)
		}
		team := e.Shared(t, store.Team, "bauamt")
		jan, _ := e.Person(t, "jan")
		// Who may only read is no reason to have none.
		if c := drive(t, s, e.Grant(t, team, jan, resource.Read)); c.Name != files.DriveName {
			t.Errorf("the team's drive: %+v", c)
		}
	})
}

func TestReceiveChecksAndKeepsDigests(t *testing.T) {
	each(t, func(t *testing.T, e *resourcetest.Env, s *files.Service) {
		_, anna := e.Person(t, "anna")
		c := drive(t, s, anna)
		text := strings.Repeat("Bebauungsplan ", 10_000)
		sum := md5.Sum([]byte(text))
		right := files.Digest{Algorithm: files.MD5, Sum: sum[:]}
		at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		i, err := put(t, e, s, c, "Plan.txt", files.Upload{Body: strings.NewReader(text), Size: -1, Modified: at, Digests: []files.Digest{right}})
		if err != nil {
			t.Fatal(err)
		}
		if !i.Modified.Equal(at) || i.Size != int64(len(text)) {
			t.Errorf("stored as %+v", i)
		}
		known, err := s.Digests(t.Context(), c, []resource.Item{i})
		if err != nil || len(known[i.ID]) != 2 || known[i.ID][0].Algorithm != files.SHA256 || !known[i.ID][1].Equal(right) {
			t.Errorf("digests %v, %v", known, err)
		}
		for what, u := range map[string]files.Upload{
			"a digest of other content": {Body: strings.NewReader("x"), Size: -1, Digests: []files.Digest{right}},
			"another length":            {Body: strings.NewReader("x"), Size: 2},
			"a longer one":              {Body: strings.NewReader("xyz"), Size: 2},
		} {
			if _, err := put(t, e, s, c, "nie.txt", u); !errors.Is(err, resource.ErrDigest) {
				t.Errorf("%s: %v", what, err)
			}
		}
		broken := errors.New("the line broke")
		_, err = put(t, e, s, c, "nie.txt", files.Upload{Body: io.MultiReader(strings.NewReader(text), failing{broken}), Size: -1})
		if !errors.Is(err, broken) {
			t.Errorf("a broken body: %v", err)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestSetModifiedKeepsAllElse(t *testing.T) {
	each(t, func(t *testing.T, e *resourcetest.Env, s *files.Service) {
		_, anna := e.Person(t, "anna")
		c := drive(t, s, anna)
		for _, text := range []string{"", "kurz", strings.Repeat("lang ", 50_000)} {
			before, err := put(t, e, s, c, "Plan.txt", files.Upload{Body: strings.NewReader(text), Size: int64(len(text))})
			if err != nil {
				t.Fatal(err)
			}
			at := time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)
			g := resource.Guard{Seen: []resource.Seen{{Parent: resource.Root, Name: "Plan.txt", ID: before.ID, ModSeq: before.ModSeq}}}
			sum := md5.Sum([]byte(text))
			if err := s.SetModified(t.Context(), c, before, at, []files.Digest{{Algorithm: files.MD5, Sum: sum[:]}}, g); err != nil {
				t.Fatal(err)
			}
			found, err := e.Named(t.Context(), c, resource.Root, []string{"Plan.txt"})
			if err != nil {
				t.Fatal(err)
			}
			after := found[0]
			if !after.Modified.Equal(at) || after.ID != before.ID || after.ETag != before.ETag || after.Size != before.Size || e.Body(t, c, after) != text {
				t.Errorf("before %+v, after %+v", before, after)
			}
			known, err := s.Digests(t.Context(), c, found)
			if err != nil || len(known[after.ID]) != 2 {
				t.Errorf("digests: %v, %v", known, err)
			}
			// It is another now, and who saw the one before must look again.
			if err := s.SetModified(t.Context(), c, before, at.Add(time.Second), nil, g); !errors.Is(err, resource.ErrChanged) {
				t.Errorf("with an old guard: %v", err)
			}
			wrong := []files.Digest{{Algorithm: files.MD5, Sum: make([]byte, md5.Size)}}
			if err := s.SetModified(t.Context(), c, after, at, wrong, resource.Guard{}); !errors.Is(err, resource.ErrDigest) {
				t.Errorf("with a wrong digest: %v", err)
			}
		}
		folder := e.Folder(t, c, resource.Root, "Amt")
		if err := s.SetModified(t.Context(), c, folder, time.Now(), nil, resource.Guard{}); !errors.Is(err, resource.ErrFolder) {
			t.Errorf("of a folder: %v", err)
		}
	})
}

// What the portal's page does: list, restore, remove, empty, by the rights of who asks.
func TestTrashOfSeveralDrives(t *testing.T) {
	each(t, func(t *testing.T, e *resourcetest.Env, s *files.Service) {
		anna, own := e.Person(t, "anna")
		jan, _ := e.Person(t, "jan")
		eva, _ := e.Person(t, "eva")
		team := e.Shared(t, store.Team, "bauamt")
		shared := e.Grant(t, team, anna, resource.Read|resource.Write)
		e.Grant(t, team, jan, resource.Read)
		mine, ours := drive(t, s, own), drive(t, s, shared)
		gone := func(c resource.Collection, i resource.Item) {
			t.Helper()
			if err := s.Gone(t.Context(), c, i, false, resource.Guard{}); err != nil {
				t.Fatal(err)
			}
		}
		folder := e.Folder(t, mine, resource.Root, "Amt")
		gone(mine, e.Write(t, mine, folder.ID, "Plan.txt", "Plan"))
		gone(mine, e.Write(t, mine, resource.Root, ".DS_Store", "x"))
		gone(mine, folder)
		gone(ours, e.Write(t, ours, resource.Root, "Dienst.txt", "Dienst"))

		list, err := s.Trash(t.Context(), anna)
		if err != nil || len(list) != 2 {
			t.Fatalf("%+v, %v", list, err)
		}
		if !list[0].Own || list[0].Address != own.Address || len(list[0].Entries) != 2 || list[1].Own || !list[1].MayWrite || len(list[1].Entries) != 1 {
			t.Fatalf("%+v", list)
		}
		amt, plan := list[0].Entries[0], list[0].Entries[1]
		if amt.Name != "Amt" || !amt.Folder || plan.Name != "Plan.txt" || !slices.Equal(plan.Path, []string{"Amt", "Plan.txt"}) || plan.Size != 4 {
			t.Errorf("last deleted first: %+v", list[0].Entries)
		}
		if left := plan.Expires.Sub(plan.Deleted); left != 30*24*time.Hour || time.Since(plan.Deleted).Abs() > time.Hour {
			t.Errorf("deleted %v, expires %v", plan.Deleted, plan.Expires)
		}
		// The folder that it lay in is in the trash itself: it is made again.
		where, err := s.Restore(t.Context(), anna, own.Address, plan.ID)
		if err != nil || !slices.Equal(where, []string{"Amt", "Plan.txt"}) {
			t.Errorf("restored to %v, %v", where, err)
		}
		// Its own name is in use now.
		where, err = s.Restore(t.Context(), anna, own.Address, amt.ID)
		if err != nil || len(where) != 1 || where[0] == "Amt" {
			t.Errorf("a folder whose name is in use is restored to %v, %v", where, err)
		}
		if _, err := s.Restore(t.Context(), anna, own.Address, amt.ID); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("restored twice: %v", err)
		}
		id := list[1].Entries[0].ID
		if list, err := s.Trash(t.Context(), jan); err != nil || len(list) == 0 || list[len(list)-1].MayWrite || len(list[len(list)-1].Entries) != 1 {
			t.Errorf("Jan, who may read, sees %+v, %v", list, err)
		}
		if err := s.RemoveTrashed(t.Context(), jan, team.Address, id); !errors.Is(err, resource.ErrDenied) {
			t.Errorf("Jan removes: %v", err)
		}
		if _, err := s.Restore(t.Context(), eva, team.Address, id); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("Eva restores: %v", err)
		}
		if err := s.EmptyTrash(t.Context(), eva, team.Address); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("Eva empties: %v", err)
		}
		if err := s.RemoveTrashed(t.Context(), anna, team.Address, id); err != nil {
			t.Error(err)
		}
		for i := range 5 {
			gone(mine, e.Write(t, mine, resource.Root, string(rune('a'+i)), "x"))
		}
		if err := s.EmptyTrash(t.Context(), anna, own.Address); err != nil {
			t.Error(err)
		}
		if list, err := s.Trash(t.Context(), anna); err != nil || len(list[0].Entries)+len(list[1].Entries) != 0 {
			t.Errorf("at last: %+v, %v", list, err)
		}
	})
}

// A listing asks the trash once, and never with an old answer.
func TestTrashedIsNeverStale(t *testing.T) {
	e := resourcetest.Open(t, storetest.Embedded)
	s := files.New(e.Service)
	_, anna := e.Person(t, "anna")
	c := drive(t, s, anna)
	for i := range 20 {
		name := string(rune('a' + i))
		item := e.Write(t, c, resource.Root, name, name)
		if err := s.Gone(t.Context(), c, item, false, resource.Guard{}); err != nil {
			t.Fatal(err)
		}
		now := drive(t, s, anna)
		found, err := e.Members(t.Context(), now, resource.TrashRoot, "", 100)
		if err != nil || len(found) != i+1 {
			t.Fatalf("%d in the trash, %v", len(found), err)
		}
		for _, f := range found {
			entry, ok, err := s.Trashed(t.Context(), now, f)
			if err != nil || !ok || entry.ID != f.ID {
				t.Fatalf("%s: %+v, %v, %v", f.Name, entry, ok, err)
			}
		}
	}
	if _, ok, err := s.Trashed(t.Context(), c, e.Write(t, c, resource.Root, "da", "da")); ok || err != nil {
		t.Errorf("what is not in the trash: %v, %v", ok, err)
	}
}
