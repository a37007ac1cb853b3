package auth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
)

const (
	anna   = "anna@musterstadt.example"
	bert   = "bert@musterstadt.example"
	office = "buergeramt@musterstadt.example"
)

var (
	home    = netip.MustParseAddr("192.0.2.10")
	away    = netip.MustParseAddr("198.51.100.99")
	keyOne  = bytes.Repeat([]byte{1}, 32)
	keyTwo  = bytes.Repeat([]byte{2}, 32)
	oneKey  = auth.HashKeys{Current: 1, Keys: map[int16][]byte{1: keyOne}}
	twoKeys = auth.HashKeys{Current: 2, Keys: map[int16][]byte{1: keyOne, 2: keyTwo}}
)

// house is an Authenticator on a Memory with anna in it.
type house struct {
	*auth.Authenticator
	*authtest.Memory
	anna auth.AccountRef
}

func open(t *testing.T, change ...func(*auth.Config)) house {
	t.Helper()
	m := authtest.NewMemory()
	return openOn(t, m, m.AddPerson(anna, "a.muster@musterstadt.example"), change...)
}

func openOn(t *testing.T, m *authtest.Memory, ref auth.AccountRef, change ...func(*auth.Config)) house {
	t.Helper()
	cfg := auth.Config{People: m, AppPasswords: m, Changes: m, HashKeys: oneKey}
	for _, c := range change {
		c(&cfg)
	}
	a, err := auth.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return house{a, m, ref}
}

// make makes an app password for anna.
func (h house) make(t *testing.T, scopes auth.Scope, expires time.Time) (auth.AppPassword, string) {
	t.Helper()
	p, secret, err := h.NewAppPasswordByOperator(t.Context(), h.anna, "test", scopes, expires)
	if err != nil {
		t.Fatal(err)
	}
	return p, secret
}

func at(username string, scope auth.Scope) auth.Attempt {
	return auth.Attempt{Username: username, Scope: scope, Remote: home, Protocol: "imap"}
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

func TestPassword(t *testing.T) {
	h := open(t)
	made, secret := h.make(t, auth.MailRead, time.Time{})
	p, err := h.Password(t.Context(), at(anna, auth.MailRead), secret)
	if err != nil {
		t.Fatal(err)
	}
	if p.Address != anna || p.Tenant != h.anna.Tenant || p.Account != h.anna.Account || p.AppPassword != made.ID ||
		p.Method != auth.ByAppPassword || p.Scopes != auth.MailRead || !p.Allows(auth.MailRead) || p.Allows(auth.MailSend) {
		t.Errorf("the principal is %+v", p)
	}
	// Reading does not cover sending; the answer says that the password was right.
	_, err = h.Password(t.Context(), at(anna, auth.MailSend), secret)
	wantErr(t, err, auth.ErrScope)
	for _, c := range []struct{ username, password string }{
		{anna, ""},
		{anna, secret + "0"},
		{anna, secret[:len(secret)-1]},
		{anna, strings.Repeat("0", 24)},
		{anna, strings.Repeat("x", 100000)},
		{"", secret},
		{bert, secret},
		{strings.Repeat("a", 100000), secret},
	} {
		_, err := h.Password(t.Context(), at(c.username, auth.MailRead), c.password)
		if !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%.20q with %.30q: %v", c.username, c.password, err)
		}
	}
}

