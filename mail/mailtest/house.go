package mailtest

import (
	"context"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/budget"
	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
	"fachwerk/mail"
)

// The tenant's domain and the addresses in it.
const (
	Domain       = "musterstadt.example"
	AliceAddress = "alice@" + Domain
	AliceAlias   = "a.muster@" + Domain
	BobAddress   = "bob@" + Domain
	DeskAddress  = "buergeramt@" + Domain
)

// House is a furnished store. Alice has an alias. Bob may read, write and send
// as the desk, a function mailbox; Alice may do nothing there.
type House struct {
	Mail   *mail.Service
	Store  *store.Store
	DB     *meta.DB
	Tenant store.Tenant
	Spool  string // folder of temporary files

	Alice, Bob *auth.Principal
	Desk       store.Account

	// AliceAccess, BobAccess and DeskAccess are what the two may open: their
	// own accounts, and Bob the desk's.
	AliceAccess, BobAccess, DeskAccess mail.Access

	options store.Options
}

type options struct {
	engines storetest.Engines
	mail    mail.Options
	poll    time.Duration
	inline  int64
	wrap    func(blob.Store) blob.Store
	spool   *budget.Pool
}

// Option changes the house.
type Option func(*options)

// OnServers takes PostgreSQL and S3 in place of SQLite and a directory; where
// they are missing the test is skipped (see package need).
func OnServers() Option { return func(o *options) { o.engines = storetest.Remote } }

// WithMail sets options of the mail service; Store is filled in.
func WithMail(m mail.Options) Option { return func(o *options) { o.mail = m } }

// WithPoll sets how often changes of other processes are looked for.
func WithPoll(d time.Duration) Option { return func(o *options) { o.poll = d } }

// WithBlobs puts a layer around the blob store, such as blobtest's faults, and
// sends everything above inline bytes there.
func WithBlobs(inline int64, wrap func(blob.Store) blob.Store) Option {
	return func(o *options) { o.inline, o.wrap = inline, wrap }
}

// WithSpool bounds what is on its way in, bytes; one message may have so many as single.
func WithSpool(bytes, single int64) Option {
	return func(o *options) { o.spool = budget.NewPool(bytes, single) }
}

// New furnishes a house that is torn down when the test ends.
func New(t testing.TB, opts ...Option) *House {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	h := &House{}
	parts := storetest.Open(t, o.engines, func(s *store.Options) {
		if o.poll > 0 {
			s.Poll = o.poll
		}
		if o.wrap != nil {
			s.Sites[0].InlineLimit, s.Sites[0].Blobs = o.inline, o.wrap(s.Sites[0].Blobs)
		}
		s.SpoolBytes = o.spool
		h.options = *s
	})
	h.Store, h.DB, h.Tenant, h.Spool = parts.Store, parts.DB, parts.Tenant, h.options.SpoolDir
	h.Mail = serve(t, h.Store, o.mail)
	h.people(t)
	return h
}

func serve(t testing.TB, s *store.Store, o mail.Options) *mail.Service {
	o.Store = s
	m := mail.New(o)
	t.Cleanup(func() { m.Close() })
	return m
}

// Replica is another process's service on the same database and blob store: no
// hint passes between the two, only polling and asking do.
func (h *House) Replica(t testing.TB) *mail.Service {
	t.Helper()
	s, err := store.New(context.WithoutCancel(t.Context()), h.options)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return serve(t, s, mail.Options{})
}

// people fills the directory.
func (h *House) people(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	h.Alice = h.Person(t, AliceAddress, "Alice Muster")
	h.Bob = h.Person(t, BobAddress, "Bob Beispiel")
	must(t, h.Store.AddAlias(ctx, keyOf(h.Alice), AliceAlias))
	var err error
	h.Desk, err = h.Store.CreateAccount(ctx, store.NewAccount{
		Tenant: h.Tenant.ID, Kind: store.Function, Address: DeskAddress, DisplayName: "Bürgeramt",
	})
	must(t, err)
	must(t, h.Store.AddGrant(ctx, h.Desk.Key, keyOf(h.Bob), store.RightRead|store.RightWrite|store.RightSendAs))
	h.AliceAccess = h.Accounts(t, h.Alice)[0]
	bobs := h.Accounts(t, h.Bob)
	h.BobAccess, h.DeskAccess = bobs[0], bobs[1]
}

func keyOf(p *auth.Principal) store.Key { return store.Key{Tenant: p.Tenant, Account: p.Account} }

// Person makes one more person, signed in for mail.
func (h *House) Person(t testing.TB, address, name string) *auth.Principal {
	t.Helper()
	a, err := h.Store.CreateAccount(t.Context(), store.NewAccount{
		Tenant: h.Tenant.ID, Kind: store.Person, Address: address, DisplayName: name,
	})
	must(t, err)
	return &auth.Principal{
		Tenant: a.Tenant, Account: a.Key.Account, Address: a.Address, DisplayName: a.DisplayName,
		Scopes: auth.MailRead | auth.MailSend, Method: auth.ByAppPassword,
	}
}

// Accounts is mail.Service.Accounts for a test.
func (h *House) Accounts(t testing.TB, p *auth.Principal) []mail.Access {
	t.Helper()
	list, err := h.Mail.Accounts(t.Context(), p)
	must(t, err)
	return list
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
