package metatest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
)

// side is one of two accounts between which files move.
type side struct {
	*Store
	drive int64
}

// twoSides makes two accounts of a tenant, each with a drive.
func twoSides(t *testing.T, s *Store) (list [2]side) {
	t.Helper()
	for n := range list {
		list[n].Store = &Store{DB: s.DB, Place: s.Place, Key: s.Key}
		if n > 0 {
			list[n].Key = s.NewAccount(t, s.Key.Tenant)
		}
		drive, err := s.CreateCollection(t.Context(), list[n].Key, meta.Drive, "drive", "", meta.CollectionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		list[n].drive = drive.ID
	}
	return list
}

// find answers what bears a name in the drive, or nil.
func (s side) find(t *testing.T, name string) *meta.Item {
	t.Helper()
	found, err := s.Named(t.Context(), s.Key, s.drive, 0, []string{name})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		return nil
	}
	return &found[0]
}

// moveTo moves a file under its name.
func (s side) moveTo(t *testing.T, to side, i meta.Item, g meta.Guard) error {
	put := Resource(to.drive, 0, i.Name)
	put.New = true
	_, err := s.MoveResourceAcross(t.Context(), s.Key, to.Key, meta.ResourceAcross{Put: &put,
		Gone: meta.Removal{Collection: s.drive, ID: i.ID, As: &i, Guard: g}})
	return err
}

// testMoveAcross: a file or tree that moves into another account is at one of both places
// always, and nowhere else than it was when anything stands against it.
func testMoveAcross(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	sides := twoSides(t, s)
	a, b := sides[0], sides[1]
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		a.sound(t)
		b.sound(t)
	}
	put := func(s side, name string) meta.Item {
		t.Helper()
		done, err := s.Put(ctx, s.Key, Resource(s.drive, 0, name))
		check(err)
		return done.Item
	}
	stale := put(a, "file")
	now := put(a, "file")
	for what, err := range map[string]struct{ got, want error }{
		"what was written to since": {a.moveTo(t, b, stale, meta.Guard{}), meta.ErrChanged},
		"what was seen otherwise":   {a.moveTo(t, b, now, meta.Guard{Seen: []meta.Seen{{Name: "file", ID: 4242}}}), meta.ErrChanged},
		"what is not there":         {a.moveTo(t, b, meta.Item{ID: 4242, Name: "file"}, meta.Guard{}), meta.ErrNotFound},
	} {
		if !errors.Is(err.got, err.want) {
			t.Errorf("%s: %v, want %v", what, err.got, err.want)
		}
	}
	there := put(b, "file")
	if err := a.moveTo(t, b, now, meta.Guard{}); !errors.Is(err, meta.ErrExists) {
		t.Errorf("where something is: %v", err)
	}
	if i := a.find(t, "file"); i == nil || i.ID != now.ID {
		t.Errorf("the source: %+v", i)
	}
	// Over it, by way of a staged file; then a tree.
	staged := Resource(b.drive, 0, "staged")
	made, err := b.StageFile(ctx, b.Key, staged)
	check(err)
	over := meta.Transfer{Collection: b.drive, ID: made.Item.ID, To: meta.Spot{Collection: b.drive, Name: "file"}, Staged: true,
		Overwrite: true, SealPath: plainPath}
	gone := meta.Removal{Collection: a.drive, ID: now.ID, As: &now}
	done, err := s.MoveResourceAcross(ctx, a.Key, b.Key, meta.ResourceAcross{Settle: &over, Gone: gone})
	check(err)
	if i := b.find(t, "file"); done.Created || i == nil || i.ID != made.Item.ID || i.ID == there.ID || a.find(t, "file") != nil {
		t.Errorf("moved over another: %+v, there is %+v", done, i)
	}
	folder, err := a.MakeFolder(ctx, a.Key, meta.NewFolder{Collection: a.drive, Name: "tree"})
	check(err)
	top, err := b.Stage(ctx, b.Key, meta.NewFolder{Collection: b.drive, Name: "staged"})
	check(err)
	_, err = a.Put(ctx, a.Key, Resource(a.drive, folder.ID, "late"))
	check(err)
	tree := meta.ResourceAcross{Settle: &meta.Transfer{Collection: b.drive, ID: top.ID, To: meta.Spot{Collection: b.drive, Name: "tree"}, Staged: true},
		Gone: meta.Removal{Collection: a.drive, ID: folder.ID, As: &folder}}
	if _, err := s.MoveResourceAcross(ctx, a.Key, b.Key, tree); !errors.Is(err, meta.ErrChanged) {
		t.Errorf("a tree in which something was written meanwhile: %v", err)
	}
	tree.Gone.As = a.find(t, "tree")
	_, err = s.MoveResourceAcross(ctx, a.Key, b.Key, tree)
	check(err)
	if a.find(t, "tree") != nil || b.find(t, "tree") == nil {
		t.Error("the tree did not move")
	}
	moveToAndFro(t, sides)
	flagsOfAMove(t, s)
}

