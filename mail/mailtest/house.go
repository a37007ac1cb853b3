package mailtest

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/dir"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/store/meta/sqlite"
	"fachwerk/internal/testenv/need"
	"fachwerk/location"
	"fachwerk/mail"
)

// The tenant's domain and the addresses in it.
const (
	Domain       = "musterstadt.example"
	AliceAddress = "alice@" + Domain
	AliceAlias   = "a.muster@" + Domain
	BobAddress   = "bob@" + Domain
	DeskAddress  = "buergeramt@" + Domain
	Site         = "rathaus"
)

// House is a furnished store. Alice has an alias. Bob may read, write and send
// as the desk, a function mailbox; Alice may do nothing there.
type House struct {
	Mail   *mail.Service
	Store  *store.Store
	DB     *meta.DB
	parts  store.Options
	Tenant store.Tenant
	Spool  string // folder of temporary files

	Alice, Bob *auth.Principal
	Desk       store.Account

	// AliceAccess, BobAccess and DeskAccess are what the two may open: their
	// own accounts, and Bob the desk's.
	AliceAccess, BobAccess, DeskAccess mail.Access
}

type options struct {
	servers bool
	mail    mail.Options
	poll    time.Duration
	inline  int64
	wrap    func(blob.Store) blob.Store
}

// Option changes the house.
type Option func(*options)

// OnServers takes PostgreSQL and S3 in place of SQLite and a directory; where
// they are missing the test is skipped (see package need).
func OnServers() Option { return func(o *options) { o.servers = true } }

// WithMail sets options of the mail service; Store is filled in.
func WithMail(m mail.Options) Option { return func(o *options) { o.mail = m } }

// WithPoll sets how often changes of other processes are looked for.
func WithPoll(d time.Duration) Option { return func(o *options) { o.poll = d } }

// WithBlobs puts a layer around the blob store, such as blobtest's faults, and
// sends everything above inline bytes there.
func WithBlobs(inline int64, wrap func(blob.Store) blob.Store) Option {
	return func(o *options) { o.inline, o.wrap = inline, wrap }
}

// New furnishes a house that is torn down when the test ends.
func New(t testing.TB, opts ...Option) *House {
	t.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	log := slog.New(slog.DiscardHandler)
	engine, blobs := engines(t, o.servers)
	db, err := meta.Open(t.Context(), engine, log)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	if o.wrap != nil {
		blobs = o.wrap(blobs)
	}
	keys, err := content.OpenKeyDir(filepath.Join(t.TempDir(), "keys"), true)
	must(t, err)
	t.Cleanup(func() { keys.Close() })
	site := location.Site{Name: Site, Operator: "Stadt Musterstadt", Country: "DE", City: "Musterstadt"}
	placement, err := location.At(Site, []location.Site{site})
	must(t, err)
	h := &House{DB: db, Spool: t.TempDir()}
	h.parts = store.Options{
		DB: db, Blobs: blobs, Keys: keys, Site: site, Placement: placement, SpoolDir: h.Spool,
		Poll: o.poll, InlineLimit: o.inline, Log: log,
	}
	h.Store, h.Mail = h.serve(t, o.mail)
	h.people(t)
	return h
}

func (h *House) serve(t testing.TB, o mail.Options) (*store.Store, *mail.Service) {
	t.Helper()
	s, err := store.New(t.Context(), h.parts)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	o.Store = s
	m := mail.New(o)
	t.Cleanup(func() { m.Close() })
	return s, m
}

// Replica is another process's service on the same database and blob store: no
// hint passes between the two, only polling and asking do.
func (h *House) Replica(t testing.TB) *mail.Service {
	t.Helper()
	_, m := h.serve(t, mail.Options{})
	return m
}

