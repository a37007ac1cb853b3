package mail_test

import (
	"errors"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

// When history was cut, a view loads anew, and QRESYNC is told to compare
// everything (RFC 7162 3.2.5.2).
func TestHistoryFloor(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	h.Fill(t, h.AliceAccess, "INBOX", 20)
	v := h.Open(t, h.AliceAccess, "INBOX")
	old := v.Snapshot()
	key := keyOf(h.Alice)
	if _, err := h.Store.Expunge(ctx, key, v.Mailbox(), []int64{4, 5}, false); err != nil {
		t.Fatal(err)
	}
	h.Fill(t, h.AliceAccess, "INBOX", 1)
	if _, err := h.DB.Purge(ctx, key, -time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, full, err := v.Vanished(ctx, old.HighestModSeq); err != nil || !full {
		t.Errorf("vanished below the floor: full %v, %v", full, err)
	}
	now := h.Refresh(t, v)
	d := old.Diff(now)
	if len(d.Vanished) != 2 || d.Added != 18 || now.Len() != 19 || len(d.Changed) != 0 {
		t.Errorf("diff over the floor: %+v", d)
	}
	compareWithRows(t, h, v)
}

// After a restore nothing that clients have seen is given out again (rule 6),
// and an open view notices.
func TestNewGeneration(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	h.Fill(t, h.AliceAccess, "INBOX", 5)
	v := h.Open(t, h.AliceAccess, "INBOX")
	old := v.Snapshot()
	if err := h.Store.NewGeneration(ctx, storetest.Site.Name); err != nil {
		t.Fatal(err)
	}
	added := h.Deliver(t, mailtest.AliceAddress, mailtest.Message("s", "t"))
	now := h.Refresh(t, v)
	if added.UID < 1<<20 || now.HighestModSeq < 1<<32 || now.At(0).ModSeq < 1<<32 {
		t.Errorf("UID %d, HIGHESTMODSEQ %d, first message's %d", added.UID, now.HighestModSeq, now.At(0).ModSeq)
	}
	if d := old.Diff(now); len(d.Changed) != 5 || d.Added != 5 || len(d.Vanished) != 0 {
		t.Errorf("diff over the generation: %+v", d)
	}
	if _, full, err := v.Vanished(ctx, old.HighestModSeq); err != nil || !full {
		t.Errorf("vanished over the generation: full %v, %v", full, err)
	}
	compareWithRows(t, h, v)
}

// A queued recipient is delivered and marked in one transaction, once.
func TestDeliverFromTheQueue(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	spool := h.Store.NewSpool(0)
	defer spool.Close()
	text := mailtest.Message("s", "t")
	if _, err := spool.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	_, err := h.Store.Enqueue(ctx, h.Tenant.ID, store.QueueMessage{Recipients: []store.QueueRecipient{{
		ForwardPath: mailtest.AliceAddress, NextHop: store.LocalHop, Expires: time.Now().Add(time.Hour),
	}}}, nil, spool)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := h.Store.ClaimQueue(ctx, 1, time.Minute)
	if err != nil || len(claims) != 1 {
		t.Fatalf("%d claims, %v", len(claims), err)
	}
	c := claims[0]
	to, _ := h.Mail.Resolve(ctx, mailtest.AliceAddress)
	in := h.Incoming(t, text)
	mark := mail.QueueMark{
		Tenant: c.Message.Ref.Tenant, Account: c.Message.Ref.Account, Message: c.Message.Ref.ID,
		Recipient: c.Message.Recipients[0].N, Token: c.Token + 1,
	}
	if _, err := h.Mail.Deliver(ctx, to, in, nil, mail.DeliverOptions{Queue: &mark}); !errors.Is(err, mail.ErrLease) {
		t.Errorf("with another's lease: %v", err)
	}
	mark.Token = c.Token
	if _, err := h.Mail.Deliver(ctx, to, in, nil, mail.DeliverOptions{Queue: &mark}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Mail.Deliver(ctx, to, in, nil, mail.DeliverOptions{Queue: &mark}); !errors.Is(err, mail.ErrLease) {
		t.Errorf("delivered again: %v", err)
	}
	if v := h.Open(t, h.AliceAccess, "INBOX"); v.Snapshot().Len() != 1 {
		t.Errorf("%d messages", v.Snapshot().Len())
	}
}
