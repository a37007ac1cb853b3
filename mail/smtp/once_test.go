package smtp_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
	"fachwerk/mail"
	"fachwerk/mail/queue/queuetest"
	"fachwerk/mail/smtp"
)

// Somebody who is named in To and in Cc, or by two addresses, gets one copy.
func TestRecipientNamedTwice(t *testing.T) {
	s, peer := submission(t, nil)
	if err := s.AddAlias(t.Context(), s.bert.Key, "b.alias@musterstadt.example"); err != nil {
		t.Fatal(err)
	}
	c := s.login(t)
	c.submit(s.anna.Address, message(s.anna.Address, ""), s.bert.Address, "BERT@musterstadt.example", "b.alias@musterstadt.example",
		"x@fern.example", "x@FERN.example", "X@fern.example")
	if to := peer.Take(t, 1)[0].To; !slices.Equal(to, []string{"x@fern.example", "X@fern.example"}) {
		t.Errorf("the smarthost got RCPT %v", to)
	}
	s.Inbox(t, s.bert, 1)
	s.Empty(t)
	s.Inbox(t, s.bert, 1)
}

// A relay sends to two tenants, one of which may not be written for: that recipient waits
// at the relay, and the other gets the message once.
func TestRelayWaitsForOneTenantAlone(t *testing.T) {
	var refuse atomic.Bool
	parts := storetest.Open(t, storetest.Embedded, func(o *store.Options) {
		allow := o.Placement
		o.Placement = func(site string, s location.Subject, k location.Kind) error {
			switch {
			case !s.RefuseOnMismatch:
				return allow(site, s, k)
			case refuse.Load():
				return location.ErrMismatch
			}
			return nil
		}
	})
	h := &queuetest.House{Parts: parts, Mail: mail.New(mail.Options{Store: parts.Store})}
	t.Cleanup(func() { h.Mail.Close() })
	h.Run(t, nil)
	s := serve(t, h, smtp.Relay, nil)
	carl := s.Neighbour(t)
	if _, err := s.UpdateTenant(t.Context(), carl.Tenant, store.TenantSet{Policy: &store.TenantPolicy{RefuseOnMismatch: true}}); err != nil {
		t.Fatal(err)
	}
	refuse.Store(true)
	send := func(answers ...string) {
		t.Helper()
		c := s.hello(t, "EHLO")
		c.do("MAIL FROM:<x@fern.example>", "250")
		for i, to := range []string{"anna@musterstadt.example", "carl@nachbardorf.example"} {
			if answers[i] != "" {
				c.do("RCPT TO:<"+to+">", answers[i])
			}
		}
		c.do("DATA", "354")
		c.send(text + ".\r\n")
		c.want("250")
	}
	send("250", "451")
	s.Inbox(t, s.anna, 1)
	refuse.Store(false)
	send("", "250")
	s.Inbox(t, carl, 1)
	s.Empty(t)
	s.Inbox(t, s.anna, 1)
}

// A tenant's quota that is used up is no full mailbox: the gateway keeps the mail.
func TestTenantQuotaIsTemporary(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	if _, err := s.UpdateTenant(t.Context(), s.anna.Tenant, store.TenantSet{Quota: &store.TenantQuota{Bytes: 100}}); err != nil {
		t.Fatal(err)
	}
	c := s.hello(t, "LHLO")
	c.do("MAIL FROM:<x@fern.example>", "250")
	c.do("RCPT TO:<anna@musterstadt.example>", "250")
	c.do("RCPT TO:<bert@musterstadt.example>", "250")
	c.do("DATA", "354")
	c.send(text + strings.Repeat("x\r\n", 100) + ".\r\n")
	c.want("452 4.3.1")
	c.want("452 4.3.1")
	c.do("NOOP", "250")
}
