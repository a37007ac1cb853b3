package queue_test

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
	"fachwerk/mail"
	"fachwerk/mail/queue"
	"fachwerk/mail/queue/queuetest"
)

// Whoever loses the lease during the attempt reports nothing: the next holder does.
func TestFailureIsReportedOnceWhereTheLeaseIsLost(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	h := queuetest.Open(t, withSmarthost(s))
	var tries atomic.Int32
	s.OnRcpt = func(string) error {
		if tries.Add(1) == 1 {
			steal(t, h)
		}
		return queuetest.Refuse(550, [3]int{5, 1, 1}, "no such user")
	}
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	h.Empty(t)
	wantText(t, h.Inbox(t, anna, 1)[0], "Final-Recipient: rfc822;x@fern.example")
}

// A recipient that an operator drops during the attempt leaves the others' outcomes as
// they are: they are noted, and told of, and nothing is sent again.
func TestDropDuringAnAttempt(t *testing.T) {
	s := queuetest.NewSmarthost(t, func(s *gosmtp.Server) { s.EnableDSN = false })
	h := queuetest.Open(t, withSmarthost(s))
	var ref atomic.Pointer[queue.Ref]
	s.OnData = func(r io.Reader) error {
		queuetest.Wait(t, func() bool { return ref.Load() != nil })
		if n, err := h.Queue.Drop(t.Context(), *ref.Load(), 1); n != 1 || err != nil {
			t.Errorf("dropped %d, %v", n, err)
		}
		return nil
	}
	anna := h.Person(t, "anna")
	m := queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example", "y@fern.example", "z@fern.example")}
	for i := range m.Recipients {
		m.Recipients[i].Notify = "SUCCESS"
	}
	queued := put(t, h, m, header("")+body)
	ref.Store(&queued)
	h.Empty(t)
	s.Take(t, 1)
	told := strings.Join(h.Inbox(t, anna, 2), "")
	wantText(t, told, "Final-Recipient: rfc822;x@fern.example\r\nAction: relayed", "Final-Recipient: rfc822;z@fern.example\r\nAction: relayed")
}

// A message that the smarthost has taken is not sent again because its sender cannot be
// told so.
func TestConfirmationThatCannotBeQueuedIsLeftOut(t *testing.T) {
	s := queuetest.NewSmarthost(t, func(s *gosmtp.Server) { s.EnableDSN = false })
	var refuse atomic.Bool
	parts := storetest.Open(t, storetest.Embedded, func(o *store.Options) {
		allow := o.Placement
		o.Placement = func(site string, sub location.Subject, k location.Kind) error {
			if refuse.Load() {
				return location.ErrMismatch
			}
			return allow(site, sub, k)
		}
	})
	h := &queuetest.House{Parts: parts, Mail: mail.New(mail.Options{Store: parts.Store})}
	t.Cleanup(func() { h.Mail.Close() })
	h.Run(t, func(c *queue.Config) {
		c.Smarthost, c.Schedule = s.Config(), []time.Duration{time.Millisecond}
	})
	anna := h.Person(t, "anna")
	s.OnData = func(io.Reader) error {
		refuse.Store(true)
		return nil
	}
	m := queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}
	m.Recipients[0].Notify = "SUCCESS"
	put(t, h, m, header("")+body)
	s.Take(t, 1)
	h.Empty(t) // nothing is claimed any more, so it was noted at once
	refuse.Store(false)
	s.Take(t, 1)
	h.Inbox(t, anna, 0)
}

// Mail that could not be tried for longer than it lives is tried as long as other mail.
func TestTimeHeldBackDoesNotCount(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	var tries atomic.Int32
	s.OnRcpt = func(string) error {
		if tries.Add(1) <= 3 {
			return queuetest.Refuse(450, [3]int{4, 7, 1}, "greylisted")
		}
		return nil
	}
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	h.Stop()
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	var b meta.Batch
	b.Exec(`UPDATE queue_recipient SET due_at = due_at - $1, expires_at = expires_at - $1`, (5 * 24 * time.Hour).Microseconds())
	if err := h.DB.Update(t.Context(), func(tx meta.Tx) error { return tx.Run(t.Context(), &b) }); err != nil {
		t.Fatal(err)
	}
	h.Run(t, withSmarthost(s))
	s.Take(t, 1)
	h.Empty(t)
	h.Inbox(t, anna, 0)
}
