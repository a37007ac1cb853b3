package auth_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
)

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		watch := func(expires time.Time, here bool) (auth.AppPassword, <-chan struct{}) {
			made, secret := h.make(t, auth.MailRead, expires)
			p, err := h.Password(t.Context(), at(anna, auth.MailRead), secret)
			if err != nil {
				t.Fatal(err)
			}
			ended, stop := h.Watch(t.Context(), p)
			t.Cleanup(stop)
			return made, ended
		}
		here, hereEnded := watch(time.Time{}, true)
		there, thereEnded := watch(time.Time{}, false)
		_, expiringEnded := watch(time.Now().Add(20*time.Second), false)
		_, lastEnded := watch(time.Time{}, false)
		bearer, stopBearer := h.Watch(t.Context(), &auth.Principal{
			Tenant: h.anna.Tenant, Account: h.anna.Account, Method: auth.ByBearer, Expires: time.Now().Add(30 * time.Second),
		})
		defer stopBearer()
		time.Sleep(6 * time.Second)
		for _, c := range []<-chan struct{}{hereEnded, thereEnded, expiringEnded, lastEnded, bearer} {
			if over(c) {
				t.Fatal("a login ended by itself")
			}
		}
		if err := h.Authenticator.RevokeAppPassword(t.Context(), h.anna, here.ID); err != nil {
			t.Fatal(err)
		}
		if !over(hereEnded) {
			t.Error("a revocation in this process is not seen at once")
		}
		if err := h.Memory.RevokeAppPassword(t.Context(), h.anna, there.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if !over(thereEnded) {
			t.Error("a revocation elsewhere is not seen within five seconds")
		}
		h.Down(true) // a store that is away ends nobody, but time does
		time.Sleep(14 * time.Second)
		if !over(expiringEnded) {
			t.Error("an expired app password stays open")
		}
		if over(lastEnded) || over(bearer) {
			t.Error("an unreachable store ended a login")
		}
		time.Sleep(10 * time.Second)
		if !over(bearer) {
			t.Error("an expired token stays open")
		}
		h.Down(false)
		h.Disable(h.anna, true)
		time.Sleep(5 * time.Second)
		if !over(lastEnded) {
			t.Error("a disabled person stays connected")
		}
		h.Close()
	})
}

// Many connections of one login cost one lookup a round.
func TestWatchAsksOnceALogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		count := &changes{Memory: authtest.NewMemory()}
		ref := count.AddPerson(anna)
		h := openOn(t, count.Memory, ref, func(c *auth.Config) { c.Changes = count })
		p := &auth.Principal{Tenant: ref.Tenant, Account: ref.Account}
		var stops []func()
		for range 100 {
			_, stop := h.Watch(t.Context(), p)
			stops = append(stops, stop)
		}
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if n := count.calls(); n < 2 || n > 9 {
			t.Errorf("%d lookups in 9 seconds", n)
		}
		for _, stop := range stops {
			stop()
			stop()
		}
		before := count.calls()
		time.Sleep(9 * time.Second)
		if n := count.calls(); n != before {
			t.Errorf("%d lookups after all had stopped", n-before)
		}
		h.Close()
	})
}

type changes struct {
	*authtest.Memory
	mu sync.Mutex
	n  int
}

func (c *changes) Alive(ctx context.Context, ref auth.AccountRef, id int64) (bool, error) {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	return c.Memory.Alive(ctx, ref, id)
}

func (c *changes) calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// Connections of a token end when its issuer is unbound from the tenant; those of app
// passwords, and of other issuers, stay. A directory that is away ends nobody's.
func TestWatchOfUnboundIssuers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := authtest.NewMemory()
		dir := &directory{Memory: m}
		ref := m.AddPersonIn(2, dora)
		const ours, theirs = "https://login.example", "https://login.nachbarstadt.example"
		bound := auth.Bindings{Issuers: []auth.IssuerBinding{
			{Tenant: 2, Installation: true},
			{Tenant: 2, BearerIssuer: auth.BearerIssuer{URL: theirs, Audience: resource}},
		}}
		m.SetBindings(bound)
		h := openOn(t, m, ref, func(c *auth.Config) {
			var err error
			c.Providers, err = auth.NewProviders(auth.ProvidersConfig{
				Installation: auth.IssuerBinding{BearerIssuer: auth.BearerIssuer{URL: ours, Audience: resource}}, Directory: dir,
			})
			must(t, err)
		})
		watch := func(p auth.Principal) <-chan struct{} {
			p.Tenant, p.Account = ref.Tenant, ref.Account
			ended, stop := h.Watch(t.Context(), &p)
			t.Cleanup(stop)
			return ended
		}
		token := watch(auth.Principal{Method: auth.ByBearer, Issuer: theirs})
		others := []<-chan struct{}{
			watch(auth.Principal{Method: auth.ByBearer, Issuer: ours}), watch(auth.Principal{Method: auth.BySession, Issuer: theirs}), watch(auth.Principal{}),
		}
		time.Sleep(10 * time.Second)
		if over(token) {
			t.Error("ended while the issuer is bound")
		}
		dir.away.Store(true)
		m.SetBindings(auth.Bindings{Issuers: bound.Issuers[:1]})
		time.Sleep(10 * time.Second)
		if over(token) {
			t.Error("ended while the directory is away")
		}
		dir.away.Store(false)
		time.Sleep(8 * time.Second)
		if !over(token) {
			t.Error("stays open after the issuer was unbound")
		}
		for n, other := range others {
			if over(other) {
				t.Errorf("%d has ended too", n)
			}
		}
		h.Close()
	})
}

// over reports whether a login has ended, in a bubble.
func over(ended <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-ended:
		return true
	default:
		return false
	}
}
