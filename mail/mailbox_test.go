package mail_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

func names(t *testing.T, h *mailtest.House, a mail.Access) []string {
	t.Helper()
	boxes, err := h.Mail.Mailboxes(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, b := range boxes {
		list = append(list, b.Name)
	}
	return list
}

func TestMailboxesAreMadeAtFirstUse(t *testing.T) {
	h := mailtest.New(t)
	boxes, err := h.Mail.Mailboxes(t.Context(), h.AliceAccess)
	if err != nil {
		t.Fatal(err)
	}
	uses := map[string]string{}
	ids := map[string]bool{}
	for _, b := range boxes {
		uses[b.Name] = b.SpecialUse
		ids[b.MailboxID()] = true
		if !b.Subscribed {
			t.Errorf("%s is not subscribed by its owner", b.Name)
		}
		if b.UIDValidity == 0 || b.UIDNext != 1 || b.HighestModSeq == 0 || b.Messages != 0 {
			t.Errorf("%s: fresh mailbox has %+v", b.Name, b)
		}
	}
	want := map[string]string{"INBOX": "", "Sent": "sent", "Drafts": "drafts", "Trash": "trash", "Junk": "junk", "Archive": "archive"}
	if fmt.Sprint(uses) != fmt.Sprint(want) || len(ids) != len(want) {
		t.Errorf("got %v with ids %v, want %v", uses, ids, want)
	}
	if boxes[0].Name != mail.Inbox {
		t.Errorf("first is %s, want INBOX", boxes[0].Name)
	}
	again, err := h.Mail.Mailboxes(t.Context(), h.AliceAccess)
	if err != nil || !slices.Equal(boxes, again) {
		t.Errorf("listed again: %v, %v, want %v", again, err, boxes)
	}
}

// Sessions and deliveries that come first at the same time find one set.
func TestMailboxesAreMadeOnce(t *testing.T) {
	h := mailtest.New(t)
	var together sync.WaitGroup
	for range 8 {
		together.Go(func() {
			if boxes, err := h.Mail.Mailboxes(t.Context(), h.AliceAccess); err != nil || len(boxes) != 6 {
				t.Errorf("%d mailboxes, %v", len(boxes), err)
			}
		})
		together.Go(func() { h.Deliver(t, mailtest.AliceAddress, mailtest.Message("s", "t")) })
	}
	together.Wait()
	if v := h.Open(t, h.AliceAccess, "INBOX"); v.Snapshot().Len() != 8 {
		t.Errorf("%d messages", v.Snapshot().Len())
	}
}

func TestCreateRenameDelete(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	a := h.AliceAccess
	m := h.Mail
	created, err := m.Create(ctx, a, "Amt/Ordnung/2026/", "")
	if err != nil || created.Name != "Amt/Ordnung/2026" {
		t.Fatalf("create: %+v, %v", created, err)
	}
	for _, above := range []string{"Amt", "Amt/Ordnung"} {
		if _, err := m.Mailbox(ctx, a, above); err != nil {
			t.Errorf("level above: %v", err)
		}
	}
	// Both spellings of ü are one mailbox.
	if _, err := m.Create(ctx, a, "Bu\u0308ro", ""); err != nil {
		t.Fatal(err)
	}
	if b, err := m.Mailbox(ctx, a, "Büro"); err != nil || b.Name != "Büro" {
		t.Errorf("composed spelling: %+v, %v", b, err)
	}
	for name, want := range map[string]error{
		"Büro": mail.ErrExists, "inbox": mail.ErrInbox, "a//b": mail.ErrName, "/a": mail.ErrName, "": mail.ErrName,
		"a\x00b": mail.ErrName, "a\nb": mail.ErrName, "\xff": mail.ErrName, strings.Repeat("x", 256): mail.ErrName,
		strings.Repeat("x/", 40) + "x": mail.ErrName, "Other Users/x": mail.ErrName, "a\u0085": mail.ErrName,
	} {
		if _, err := m.Create(ctx, a, name, ""); !errors.Is(err, want) {
			t.Errorf("create %.20q: %v, want %v", name, err, want)
		}
	}
	if _, err := m.Create(ctx, a, "Gesendet", "sent"); !errors.Is(err, mail.ErrSpecialUse) {
		t.Errorf("second sent mailbox: %v", err)
	}
	if _, err := m.Create(ctx, a, "Sonst", "flagged"); !errors.Is(err, mail.ErrSpecialUse) {
		t.Errorf("unknown special use: %v", err)
	}

	if err := m.Delete(ctx, a, "Amt"); !errors.Is(err, mail.ErrHasChildren) {
		t.Errorf("delete with inferiors: %v", err)
	}
	if err := m.Delete(ctx, a, "Inbox"); !errors.Is(err, mail.ErrInbox) {
		t.Errorf("delete INBOX: %v", err)
	}
	if err := m.Delete(ctx, a, "Nirgends"); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("delete what is not there: %v", err)
	}

	h.Append(t, a, "Amt/Ordnung/2026", mailtest.Message("s", "t"), 0)
	if err := m.Rename(ctx, a, "Amt", "Ämter/Alt"); err != nil {
		t.Fatal(err)
	}
	moved, err := m.Mailbox(ctx, a, "Ämter/Alt/Ordnung/2026")
	if err != nil || moved.ID != created.ID || moved.MailboxID() != created.MailboxID() || moved.UIDValidity != created.UIDValidity || moved.Messages != 1 {
		t.Errorf("after renaming: %+v, %v, was %+v", moved, err, created)
	}
	for from, want := range map[string]error{"Amt": mail.ErrNotFound, "Büro": mail.ErrExists} {
		if err := m.Rename(ctx, a, from, "Ämter"); !errors.Is(err, want) {
			t.Errorf("rename %s: %v, want %v", from, err, want)
		}
	}
	if err := m.Rename(ctx, a, "Ämter", "Ämter/x"); !errors.Is(err, mail.ErrName) {
		t.Errorf("rename below itself: %v", err)
	}
	if err := m.Delete(ctx, a, "Büro"); err != nil {
		t.Fatal(err)
	}
	old := moved
	if err := m.Delete(ctx, a, moved.Name); err != nil {
		t.Fatal(err)
	}
	again, err := m.Create(ctx, a, moved.Name, "")
	if err != nil || again.UIDValidity <= old.UIDValidity || again.MailboxID() == old.MailboxID() || again.Messages != 0 {
		t.Errorf("created again: %+v, %v, was %+v", again, err, old)
	}
}

