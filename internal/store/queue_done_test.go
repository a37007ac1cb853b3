package store_test

import (
	"errors"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// Mail from a tenant to one at another site arrives once, whatever ends in between.
func TestQueueAcrossSites(t *testing.T) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) {
			ctx := t.Context()
			w := storetest.TwoSites(t, e, nil)
			to := w.Account(t, 1, store.Function, "amt")
			inbox, err := w.CreateCollection(ctx, to.Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
			must(t, err)
			spool := w.NewSpool(0)
			defer spool.Close()
			_, err = spool.Write([]byte("Subject: a\r\n\r\nb"))
			must(t, err)
			must(t, spool.Finish())
			ref, err := w.Enqueue(ctx, w.Tenants[0].ID, store.QueueMessage{Recipients: []store.QueueRecipient{
				{ForwardPath: to.Address, NextHop: store.LocalHop, Expires: time.Now().Add(time.Hour)}}}, nil, spool)
			must(t, err)
			claim := func() (token int64) {
				t.Helper()
				claims, err := w.ClaimQueue(ctx, 10, time.Hour)
				must(t, err)
				if len(claims) != 1 {
					t.Fatalf("%d claims, want 1", len(claims))
				}
				return claims[0].Token
			}
			deliver := func(token int64) error {
				_, err := w.AddObjects(ctx, to.Key, inbox.ID, []store.NewObject{{Body: spool}}, store.MarkQueueDone(ref, 0, token))
				return err
			}
			count := func(want int) {
				t.Helper()
				items, err := w.Items(ctx, to.Key, inbox.ID, 0, 10)
				must(t, err)
				if len(items) != want {
					t.Fatalf("%d messages, want %d", len(items), want)
				}
			}
			token := claim()
			if err := deliver(token + 1); !errors.Is(err, store.ErrLease) {
				t.Errorf("with another's lease: %v", err)
			}
			count(0)
			must(t, deliver(token))
			count(1)
			m, err := w.QueueMessage(ctx, ref)
			must(t, err)
			if m.Recipients[0].State != store.QueueDelivered {
				t.Errorf("the queue was not told: %+v", m.Recipients[0])
			}
			// As if the process had ended before it told the queue.
			waitAgain(t, w, ref)
			if err := deliver(claim()); !errors.Is(err, store.ErrLease) {
				t.Errorf("delivered again: %v", err)
			}
			count(1)
			m, err = w.QueueMessage(ctx, ref)
			must(t, err)
			if m.Recipients[0].State != store.QueueDelivered {
				t.Errorf("the queue was not told the second time: %+v", m.Recipients[0])
			}
			must(t, w.MaintainOnce(ctx))
			findings, err := w.CheckAll(ctx, store.CheckOptions{})
			must(t, err)
			if len(findings) > 0 {
				t.Errorf("check: %v", findings)
			}
		})
	}
}

// waitAgain has a message's recipients wait at the first site.
func waitAgain(t *testing.T, w *storetest.Towns, ref store.QueueRef) {
	t.Helper()
	var b meta.Batch
	b.Exec(`UPDATE queue_recipient SET state = 0 WHERE tenant_id = $1 AND message_id = $2`, ref.Tenant, ref.ID)
	must(t, w.Options.Sites[0].DB.Update(t.Context(), func(tx meta.Tx) error { return tx.Run(t.Context(), &b) }))
}
