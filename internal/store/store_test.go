package store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
)

// onBoth runs a test on both promised pairs of engines.
func onBoth(t *testing.T, f func(t *testing.T, p *storetest.Parts)) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) { f(t, storetest.Open(t, e, nil)) })
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

func mailbox(t testing.TB, p *storetest.Parts, key store.Key, name string) store.Collection {
	t.Helper()
	c, err := p.CreateCollection(t.Context(), key, store.Mailbox, name, "", store.CollectionOptions{})
	must(t, err)
	return c
}

func add(t testing.TB, p *storetest.Parts, key store.Key, mailbox int64, text []byte) store.Added {
	t.Helper()
	added, err := p.AddObjects(t.Context(), key, mailbox, []store.NewObject{{
		Body: p.Spool(t, text), Encoder: 1, Meta: []byte("Betreff: " + string(text[:min(20, len(text))])),
	}})
	must(t, err)
	return added[0]
}

func read(t testing.TB, p *storetest.Parts, key store.Key, mailbox, uid int64) []byte {
	t.Helper()
	items, err := p.ItemsByUID(t.Context(), key, mailbox, []int64{uid})
	must(t, err)
	if len(items) != 1 {
		t.Fatalf("UID %d: %d items", uid, len(items))
	}
	body, err := p.Body(t.Context(), key, items[0].Content)
	must(t, err)
	r, err := body.Open(t.Context(), 0, -1)
	must(t, err)
	text, err := io.ReadAll(r)
	must(t, errors.Join(err, r.Close()))
	return text
}

func TestObjectsOfEverySizeComeBack(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		a := p.Person(t, "anna")
		inbox := mailbox(t, p, a.Key, "INBOX")
		for _, size := range []int{0, 1, 4000, 8 << 10, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20, 3<<20 + 17} {
			text := make([]byte, size)
			for i := range text {
				text[i] = byte(rand.Uint32()) // does not compress
			}
			prefix := []byte("Received: by test\r\n")
			added, err := p.AddObjects(t.Context(), a.Key, inbox.ID, []store.NewObject{{Prefix: prefix, Body: p.Spool(t, text)}})
			must(t, err)
			got := read(t, p, a.Key, inbox.ID, added[0].UID)
			if want := append(prefix, text...); sha256.Sum256(got) != sha256.Sum256(want) {
				t.Errorf("%d bytes: came back as %d other bytes", size, len(got))
			}
		}
		findings, err := p.CheckAll(t.Context(), store.CheckOptions{})
		must(t, err)
		if len(findings) > 0 {
			t.Errorf("check: %v", findings)
		}
	})
}

func TestSpoolRefusesWhatIsTooLarge(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	sp := p.NewSpool(2 << 20)
	defer sp.Close()
	block := make([]byte, 1<<20)
	for range 2 {
		_, err := sp.Write(block)
		must(t, err)
	}
	_, err := sp.Write([]byte("x"))
	wantErr(t, err, store.ErrTooLarge)
	r, err := sp.OpenRange(2<<20-3, -1)
	must(t, err)
	rest, err := io.ReadAll(r)
	must(t, err)
	if len(rest) != 3 {
		t.Errorf("range at the end gave %d bytes, want 3", len(rest))
	}
}

// A dump of all files but the key directory must show nothing of a message.
func TestNothingIsReadableWithoutTheKeys(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	a := p.Person(t, "anna")
	inbox := mailbox(t, p, a.Key, "INBOX")
	const secret = "Haushaltsplanentwurf"
	small := []byte("Subject: " + secret + "\r\n\r\n" + secret)
	large := bytes.Repeat(small, 40_000)
	add(t, p, a.Key, inbox.ID, small)
	add(t, p, a.Key, inbox.ID, large)
	_, err := p.Enqueue(t.Context(), p.Tenant.ID, store.QueueMessage{
		ReversePath: secret + "@musterstadt.example",
		Recipients:  []store.QueueRecipient{{ForwardPath: secret + "@fern.example", NextHop: "fern.example", LastReply: secret}},
	}, nil, p.Spool(t, small))
	must(t, err)
	must(t, p.PutTicket(t.Context(), auth.Ticket{Kind: "k", ID: "i", Value: []byte(secret), Expires: time.Now().Add(time.Hour)}))
	files := 0
	must(t, filepath.WalkDir(p.Folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == "keys" {
				return filepath.SkipDir
			}
			return err
		}
		files++
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("%s shows the secret", path)
		}
		return err
	}))
	if files < 2 {
		t.Fatalf("only %d files were looked at", files)
	}
	if got := read(t, p, a.Key, inbox.ID, 1); !bytes.Equal(got, small) {
		t.Error("with the keys it does not come back")
	}
}