func TestPasswordAsPeopleTypeIt(t *testing.T) {
	h := open(t)
	_, secret := h.make(t, auth.MailRead, time.Time{})
	if len(secret) != 29 || strings.Count(secret, "-") != 5 {
		t.Errorf("%d characters with %d dashes; want six groups of four", len(secret), strings.Count(secret, "-"))
	}
	plain := strings.ReplaceAll(secret, "-", "")
	for _, typed := range []string{
		secret, plain, strings.ToUpper(secret), strings.ReplaceAll(secret, "-", " "),
		" " + secret + " ", strings.ReplaceAll(secret, "-", "–"),
		strings.ReplaceAll(strings.ReplaceAll(plain, "0", "O"), "1", "l"),
	} {
		if _, err := h.Password(t.Context(), at(anna, auth.MailRead), typed); err != nil {
			t.Errorf("typed in another way: %v", err)
		}
	}
	for _, name := range []string{"ANNA@musterstadt.example", "a.muster@musterstadt.example"} {
		if _, err := h.Password(t.Context(), at(name, auth.MailRead), secret); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
}

func TestPasswordsDiffer(t *testing.T) {
	h := open(t)
	seen := map[string]bool{}
	for range auth.MaxAppPasswords {
		_, secret := h.make(t, auth.MailRead, time.Time{})
		if seen[secret] {
			t.Fatal("a secret came twice")
		}
		seen[secret] = true
	}
	_, _, err := h.NewAppPasswordByOperator(t.Context(), h.anna, "one more", auth.MailRead, time.Time{})
	wantErr(t, err, auth.ErrTooMany)
	for secret := range seen {
		if _, err := h.Password(t.Context(), at(anna, auth.MailRead), secret); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHashKeysRotate(t *testing.T) {
	old := open(t)
	before, oldSecret := old.make(t, auth.MailRead, time.Time{})
	h := openOn(t, old.Memory, old.anna, func(c *auth.Config) { c.HashKeys = twoKeys })
	after, newSecret := h.make(t, auth.MailRead, time.Time{})
	if before.HashKey != 1 || after.HashKey != 2 {
		t.Errorf("hashed under %d and %d", before.HashKey, after.HashKey)
	}
	for _, secret := range []string{oldSecret, newSecret} {
		if _, err := h.Password(t.Context(), at(anna, auth.MailRead), secret); err != nil {
			t.Error(err)
		}
	}
	gone := openOn(t, old.Memory, old.anna, func(c *auth.Config) {
		c.HashKeys = auth.HashKeys{Current: 2, Keys: map[int16][]byte{2: keyTwo}}
	})
	_, err := gone.Password(t.Context(), at(anna, auth.MailRead), oldSecret)
	wantErr(t, err, auth.ErrDenied)
}

// A row that someone copies to another account opens nothing there.
func TestHashIsBoundToItsOwner(t *testing.T) {
	h := open(t)
	made, secret := h.make(t, auth.MailRead, time.Time{})
	list, err := h.AppPasswords(t.Context(), h.anna)
	if err != nil || len(list) != 1 {
		t.Fatal(err, len(list))
	}
	if bytes.Contains(made.Hash, []byte(secret)) {
		t.Error("the secret is stored")
	}
	copied := list[0]
	copied.AccountRef = h.AddPerson(bert)
	if _, err := h.AddAppPassword(t.Context(), copied, 40); err != nil {
		t.Fatal(err)
	}
	_, err = h.Password(t.Context(), at(bert, auth.MailRead), secret)
	wantErr(t, err, auth.ErrDenied)
}

func TestExpiryDisablingAndFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		_, secret := h.make(t, auth.MailRead, time.Now().Add(time.Hour))
		login := func() error {
			_, err := h.Password(t.Context(), at(anna, auth.MailRead), secret)
			return err
		}
		if err := login(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		h.Down(true)
		wantErr(t, login(), auth.ErrUnavailable)
		h.Down(false)
		h.Disable(h.anna, true)
		wantErr(t, login(), auth.ErrDenied)
		h.Disable(h.anna, false)
		time.Sleep(58*time.Minute + 59*time.Second)
		if err := login(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // remembered, but expired
		wantErr(t, login(), auth.ErrDenied)
		h.Close()
	})
}

// Unknown names cost the same reads and hashes as known ones.
func TestUnknownNamesDoTheSameWork(t *testing.T) {
	count := &counting{Memory: authtest.NewMemory()}
	ref := count.AddPerson(anna)
	h := openOn(t, count.Memory, ref, func(c *auth.Config) { c.People, c.AppPasswords = count, count })
	h.make(t, auth.MailRead, time.Time{})
	work := func(username string) string {
		count.reads = nil
		_, err := h.Password(t.Context(), at(username, auth.MailRead), "0000-0000-0000-0000-0000-0000")
		wantErr(t, err, auth.ErrDenied)
		return strings.Join(count.reads, " ") + ": " + err.Error()
	}
	known, unknown := work(anna), work("nobody@musterstadt.example")
	if known != unknown || len(count.reads) != 2 {
		t.Errorf("known %q, unknown %q", known, unknown)
	}
}

type counting struct {
	*authtest.Memory
	reads []string
}

func (c *counting) PersonByAddress(ctx context.Context, a string) (auth.Person, error) {
	c.reads = append(c.reads, "person")
	return c.Memory.PersonByAddress(ctx, a)
}

func (c *counting) AppPasswords(ctx context.Context, ref auth.AccountRef) ([]auth.AppPassword, error) {
	c.reads = append(c.reads, "passwords")
	return c.Memory.AppPasswords(ctx, ref)
}

// A burst of logins costs one read; a password revoked elsewhere is refused
// within five seconds, one revoked here at once.
func TestRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		login := func(secret string) error {
			_, err := h.Password(t.Context(), at(anna, auth.MailRead), secret)
			return err
		}
		here, hereSecret := h.make(t, auth.MailRead, time.Time{})
		there, thereSecret := h.make(t, auth.MailRead, time.Time{})
		for _, s := range []string{hereSecret, thereSecret} {
			if err := login(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Authenticator.RevokeAppPassword(t.Context(), h.anna, here.ID); err != nil {
			t.Fatal(err)
		}
		wantErr(t, login(hereSecret), auth.ErrDenied)
		if err := h.Memory.RevokeAppPassword(t.Context(), h.anna, there.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		wantErr(t, login(thereSecret), auth.ErrDenied)
		wantErr(t, h.Authenticator.RevokeAppPassword(t.Context(), h.anna, here.ID), auth.ErrNotFound)
		h.Close()
	})
}

func TestLastUseIsCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		_, secret := h.make(t, auth.MailRead, time.Time{})
		for range 100 {
			if _, err := h.Password(t.Context(), at(anna, auth.MailRead), secret); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := h.Touches(); n != 1 {
			t.Errorf("100 logins wrote %d uses", n)
		}
		list, _ := h.AppPasswords(t.Context(), h.anna)
		if list[0].LastUsed.IsZero() || list[0].LastUsedBy != "imap 192.0.2.10" {
			t.Errorf("used %v by %q", list[0].LastUsed, list[0].LastUsedBy)
		}
		time.Sleep(time.Minute)
		if _, err := h.Password(t.Context(), at(anna, auth.MailRead), secret); err != nil {
			t.Fatal(err)
		}
		h.Close() // writes what waits
		if n := h.Touches(); n != 2 {
			t.Errorf("after a minute there are %d uses", n)
		}
	})
}