func engines(t testing.TB, servers bool) (meta.Engine, blob.Store) {
	t.Helper()
	if !servers {
		engine, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"))
		must(t, err)
		blobs, err := dir.Open(t.TempDir())
		must(t, err)
		return engine, blobs
	}
	dsn, url := need.Postgres(t), need.S3(t)
	engine, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	must(t, err)
	config, err := s3.Parse(url)
	must(t, err)
	bucket, err := s3.Open(config)
	must(t, err)
	t.Cleanup(func() { bucket.Close() })
	return engine, blob.NewRetry(bucket, blob.Backoff{})
}

// people fills the directory.
func (h *House) people(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	var err error
	h.Tenant, err = h.Store.CreateTenant(ctx, "Stadt Musterstadt", Site)
	must(t, err)
	must(t, h.Store.AddDomain(ctx, h.Tenant.ID, Domain))
	h.Alice = h.Person(t, AliceAddress, "Alice Muster")
	h.Bob = h.Person(t, BobAddress, "Bob Beispiel")
	must(t, h.Store.AddAlias(ctx, keyOf(h.Alice), AliceAlias))
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

// Person makes one more person, signed in for everything.
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

// Incoming is a message that has come in. It is closed when the test ends.
func (h *House) Incoming(t testing.TB, text string) *mail.Incoming {
	t.Helper()
	in := h.Mail.NewIncoming()
	t.Cleanup(func() { in.Close() })
	_, err := in.Write([]byte(text))
	must(t, err)
	in.Finish()
	return in
}

// Deliver delivers a message to an address.
func (h *House) Deliver(t testing.TB, address, text string) mail.Appended {
	t.Helper()
	to, err := h.Mail.Resolve(t.Context(), address)
	must(t, err)
	in := h.Incoming(t, text)
	defer in.Close()
	added, err := h.Mail.Deliver(t.Context(), to, in, nil, mail.DeliverOptions{})
	must(t, err)
	return added
}

// Append adds a message to a mailbox.
func (h *House) Append(t testing.TB, a mail.Access, mailbox, text string, flags mail.Flags, keywords ...string) mail.Appended {
	t.Helper()
	box, err := h.Mail.Mailbox(t.Context(), a, mailbox)
	must(t, err)
	in := h.Incoming(t, text)
	defer in.Close()
	added, err := h.Mail.Append(t.Context(), a, box.ID, []mail.Append{{In: in, Flags: flags, Keywords: keywords}})
	must(t, err)
	return added[0]
}

// Open opens a mailbox until the test ends, loaded.
func (h *House) Open(t testing.TB, a mail.Access, mailbox string) *mail.View {
	t.Helper()
	box, err := h.Mail.Mailbox(t.Context(), a, mailbox)
	must(t, err)
	v, err := h.Mail.Open(t.Context(), a, box.ID)
	must(t, err)
	t.Cleanup(v.Close)
	h.Refresh(t, v)
	return v
}

// Refresh is mail.View.Refresh for a test.
func (h *House) Refresh(t testing.TB, v *mail.View) *mail.Snapshot {
	t.Helper()
	snap, err := v.Refresh(t.Context())
	must(t, err)
	return snap
}

// Fill adds n small messages to a mailbox, many in a transaction, straight into
// the store.
func (h *House) Fill(t testing.TB, a mail.Access, mailbox string, n int) {
	t.Helper()
	box, err := h.Mail.Mailbox(t.Context(), a, mailbox)
	must(t, err)
	in := h.Incoming(t, Message("Nachricht", "Guten Tag"))
	defer in.Close()
	for n > 0 {
		batch := make([]mail.Append, min(n, 500))
		for i := range batch {
			batch[i] = mail.Append{In: in}
		}
		_, err := h.Mail.Append(context.Background(), a, box.ID, batch)
		must(t, err)
		n -= len(batch)
	}
}

// Message is a small message of text with a subject, lines ended by CRLF.
func Message(subject, text string) string {
	return "From: Bob Beispiel <" + BobAddress + ">\r\nTo: Alice Muster <" + AliceAddress + ">\r\nSubject: " + subject +
		"\r\nDate: Sun, 22 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
		text + "\r\n"
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
