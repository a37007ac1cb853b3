package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/calendar"
	"fachwerk/contacts"
	"fachwerk/files"
	"fachwerk/internal/archive"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/mail"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eachPair runs a test on both pairs of engines.
func eachPair(t *testing.T, f func(t *testing.T, e storetest.Engines)) {
	t.Helper()
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) { f(t, e) })
	}
}

// house is an installation with all services.
type house struct {
	archive.House
	parts *storetest.Parts
}

func open(t *testing.T, e storetest.Engines) *house {
	t.Helper()
	h := &house{parts: storetest.Open(t, e, nil)}
	h.Store = h.parts.Store
	h.Mail = mail.New(mail.Options{Store: h.Store})
	t.Cleanup(func() { h.Mail.Close() })
	h.Resources = resource.New(resource.Options{Store: h.Store})
	h.Calendar = calendar.New(calendar.Options{Resources: h.Resources})
	h.Files = files.New(h.Resources)
	return h
}

func (h *house) sound(t *testing.T) {
	t.Helper()
	findings, err := h.Store.CheckAll(t.Context(), store.CheckOptions{})
	must(t, err)
	for _, f := range findings {
		t.Errorf("check: %s", f)
	}
}

// owner is an account as its owner uses it.
type owner struct {
	h      *house
	a      store.Account
	mail   mail.Access
	access resource.Account
}

func (h *house) owner(t *testing.T, a store.Account) *owner {
	t.Helper()
	p := &auth.Principal{Tenant: a.Tenant, Account: a.Key.Account, Address: a.Address, Scopes: auth.AllScopes}
	access, err := h.Resources.Account(t.Context(), p, a.Address)
	must(t, err)
	return &owner{h, a, mail.OwnerAccess(a), access}
}

// append stores messages.
func (o *owner) append(ctx context.Context, mailbox string, flags mail.Flags, keywords []string, date time.Time, texts ...string) error {
	box, err := o.h.Mail.Mailbox(ctx, o.mail, mailbox)
	if err != nil {
		return err
	}
	for _, text := range texts {
		in := o.h.Mail.NewIncoming()
		_, err := io.WriteString(in, text)
		if err == nil {
			in.Finish()
			_, err = o.h.Mail.Append(ctx, o.mail, box.ID, []mail.Append{{In: in, Flags: flags, Keywords: keywords, Date: date}})
		}
		if err := errors.Join(err, in.Close()); err != nil {
			return err
		}
	}
	return nil
}

