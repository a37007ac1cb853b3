package mail_test

import (
	"slices"
	"testing"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

// Whoever may read a shared account, by a grant of their own or by a group's, finds its
// INBOX subscribed when they first meet it, and never again.
func TestASharedInboxIsSubscribedOnce(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	clerk, chief := h.Person(t, "clerk@"+mailtest.Domain, "C"), h.Person(t, "chief@"+mailtest.Domain, "C")
	const issuer = "https://login.musterstadt.example"
	for _, err := range []error{
		h.Store.BindIssuer(ctx, store.Issuer{Tenant: h.Tenant.ID, URL: issuer}),
		h.Store.AddGrant(ctx, h.Desk.Key, keyOf(chief), store.RightRead),
		h.Store.AddGroupGrant(ctx, h.Desk.Key, "Bauamt", store.RightRead),
		h.Store.SetGroups(ctx, keyOf(clerk), issuer, []string{"Bauamt"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []*auth.Principal{clerk, chief} {
		accounts := h.Accounts(t, p)
		if len(accounts) != 2 {
			t.Fatalf("%s may open %d accounts", p.Address, len(accounts))
		}
		desk := accounts[1]
		subscribed := func() (names []string) {
			t.Helper()
			boxes, err := h.Mail.Mailboxes(ctx, desk)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range boxes {
				if b.Subscribed {
					names = append(names, b.Name)
				}
			}
			listed, err := h.Mail.Subscriptions(ctx, desk)
			if err != nil || !slices.Equal(listed, names) {
				t.Errorf("%s's subscriptions are %q, its mailboxes say %q: %v", p.Address, listed, names, err)
			}
			return names
		}
		if got := subscribed(); !slices.Equal(got, []string{mail.Inbox}) {
			t.Errorf("at first %s is subscribed to %q", p.Address, got)
		}
		if err := h.Mail.Subscribe(ctx, desk, mail.Inbox, false); err != nil {
			t.Fatal(err)
		}
		if got := subscribed(); len(got) != 0 {
			t.Errorf("later %s is subscribed to %q", p.Address, got)
		}
	}
}
