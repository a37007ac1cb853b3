package resource_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/internal/testenv/need"
)

// onBoth runs a test on the embedded engines and, where they are, on the others.
func onBoth(t *testing.T, f func(t *testing.T, e *resourcetest.Env)) {
	t.Run("embedded", func(t *testing.T) { f(t, resourcetest.Open(t, storetest.Embedded)) })
	t.Run("remote", func(t *testing.T) {
		if os.Getenv(need.EnvPostgres) == "" || os.Getenv(need.EnvS3) == "" {
			need.Missing(t, "needs PostgreSQL and S3: set "+need.EnvPostgres+" and "+need.EnvS3)
		}
		f(t, resourcetest.Open(t, storetest.Remote))
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func paths(c resource.Changes) (there, gone []string) {
	for _, x := range c.List {
		if x.Removed {
			gone = append(gone, x.Path)
		} else {
			there = append(there, x.Path)
		}
	}
	slices.Sort(there)
	return there, gone
}

func TestPutReadReplaceRemove(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		_, anna := e.Person(t, "anna")
		c := e.Collection(t, anna, resource.Calendar, "calendar")
		first := e.Write(t, c, resource.Root, "a.ics", "eins")
		e.Write(t, c, resource.Root, "b.ics", "zwei")
		start, err := e.Service.Collection(ctx, anna, resource.Calendar, "calendar")
		must(t, err)
		again := e.Write(t, c, resource.Root, "a.ics", "drei")
		if again.ID != first.ID || again.UID != first.UID || again.ETag == first.ETag || again.ModSeq <= first.ModSeq {
			t.Errorf("replaced %+v by %+v", first, again)
		}
		if got := e.Body(t, c, again); got != "drei" {
			t.Errorf("reads %q", got)
		}
		if same := e.Write(t, c, resource.Root, "c.ics", "drei"); same.ETag != again.ETag {
			t.Error("equal content has two ETags")
		}
		list, err := e.Members(ctx, c, resource.Root, "a.ics", 10)
		must(t, err)
		if len(list) != 2 || list[0].Name != "b.ics" || list[1].Name != "c.ics" {
			t.Errorf("members after a.ics: %+v", list)
		}
		named, err := e.Named(ctx, c, resource.Root, []string{"x", "c.ics", "a.ics"})
		must(t, err)
		if len(named) != 3 || named[0].ID != 0 || named[1].Name != "c.ics" || named[2].ETag != again.ETag {
			t.Errorf("named: %+v", named)
		}
		must(t, e.Remove(ctx, c, named[1], resource.Guard{}))
		must(t, e.Remove(ctx, c, list[0], resource.Guard{}))
		if err := e.Remove(ctx, c, list[0], resource.Guard{}); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("second remove: %v", err)
		}
		changes, err := e.Changes(ctx, c, start.Token, 10)
		must(t, err)
		there, gone := paths(changes)
		if !slices.Equal(there, []string{"a.ics"}) || !slices.Equal(gone, []string{"c.ics", "b.ics"}) || changes.More {
			t.Errorf("changes: %v %v", there, gone)
		}
		after, err := e.Changes(ctx, c, changes.Token, 10)
		must(t, err)
		if len(after.List) != 0 || after.Token != changes.Token {
			t.Errorf("nothing happened, but %+v", after)
		}
		e.Sound(t)
	})
}

func TestRightsAreThoseOfNow(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		p, anna := e.Person(t, "anna")
		office := e.Shared(t, store.Function, "buergeramt")
		if _, err := e.Account(ctx, p, office.Address); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("an account that is not granted: %v", err)
		}
		if _, err := e.Account(ctx, p, "nobody@musterstadt.example"); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("an account that is not there: %v", err)
		}
		shared := e.Grant(t, office, p, resource.Read|resource.Write)
		c := e.Collection(t, shared, resource.Calendar, "calendar")
		item := e.Write(t, c, resource.Root, "a.ics", "eins")
		accounts, err := e.Accounts(ctx, p)
		must(t, err)
		if len(accounts) != 2 || accounts[0].Key != anna.Key || !accounts[0].Own() || accounts[1].Own() || accounts[1].May(resource.Manage) {
			t.Errorf("accounts: %+v", accounts)
		}
		if _, err := e.CreateCollection(ctx, shared, resource.Calendar, "more", nil); !errors.Is(err, resource.ErrDenied) {
			t.Errorf("made a collection without the right: %v", err)
		}
		e.Grant(t, office, p, resource.Read)
		if err := e.Remove(ctx, c, item, resource.Guard{}); !errors.Is(err, resource.ErrDenied) {
			t.Errorf("removed with rights of before: %v", err)
		}
		e.Grant(t, office, p, 0)
		if err := e.Remove(ctx, c, item, resource.Guard{}); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("removed without any right: %v", err)
		}
		if _, err := e.Collections(ctx, shared, resource.Calendar); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("listed without any right: %v", err)
		}
	})
}

