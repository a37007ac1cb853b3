package idp

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/auth"
)

// told notes whom a notifier was to tell of what.
type told struct {
	list []string
	last auth.Program
	err  error
}

func (n *told) ProgramSignedIn(_ context.Context, p auth.Person, program auth.Program) error {
	n.list, n.last = append(n.list, p.Address), program
	return n.err
}

// A person sees which programs they have let in, is told of each, and ends it: its tokens
// count no more, those of the others do.
func TestProgramsOfAPerson(t *testing.T) {
	var from atomic.Pointer[netip.Addr]
	at := func(s string) { a := netip.MustParseAddr(s); from.Store(&a) }
	at("192.0.2.10")
	var n told
	h := newHouse(t, func(c *Config) {
		c.Notifier, c.Remote = &n, func(*http.Request) netip.Addr { return *from.Load() }
	})
	programs := Programs{h}
	list := func() []auth.Program {
		t.Helper()
		l, err := programs.Programs(t.Context(), h.anna)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := newClient(h)
	_, got := first.exchange(first.code(), first.verifier)
	began := h.clock.now()
	if len(n.list) != 1 || n.list[0] != anna || n.last.Client != "thunderbird" || n.last.From != "192.0.2.10" {
		t.Errorf("told: %v %+v", n.list, n.last)
	}
	h.clock.forward(2 * time.Hour)
	at("2001:db8::7")
	_, got = first.refresh(got["refresh_token"].(string), nil)
	l := list()
	if len(l) != 1 || l[0].ID != n.last.ID || l[0].From != "192.0.2.10" || l[0].UsedFrom != "2001:db8::/64" || l[0].Scopes != auth.MailRead|auth.MailSend ||
		l[0].Since.Sub(began).Abs() > time.Minute || l[0].Used.Sub(began) < 2*time.Hour-time.Minute {
		t.Fatalf("the programs are %+v", l)
	}
	// A second one; that nobody could be told does not keep it out.
	n.err = errors.New("no mailbox")
	h.clock.forward(time.Minute)
	second := newClient(h)
	_, other := second.exchange(second.code(), second.verifier)
	if l = list(); len(l) != 2 || len(n.list) != 2 || l[0].ID != n.last.ID {
		t.Fatalf("the programs are %+v, told were %v", l, n.list)
	}
	bertRef := h.AddPerson(bert)
	if err := programs.EndProgram(t.Context(), bertRef, l[1].ID); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("Bert ends a program of Anna's: %v", err)
	}
	if err := programs.EndProgram(t.Context(), h.anna, l[1].ID); err != nil {
		t.Fatal(err)
	}
	if err := programs.EndProgram(t.Context(), h.anna, l[1].ID); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("a second time: %v", err)
	}
	if status, answer := first.refresh(got["refresh_token"].(string), nil); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("an ended program goes on: %d %v", status, answer)
	}
	status, other := second.refresh(other["refresh_token"].(string), nil)
	if status != http.StatusOK || len(list()) != 1 {
		t.Errorf("the other one ended too: %d, %+v", status, list())
	}
	if len(n.list) != 2 {
		t.Errorf("told again: %v", n.list)
	}
	if err := programs.EndPrograms(t.Context(), h.anna); err != nil {
		t.Fatal(err)
	}
	if status, _ := second.refresh(other["refresh_token"].(string), nil); status == http.StatusOK || len(list()) != 0 {
		t.Errorf("after the end of all: %d, %+v", status, list())
	}
	if page := first.get(first.issuer + "/authorize"); page.StatusCode != http.StatusBadRequest {
		t.Errorf("an empty request: %d", page.StatusCode)
	}
	// A year later a program's person signs in anew, however often it was used.
	third := newClient(h)
	_, got = third.exchange(third.code(), third.verifier)
	for range 13 {
		h.clock.forward(28 * 24 * time.Hour)
		if status, got = third.refresh(got["refresh_token"].(string), nil); status != http.StatusOK {
			t.Fatalf("refreshed in time: %d %v", status, got)
		}
	}
	h.clock.forward(28 * 24 * time.Hour)
	if status, _ = third.refresh(got["refresh_token"].(string), nil); status == http.StatusOK {
		t.Error("a program is never asked for its person again")
	}
}

// ending ends a person's programs at the worst moment: when the next refresh token is
// written, and none is there.
type ending struct {
	auth.Tickets
	end func()
}

func (e *ending) PutTicket(ctx context.Context, t auth.Ticket) error {
	if t.Kind == ticketRefresh && e.end != nil {
		e.end()
	}
	return e.Tickets.PutTicket(ctx, t)
}

// No program outlives its end by changing its token just then.
func TestTheEndOfAProgramHolds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, h *house, program string) error{
		"one":       func(t *testing.T, h *house, id string) error { return Programs{h}.EndProgram(t.Context(), h.anna, id) },
		"all":       func(t *testing.T, h *house, _ string) error { return Programs{h}.EndPrograms(t.Context(), h.anna) },
		"new login": func(t *testing.T, h *house, _ string) error { return Forget(t.Context(), h, h.anna) },
	} {
		t.Run(name, func(t *testing.T) {
			e := &ending{}
			h := newHouse(t, func(c *Config) { e.Tickets, c.Tickets = c.Tickets, e })
			c := newClient(h)
			_, got := c.exchange(c.code(), c.verifier)
			l, err := Programs{h}.Programs(t.Context(), h.anna)
			if err != nil || len(l) != 1 {
				t.Fatal(l, err)
			}
			var failed error
			e.end = func() { failed = end(t, h, l[0].ID) }
			status, answer := c.refresh(got["refresh_token"].(string), nil)
			if failed != nil {
				t.Fatal(failed)
			}
			e.end = nil
			if status == http.StatusOK || answer["access_token"] != nil {
				t.Errorf("it went on: %d %v", status, answer)
			}
			left, err := h.TicketsOf(t.Context(), h.anna.Tenant, ticketRefresh, Subject(h.anna))
			if err != nil || len(left) != 0 {
				t.Errorf("%d tokens are left, %v", len(left), err)
			}
		})
	}
}
