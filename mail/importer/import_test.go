package importer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"fachwerk/internal/testenv/dovecot"
	"fachwerk/internal/testenv/need"
	"fachwerk/mail"
	"fachwerk/mail/importer"
	"fachwerk/mail/mailtest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func source(s *dovecot.Server, user string) importer.Source {
	return importer.Source{Address: s.IMAP, Security: importer.Plain, Username: user, Password: dovecot.Password}
}

func login(t testing.TB, s *dovecot.Server, user string) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(s.IMAP, nil)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.Login(user, dovecot.Password).Wait())
	return c
}

func put(t testing.TB, c *imapclient.Client, mailbox string, text []byte, flags []imap.Flag, date time.Time) {
	t.Helper()
	cmd := c.Append(mailbox, int64(len(text)), &imap.AppendOptions{Flags: flags, Time: date})
	_, err := cmd.Write(text)
	must(t, errors.Join(err, cmd.Close()))
	_, err = cmd.Wait()
	must(t, err)
}

// corpus is what the mailboxes are filled with.
func corpus(t testing.TB) (messages [][]byte) {
	t.Helper()
	dir, ok := need.Corpus(t)
	if !ok {
		for i := range 120 {
			messages = append(messages, fmt.Appendf(nil, "From: a@musterstadt.example\r\nSubject: Nachricht %d\r\n\r\n%s\r\n", i, strings.Repeat("Grüße ", i*50)))
		}
		return messages
	}
	must(t, filepath.WalkDir(filepath.Join(dir, "mail"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "LICENSE") {
			return err
		}
		text, err := os.ReadFile(path)
		if len(text) > 0 && !bytes.Contains(text, []byte{0}) { // Dovecot refuses NUL in APPEND
			messages = append(messages, text)
		}
		return err
	}))
	return messages
}

// fill puts the corpus into mailboxes of the source, with flags and dates.
func fill(t testing.TB, c *imapclient.Client, messages [][]byte) {
	t.Helper()
	mailboxes := []string{"INBOX", "Gesendete Objekte", "Projekte.Haushalt 2027", "Projekte.Straßenbau.Süd"}
	for _, name := range mailboxes[1:] {
		must(t, c.Create(name, nil).Wait())
	}
	must(t, c.Subscribe("Projekte.Haushalt 2027").Wait())
	flags := [][]imap.Flag{nil, {imap.FlagSeen}, {imap.FlagFlagged, "$Forwarded"}, {imap.FlagAnswered, "Wichtig"}, {imap.FlagDraft}}
	for i, text := range messages {
		put(t, c, mailboxes[i%len(mailboxes)], text, flags[i%len(flags)], time.Unix(1_500_000_000+int64(i)*3600, 0))
	}
}

func run(t testing.TB, h *mailtest.House, from importer.Source, o importer.Options) *importer.Report {
	t.Helper()
	r, err := importer.New(h.Mail, h.AliceAccess, from, o).Run(t.Context())
	must(t, err)
	return r
}

func total(r *importer.Report, f func(importer.MailboxReport) int) (n int) {
	for _, m := range r.Mailboxes {
		n += f(m)
	}
	return n
}

func TestImportTheCorpusFromDovecot(t *testing.T) {
	messages := corpus(t)
	server := dovecot.Start(t, dovecot.Options{})
	c := login(t, server, "anna")
	fill(t, c, messages)
	h := mailtest.New(t)
	from := source(server, "anna")

	var reported atomic.Int64
	first := run(t, h, from, importer.Options{Progress: func(p importer.Progress) { reported.Store(p.Done) }})
	if n := total(first, func(m importer.MailboxReport) int { return m.Imported }); n != len(messages) || !first.Complete() {
		t.Fatalf("imported %d of %d; failures %v; %+v", n, len(messages), first.Failures, first.Mailboxes)
	}
	if reported.Load() != int64(len(messages)) {
		t.Errorf("progress ended at %d, want %d", reported.Load(), len(messages))
	}
	compare(t, c, h)

	second := run(t, h, from, importer.Options{})
	if n := total(second, func(m importer.MailboxReport) int { return m.Imported }); n != 0 || !second.Complete() {
		t.Errorf("a second run imported %d; failures %v", n, second.Failures)
	}
	put(t, c, "INBOX", []byte("Subject: neu\r\n\r\n"), nil, time.Time{})
	third := run(t, h, from, importer.Options{})
	if n := total(third, func(m importer.MailboxReport) int { return m.Imported }); n != 1 || !third.Complete() {
		t.Errorf("a third run imported %d, want 1", n)
	}
}

