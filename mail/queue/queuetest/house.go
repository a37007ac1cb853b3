package queuetest

import (
	"context"
	"crypto/rand"
	"io"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
	"fachwerk/internal/budget"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/mail"
	"fachwerk/mail/queue"
)

// Domain is that of the house's people.
const Domain = "musterstadt.example"

// Account is one of the house's.
type Account = store.Account

// House is a store with its mail service, logins and queue.
type House struct {
	*storetest.Parts
	Mail  *mail.Service
	Auth  *auth.Authenticator
	Queue *queue.Queue
	// Issuer is a provider whose tokens open accounts made by PersonOf.
	Issuer *authtest.Issuer
	stop   func()
}

// Audience is what access tokens of the Issuer must be for.
const Audience = "https://mail." + Domain

// Open makes a house on the embedded engines; change, if not nil, may alter the
// queue's configuration. The queue runs until the test ends.
func Open(t testing.TB, change func(*queue.Config)) *House {
	t.Helper()
	return open(t, storetest.Embedded, nil, change)
}

// OpenWithSpool is Open where no more than so many bytes may be on their way in. fill
// has others take some of them until gone is called.
func OpenWithSpool(t testing.TB, bytes int64, change func(*queue.Config)) (h *House, fill func(bytes int64) (gone func())) {
	t.Helper()
	pool, others := budget.NewPool(bytes, bytes/2), budget.Holder{}
	return open(t, storetest.Embedded, pool, change), func(bytes int64) func() {
		must(t, pool.Take(others, bytes))
		return func() { pool.Give(others, bytes) }
	}
}

// OpenOnServers is Open on PostgreSQL and S3; without them the test is skipped
// (package need).
func OpenOnServers(t testing.TB, change func(*queue.Config)) *House {
	t.Helper()
	return open(t, storetest.Remote, nil, change)
}

func open(t testing.TB, engines storetest.Engines, spool *budget.Pool, change func(*queue.Config)) *House {
	t.Helper()
	h := &House{Parts: storetest.Open(t, engines, func(o *store.Options) { o.SpoolBytes = spool })}
	h.Mail = mail.New(mail.Options{Store: h.Store})
	t.Cleanup(func() { h.Mail.Close() })
	var err error
	key := make([]byte, 32)
	rand.Read(key)
	h.Issuer = authtest.NewIssuer(t)
	h.Auth, err = auth.New(auth.Config{
		Issuers: []auth.BearerIssuer{{URL: h.Issuer.URL, Audience: Audience}},
		People:  h.Store, AppPasswords: h.Store, Changes: h.Store,
		HashKeys: auth.HashKeys{Current: 1, Keys: map[int16][]byte{1: key}},
	})
	must(t, err)
	t.Cleanup(h.Auth.Close)
	h.Run(t, change)
	return h
}

// Run replaces the queue by one with another configuration, as a restart does.
func (h *House) Run(t testing.TB, change func(*queue.Config)) {
	t.Helper()
	h.Stop()
	cfg := queue.Config{Store: h.Store, Mail: h.Mail, Hostname: "mail." + Domain,
		Schedule: []time.Duration{20 * time.Millisecond}, Lease: 5 * time.Second,
		Grace: time.Millisecond, Answer: time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	var err error
	h.Queue, err = queue.New(cfg)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.Queue.Run(ctx) // ends with ctx
	}()
	h.stop = func() {
		cancel()
		<-done
		h.stop = nil
	}
	running := h.stop
	t.Cleanup(func() {
		if h.stop != nil {
			running()
		}
	})
}

// Stop ends the queue's run.
func (h *House) Stop() {
	if h.stop != nil {
		h.stop()
	}
}

// AppPassword makes one for a person that may send mail.
func (h *House) AppPassword(t testing.TB, a Account, scopes auth.Scope) string {
	t.Helper()
	_, secret, err := h.Auth.NewAppPasswordByOperator(t.Context(),
		auth.AccountRef{Tenant: a.Tenant, Account: a.Account}, "test", scopes, time.Time{})
	must(t, err)
	return secret
}

// PersonOf makes a person bound to a subject of the Issuer.
func (h *House) PersonOf(t testing.TB, local, subject string) Account {
	t.Helper()
	must(t, h.BindIssuer(t.Context(), store.Issuer{Tenant: h.Tenant.ID, URL: h.Issuer.URL}))
	a, err := h.CreateAccount(t.Context(), store.NewAccount{
		Tenant: h.Tenant.ID, Kind: store.Person, Address: local + "@" + Domain, Issuer: h.Issuer.URL, Subject: subject,
	})
	must(t, err)
	return a
}

// GrantSendAs lets a person read and send as a function mailbox.
func (h *House) GrantSendAs(t testing.TB, desk, person Account) {
	t.Helper()
	must(t, h.AddGrant(t.Context(), desk.Key, person.Key, store.RightRead|store.RightSendAs))
}

// Neighbour makes a second tenant with one person, carl@nachbardorf.example.
func (h *House) Neighbour(t testing.TB) Account {
	t.Helper()
	tenant, err := h.CreateTenant(t.Context(), "nachbardorf", storetest.Site.Name)
	must(t, err)
	must(t, h.AddDomain(t.Context(), tenant.ID, "nachbardorf.example"))
	a, err := h.CreateAccount(t.Context(), store.NewAccount{Tenant: tenant.ID, Kind: store.Person, Address: "carl@nachbardorf.example"})
	must(t, err)
	return a
}

// Messages reads all messages of an account's mailbox, oldest first.
func (h *House) Messages(t testing.TB, a Account, mailbox string) []string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := h.CollectionByName(ctx, a.Key, store.Mailbox, mailbox)
	must(t, err)
	items, err := h.Items(ctx, a.Key, c.ID, 0, 10_000)
	must(t, err)
	var list []string
	for _, it := range items {
		body, err := h.Body(ctx, a.Key, it.Content)
		must(t, err)
		r, err := body.Open(ctx, 0, -1)
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, err)
		r.Close()
		list = append(list, string(text))
	}
	return list
}

// Inbox waits until an account's INBOX holds n messages and returns them.
func (h *House) Inbox(t testing.TB, a Account, n int) []string {
	t.Helper()
	var list []string
	Wait(t, func() bool {
		if _, err := h.CollectionByName(t.Context(), a.Key, store.Mailbox, mail.Inbox); err != nil {
			return n == 0
		}
		list = h.Messages(t, a, mail.Inbox)
		return len(list) >= n
	})
	if len(list) != n {
		t.Fatalf("INBOX of %s holds %d messages, want %d:\n%s", a.Address, len(list), n, strings.Join(list, "\n----\n"))
	}
	return list
}

// Empty waits until nothing is queued.
func (h *House) Empty(t testing.TB) {
	t.Helper()
	Wait(t, func() bool {
		messages, _, err := h.QueueLength(t.Context())
		must(t, err)
		return messages == 0
	})
}

// Wait polls until done, at most 20 seconds.
func Wait(t testing.TB, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited 20 seconds in vain")
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
