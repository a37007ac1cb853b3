package idp

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fachwerk/auth"
)

// noted is tickets that keep what was put, and refuse a person's while they are told to.
type noted struct {
	auth.Tickets
	refuses atomic.Bool
	mu      sync.Mutex
	put     []auth.Ticket
}

func (n *noted) PutTicket(ctx context.Context, t auth.Ticket) error {
	if t.Tenant != 0 && n.refuses.Load() {
		return auth.ErrHeld
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.put = append(n.put, t)
	return n.Tickets.PutTicket(ctx, t)
}

// Whatever tells of a person who has signed in is their tenant's ticket; before, there is
// nobody's, and the address that a program sent along goes no further than the page.
func TestTicketsOfPersonsAreTheirTenants(t *testing.T) {
	tickets := &noted{}
	h := newHouse(t, func(c *Config) { tickets.Tickets, c.Tickets = c.Tickets, tickets })
	c := newClient(h)
	page := c.get(c.ask(func(q url.Values) { q.Set("login_hint", anna) }))
	end := c.stop().submit(c.login(page, anna, annaPass), map[string]string{"answer": "allow"})
	back, err := url.Parse(end.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	_, got := c.exchange(back.Query().Get("code"), c.verifier)
	first, _ := got["refresh_token"].(string)
	if auth.TokenHome(first) != h.anna.Tenant {
		t.Errorf("the refresh token %q does not name tenant %d", first, h.anna.Tenant)
	}
	seen := map[string]bool{}
	for _, k := range tickets.put {
		seen[k.Kind] = true
		want := h.anna.Tenant
		if k.Kind == ticketRequest {
			want = 0
		}
		if k.Tenant != want {
			t.Errorf("a ticket %s is tenant %d's", k.Kind, k.Tenant)
		}
		if k.Kind != ticketRequest && strings.Contains(string(k.Value), anna) {
			t.Errorf("a ticket %s holds the address: %s", k.Kind, k.Value)
		}
	}
	for _, kind := range []string{ticketRequest, ticketSession, ticketConsent, ticketCode, ticketFamily, ticketRefresh, ticketSpent} {
		if !seen[kind] {
			t.Errorf("no ticket %s was made: the test proves nothing of it", kind)
		}
	}

	// Where nothing may be written a refresh token is not used up.
	tickets.refuses.Store(true)
	if status, _ := c.refresh(first, nil); status == http.StatusOK {
		t.Error("refreshed though nothing may be written")
	}
	other := newClient(h)
	end = other.login(other.get(other.ask(func(url.Values) {})), anna, annaPass)
	if end.StatusCode != http.StatusServiceUnavailable || !strings.Contains(end.body, texts["de"]["held"]) && !strings.Contains(end.body, texts["en"]["held"]) {
		t.Errorf("a new sign-in: %d %s", end.StatusCode, end.body)
	}
	tickets.refuses.Store(false)
	status, got := c.refresh(first, nil)
	if status != http.StatusOK {
		t.Fatalf("afterwards: %d %v", status, got)
	}
	if err := h.idp.PersonDisabled(t.Context(), h.anna); err != nil {
		t.Fatal(err)
	}
	if status, _ := c.refresh(got["refresh_token"].(string), nil); status == http.StatusOK {
		t.Error("a disabled person's token works")
	}
}

func TestTokenHome(t *testing.T) {
	for token, want := range map[string]int64{
		auth.HomeToken(7, "x"): 7, auth.HomeToken(1<<63-1, "x.y"): 1<<63 - 1, auth.HomeToken(0, "x"): 0,
		"": 0, "x": 0, ".x": 0, "-7.x": 0, "zzzzzzzzzzzzz.x": 0, "zzzzzzzzzzzzzzzz.x": 0, "Ä.x": 0,
	} {
		if got := auth.TokenHome(token); got != want {
			t.Errorf("%q is at %d, want %d", token, got, want)
		}
	}
}
