package queue

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"fachwerk/internal/store"
	"fachwerk/mail/message"
)

// maxReturnedHeader bounds the header that goes back.
const maxReturnedHeader = 64 << 10

const dateFormat = "Mon, 2 Jan 2006 15:04:05 -0700"

// notification is a delivery status notification: multipart/report (RFC 6522)
// of a text for people, in German and English, the fields of RFC 3464, and the
// header of the message concerned or all of it.
type notification struct {
	q          *Queue
	kind       reportKind
	message    *store.QueueMessage
	recipients []verdict

	eightBit, utf8 bool // of the notification, set by write
}

// words are the texts for people of one kind.
type words struct{ subject, de, en string }

var textOf = map[reportKind]words{
	reportFailed: {
		"Nicht zugestellt / Undelivered",
		"Ihre Nachricht konnte den folgenden Empfängern nicht zugestellt werden. Es wird nicht weiter versucht.",
		"Your message could not be delivered to the following recipients. No further attempt will be made.",
	},
	reportDelayed: {
		"Zustellung verzögert / Delivery delayed",
		"Ihre Nachricht konnte den folgenden Empfängern noch nicht zugestellt werden. Es wird weiter versucht; Sie müssen nichts tun.",
		"Your message could not yet be delivered to the following recipients. Further attempts will be made; you need do nothing.",
	},
	reportDelivered: {
		"Zugestellt / Delivered",
		"Ihre Nachricht wurde in die Postfächer der folgenden Empfänger gelegt.",
		"Your message was placed in the mailboxes of the following recipients.",
	},
	reportRelayed: {
		"Weitergeleitet / Relayed",
		"Ihre Nachricht wurde für die folgenden Empfänger an einen Server übergeben, der keine Zustellbestätigungen sendet.",
		"Your message was handed to a server that sends no confirmations of delivery, for the following recipients.",
	},
}