func TestNewAppPassword(t *testing.T) {
	told := &notifier{}
	h := open(t, func(c *auth.Config) { c.Notifier = told })
	session := &auth.Principal{Tenant: h.anna.Tenant, Account: h.anna.Account, Method: auth.BySession, AuthTime: time.Now().Add(-9 * time.Minute)}
	made, secret, err := h.NewAppPassword(t.Context(), session, "Telefon", auth.MailRead|auth.MailSend, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if len(told.made) != 1 || told.made[0].ID != made.ID || told.person[0].Address != anna {
		t.Errorf("the owner heard of %+v", told.made)
	}
	if _, err := h.Password(t.Context(), at(anna, auth.MailSend), secret); err != nil {
		t.Fatal(err)
	}
	stale := *session
	stale.AuthTime = time.Now().Add(-10 * time.Minute)
	_, _, err = h.NewAppPassword(t.Context(), &stale, "x", auth.MailRead, time.Time{})
	wantErr(t, err, auth.ErrStale)
	never := *session
	never.AuthTime = time.Time{}
	_, _, err = h.NewAppPassword(t.Context(), &never, "x", auth.MailRead, time.Time{})
	wantErr(t, err, auth.ErrStale)
	// Neither an app password nor a token makes another, however fresh.
	for _, m := range []auth.Method{auth.ByAppPassword, auth.ByBearer, auth.ByPassword} {
		other := *session
		other.Method, other.AuthTime = m, time.Now()
		_, _, err := h.NewAppPassword(t.Context(), &other, "x", auth.MailRead, time.Time{})
		wantErr(t, err, auth.ErrScope)
	}
	for _, c := range []struct {
		name    string
		scopes  auth.Scope
		expires time.Time
	}{
		{"", auth.MailRead, time.Time{}},
		{" \t ", auth.MailRead, time.Time{}},
		{"a\nb", auth.MailRead, time.Time{}},
		{"\xff", auth.MailRead, time.Time{}},
		{strings.Repeat("ä", 81), auth.MailRead, time.Time{}},
		{"x", 0, time.Time{}},
		{"x", 1 << 7, time.Time{}},
		{"x", auth.MailRead, time.Now().Add(-time.Second)},
	} {
		_, _, err := h.NewAppPassword(t.Context(), session, c.name, c.scopes, c.expires)
		if !errors.Is(err, auth.ErrMalformed) {
			t.Errorf("%.10q, %v, %v: %v", c.name, c.scopes, c.expires, err)
		}
	}
	if len(told.made) != 1 {
		t.Errorf("the owner heard of %d", len(told.made))
	}
}

type notifier struct {
	person []auth.Person
	made   []auth.AppPassword
}

func (n *notifier) AppPasswordMade(_ context.Context, p auth.Person, made auth.AppPassword) error {
	n.person, n.made = append(n.person, p), append(n.made, made)
	return nil
}

func TestThrottleOfAppPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t)
		_, secret := h.make(t, auth.MailRead, time.Time{})
		login := func(from netip.Addr, username, password string) error {
			a := at(username, auth.MailRead)
			a.Remote = from
			_, err := h.Password(t.Context(), a, password)
			return err
		}
		if err := login(home, anna, secret); err != nil {
			t.Fatal(err)
		}
		var first, last error
		for n := range 150 {
			last = login(away, anna, fmt.Sprintf("%024d", n))
			if n == 0 {
				first = last
			}
		}
		wantErr(t, first, auth.ErrDenied)
		wantErr(t, last, auth.ErrThrottled)
		// The attacker's network is closed, even to the right password …
		wantErr(t, login(away, bert, secret), auth.ErrThrottled)
		wantErr(t, login(away, anna, secret), nil) // … but for the moment in which it is remembered
		time.Sleep(3 * time.Second)
		if err := login(home, anna, secret); err != nil {
			t.Errorf("the owner is locked out at home: %v", err)
		}
		// … and elsewhere too: the account's own budget bars no app password.
		if err := login(netip.MustParseAddr("203.0.113.5"), anna, secret); err != nil {
			t.Errorf("the owner is locked out on the way: %v", err)
		}
		// At home it holds even when the owner's own old device has used up what
		// the place vouches for, and somebody there has closed the network.
		for n := range 200 {
			_ = login(home, anna, fmt.Sprintf("%024d", n))
			_ = login(home, fmt.Sprint("guess", n, "@musterstadt.example"), "wrong")
		}
		time.Sleep(3 * time.Second)
		wantErr(t, login(home, bert, "wrong"), auth.ErrThrottled)
		if err := login(home, anna, secret); err != nil {
			t.Errorf("the owner is locked out by their own device: %v", err)
		}
		time.Sleep(16 * time.Minute)
		wantErr(t, login(away, anna, "wrong"), auth.ErrDenied)
		h.Close()
	})
}

