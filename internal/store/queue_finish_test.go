package store_test

import (
	"io"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// Outcomes and the report on them are noted together or not at all.
func TestFinishQueueWithAReport(t *testing.T) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) {
			ctx := t.Context()
			p := storetest.Open(t, e, nil)
			ref := enqueue(t, p, "a", "b")
			claims, err := p.ClaimQueue(ctx, 10, time.Hour)
			must(t, err)
			if len(claims) != 1 || len(claims[0].Message.Recipients) != 2 {
				t.Fatalf("claimed %+v", claims)
			}
			report := func() *store.QueueReport {
				spool := p.NewSpool(0)
				defer spool.Close()
				_, err := io.WriteString(spool, "Subject: Unzustellbar\r\n\r\n")
				must(t, err)
				r, err := p.PlaceReport(ctx, ref, store.QueueMessage{Recipients: []store.QueueRecipient{
					{ForwardPath: "anna@musterstadt.example", NextHop: store.LocalHop, Expires: time.Now().Add(time.Hour)}}}, spool)
				must(t, err)
				return r
			}
			queued := func(messages, waiting int64) {
				t.Helper()
				m, w, err := p.QueueLength(ctx)
				must(t, err)
				if m != messages || w != waiting {
					t.Errorf("%d messages and %d recipients are queued, want %d and %d", m, w, messages, waiting)
				}
			}
			token, both := claims[0].Token, []store.QueueOutcome{}
			for _, r := range claims[0].Message.Recipients {
				both = append(both, store.QueueOutcome{Recipient: r, Result: store.QueueResult{State: store.QueueFailed, Attempts: 1}})
			}
			wantErr(t, p.FinishQueue(ctx, ref, token+1, both, report()), store.ErrLease)
			queued(1, 2)
			must(t, p.FinishQueue(ctx, ref, token, both[:1], report()))
			queued(2, 2)
			wantErr(t, p.FinishQueue(ctx, ref, token, both, report()), store.ErrLease) // one of them is done
			queued(2, 2)
			must(t, p.FinishQueue(ctx, ref, token, both[1:], nil))
			queued(1, 1) // the report is left
			wantErr(t, p.FinishQueue(ctx, ref, token, both[1:], report()), store.ErrNotFound)
			queued(1, 1)
		})
	}
}

// What is held for longer than leases are renewed for stays so.
func TestHoldQueue(t *testing.T) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) {
			ctx := t.Context()
			p := storetest.Open(t, e, nil)
			enqueue(t, p, "a")
			enqueue(t, p, "b")
			claims, err := p.ClaimQueue(ctx, 10, time.Hour)
			must(t, err)
			if len(claims) != 2 {
				t.Fatalf("%d claims, want 2", len(claims))
			}
			held, other := claims[0].Message.Ref, claims[1].Message.Ref
			token := claims[0].Token
			wantErr(t, p.HoldQueue(ctx, held, token+1, time.Hour), store.ErrLease)
			expire(t, p)
			must(t, p.HoldQueue(ctx, held, token, time.Hour))
			if _, err := p.RenewQueue(ctx, []store.QueueLease{{Tenant: held.Tenant, Token: token}}, -time.Minute); err != nil {
				t.Fatal(err)
			}
			again, err := p.ClaimQueue(ctx, 10, time.Hour)
			must(t, err)
			if len(again) != 1 || again[0].Message.Ref != other {
				t.Errorf("claimed %+v, want what is not held", again)
			}
			wantErr(t, p.HoldQueue(ctx, other, token, time.Hour), store.ErrLease)
		})
	}
}

// expire ends all leases.
func expire(t *testing.T, p *storetest.Parts) {
	t.Helper()
	var b meta.Batch
	b.Exec(`UPDATE queue_recipient SET lease_until = {now} - 1`)
	must(t, p.DB.Update(t.Context(), func(tx meta.Tx) error { return tx.Run(t.Context(), &b) }))
}
