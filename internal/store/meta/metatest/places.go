package metatest

import (
	"testing"

	"fachwerk/internal/store/meta"
)

// large is a message whose content lies in the blob store.
func large(size int) meta.NewItem {
	m := Message(size)
	m.Content.Inline, m.Content.ObjectKey = nil, "1/20261122/"+NewName()
	return m
}

// NewName is one that nothing has.
func NewName() string {
	c := NewContent(1)
	const digits = "0123456789abcdef"
	name := make([]byte, 0, 32)
	for _, b := range c.ID {
		name = append(name, digits[b>>4], digits[b&15])
	}
	return string(name)
}

// lies checks what a collection counts of the blob store.
func (s *Store) lies(t *testing.T, collection, items, bytes int64) {
	t.Helper()
	c, err := s.Collection(t.Context(), s.Key, collection)
	if err != nil {
		t.Fatal(err)
	}
	if c.ObjectItems != items || c.ObjectBytes != bytes {
		t.Errorf("%s: %d items of %d bytes lie in the blob store, want %d of %d", c.Name, c.ObjectItems, c.ObjectBytes, items, bytes)
	}
	s.sound(t)
}

// testPlaces: whatever is done to items, their collections know how much of them
// lies in the blob store.
func testPlaces(t *testing.T, f Factory) {
	ctx := t.Context()
	s := Open(t, f)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	inbox, other := s.Mailbox(t, "INBOX"), s.Mailbox(t, "Ablage")
	_, err := s.Add(ctx, s.Key, inbox.ID, []meta.NewItem{large(1000), Message(10), large(2000)})
	must(err)
	s.lies(t, inbox.ID, 2, 3000)
	_, err = s.Copy(ctx, s.Key, inbox.ID, other.ID, []int64{1, 2})
	must(err)
	s.lies(t, other.ID, 1, 1000)
	_, err = s.Move(ctx, s.Key, inbox.ID, other.ID, []int64{3})
	must(err)
	s.lies(t, inbox.ID, 1, 1000)
	s.lies(t, other.ID, 2, 3000)
	_, err = s.Expunge(ctx, s.Key, other.ID, []int64{1}, false)
	must(err)
	s.lies(t, other.ID, 1, 2000)

	taker := &Store{DB: s.DB, Place: s.Place, Key: s.NewAccount(t, s.Key.Tenant)}
	theirs := taker.Mailbox(t, "INBOX")
	_, err = s.MoveAcross(ctx, s.Key, other.ID, taker.Key, theirs.ID, []int64{3}, []meta.NewItem{large(2000)})
	must(err)
	s.lies(t, other.ID, 0, 0)
	taker.lies(t, theirs.ID, 1, 2000)

	calendar, err := s.CreateCollection(ctx, s.Key, meta.Calendar, "work", "", meta.CollectionOptions{})
	must(err)
	put := func(name string, m meta.NewItem) {
		t.Helper()
		_, err := s.Put(ctx, s.Key, meta.PutResource{Collection: calendar.ID, Name: name, Content: m.Content, Digest: meta.Digest{1}})
		must(err)
	}
	put("a", large(500))
	put("b", Message(5))
	s.lies(t, calendar.ID, 1, 500)
	put("a", Message(7))
	s.lies(t, calendar.ID, 0, 0)
	put("b", large(900))
	s.lies(t, calendar.ID, 1, 900)
	made, err := s.CopyCollection(ctx, s.Key, meta.CollectionTransfer{Collection: calendar.ID, Kind: meta.Calendar, To: "work 2"})
	must(err)
	s.lies(t, made.ID, 1, 900)
}

// testUncounted: what the program of before has written is counted in the background
// and is right meanwhile, and what it has removed is put right.
func testUncounted(t *testing.T, f Factory) {
	ctx := t.Context()
	s := Open(t, f)
	inbox, other := s.Mailbox(t, "INBOX"), s.Mailbox(t, "Ablage")
	var items []meta.NewItem
	for range meta.MaxRows - 1 {
		items = append(items, Message(10))
	}
	for _, list := range [][]meta.NewItem{items, {large(1000), Message(10), large(2000)}} {
		if _, err := s.Add(ctx, s.Key, inbox.ID, list); err != nil {
			t.Fatal(err)
		}
	}
	s.exec(t, "UPDATE item SET stored = -1")
	s.exec(t, "UPDATE collection SET object_items = 0, object_bytes = 0")
	s.sound(t)
	last := int64(meta.MaxRows + 2)
	if _, err := s.Copy(ctx, s.Key, inbox.ID, other.ID, []int64{last, last - 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Expunge(ctx, s.Key, inbox.ID, []int64{last - 1}, false); err != nil {
		t.Fatal(err)
	}
	s.lies(t, inbox.ID, 0, 0)
	rounds := 0
	for more := true; more; rounds++ {
		var err error
		if more, err = s.CountPlaces(ctx, s.Key); err != nil {
			t.Fatal(err)
		}
	}
	if rounds != 2 {
		t.Errorf("it took %d rounds", rounds)
	}
	s.lies(t, inbox.ID, 2, 3000)
	s.lies(t, other.ID, 1, 2000)

	for _, fault := range []string{
		"UPDATE collection SET object_items = 7, object_bytes = 8, folders = 9 WHERE name = 'INBOX'",
		"UPDATE item SET stored = 1 - stored WHERE size > 5",
		"UPDATE item SET stored = 1, size = 10 WHERE uid = 3",
	} {
		for _, wrong := range []bool{false, true, false} {
			if wrong {
				s.exec(t, fault)
			}
			if was, err := s.RecountPlaces(ctx, s.Key); err != nil || was != wrong {
				t.Errorf("%s: it was wrong: %v, %v, want %v", fault, was, err, wrong)
			}
			s.lies(t, inbox.ID, 2, 3000)
		}
	}
}