func TestLogsHoldNoSecret(t *testing.T) {
	var buf bytes.Buffer
	h := open(t, func(c *auth.Config) {
		c.Log = slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	_, secret := h.make(t, auth.MailRead, time.Time{})
	_, _ = h.Password(t.Context(), at(anna, auth.MailRead), secret)
	_, _ = h.Password(t.Context(), at(anna, auth.MailRead), "hunter2hunter2")
	h.Close()
	if s := buf.String(); strings.Contains(s, "hunter2") || strings.Contains(s, secret) || !strings.Contains(s, "refused") {
		t.Errorf("the log says:\n%s", s)
	}
}

func TestScopes(t *testing.T) {
	for text, want := range map[string]auth.Scope{
		"": 0, "mail.read": auth.MailRead, "mail.send mail.read": auth.MailRead | auth.MailSend,
		"calendar,contacts, files": auth.Calendars | auth.Contacts | auth.Files,
	} {
		got, err := auth.ParseScopes(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
		if back, err := auth.ParseScopes(got.String()); err != nil || back != want {
			t.Errorf("%q came back as %v, %v", got.String(), back, err)
		}
	}
	if s := auth.AllScopes.String(); s != "mail.read mail.send calendar contacts files" {
		t.Errorf("all is %q", s)
	}
	for _, text := range []string{"mail", "MAIL.READ", "mail.read;files"} {
		if _, err := auth.ParseScopes(text); err == nil {
			t.Errorf("%q passed", text)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	m := authtest.NewMemory()
	good := auth.Config{People: m, AppPasswords: m, Changes: m, HashKeys: oneKey}
	for name, change := range map[string]func(*auth.Config){
		"no people":      func(c *auth.Config) { c.People = nil },
		"no current key": func(c *auth.Config) { c.HashKeys.Current = 9 },
		"short key":      func(c *auth.Config) { c.HashKeys = auth.HashKeys{Keys: map[int16][]byte{0: {1}}} },
		"plain issuer": func(c *auth.Config) {
			c.Issuers = []auth.BearerIssuer{{URL: "http://login.musterstadt.example", Audience: "x"}}
		},
		"no audience": func(c *auth.Config) { c.Issuers = []auth.BearerIssuer{{URL: "https://login.musterstadt.example"}} },
	} {
		cfg := good
		change(&cfg)
		if a, err := auth.New(cfg); err == nil {
			a.Close()
			t.Errorf("%s passed", name)
		}
	}
}

func BenchmarkPassword(b *testing.B) {
	m := authtest.NewMemory()
	ref := m.AddPerson(anna)
	a, err := auth.New(auth.Config{People: m, AppPasswords: m, Changes: m, HashKeys: oneKey})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	_, secret, err := a.NewAppPasswordByOperator(b.Context(), ref, "bench", auth.MailRead, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := a.Password(b.Context(), at(anna, auth.MailRead), secret); err != nil {
			b.Fatal(err)
		}
	}
}