func event(uid, summary string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Musterstadt//Test//DE\r\nBEGIN:VEVENT\r\nUID:" + uid +
		"\r\nDTSTAMP:20261122T080000Z\r\nDTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\nSUMMARY:" + summary +
		"\r\nX-MUSTER:  unverändert \r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

func card(uid, name string) string {
	return "BEGIN:VCARD\nVERSION:3.0\nUID:" + uid + "\nFN:" + name + "\nN:;" + name + ";;;\nEND:VCARD\n"
}

func (o *owner) collection(t *testing.T, kind resource.Kind, name string, properties ...resource.Property) resource.Collection {
	t.Helper()
	c, err := o.h.Resources.EnsureCollection(t.Context(), o.access, kind, name, properties)
	must(t, err)
	return c
}

func (o *owner) event(ctx context.Context, c resource.Collection, name, text string) error {
	at := resource.Place{Collection: c, Name: name}
	old, err := o.h.Resources.Named(ctx, c, resource.Root, []string{name})
	if err != nil {
		return err
	}
	d, err := o.h.Calendar.Accept(ctx, at, old[0], []byte(text))
	if err != nil {
		return err
	}
	defer d.Upload.Close()
	_, err = o.h.Resources.Put(ctx, at, d, resource.Guard{})
	return err
}

func (o *owner) card(t *testing.T, c resource.Collection, name, text string) {
	t.Helper()
	parsed, err := contacts.Parse([]byte(text))
	must(t, err)
	u, err := o.h.Resources.NewUpload(t.Context(), o.access, resource.UploadOptions{Size: int64(len(text))})
	must(t, err)
	defer u.Close()
	_, err = u.Write([]byte(text))
	must(t, errors.Join(err, u.Finish()))
	_, err = o.h.Resources.Put(t.Context(), resource.Place{Collection: c, Name: name},
		resource.Draft{Upload: u, Facts: parsed.Facts(), Encoder: contacts.FactsEncoder, Index: parsed.Index()}, resource.Guard{})
	must(t, err)
}

func (o *owner) drive(t *testing.T) resource.Collection {
	t.Helper()
	c, err := o.h.Files.Drive(t.Context(), o.access)
	must(t, err)
	return c
}

func (o *owner) folder(t *testing.T, parent int64, name string, properties ...resource.Property) resource.Item {
	t.Helper()
	i, err := o.h.Resources.MakeFolder(t.Context(), resource.Place{Collection: o.drive(t), Parent: parent, Name: name}, properties, resource.Guard{})
	must(t, err)
	return i
}

func (o *owner) file(ctx context.Context, c resource.Collection, parent int64, name, text string, modified time.Time, digests ...files.Digest) (resource.Item, error) {
	d, err := o.h.Files.Receive(ctx, o.access, files.Upload{Body: strings.NewReader(text), Size: int64(len(text)), Modified: modified, Digests: digests})
	if err != nil {
		return resource.Item{}, err
	}
	defer d.Upload.Close()
	put, err := o.h.Resources.Put(ctx, resource.Place{Collection: c, Parent: parent, Name: name}, d, resource.Guard{})
	return put.Item, err
}

func (o *owner) trash(t *testing.T, i resource.Item) {
	t.Helper()
	must(t, o.h.Resources.Trash(t.Context(), o.drive(t), i, resource.Guard{}))
}

// messages are those of the corpus, or some of the test's own.
func messages(t *testing.T, atMost int) (list []string) {
	t.Helper()
	if dir := os.Getenv("FACHWERK_CORPUS"); dir != "" {
		err := filepath.WalkDir(filepath.Join(dir, "mail"), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "LICENSE") || len(list) >= atMost {
				return err
			}
			text, err := os.ReadFile(path)
			if len(text) > 0 {
				list = append(list, string(text))
			}
			return err
		})
		must(t, err)
	} else {
		t.Log("FACHWERK_CORPUS is not set: messages of the test's own")
	}
	list = append(list,
		"From: a@musterstadt.example\r\nSubject: Zeilen\r\n\r\nFrom here on\r\n>From there\r\n>>From both\r\nFro\r\n>\r\n> From\r\n",
		"Subject: ohne Ende\r\n\r\nFrom", "Subject: nackt\n\n>", "Subject: CR\r\n\r\nx\ry\r\r\n\x00\xff",
		"Subject: gro\xc3\x9f\r\n\r\n"+strings.Repeat("Zeile mit Text\r\n", 20000))
	for n := range 40 {
		list = append(list, fmt.Sprintf("Message-ID: <%d@musterstadt.example>\r\nSubject: Akte %d\r\n\r\nInhalt\r\n", n, n))
	}
	return list
}

var sumOfText = files.Digest{Algorithm: files.MD5, Sum: []byte{0x1c, 0xb2, 0x51, 0xec, 0x0d, 0x56, 0x8d, 0xe6, 0xa9, 0x29, 0xb5, 0x20, 0xc4, 0xae, 0xd8, 0xd1}}

func property(space, local, text string) resource.Property {
	p := resource.Property{}
	p.Name.Space, p.Name.Local = space, local
	var b bytes.Buffer
	fmt.Fprintf(&b, `<x:%s xmlns:x="%s">%s</x:%s>`, local, space, text, local)
	p.Value = b.Bytes()
	return p
}