// compare reads both sides and compares names, counts, flags, dates and bytes.
func compare(t testing.TB, c *imapclient.Client, h *mailtest.House) {
	t.Helper()
	for from, to := range map[string]string{
		"INBOX": "INBOX", "Gesendete Objekte": "Sent",
		"Projekte.Haushalt 2027": "Projekte/Haushalt 2027", "Projekte.Straßenbau.Süd": "Projekte/Straßenbau/Süd",
	} {
		want, got := atSource(t, c, from), here(t, h, to)
		if len(want) == 0 || len(want) != len(got) {
			t.Errorf("%s: %d messages, source has %d", to, len(got), len(want))
			continue
		}
		for key, n := range want {
			if got[key] != n {
				t.Errorf("%s: %d of a message, source has %d: %s", to, got[key], n, key)
				break
			}
		}
	}
	subscribed, err := h.Mail.Subscriptions(t.Context(), h.AliceAccess)
	must(t, err)
	if !slices.Contains(subscribed, "Projekte/Haushalt 2027") {
		t.Errorf("subscriptions came over as %v", subscribed)
	}
}

// identity is what must be the same on both sides.
func identity(text []byte, date time.Time, flags []string) string {
	slices.Sort(flags)
	return fmt.Sprintf("%x %d %s", sha256.Sum256(text), date.Unix(), strings.ToLower(strings.Join(flags, " ")))
}

func atSource(t testing.TB, c *imapclient.Client, name string) map[string]int {
	t.Helper()
	_, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
	must(t, err)
	var all imap.UIDSet
	all.AddRange(1, 0)
	list, err := c.Fetch(all, &imap.FetchOptions{UID: true, Flags: true, InternalDate: true,
		BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
	must(t, err)
	found := map[string]int{}
	for _, m := range list {
		var flags []string
		for _, f := range m.Flags {
			if !strings.EqualFold(string(f), `\Recent`) {
				flags = append(flags, string(f))
			}
		}
		found[identity(m.BodySection[0].Bytes, m.InternalDate, flags)]++
	}
	return found
}

func here(t testing.TB, h *mailtest.House, name string) map[string]int {
	t.Helper()
	box, err := h.Mail.Mailbox(t.Context(), h.AliceAccess, name)
	must(t, err)
	view, err := h.Mail.Open(t.Context(), h.AliceAccess, box.ID)
	must(t, err)
	defer view.Close()
	snap, err := view.Refresh(t.Context())
	must(t, err)
	found := map[string]int{}
	for i := range snap.Len() {
		m := snap.At(i)
		body, err := view.Content(t.Context(), m)
		must(t, err)
		r, err := body.Open(t.Context(), 0, -1)
		must(t, err)
		text, err := io.ReadAll(r)
		must(t, errors.Join(err, r.Close()))
		flags := slices.Clone(snap.Keywords(m))
		for name, f := range map[string]mail.Flags{`\Seen`: mail.FlagSeen, `\Answered`: mail.FlagAnswered,
			`\Flagged`: mail.FlagFlagged, `\Deleted`: mail.FlagDeleted, `\Draft`: mail.FlagDraft} {
			if m.Flags.Has(f) {
				flags = append(flags, name)
			}
		}
		found[identity(text, time.UnixMicro(m.InternalDate), flags)]++
	}
	return found
}

// An import that is broken off again and again ends with every message once.
func TestInterruptedImportGoesOn(t *testing.T) {
	server := dovecot.Start(t, dovecot.Options{Format: "mdbox", Separator: "/"})
	c := login(t, server, "bert")
	const n = 300
	for i := range n {
		put(t, c, "INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\n%s", i, strings.Repeat("x", 2000)), nil, time.Time{})
	}
	h := mailtest.New(t)
	for limit := int64(40); ; limit += 60 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := importer.New(h.Mail, h.AliceAccess, source(server, "bert"), importer.Options{
			Connections: 3,
			Progress: func(p importer.Progress) {
				if p.Done >= limit && !p.Verifying {
					cancel()
				}
			},
		}).Run(ctx)
		cancel()
		if err == nil {
			if !r.Complete() {
				t.Errorf("failures %v, %+v", r.Failures, r.Mailboxes)
			}
			break
		}
		if limit > 2*n {
			t.Fatalf("it never ends: %v", err)
		}
	}
	if got := len(here(t, h, "INBOX")); got != n {
		t.Errorf("%d messages, want %d", got, n)
	}
}

// A source that renumbers its mailbox does not make messages come twice.
func TestRenumberedSourceDoublesNothing(t *testing.T) {
	server := dovecot.Start(t, dovecot.Options{})
	c := login(t, server, "carl")
	must(t, c.Create("Akten", nil).Wait())
	for i := range 5 {
		put(t, c, "Akten", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i), nil, time.Time{})
	}
	h := mailtest.New(t)
	run(t, h, source(server, "carl"), importer.Options{})
	must(t, c.Create("Neu", nil).Wait())
	_, err := c.Select("Akten", nil).Wait()
	must(t, err)
	var all imap.UIDSet
	all.AddRange(1, 0)
	_, err = c.Copy(all, "Neu").Wait()
	must(t, err)
	must(t, c.Unselect().Wait())
	must(t, c.Delete("Akten").Wait())
	time.Sleep(1100 * time.Millisecond) // UIDVALIDITY counts seconds there
	must(t, c.Rename("Neu", "Akten", nil).Wait())
	r := run(t, h, source(server, "carl"), importer.Options{})
	if !r.Complete() {
		t.Errorf("failures %v, %+v", r.Failures, r.Mailboxes)
	}
	if got := len(here(t, h, "Akten")); got != 5 {
		t.Errorf("%d messages, want 5", got)
	}
}