func TestNamesListInboxFirstAndInferiorsBehindTheirMailbox(t *testing.T) {
	h := mailtest.New(t)
	for _, name := range []string{"A-b", "A/z", "INBOX/x", "Z"} {
		if _, err := h.Mail.Create(t.Context(), h.AliceAccess, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"INBOX", "INBOX/x", "A", "A/z", "A-b", "Archive", "Drafts", "Junk", "Sent", "Trash", "Z"}
	if got := names(t, h, h.AliceAccess); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRenameInboxMovesItsMessages(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	h.Fill(t, h.AliceAccess, "INBOX", 1500)
	if _, err := h.Mail.Create(ctx, h.AliceAccess, "INBOX/bleibt", ""); err != nil {
		t.Fatal(err)
	}
	before, _ := h.Mail.Mailbox(ctx, h.AliceAccess, "INBOX")
	if err := h.Mail.Rename(ctx, h.AliceAccess, "inbox", "INBOX/alt"); err != nil {
		t.Fatal(err)
	}
	inbox, err := h.Mail.Mailbox(ctx, h.AliceAccess, "INBOX")
	if err != nil || inbox.Messages != 0 || inbox.ID != before.ID {
		t.Errorf("INBOX: %+v, %v", inbox, err)
	}
	old, err := h.Mail.Mailbox(ctx, h.AliceAccess, "INBOX/alt")
	if err != nil || old.Messages != 1500 || old.UIDNext != 1501 {
		t.Errorf("INBOX/alt: %+v, %v", old, err)
	}
	if _, err := h.Mail.Mailbox(ctx, h.AliceAccess, "INBOX/bleibt"); err != nil {
		t.Errorf("inferior of INBOX: %v", err)
	}
}

func TestSubscriptionsArePersonalAndOutliveTheMailbox(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	carol := h.Person(t, "carol@"+mailtest.Domain, "Carol")
	if err := h.Store.AddGrant(ctx, h.Desk.Key, keyOf(carol), 1); err != nil {
		t.Fatal(err)
	}
	carols := h.Accounts(t, carol)[1]
	for _, name := range []string{"inbox", "Archive"} {
		if err := h.Mail.Subscribe(ctx, h.DeskAccess, name, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Mail.Subscribe(ctx, h.DeskAccess, "Nirgends", true); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("subscribe to what is not there: %v", err)
	}
	if err := h.Mail.Subscribe(ctx, carols, "Trash", true); err != nil {
		t.Fatal(err)
	}
	got, err := h.Mail.Subscriptions(ctx, h.DeskAccess)
	if want := []string{"Archive", "INBOX"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Bob's: %v, %v, want %v", got, err, want)
	}
	if b, err := h.Mail.Mailbox(ctx, carols, "Archive"); err != nil || b.Subscribed {
		t.Errorf("Carol sees Bob's subscription: %+v, %v", b, err)
	}
	if b, err := h.Mail.Mailbox(ctx, h.DeskAccess, "Archive"); err != nil || !b.Subscribed {
		t.Errorf("Bob does not see his: %+v, %v", b, err)
	}
	if err := h.Store.DeleteCollection(ctx, h.Desk.Key, mailboxID(t, h, h.DeskAccess, "Archive")); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.Mail.Subscriptions(ctx, h.DeskAccess); !slices.Contains(got, "Archive") {
		t.Errorf("subscription went with its mailbox: %v", got)
	}
	if err := h.Mail.Subscribe(ctx, h.DeskAccess, "Archive", false); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.Mail.Subscriptions(ctx, h.DeskAccess); slices.Contains(got, "Archive") {
		t.Errorf("still subscribed: %v", got)
	}
}

func mailboxID(t *testing.T, h *mailtest.House, a mail.Access, name string) int64 {
	t.Helper()
	b, err := h.Mail.Mailbox(t.Context(), a, name)
	if err != nil {
		t.Fatal(err)
	}
	return b.ID
}
