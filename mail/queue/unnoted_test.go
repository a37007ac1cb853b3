package queue_test

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
	"fachwerk/mail"
	"fachwerk/mail/queue"
	"fachwerk/mail/queue/queuetest"
)

// outage is an engine that is away as long as it is told to.
type outage struct {
	meta.Engine
	on *atomic.Bool
}

func (o outage) unless(f func() error) error {
	if o.on.Load() {
		return fmt.Errorf("%w: outage", meta.ErrUnavailable)
	}
	return f()
}

func (o outage) View(ctx context.Context, f func(meta.Tx) error) error {
	return o.unless(func() error { return o.Engine.View(ctx, f) })
}

func (o outage) Read(ctx context.Context, b *meta.Batch) error {
	return o.unless(func() error { return o.Engine.Read(ctx, b) })
}

func (o outage) Update(ctx context.Context, f func(meta.Tx) error) error {
	return o.unless(func() error { return o.Engine.Update(ctx, f) })
}

// outageHouse is a house whose database can go away.
func outageHouse(t *testing.T) (*queuetest.House, *atomic.Bool) {
	t.Helper()
	away := new(atomic.Bool)
	parts := storetest.OpenOver(t, storetest.Embedded, func(e meta.Engine) meta.Engine { return outage{e, away} }, nil)
	h := &queuetest.House{Parts: parts, Mail: mail.New(mail.Options{Store: parts.Store})}
	t.Cleanup(func() { h.Mail.Close() })
	return h, away
}

// The database is away from the moment the smarthost has a message until the lease has
// ended: the process that knows of it sends it no second time, and the sender is told once.
func TestOutageAfterTheDot(t *testing.T) {
	h, away := outageHouse(t)
	s := queuetest.NewSmarthost(t, func(s *gosmtp.Server) { s.EnableDSN = false })
	anna := h.Person(t, "anna")
	const lease = time.Second
	h.Run(t, func(c *queue.Config) { c.Smarthost, c.Lease, c.Claim = s.Config(), lease, lease })
	tries := awayFromTheDot(s, away, 3*lease)
	m := queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example", "y@fern.example")}
	m.Recipients[0].Notify, m.Recipients[1].Notify = "SUCCESS", "SUCCESS"
	put(t, h, m, header("")+body)
	queuetest.Wait(t, func() bool { return tries.Load() > 0 && !away.Load() })
	h.Empty(t)
	if n := tries.Load(); n != 1 {
		t.Errorf("the smarthost was given the message %d times", n)
	}
	told := h.Inbox(t, anna, 1)[0]
	wantText(t, told, "Final-Recipient: rfc822;x@fern.example", "Final-Recipient: rfc822;y@fern.example")
}

// awayFromTheDot has the database be away for a time from the moment at which the
// smarthost has its first message whole, and counts what it is given.
func awayFromTheDot(s *queuetest.Smarthost, away *atomic.Bool, span time.Duration) *atomic.Int32 {
	tries := new(atomic.Int32)
	s.OnData = func(r io.Reader) error {
		if _, err := io.Copy(io.Discard, r); err != nil { // the dot is read
			return err
		}
		if tries.Add(1) == 1 {
			away.Store(true)
			time.AfterFunc(span, func() { away.Store(false) })
		}
		return nil
	}
	return tries
}

// Another process, which cannot know, leaves the message alone for as long as it is held.
func TestOutageAfterTheDotAmongTwo(t *testing.T) {
	h, away := outageHouse(t)
	s := queuetest.NewSmarthost(t, nil)
	anna := h.Person(t, "anna")
	const claim = time.Second
	config := func(c *queue.Config) { c.Smarthost, c.Lease, c.Claim = s.Config(), time.Hour, claim }
	h.Run(t, config)
	other, err := queue.New(queue.Config{Store: h.Store, Mail: h.Mail, Hostname: "b.musterstadt.example", Smarthost: s.Config(), Claim: claim})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- other.Run(ctx) }()
	defer func() {
		cancel()
		<-done
	}()
	tries := awayFromTheDot(s, away, 3*claim)
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	queuetest.Wait(t, func() bool { return tries.Load() > 0 && !away.Load() })
	h.Empty(t)
	if n := tries.Load(); n != 1 {
		t.Errorf("the smarthost was given the message %d times", n)
	}
}

// A message of which the lease has passed on during the transfer is not sent to its end.
func TestNoDotWithoutTheLease(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	h := queuetest.Open(t, withSmarthost(s))
	var tries atomic.Int32
	s.OnRcpt = func(string) error {
		if tries.Add(1) == 1 {
			steal(t, h)
		}
		return nil
	}
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	h.Empty(t)
	s.Take(t, 1)
	if n := tries.Load(); n != 2 {
		t.Errorf("%d attempts, want one of each holder", n)
	}
}

// steal gives all leases to another process, as when they were not renewed in time.
func steal(t *testing.T, h *queuetest.House) {
	t.Helper()
	var b meta.Batch
	b.Exec(`UPDATE queue_recipient SET lease_token = 4711, lease_until = {now} + 200000`)
	if err := h.DB.Update(t.Context(), func(tx meta.Tx) error { return tx.Run(t.Context(), &b) }); err != nil {
		t.Error(err)
	}
}