func TestIndex(t *testing.T) {
	onBoth(t, func(t *testing.T, e *resourcetest.Env) {
		ctx := t.Context()
		_, anna := e.Person(t, "anna")
		c, d := e.Collection(t, anna, resource.Calendar, "calendar"), e.Collection(t, anna, resource.Calendar, "other")
		put := func(c resource.Collection, name, uid string, components, from, to int64) (resource.Put, error) {
			draft := e.Draft(t, anna, name+uid)
			draft.Index = &resource.Index{UID: uid, Components: components, From: from, To: to}
			return e.Put(ctx, resource.Place{Collection: c, Name: name}, draft, resource.Guard{})
		}
		one, err := put(c, "1.ics", "uid-1", 1, 100, 200)
		must(t, err)
		_, err = put(c, "2.ics", "uid-2", 2, 150, 1<<62)
		must(t, err)
		var conflict *resource.UIDError
		if _, err := put(c, "3.ics", "uid-1", 1, 0, 1); !errors.As(err, &conflict) || conflict.Name != "1.ics" {
			t.Errorf("a second resource took the UID: %v", err)
		}
		_, err = put(c, "1.ics", "uid-1b", 1, 100, 300)
		must(t, err)
		_, err = put(c, "3.ics", "uid-1", 1, 400, 500)
		must(t, err)
		for _, w := range []struct {
			window resource.Window
			want   []string
		}{
			{resource.Window{}, []string{"1.ics", "2.ics", "3.ics"}},
			{resource.Window{From: 250, To: 350}, []string{"1.ics", "2.ics"}},
			{resource.Window{From: 300, To: 350}, []string{"2.ics"}},
			{resource.Window{From: 300, To: 401, Components: 1}, []string{"3.ics"}},
			{resource.Window{Components: 2}, []string{"2.ics"}},
		} {
			found, err := e.Candidates(ctx, c, w.window, 0, 10)
			must(t, err)
			var names []string
			for _, i := range found {
				names = append(names, i.Name)
			}
			if !slices.Equal(names, w.want) {
				t.Errorf("%+v finds %v, want %v", w.window, names, w.want)
			}
		}
		found, err := e.ByUID(ctx, c, "uid-1b")
		must(t, err)
		if found.ID != one.Item.ID {
			t.Errorf("by UID: %+v", found)
		}
		// What must stay the same resource keeps its UID.
		same := e.Draft(t, anna, "1.icsuid-1b")
		same.Index = &resource.Index{UID: "uid-9", Components: 1, Same: true}
		if _, err := e.Put(ctx, resource.Place{Collection: c, Name: found.Name}, same, resource.Guard{}); !errors.As(err, &conflict) || conflict.Name != found.Name {
			t.Errorf("another UID in its place: %v", err)
		}
		same.Index.UID = "uid-1b"
		put1, err := e.Put(ctx, resource.Place{Collection: c, Name: found.Name}, same, resource.Guard{})
		if err != nil || put1.Created || put1.Item.ID != found.ID {
			t.Errorf("the same UID in its place: %+v, %v", put1, err)
		}
		found = put1.Item
		// A move takes the index along, a copy shares the UID with its source.
		if _, _, err := e.Copy(ctx, c, found, resource.Place{Collection: c, Name: "twin.ics"}, resource.Transfer{}, resource.Guard{}); !errors.As(err, &conflict) {
			t.Errorf("a copy beside its source: %v", err)
		}
		must(t, e.SetProperties(ctx, c, found.ID, []resource.Property{{Name: name("note"), Value: []byte("<x/>")}}, resource.Guard{}))
		moved, created, err := e.Move(ctx, c, found, resource.Place{Collection: d, Name: "m.ics"}, resource.Transfer{}, resource.Guard{})
		must(t, err)
		if !created || e.Body(t, d, moved) != "1.icsuid-1b" {
			t.Errorf("moved: %+v", moved)
		}
		if i, err := e.ByUID(ctx, d, "uid-1b"); err != nil || i.ID != moved.ID {
			t.Errorf("by UID at the new place: %+v %v", i, err)
		}
		if _, err := e.ByUID(ctx, c, "uid-1b"); !errors.Is(err, resource.ErrNotFound) {
			t.Errorf("by UID at the old place: %v", err)
		}
		props, err := e.Properties(ctx, d, []int64{moved.ID})
		must(t, err)
		if len(props[moved.ID]) != 1 || string(props[moved.ID][0].Value) != "<x/>" {
			t.Errorf("properties after the move: %v", props)
		}
		must(t, e.Remove(ctx, d, moved, resource.Guard{}))
		_, err = put(d, "new.ics", "uid-1b", 1, 0, 1)
		must(t, err)
		e.Sound(t)
	})
}