// flagsOfAMove: what was set while the contents were being sealed goes with the message.
func flagsOfAMove(t *testing.T, s *Store) {
	t.Helper()
	other := &Store{DB: s.DB, Key: s.NewAccount(t, s.Key.Tenant)}
	here, there := s.Mailbox(t, "moved from"), other.Mailbox(t, "moved to")
	s.AddN(t, here.ID, 2)
	sealed := Messages(2)
	_, err := s.SetFlags(t.Context(), s.Key, here.ID, meta.FlagChange{UIDs: []int64{2}, Op: meta.FlagsAdd, UnchangedSince: -1,
		Flags: meta.FlagSeen | meta.FlagFlagged | meta.FlagDeleted, Keywords: []string{"urgent"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.MoveAcross(t.Context(), s.Key, here.ID, other.Key, there.ID, []int64{1, 2}, sealed); err != nil {
		t.Fatal(err)
	}
	got, err := other.Items(t.Context(), other.Key, there.ID, 0, 10)
	if err != nil || len(got) != 2 || got[0].Flags != 0 || got[0].Keywords != "" ||
		got[1].Flags != meta.FlagSeen|meta.FlagFlagged || got[1].Keywords != "urgent" {
		t.Errorf("moved: %+v, %v", got, err)
	}
	other.sound(t)
}

// moveToAndFro has many move the same files in both directions at a time.
func moveToAndFro(t *testing.T, sides [2]side) {
	t.Helper()
	const files = 4
	for n := range files {
		if _, err := sides[0].Put(t.Context(), sides[0].Key, Resource(sides[0].drive, 0, fmt.Sprint("f", n))); err != nil {
			t.Fatal(err)
		}
	}
	var moving sync.WaitGroup
	for worker := range 2 * files {
		moving.Go(func() {
			from, to := sides[worker%2], sides[1-worker%2]
			for range 10 {
				i := from.find(t, fmt.Sprint("f", worker/2))
				if i == nil {
					continue
				}
				err := from.moveTo(t, to, *i, meta.Guard{})
				if err != nil && !errors.Is(err, meta.ErrChanged) && !errors.Is(err, meta.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	moving.Wait()
	atOnePlace(t, sides, files)
}

// atOnePlace wants each file in one of the drives.
func atOnePlace(t *testing.T, sides [2]side, files int) {
	t.Helper()
	for n := range files {
		name := fmt.Sprint("f", n)
		if a, b := sides[0].find(t, name), sides[1].find(t, name); (a == nil) == (b == nil) {
			t.Errorf("%s is there: %v and %v", name, a != nil, b != nil)
		}
	}
	for _, s := range sides {
		s.sound(t)
	}
}

// testCrashAcross: a process that is killed while it moves files between two accounts
// leaves each of them at one place.
func testCrashAcross(t *testing.T, f Factory) {
	const files = 6
	if place := os.Getenv(crashPlace); place != "" {
		s := &Store{DB: OpenAt(t, f, place), Place: place}
		var sides [2]side
		sides[0].Store, sides[1].Store = s, &Store{DB: s.DB, Place: place}
		if _, err := fmt.Sscan(os.Getenv(crashKey), &s.Key.Tenant, &s.Key.Account, &sides[0].drive, &sides[1].Key.Account, &sides[1].drive); err != nil {
			t.Fatal(err)
		}
		sides[1].Key.Tenant = s.Key.Tenant
		moveUntilKilled(t, sides, files)
		return
	}
	s := Open(t, f)
	sides := twoSides(t, s)
	for n := range files {
		if _, err := s.Put(t.Context(), s.Key, Resource(sides[0].drive, 0, fmt.Sprint("f", n))); err != nil {
			t.Fatal(err)
		}
	}
	moves := 0
	for range 3 {
		s.DB.Close()
		child := exec.Command(os.Args[0], "-test.run", "^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$")
		child.Env = append(os.Environ(), crashPlace+"="+s.Place,
			fmt.Sprintf("%s=%d %d %d %d %d", crashKey, s.Key.Tenant, s.Key.Account, sides[0].drive, sides[1].Key.Account, sides[1].drive))
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for killing := false; lines.Scan(); {
			if !strings.HasPrefix(lines.Text(), crashPath) {
				continue // the test binary's own words
			}
			if moves++; !killing {
				killing = true
				time.AfterFunc(60*time.Millisecond, func() { child.Process.Kill() })
			}
		}
		child.Wait()
		s.DB = OpenAt(t, f, s.Place)
		for n := range sides {
			sides[n].Store.DB = s.DB
		}
		atOnePlace(t, sides, files)
	}
	if moves < 6 {
		t.Fatalf("only %d moves before the kill", moves)
	}
}

// moveUntilKilled is the child: it prints a line for each move that is durable.
func moveUntilKilled(t *testing.T, sides [2]side, files int) {
	var moving sync.WaitGroup
	for n := range files {
		moving.Go(func() {
			for stop := time.Now().Add(20 * time.Second); time.Now().Before(stop); {
				from, to := sides[0], sides[1]
				i := from.find(t, fmt.Sprint("f", n))
				if i == nil {
					from, to = to, from
					i = from.find(t, fmt.Sprint("f", n))
				}
				if i == nil {
					t.Error("it is nowhere")
					return
				}
				if err := from.moveTo(t, to, *i, meta.Guard{}); err != nil {
					t.Error(err)
					return
				}
				os.Stdout.WriteString(crashPath + "moved\n")
			}
		})
	}
	moving.Wait()
}
