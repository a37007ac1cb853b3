package mail_test

import (
	"errors"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

func keyOf(p *auth.Principal) store.Key { return store.Key{Tenant: p.Tenant, Account: p.Account} }

func TestRightsMatrix(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	m := h.Mail
	// What each call needs on the shared account.
	calls := map[string]struct {
		needs mail.Rights
		call  func(a mail.Access) error
	}{
		"mailboxes":     {mail.RightRead, func(a mail.Access) error { _, err := m.Mailboxes(ctx, a); return err }},
		"mailbox":       {mail.RightRead, func(a mail.Access) error { _, err := m.Mailbox(ctx, a, "INBOX"); return err }},
		"status":        {mail.RightRead, func(a mail.Access) error { _, err := m.Status(ctx, a, 1); return err }},
		"quota":         {mail.RightRead, func(a mail.Access) error { _, err := m.Quota(ctx, a); return err }},
		"subscriptions": {mail.RightRead, func(a mail.Access) error { _, err := m.Subscriptions(ctx, a); return err }},
		"subscribe":     {mail.RightRead, func(a mail.Access) error { return m.Subscribe(ctx, a, "INBOX", true) }},
		"open":          {mail.RightRead, func(a mail.Access) error { _, err := m.Open(ctx, a, 1); return err }},
		"append": {mail.RightWrite, func(a mail.Access) error {
			_, err := m.Append(ctx, a, 1, []mail.Append{{In: h.Incoming(t, "a: b\r\n\r\n")}})
			return err
		}},
		"create": {mail.RightManage, func(a mail.Access) error { _, err := m.Create(ctx, a, "Neu", ""); return err }},
		"rename": {mail.RightManage, func(a mail.Access) error { return m.Rename(ctx, a, "Nirgends", "Neu2") }},
		"delete": {mail.RightManage, func(a mail.Access) error { return m.Delete(ctx, a, "Nirgends") }},
	}
	for rights := mail.Rights(1); rights < 16; rights++ {
		person := h.Person(t, string(rune('a'+rights))+"@"+mailtest.Domain, "P")
		if err := h.Store.AddGrant(ctx, h.Desk.Key, keyOf(person), store.Rights(rights)); err != nil {
			t.Fatal(err)
		}
		shared := mail.Access{Tenant: h.Tenant.ID, Account: h.Desk.Key.Account, Rights: rights, Person: person.Account}
		listed := h.Accounts(t, person)
		if seen := len(listed) == 2; seen != shared.May(mail.RightRead) {
			t.Errorf("rights %d: account listed: %v", rights, seen)
		}
		// The same, claiming more than was granted.
		claimed := shared
		claimed.Rights = 15
		for name, c := range calls {
			for _, a := range []mail.Access{shared, claimed} {
				denied := errors.Is(c.call(a), mail.ErrDenied)
				if denied == shared.May(c.needs) {
					t.Errorf("rights %d, %s: denied %v, want %v", rights, name, denied, !denied)
				}
			}
		}
		may, err := m.MaySend(ctx, person, mailtest.DeskAddress)
		if err != nil || may != shared.May(mail.RightSendAs) {
			t.Errorf("rights %d: may send as the desk: %v, %v", rights, may, err)
		}
	}
}

func TestViewsAskForRights(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	carol := h.Person(t, "carol@"+mailtest.Domain, "Carol")
	if err := h.Store.AddGrant(ctx, h.Desk.Key, keyOf(carol), store.RightRead); err != nil {
		t.Fatal(err)
	}
	h.Deliver(t, mailtest.DeskAddress, mailtest.Message("s", "t"))
	h.Append(t, h.AliceAccess, "INBOX", mailtest.Message("s", "t"), 0)
	desk := h.Accounts(t, carol)[1]
	own := h.Accounts(t, carol)[0]
	v := h.Open(t, desk, "INBOX")
	if v.Snapshot().Len() != 1 {
		t.Fatalf("%d messages", v.Snapshot().Len())
	}
	denied := func(what string, err error) {
		if !errors.Is(err, mail.ErrDenied) {
			t.Errorf("%s by a reader: %v", what, err)
		}
	}
	_, err := v.Store(ctx, mail.FlagChange{UIDs: []uint32{1}, Op: mail.AddFlags, Flags: mail.FlagSeen})
	denied("store", err)
	_, err = v.Expunge(ctx, nil)
	denied("expunge", err)
	inbox := mailboxID(t, h, own, "INBOX")
	_, err = h.Mail.Move(ctx, v, []uint32{1}, own, inbox)
	denied("move out", err)
	if _, err = h.Mail.Copy(ctx, v, []uint32{1}, own, inbox); err != nil {
		t.Errorf("copy out by a reader: %v", err)
	}
	alices := mail.Access{Tenant: h.Tenant.ID, Account: h.Alice.Account, Rights: 15, Person: carol.Account}
	_, err = h.Mail.Copy(ctx, v, []uint32{1}, alices, mailboxID(t, h, h.AliceAccess, "INBOX"))
	denied("copy into a stranger's account", err)
	_, err = h.Mail.Mailboxes(ctx, mail.Access{})
	denied("nobody's access", err)
}

func TestWithdrawnGrantEndsOpenViews(t *testing.T) {
	now := time.Now()
	clock := &now
	h := mailtest.New(t, mailtest.WithMail(mail.Options{Clock: func() time.Time { return *clock }}))
	v := h.Open(t, h.DeskAccess, "INBOX")
	if err := h.Store.RemoveGrant(t.Context(), h.Desk.Key, keyOf(h.Bob)); err != nil {
		t.Fatal(err)
	}
	now = now.Add(4 * time.Second)
	if _, err := v.Refresh(t.Context()); !errors.Is(err, mail.ErrDenied) {
		t.Errorf("refresh after the grant went: %v", err)
	}
}

func TestMaySend(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	for address, want := range map[string]bool{
		mailtest.AliceAddress: true, "ALICE@Musterstadt.Example": true, mailtest.AliceAlias: true,
		"alice+neu@" + mailtest.Domain: true, mailtest.BobAddress: false, mailtest.DeskAddress: false,
		"alice@anderswo.example": false, "niemand@" + mailtest.Domain: false, "alice": false, "": false, "@": false,
	} {
		if got, err := h.Mail.MaySend(ctx, h.Alice, address); err != nil || got != want {
			t.Errorf("Alice as %q: %v, %v, want %v", address, got, err, want)
		}
	}
}
