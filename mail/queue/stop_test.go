package queue_test

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/mail/queue"
	"fachwerk/mail/queue/queuetest"
)

// A stop waits for the answer to a message that the smarthost has whole: cut before it,
// the message would go out a second time.
func TestStopWaitsForTheAnswer(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	whole, answer := make(chan struct{}, 10), make(chan struct{})
	var taken atomic.Int64
	s.OnData = func(r io.Reader) error {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		whole <- struct{}{}
		<-answer
		taken.Add(1)
		return nil
	}
	config := func(c *queue.Config) { c.Smarthost, c.Answer = s.Config(), time.Hour }
	h := queuetest.Open(t, config)
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	<-whole
	stopped := make(chan struct{})
	go func() {
		h.Stop()
		close(stopped)
	}()
	select {
	case <-stopped:
		t.Error("the stop did not wait")
	case <-time.After(300 * time.Millisecond): // longer than the grace
	}
	close(answer)
	<-stopped
	h.Run(t, config)
	h.Empty(t)
	if n := taken.Load(); n != 1 {
		t.Errorf("the smarthost took the message %d times", n)
	}
	h.Inbox(t, anna, 0)
}

// A message of which the smarthost waits for more is cut at once, which costs nothing: no
// attempt is counted, and the next process may try immediately.
func TestStopCutsWhatIsNotSent(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	begun, more := make(chan struct{}, 10), make(chan struct{})
	s.OnData = func(r io.Reader) error {
		r.Read(make([]byte, 10))
		begun <- struct{}{}
		<-more
		return queuetest.ErrDrop
	}
	h := queuetest.Open(t, func(c *queue.Config) {
		c.Smarthost, c.Answer, c.Grace, c.Schedule = s.Config(), time.Hour, time.Hour, []time.Duration{time.Hour}
		c.Claim, c.Lease = time.Hour, time.Hour
	})
	defer close(more)
	anna := h.Person(t, "anna")
	b := h.Queue.NewBody(64 << 20) // more than lies between two sockets
	defer b.Close()
	if _, err := io.WriteString(b, strings.Repeat(body, 1<<20)); err != nil {
		t.Fatal(err)
	}
	ref, err := h.Queue.Add(t.Context(), queue.Message{Tenant: h.Tenant.ID, ReversePath: anna.Address, Recipients: to("x@fern.example")},
		[]byte(header("")), b)
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	h.Stop() // ends before the hour does
	e, err := h.Queue.Show(t.Context(), ref)
	if err != nil || e.Recipients[0].Attempts != 0 || time.Until(e.Recipients[0].Due) > time.Minute {
		t.Errorf("%+v, %v", e, err)
	}
}