func TestMessagesThatCannotComeAreListed(t *testing.T) {
	server := dovecot.Start(t, dovecot.Options{})
	c := login(t, server, "dora")
	put(t, c, "INBOX", []byte("Subject: klein\r\n\r\n"), nil, time.Time{})
	put(t, c, "INBOX", append([]byte("Subject: zu groß\r\n\r\n"), bytes.Repeat([]byte("x"), 1<<20)...), nil, time.Time{})
	h := mailtest.New(t, mailtest.WithMail(mail.Options{Limits: mail.Limits{MaxMessage: 1 << 20}}))
	r := run(t, h, source(server, "dora"), importer.Options{})
	if r.Complete() || len(r.Failures) != 1 || r.Failures[0].UID != 2 || !strings.Contains(r.Failures[0].Reason, "too large") {
		t.Errorf("failures: %+v", r.Failures)
	}
	if n := total(r, func(m importer.MailboxReport) int { return m.Imported }); n != 1 {
		t.Errorf("imported %d, want the small one", n)
	}
}

// A source that closes its connection in order in the middle of a message has not given
// it: it is asked for again.
func TestMessageBrokenOffComesWhole(t *testing.T) {
	server := dovecot.Start(t, dovecot.Options{})
	c := login(t, server, "gerda")
	const size = 1 << 20
	put(t, c, "INBOX", append([]byte("Subject: lang\r\n\r\n"), bytes.Repeat([]byte("0123456789abcde\n"), size/16)...), nil, time.Time{})
	put(t, c, "INBOX", []byte("Subject: kurz\r\n\r\n"), nil, time.Time{})
	from := source(server, "gerda")
	var cuts atomic.Int32
	from.Address = breaksOff(t, from.Address, size/2, &cuts)
	h := mailtest.New(t)
	r := run(t, h, from, importer.Options{Connections: 1})
	if cuts.Load() != 1 {
		t.Fatalf("the connection was cut %d times, want once", cuts.Load())
	}
	if n := total(r, func(m importer.MailboxReport) int { return m.Verified }); !r.Complete() || n != 2 {
		t.Errorf("verified %d, failures %v", n, r.Failures)
	}
	if want, got := atSource(t, c, "INBOX"), here(t, h, "INBOX"); !maps.Equal(want, got) {
		t.Errorf("here %v, at the source %v", got, want)
	}
}

// breaksOff passes connections on to a server, and ends the first that brings more than
// so many bytes there, as a server does that goes down in order.
func breaksOff(t testing.TB, address string, after int64, cuts *atomic.Int32) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	pass := func(client net.Conn) {
		defer client.Close()
		server, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		defer server.Close()
		all.Go(func() { _, _ = io.Copy(server, client); server.Close() })
		if cuts.Load() > 0 {
			_, _ = io.Copy(client, server)
		} else if n, _ := io.CopyN(client, server, after); n == after {
			cuts.Add(1)
		}
	}
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { pass(client) })
		}
	})
	return l.Addr().String()
}

func TestWrongPasswordIsTold(t *testing.T) {
	server := dovecot.Start(t, dovecot.Options{})
	from := source(server, "emil")
	from.Password = "falsch"
	h := mailtest.New(t)
	_, err := importer.New(h.Mail, h.AliceAccess, from, importer.Options{}).Run(t.Context())
	if !errors.Is(err, importer.ErrSource) || !strings.Contains(err.Error(), "signing in as emil") {
		t.Errorf("got %v", err)
	}
}

// The limit holds over all connections together. Only that it is not faster is
// asked; a slow machine may be slower.
func TestRateLimitHolds(t *testing.T) {
	server := dovecot.Start(t, dovecot.Options{})
	c := login(t, server, "frieda")
	const n, size, limit = 4, 100_000, 200_000
	for range n {
		put(t, c, "INBOX", append([]byte("Subject: groß\r\n\r\n"), bytes.Repeat([]byte("x"), size)...), nil, time.Time{})
	}
	h := mailtest.New(t)
	began := time.Now()
	r := run(t, h, source(server, "frieda"), importer.Options{BytesPerSecond: limit, Connections: 2})
	if least := time.Second; time.Since(began) < least { // 400 kB less the first 64 KiB at 200 kB/s: 1.7 s
		t.Errorf("%d bytes came in %v", n*size, time.Since(began))
	}
	if !r.Complete() {
		t.Errorf("failures %v, %+v", r.Failures, r.Mailboxes)
	}
}