// write writes the notification to w.
func (d *notification) write(ctx context.Context, w io.Writer, body *store.Body) error {
	header, whole, err := d.original(ctx, body)
	if err != nil {
		return err
	}
	if whole != nil {
		defer whole.Close()
	}
	header = cutHeader(header)
	if _, err := io.Copy(io.Discard, &lineGuard{r: bytes.NewReader(header)}); err != nil {
		header = nil // a binary message's; with it the notification could not be sent
	}
	d.utf8 = !isASCII(d.message.ReversePath)
	for _, v := range d.recipients {
		d.utf8 = d.utf8 || !isASCII(v.ForwardPath)
	}
	eightBitHeader := !isASCII(string(header))
	d.eightBit = d.utf8 || eightBitHeader || whole != nil && d.message.EightBit

	boundary := "=_" + rand.Text()
	var b bytes.Buffer
	d.writeHeader(&b, boundary, header)
	fmt.Fprintf(&b, "--%s\r\n", boundary)
	d.writeText(&b)
	fmt.Fprintf(&b, "\r\n--%s\r\n", boundary)
	d.writeStatus(&b)
	fmt.Fprintf(&b, "\r\n--%s\r\n", boundary)
	kind := "text/rfc822-headers" // RFC 6522 4
	if whole != nil {
		kind = "message/rfc822"
	}
	if d.utf8 { // RFC 6533 4
		kind = map[bool]string{false: "message/global-headers", true: "message/global"}[whole != nil]
	}
	fmt.Fprintf(&b, "Content-Type: %s\r\n", kind)
	if eightBitHeader || whole != nil && d.message.EightBit {
		b.WriteString("Content-Transfer-Encoding: 8bit\r\n")
	}
	b.WriteString("\r\n")
	if whole == nil {
		b.Write(header)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	if whole != nil {
		if _, err := io.Copy(w, whole); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(w, "\r\n--%s--\r\n", boundary)
	return err
}

// cutHeader bounds a header at a field's end and leaves the blank line away.
func cutHeader(header []byte) []byte {
	end := 0
	for f := range message.Fields(header) {
		next := f.Offset + len(f.Raw)
		if next > maxReturnedHeader {
			break
		}
		end = next
	}
	return header[:end]
}

func (d *notification) writeHeader(b *bytes.Buffer, boundary string, original []byte) {
	host := d.q.cfg.Hostname
	now := d.q.now()
	fmt.Fprintf(b, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\n", host)
	fmt.Fprintf(b, "To: <%s>\r\n", d.message.ReversePath)
	fmt.Fprintf(b, "Subject: %s\r\n", mime.QEncoding.Encode("utf-8", textOf[d.kind].subject))
	fmt.Fprintf(b, "Date: %s\r\nMessage-ID: <%s@%s>\r\n", now.Format(dateFormat), strings.ToLower(rand.Text()), host)
	if id := messageID(original); id != "" {
		fmt.Fprintf(b, "In-Reply-To: %s\r\nReferences: %s\r\n", id, id)
	}
	b.WriteString("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n") // RFC 3834 5
	fmt.Fprintf(b, "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%s\"\r\n", boundary)
	if d.eightBit {
		b.WriteString("Content-Transfer-Encoding: 8bit\r\n")
	}
	b.WriteString("\r\n")
}

// messageID finds the Message-ID of the message concerned, so that the
// notification shows in its thread.
func messageID(header []byte) string {
	for f := range message.Fields(header) {
		if bytes.EqualFold(f.Name, []byte("Message-ID")) {
			id := strings.TrimSpace(message.Unfold(f.Value))
			if len(id) > 2 && len(id) < 500 && id[0] == '<' && id[len(id)-1] == '>' && !strings.ContainsAny(id, " \t") && isASCII(id) {
				return id
			}
		}
	}
	return ""
}

// writeText writes the part for people.
func (d *notification) writeText(b *bytes.Buffer) {
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	qp := quotedprintable.NewWriter(b)
	t := textOf[d.kind]
	var list strings.Builder
	for _, v := range d.recipients {
		fmt.Fprintf(&list, "  %s\r\n", v.ForwardPath)
		if reason := text(v.outcome); reason != "" && d.kind != reportDelivered {
			fmt.Fprintf(&list, "    %s\r\n", reason)
		}
	}
	fmt.Fprintf(qp, "%s\r\n\r\n%s\r\n", t.de, list.String())
	if d.kind == reportDelayed {
		fmt.Fprintf(qp, "Letzter Versuch bis: %s\r\n\r\n", d.until().Format("02.01.2006 15:04 -0700"))
	}
	fmt.Fprintf(qp, "%s\r\n\r\n%s\r\n", t.en, list.String())
	if d.kind == reportDelayed {
		fmt.Fprintf(qp, "Attempts go on until: %s\r\n\r\n", d.until().Format("2006-01-02 15:04 -0700"))
	}
	fmt.Fprintf(qp, "%s\r\n", d.q.cfg.Hostname)
	qp.Close()
}

// until is the earliest end of the recipients' lifetimes.
func (d *notification) until() time.Time {
	until := d.recipients[0].Expires
	for _, v := range d.recipients {
		if v.Expires.Before(until) {
			until = v.Expires
		}
	}
	return until
}

// writeStatus writes the part for programs (RFC 3464 2; RFC 6533 3 for
// internationalised addresses).
func (d *notification) writeStatus(b *bytes.Buffer) {
	kind, addressType := "message/delivery-status", "rfc822"
	if d.utf8 {
		kind, addressType = "message/global-delivery-status", "utf-8"
	}
	fmt.Fprintf(b, "Content-Type: %s\r\n", kind)
	if d.utf8 {
		b.WriteString("Content-Transfer-Encoding: 8bit\r\n")
	}
	b.WriteString("\r\n")
	if d.message.EnvID != "" {
		fmt.Fprintf(b, "Original-Envelope-Id: %s\r\n", printable(d.message.EnvID, 200))
	}
	fmt.Fprintf(b, "Reporting-MTA: dns; %s\r\n", d.q.cfg.Hostname)
	fmt.Fprintf(b, "Arrival-Date: %s\r\n", d.message.Created.Format(dateFormat))
	for _, v := range d.recipients {
		b.WriteString("\r\n")
		if kind, value, found := strings.Cut(v.ORcpt, ";"); found {
			if plain, err := decodeXtext(value); err == nil {
				value = plain
			}
			fmt.Fprintf(b, "Original-Recipient: %s;%s\r\n", kind, printable(value, 500))
		}
		fmt.Fprintf(b, "Final-Recipient: %s;%s\r\n", addressType, v.ForwardPath)
		fmt.Fprintf(b, "Action: %s\r\nStatus: %s\r\n", d.kind.action(), v.status)
		if v.mta != "" {
			fmt.Fprintf(b, "Remote-MTA: dns; %s\r\n", v.mta)
			fmt.Fprintf(b, "Diagnostic-Code: smtp; %s\r\n", ascii(printable(v.reply, 500)))
		}
		fmt.Fprintf(b, "Last-Attempt-Date: %s\r\n", d.q.now().Format(dateFormat))
		if d.kind == reportDelayed {
			fmt.Fprintf(b, "Will-Retry-Until: %s\r\n", v.Expires.Format(dateFormat))
		}
	}
}

// ascii replaces what is not.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return '?'
		}
		return r
	}, s)
}
