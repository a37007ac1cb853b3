package app

import (
	"bytes"
	"context"
	"fmt"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/mail"
)

// notifier tells people by mail what happened to their login.
type notifier struct {
	mail *mail.Service
	host string // for Message-IDs
	now  func() time.Time
}

// AppPasswordMade delivers a message about a new app password: whoever made it
// in an unattended browser should not stay unseen.
func (n notifier) AppPasswordMade(ctx context.Context, p auth.Person, made auth.AppPassword) error {
	text := fmt.Sprintf(`Guten Tag,

für Ihr Konto %[1]s wurde ein App-Passwort angelegt:

    Name:   %[2]s
    Dienste: %[3]s

Wenn Sie das selbst waren, ist nichts zu tun. Wenn nicht: Melden Sie sich im
Portal an, beenden Sie dieses App-Passwort und sagen Sie Ihrer IT Bescheid.

--

Hello,

an app password was made for your account %[1]s:

    Name:     %[2]s
    Services: %[3]s

If that was you, there is nothing to do. If not: sign in to the portal, end
this app password and tell your IT.
`, p.Address, made.Name, made.Scopes)
	return deliver(ctx, n.mail, letter{
		fromName: "Fachwerk", from: "noreply@" + n.host,
		to: p.Address, toName: p.DisplayName, subject: "Neues App-Passwort / New app password", text: text,
		date: n.now(), host: n.host, auto: true,
	})
}

// ProgramSignedIn delivers a message about a program that was let in at the embedded
// provider: whoever was led to say yes should learn of it.
func (n notifier) ProgramSignedIn(ctx context.Context, p auth.Person, program auth.Program) error {
	text := fmt.Sprintf(`Guten Tag,

ein Programm hat sich mit Ihrer Erlaubnis an Ihrem Konto %[1]s angemeldet:

    Dienste:     %[2]s
    Netzadresse: %[3]s

Wenn Sie das selbst waren, ist nichts zu tun. Wenn nicht: Melden Sie sich im
Portal an, beenden Sie das Programm unter "Geräte" und sagen Sie Ihrer IT
Bescheid.

--

Hello,

a program signed in to your account %[1]s with your permission:

    Services:        %[2]s
    Network address: %[3]s

If that was you, there is nothing to do. If not: sign in to the portal, end the
program under "Devices" and tell your IT.
`, p.Address, program.Scopes, program.From)
	return deliver(ctx, n.mail, letter{
		fromName: "Fachwerk", from: "noreply@" + n.host,
		to: p.Address, toName: p.DisplayName, subject: "Neues Programm angemeldet / New program signed in", text: text,
		date: n.now(), host: n.host, auto: true,
	})
}

// signInMade delivers a message about a password or an invitation that an administrator
// has made for somebody who signs in already.
func (n notifier) signInMade(ctx context.Context, a store.Account) error {
	text := fmt.Sprintf(`Guten Tag,

für Ihr Konto %[1]s hat eine Administratorin oder ein Administrator einen
neuen Weg eingerichtet, sich anzumelden: ein neues Passwort, einen Link zum
Anmelden oder einen weiteren Zugang Ihres Anmeldedienstes.

Wenn Sie darum gebeten haben, ist nichts zu tun. Wenn nicht: Fragen Sie bei
Ihrer IT oder den Datenschutzbeauftragten nach, wer das war und warum.

--

Hello,

an administrator has made a new way to sign in for your account %[1]s:
a new password, a link to sign in with, or a further identity at your login
provider.

If you asked for it, there is nothing to do. If not: ask your IT or your data
protection officer who it was, and why.
`, a.Address)
	l := letter{
		fromName: "Fachwerk", from: "noreply@" + n.host,
		to: a.Address, toName: a.DisplayName, subject: "Neuer Weg zur Anmeldung / New way to sign in", text: text,
		date: n.now(), host: n.host, auto: true,
	}
	// To the account itself: its address may be another's by now.
	return deliverTo(ctx, n.mail, mail.Recipient{Tenant: a.Tenant, Account: a.Key.Account, Address: a.Address, Kind: mail.Kind(a.Kind)}, l)
}

// A letter is a plain message from this server to somebody here.
type letter struct {
	fromName, from string
	toName, to     string
	subject, text  string
	date           time.Time
	host           string
	auto           bool // written by a program (RFC 3834)
}

func (l letter) encode() ([]byte, error) {
	var h gomail.Header
	h.SetDate(l.date)
	h.SetAddressList("From", []*gomail.Address{{Name: l.fromName, Address: l.from}})
	h.SetAddressList("To", []*gomail.Address{{Name: l.toName, Address: l.to}})
	h.SetSubject(l.subject)
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	if l.auto {
		h.Set("Auto-Submitted", "auto-generated") // RFC 3834 section 5
	}
	if err := h.GenerateMessageIDWithHostname(l.host); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := gomail.CreateSingleInlineWriter(&b, h)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(l.text)); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}

// deliver puts a letter into the recipient's INBOX.
func deliver(ctx context.Context, m *mail.Service, l letter) error {
	to, err := m.Resolve(ctx, l.to)
	if err != nil {
		return fmt.Errorf("deliver to %s: %w", l.to, err)
	}
	return deliverTo(ctx, m, to, l)
}

// deliverTo puts a letter into an account's INBOX.
func deliverTo(ctx context.Context, m *mail.Service, to mail.Recipient, l letter) error {
	text, err := l.encode()
	if err != nil {
		return fmt.Errorf("write a message to %s: %w", l.to, err)
	}
	in := m.NewIncoming()
	defer in.Close()
	if _, err := in.Write(crlf(text)); err != nil {
		return fmt.Errorf("deliver to %s: %w", l.to, err)
	}
	in.Finish()
	if _, err := m.Deliver(ctx, to, in, nil, mail.DeliverOptions{}); err != nil {
		return fmt.Errorf("deliver to %s: %w", l.to, err)
	}
	return nil
}

// crlf makes every line end CRLF, as messages have it (RFC 5322 section 2.1).
func crlf(text []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}
