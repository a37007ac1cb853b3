package store_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

func enqueue(t *testing.T, p *storetest.Parts, to ...string) store.QueueRef {
	t.Helper()
	m := store.QueueMessage{ReversePath: "anna@musterstadt.example", EnvID: "e1", Ret: "HDRS", EightBit: true}
	for _, r := range to {
		m.Recipients = append(m.Recipients, store.QueueRecipient{
			ForwardPath: r + "@fern.example", NextHop: "fern.example", Expires: time.Now().Add(time.Hour),
		})
	}
	ref, err := p.Enqueue(t.Context(), p.Tenant.ID, m, []byte("Received: x\r\n"), p.Spool(t, []byte("Subject: a\r\n\r\nb")))
	must(t, err)
	return ref
}

func TestQueueRoundTrip(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		rang := make(chan struct{}, 10)
		defer p.WatchQueue(func() { rang <- struct{}{} })()
		ref := enqueue(t, p, "eins", "zwei")
		<-rang
		claims, err := p.ClaimQueue(ctx, 10, time.Minute)
		must(t, err)
		if len(claims) != 1 || len(claims[0].Message.Recipients) != 2 || claims[0].NextHop != "fern.example" {
			t.Fatalf("claims: %+v", claims)
		}
		m := claims[0].Message
		if m.ReversePath != "anna@musterstadt.example" || m.EnvID != "e1" || m.Ret != "HDRS" || !m.EightBit || m.BinaryMIME {
			t.Errorf("envelope came back as %+v", m)
		}
		body, err := p.QueueBody(ctx, ref)
		must(t, err)
		r, err := body.Open(ctx, 0, -1)
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		if string(text) != "Received: x\r\nSubject: a\r\n\r\nb" {
			t.Errorf("body came back as %q", text)
		}
		if again, err := p.ClaimQueue(ctx, 10, time.Minute); err != nil || len(again) != 0 {
			t.Errorf("leased recipients were claimed again: %v %v", again, err)
		}
		first, second := m.Recipients[0], m.Recipients[1]
		wantErr(t, finishOne(ctx, p, ref, first, claims[0].Token+1, store.QueueResult{State: store.QueueDelivered}), store.ErrLease)
		must(t, finishOne(ctx, p, ref, first, claims[0].Token, store.QueueResult{State: store.QueueDelivered, Attempts: 1, Reply: "250 ok"}))
		must(t, finishOne(ctx, p, ref, second, claims[0].Token, store.QueueResult{
			State: store.QueueWaiting, Attempts: 1, Due: time.Hour, Delayed: true, Reply: "451 später",
		}))
		list, err := p.QueueMessages(ctx, p.Tenant.ID, store.QueueRef{}, 10)
		must(t, err)
		if len(list) != 1 || list[0].Recipients[0].State != store.QueueDelivered || list[0].Recipients[1].LastReply != "451 später" ||
			list[0].Recipients[1].Delayed.IsZero() {
			t.Errorf("list: %+v", list)
		}
		if due, ok, err := p.NextDue(ctx); err != nil || !ok || due < 59*time.Minute || due > 61*time.Minute {
			t.Errorf("next due in %v %v %v, want an hour", due, ok, err)
		}
		if n, err := p.RetryQueue(ctx, ref); err != nil || n != 1 {
			t.Errorf("retry: %d %v", n, err)
		}
		claims, err = p.ClaimQueue(ctx, 10, time.Minute)
		must(t, err)
		if len(claims) != 1 || len(claims[0].Message.Recipients) != 1 || claims[0].Message.Recipients[0].N != 1 {
			t.Fatalf("claims after retry: %+v", claims)
		}
		must(t, finishOne(ctx, p, ref, claims[0].Message.Recipients[0], claims[0].Token, store.QueueResult{State: store.QueueDelivered}))
		if messages, waiting, err := p.QueueLength(ctx); err != nil || messages != 0 || waiting != 0 {
			t.Errorf("queue is not empty: %d %d %v", messages, waiting, err)
		}
	})
}

func TestQueueLeasePassesOn(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		ref := enqueue(t, p, "eins")
		old, err := p.ClaimQueue(ctx, 1, 0)
		must(t, err)
		fresh, err := p.ClaimQueue(ctx, 1, time.Minute)
		must(t, err)
		if len(old) != 1 || len(fresh) != 1 {
			t.Fatalf("claims: %v %v", old, fresh)
		}
		done := store.QueueResult{State: store.QueueDelivered}
		wantErr(t, finishOne(ctx, p, ref, old[0].Message.Recipients[0], old[0].Token, done), store.ErrLease)
		must(t, finishOne(ctx, p, ref, fresh[0].Message.Recipients[0], fresh[0].Token, done))
	})
}

