package queue_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"fachwerk/mail/queue"
	"fachwerk/mail/queue/queuetest"
)

// A large message may take longer than the longest attempt at a short one.
func TestLargeMessageOnASlowLine(t *testing.T) {
	const lease = 4 * time.Second
	s := queuetest.NewSmarthost(t, nil)
	s.OnData = func(r io.Reader) error {
		if _, err := io.CopyN(io.Discard, r, 1000); err != nil {
			return err
		}
		time.Sleep(lease + lease/4)
		_, err := io.Copy(io.Discard, r)
		return err
	}
	h := queuetest.Open(t, func(c *queue.Config) {
		c.Smarthost, c.Lease = s.Config(), lease
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err == nil { // what lies between the two is small
				err = conn.(*net.TCPConn).SetWriteBuffer(32 << 10)
			}
			return conn, err
		}
	})
	anna := h.Person(t, "anna")
	b := h.Queue.NewBody(64 << 20)
	defer b.Close()
	if _, err := io.WriteString(b, strings.Repeat(body, 4<<20/len(body))); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Queue.Add(t.Context(), queue.Message{Tenant: h.Tenant.ID, ReversePath: anna.Address, Recipients: to("x@fern.example")},
		[]byte(header("")), b); err != nil {
		t.Fatal(err)
	}
	s.Take(t, 1)
	h.Empty(t)
}
