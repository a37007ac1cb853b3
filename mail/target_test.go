package mail_test

import (
	"errors"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

func TestTarget(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	a := h.AliceAccess
	if err := h.Store.SetQuota(ctx, store.Key{Tenant: a.Tenant, Account: a.Account}, 1<<20, 7); err != nil {
		t.Fatal(err)
	}
	// The first one who asks has the mailboxes made.
	box, q, err := h.Mail.Target(ctx, a, "inbox")
	if err != nil || box.Name != mail.Inbox || q.LimitBytes != 1<<20 || q.LimitMessages != 7 || q.UsedMessages != 0 {
		t.Fatalf("%+v, %+v, %v", box, q, err)
	}
	h.Append(t, a, mail.Inbox, mailtest.Message("s", "t"), 0)
	again, q, err := h.Mail.Target(ctx, a, mail.Inbox)
	if err != nil || again.ID != box.ID || again.Messages != 1 || q.UsedMessages != 1 || q.UsedBytes == 0 {
		t.Errorf("%+v, %+v, %v", again, q, err)
	}
	for _, name := range []string{"Nirgends", "a//b", ""} {
		if _, _, err := h.Mail.Target(ctx, a, name); !errors.Is(err, mail.ErrNotFound) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := h.Mail.Target(ctx, mail.Access{Tenant: a.Tenant, Account: a.Account}, mail.Inbox); !errors.Is(err, mail.ErrDenied) {
		t.Errorf("without rights: %v", err)
	}
}

// Messages go into mailboxes only, whatever id a caller names.
func TestAppendTakesMailboxesOnly(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	a := h.AliceAccess
	key := store.Key{Tenant: a.Tenant, Account: a.Account}
	calendar, err := h.Store.CreateCollection(ctx, key, store.Calendar, "termine", "", store.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	message := []mail.Append{{In: h.Incoming(t, mailtest.Message("s", "t"))}}
	for _, id := range []int64{calendar.ID, calendar.ID + 100} {
		if _, err := h.Mail.Append(ctx, a, id, message); !errors.Is(err, mail.ErrNotFound) {
			t.Errorf("collection %d: %v", id, err)
		}
	}
	if items, err := h.Store.Items(ctx, key, calendar.ID, 0, 10); err != nil || len(items) != 0 {
		t.Errorf("the calendar has %d items, %v", len(items), err)
	}
}

// What this process wrote itself is seen without asking; what others wrote around it
// is not missed for that.
func TestOwnWritesAmongOthers(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	other := h.Replica(t)
	a := h.AliceAccess
	v := h.Open(t, a, mail.Inbox)
	theirs, err := other.Open(ctx, a, v.Mailbox())
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	post := func(m *mail.Service, to int64) {
		t.Helper()
		if _, err := m.Append(ctx, a, to, []mail.Append{{In: h.Incoming(t, mailtest.Message("s", "t"))}}); err != nil {
			t.Fatal(err)
		}
	}
	trash, _, err := h.Mail.Target(ctx, a, "Trash")
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for round := range 12 {
		switch round % 4 {
		case 0:
			post(h.Mail, v.Mailbox())
			post(other, v.Mailbox())
		case 1:
			post(other, v.Mailbox())
			post(h.Mail, v.Mailbox())
		case 2: // the account moves on elsewhere, and the other one comes after
			post(h.Mail, trash.ID)
			post(other, v.Mailbox())
			post(h.Mail, v.Mailbox())
		case 3:
			snap := h.Refresh(t, v)
			uids := []uint32{snap.At(0).UID}
			if _, err := v.Store(ctx, mail.FlagChange{UIDs: uids, Op: mail.AddFlags, Flags: mail.FlagDeleted}); err != nil {
				t.Fatal(err)
			}
			if _, err := theirs.Expunge(ctx, uids); err != nil {
				t.Fatal(err)
			}
			want -= 3
		}
		want += 2
		if got := h.Refresh(t, v).Len(); got != want {
			t.Errorf("round %d: %d messages, want %d", round, got, want)
		}
		compareWithRows(t, h, v)
	}
}