func TestATenantLosesItsContentWithItsKey(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	a := p.Person(t, "anna")
	inbox := mailbox(t, p, a.Key, "INBOX")
	add(t, p, a.Key, inbox.ID, []byte("Subject: a\r\n\r\n"))
	must(t, p.RemoveTenant(t.Context(), p.Tenant.ID))
	if _, err := p.Body(t.Context(), a.Key, store.ContentID{}); err == nil {
		t.Error("a body opened although the tenant's key is destroyed")
	}
	_, err := p.CreateCollection(t.Context(), a.Key, store.Mailbox, "Neu", "", store.CollectionOptions{})
	wantErr(t, err, store.ErrNotFound)
	_, err = p.Resolve(t.Context(), "anna@musterstadt.example")
	wantErr(t, err, store.ErrNotFound)
}

func TestWritesOutsideTheHomeSiteAreRefused(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	a := p.Person(t, "anna")
	inbox := mailbox(t, p, a.Key, "INBOX")
	away := storetest.Site
	away.Name = "sued"
	guard, err := location.New([]location.Site{storetest.Site, away})
	must(t, err)
	other, err := store.New(t.Context(), store.Options{Sites: []store.Site{{Site: away, DB: p.DB, Blobs: p.Blobs}}, Keys: p.Keys, Placement: guard.Allow})
	must(t, err)
	defer other.Close()
	spool := other.NewSpool(0)
	defer spool.Close()
	writes := map[string]func() error{
		"objects": func() error {
			_, err := other.AddObjects(t.Context(), a.Key, inbox.ID, []store.NewObject{{Body: spool}})
			return err
		},
		"collection": func() error {
			_, err := other.CreateCollection(t.Context(), a.Key, store.Mailbox, "Neu", "", store.CollectionOptions{})
			return err
		},
		"flags": func() error {
			_, err := other.SetFlags(t.Context(), a.Key, inbox.ID, store.FlagChange{UIDs: []int64{1}, UnchangedSince: -1})
			return err
		},
		"queue": func() error {
			_, err := other.Enqueue(t.Context(), p.Tenant.ID, store.QueueMessage{}, nil, spool)
			return err
		},
		"account": func() error {
			_, err := other.CreateAccount(t.Context(), store.NewAccount{Tenant: p.Tenant.ID, Kind: store.Person, Address: "b@musterstadt.example"})
			return err
		},
		"alias": func() error { return other.AddAlias(t.Context(), a.Key, "c@musterstadt.example") },
		"app password": func() error {
			_, err := other.AddAppPassword(t.Context(), auth.AppPassword{AccountRef: auth.AccountRef(a.Key)}, 40)
			return err
		},
		"session": func() error {
			return other.AddSession(t.Context(), auth.Session{AccountRef: auth.AccountRef(a.Key)})
		},
		"tenant": func() error { _, err := other.CreateTenant(t.Context(), "x", "nord"); return err },
	}
	for name, write := range writes {
		if err := write(); !errors.Is(err, location.ErrElsewhere) {
			t.Errorf("%s: got %v, want ErrElsewhere", name, err)
		}
	}
}

func TestLoginPorts(t *testing.T) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) {
			authtest.Run(t, func(t *testing.T) authtest.Ports { return ports(t, storetest.Open(t, e, nil)) })
		})
	}
}

func local(address string) string { return strings.TrimSuffix(address, "@musterstadt.example") }

func ports(t *testing.T, p *storetest.Parts) authtest.Ports {
	return authtest.Ports{
		People: p, Passwords: p, AppPasswords: p, Sessions: p, Tickets: p, Changes: p, Groups: p,
		AddPerson: func(t *testing.T, address string, aliases ...string) auth.AccountRef {
			a := p.Person(t, local(address))
			for _, alias := range aliases {
				must(t, p.AddAlias(t.Context(), a.Key, alias))
			}
			return auth.AccountRef(a.Key)
		},
		AddShared: func(t *testing.T, address string, to auth.AccountRef) {
			must(t, p.AddGrant(t.Context(), p.Function(t, local(address)).Key, store.Key(to), store.RightRead))
		},
		Bind: func(t *testing.T, ref auth.AccountRef, issuer, sub string) {
			must(t, p.BindIssuer(t.Context(), store.Issuer{Tenant: ref.Tenant, URL: issuer}))
			must(t, p.BindSubject(t.Context(), store.Key(ref), issuer, sub))
		},
		Disable: func(t *testing.T, ref auth.AccountRef, disabled bool) {
			must(t, p.SetDisabled(t.Context(), store.Key(ref), disabled))
		},
	}
}
