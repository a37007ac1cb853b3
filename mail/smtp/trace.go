package smtp

import (
	"strings"

	"fachwerk/mail/queue"
)

// maxReceived is how many Received fields a message may have before it is taken
// for a loop (RFC 5321 6.3). The RFC suggests 100; real paths have about ten, and
// the RFC lets a site choose. Own Delivered-To fields are looked at besides.
const maxReceived = 50

// deliveryTrace makes the fields of final delivery for one recipient (RFC 5321
// 4.4): Return-Path, Delivered-To (RFC 9228) and Received.
func (s *session) deliveryTrace(tx *transaction, r *recipient) []byte {
	address := deliveryAddress(r)
	var b strings.Builder
	b.Write(queue.DeliveryFields(tx.from.String(), address))
	b.WriteString(s.received(tx, address))
	return []byte(b.String())
}

// received makes the Received field. recipient is named where there is one
// only: others must not learn of each other.
func (s *session) received(tx *transaction, recipient string) string {
	var b strings.Builder
	b.WriteString("Received: from ")
	if s.srv.cfg.Mode == Submission {
		// Where people sit is nobody's business: neither the address nor the
		// name that their device gave goes out.
		b.WriteString("submission (authenticated)")
	} else {
		b.WriteString(s.hello + " (" + addressLiteral(s.remote.String()) + ")")
	}
	b.WriteString("\r\n\tby " + s.srv.cfg.Hostname + " with " + s.protocol(tx) + " id " + tx.id)
	if recipient != "" {
		b.WriteString("\r\n\tfor <" + recipient + ">")
	}
	b.WriteString(";\r\n\t" + s.srv.now().Format(dateFormat) + "\r\n")
	return b.String()
}

// dateFormat is that of RFC 5322 3.3.
const dateFormat = "Mon, 2 Jan 2006 15:04:05 -0700"

// protocol is the "with" keyword (RFC 3848, RFC 6531 4.3).
func (s *session) protocol(tx *transaction) string {
	p := "ESMTP"
	switch {
	case s.srv.cfg.Mode == LMTP:
		p = "LMTP"
	case !s.extended:
		p = "SMTP"
	}
	if tx.params.utf8 {
		p = "UTF8" + strings.TrimPrefix(p, "E")
	}
	if p != "SMTP" {
		if s.tls != nil {
			p += "S"
		}
		if s.principal != nil {
			p += "A"
		}
	}
	return p
}

func addressLiteral(addr string) string {
	if strings.Contains(addr, ":") {
		return "[IPv6:" + addr + "]"
	}
	return "[" + addr + "]"
}

// canonicalAddress is the form in which addresses are compared for loops.
func canonicalAddress(a string) string {
	return strings.ToLower(strings.Trim(strings.TrimSpace(a), "<>"))
}