// A lease that is renewed does not pass on; one that has passed on is not renewed.
func TestQueueLeaseIsRenewed(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		enqueue(t, p, "eins")
		const short = 300 * time.Millisecond
		held, err := p.ClaimQueue(ctx, 1, short)
		must(t, err)
		mine := []store.QueueLease{{Tenant: held[0].Message.Ref.Tenant, Token: held[0].Token}}
		renewed, err := p.RenewQueue(ctx, mine, time.Hour)
		must(t, err)
		if len(renewed) != 1 {
			t.Errorf("renewed %v", renewed)
		}
		time.Sleep(2 * short)
		if more, err := p.ClaimQueue(ctx, 1, short); err != nil || len(more) != 0 {
			t.Fatalf("claimed %d under a renewed lease, %v", len(more), err)
		}
		expire(t, p)
		other, err := p.ClaimQueue(ctx, 1, short)
		must(t, err)
		if len(other) != 1 {
			t.Fatalf("%d claims of what has ended", len(other))
		}
		renewed, err = p.RenewQueue(ctx, mine, time.Hour) // too late
		must(t, err)
		if len(renewed) != 0 {
			t.Errorf("what has passed to another is said to be renewed: %v", renewed)
		}
		time.Sleep(2 * short)
		if more, err := p.ClaimQueue(ctx, 1, short); err != nil || len(more) != 1 {
			t.Errorf("a lease of another was renewed: %d claims, %v", len(more), err)
		}
	})
}

func TestQueueIsClaimedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		const messages = 20
		for range messages {
			enqueue(t, p, "eins", "zwei")
		}
		var mu sync.Mutex
		seen := map[store.QueueRef]int{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					claims, err := p.ClaimQueue(t.Context(), 3, time.Minute)
					if errors.Is(err, store.ErrTemporary) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					if len(claims) == 0 {
						return
					}
					mu.Lock()
					for _, c := range claims {
						seen[c.Message.Ref] += len(c.Message.Recipients)
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for ref, n := range seen {
			if n != 2 {
				t.Errorf("message %d: %d recipients claimed, want 2", ref.ID, n)
			}
		}
		if len(seen) != messages {
			t.Errorf("%d messages claimed, want %d", len(seen), messages)
		}
	})
}

// A local delivery and its mark in the queue are one transaction.
func TestDeliveryMarksTheQueue(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		a := p.Person(t, "anna")
		inbox := mailbox(t, p, a.Key, "INBOX")
		ref := enqueue(t, p, "eins")
		claims, err := p.ClaimQueue(ctx, 1, time.Minute)
		must(t, err)
		object := store.NewObject{Body: p.Spool(t, []byte("Subject: a\r\n\r\n"))}
		_, err = p.AddObjects(ctx, a.Key, inbox.ID, []store.NewObject{object}, store.MarkQueueDone(ref, 0, claims[0].Token+1))
		wantErr(t, err, store.ErrLease)
		_, err = p.AddObjects(ctx, a.Key, inbox.ID, []store.NewObject{object}, store.MarkQueueDone(ref, 0, claims[0].Token))
		must(t, err)
		_, err = p.AddObjects(ctx, a.Key, inbox.ID, []store.NewObject{object}, store.MarkQueueDone(ref, 0, claims[0].Token))
		wantErr(t, err, store.ErrLease)
		c, err := p.Collection(ctx, a.Key, inbox.ID)
		must(t, err)
		if c.Items != 1 {
			t.Errorf("%d items, want 1", c.Items)
		}
		must(t, p.MaintainOnce(ctx))
		if messages, _, _ := p.QueueLength(ctx); messages != 0 {
			t.Errorf("%d messages left in the queue", messages)
		}
	})
}

// A row that does not open keeps no other from being sent.
func TestDamagedRecipientHindersNoOther(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	damaged := enqueue(t, p, "eins", "zwei")
	whole := enqueue(t, p, "drei")
	sql(t, p, `UPDATE queue_recipient SET sealed = $1 WHERE message_id = $2 AND recipient = 0`, []byte("beschaedigt"), damaged.ID)
	claims, err := p.ClaimQueue(t.Context(), 10, time.Minute)
	must(t, err)
	if len(claims) != 2 {
		t.Fatalf("claims: %+v", claims)
	}
	for _, c := range claims {
		want := map[int64]string{damaged.ID: "zwei@fern.example", whole.ID: "drei@fern.example"}[c.Message.Ref.ID]
		if len(c.Message.Recipients) != 1 || c.Message.Recipients[0].ForwardPath != want {
			t.Errorf("message %d: recipients %+v, want %s", c.Message.Ref.ID, c.Message.Recipients, want)
		}
	}
}

// finishOne notes what became of one recipient.
func finishOne(ctx context.Context, p *storetest.Parts, ref store.QueueRef, q store.QueueRecipient, token int64, r store.QueueResult) error {
	return p.FinishQueue(ctx, ref, token, []store.QueueOutcome{{Recipient: q, Result: r}}, nil)
}
