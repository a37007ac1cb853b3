package mailtest

import (
	"testing"

	"fachwerk/mail"
)

// Message is a small message of text with a subject, lines ended by CRLF.
func Message(subject, text string) string {
	return "From: Bob Beispiel <" + BobAddress + ">\r\nTo: Alice Muster <" + AliceAddress + ">\r\nSubject: " + subject +
		"\r\nDate: Sun, 22 Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" +
		text + "\r\n"
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

// Fill adds n small messages to a mailbox, many in a transaction.
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
		_, err := h.Mail.Append(t.Context(), a, box.ID, batch)
		must(t, err)
		n -= len(batch)
	}
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
