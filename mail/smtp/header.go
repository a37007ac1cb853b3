package smtp

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"mime"
	netmail "net/mail"
	"slices"
	"strings"

	"fachwerk/mail/message"
)

// maxAddressField bounds an address field that is checked, in bytes.
const maxAddressField = 64 << 10

var (
	replyNoFrom     = say(554, "5.6.0", "The message must have exactly one From field")
	replyBadAddress = say(554, "5.6.0", "An address in From, Sender or Resent-* is malformed")
	replyBadHeader  = say(554, "5.6.0", "The message header holds a line that is no field")
)

// looped tells whether a header shows a loop by its number of Received fields.
func looped(header []byte) bool {
	n := 0
	for f := range message.Fields(header) {
		if bytes.EqualFold(f.Name, []byte("Received")) {
			n++
		}
	}
	return n > maxReceived
}

// fixHeader does what a submission server does to a header (RFC 6409 6, 8): the
// originators must be the sender's own addresses; Date and Message-ID are added
// where they are missing; Bcc goes. The result has the blank line.
func (s *session) fixHeader(ctx context.Context, header []byte, tx *transaction) ([]byte, reply) {
	var out bytes.Buffer
	out.Grow(len(header) + 200)
	var has struct{ date, id bool }
	var from, sender, received int
	end := 0
	for f := range message.Fields(header) {
		end = f.Offset + len(f.Raw)
		if !validFieldName(f.Name) || bytes.IndexByte(f.Raw, 0) >= 0 {
			return nil, replyBadHeader
		}
		name := strings.ToLower(string(f.Name))
		switch name {
		case "from":
			from++
		case "sender":
			sender++
		case "date":
			has.date = true
		case "message-id":
			has.id = true
		case "received":
			received++
		case "bcc", "resent-bcc", "return-path": // RFC 5322 3.6.3; RFC 5321 4.4
			continue
		}
		switch name {
		case "from", "sender", "resent-from", "resent-sender":
			if r := s.checkOriginator(ctx, f.Value); !r.ok() {
				return nil, r
			}
		}
		out.Write(f.Raw)
	}
	if from != 1 || sender > 1 {
		return nil, replyNoFrom
	}
	if received > maxReceived {
		return nil, replyLoop
	}
	if rest := header[end:]; len(bytes.TrimRight(rest, "\r\n")) > 0 {
		return nil, replyBadHeader
	}
	if out.Len() > 0 && out.Bytes()[out.Len()-1] != '\n' {
		out.WriteString("\r\n")
	}
	if !has.date {
		out.WriteString("Date: " + s.srv.now().Format(dateFormat) + "\r\n")
	}
	if !has.id {
		out.WriteString("Message-ID: <" + strings.ToLower(rand.Text()) + "@" + s.messageIDDomain(tx) + ">\r\n")
	}
	out.WriteString("\r\n")
	return out.Bytes(), replyOK
}

// messageIDDomain is the sender's domain where it is ASCII, so that the id tells
// no more than the address does.
func (s *session) messageIDDomain(tx *transaction) string {
	if d := tx.from.domain; d != "" && d[0] != '[' && isASCII(d) {
		return d
	}
	return s.srv.cfg.Hostname
}

// validFieldName checks a field name (RFC 5322 2.2): a line that is no field
// ends the header for some readers and not for others.
func validFieldName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c >= 0x7f || c == ':' {
			return false
		}
	}
	return len(name) > 0
}

// checkOriginator reads the addresses of a field strictly: one that readers
// might understand in two ways must not pass. Each must be the sender's.
func (s *session) checkOriginator(ctx context.Context, value []byte) reply {
	if len(value) > maxAddressField {
		return replyBadAddress
	}
	list, err := originators(message.Unfold(value))
	if err != nil || len(list) == 0 {
		return replyBadAddress
	}
	for _, a := range list {
		may, err := s.srv.cfg.Mail.MaySend(ctx, s.principal, a)
		if err != nil {
			return s.replyFor(err)
		}
		if !may {
			return say(550, "5.7.1", "This login may not send as an address in From, Sender or Resent-*")
		}
	}
	return replyOK
}

// maxOriginators bounds the addresses of one field that are looked up.
const maxOriginators = 100

// originators reads an address list by the strict grammar of RFC 5322 3.4. The
// lenient reader behind IMAP's ENVELOPE must find the same addresses in it: what
// the recipient sees is what was checked.
func originators(value string) ([]string, error) {
	parser := netmail.AddressParser{WordDecoder: &mime.WordDecoder{
		// Display names are not looked at, so their charset does not matter.
		CharsetReader: func(_ string, r io.Reader) (io.Reader, error) { return r, nil },
	}}
	list, err := parser.ParseList(value)
	if err != nil {
		return nil, err
	}
	if len(list) > maxOriginators {
		return nil, errPath
	}
	addresses := make([]string, len(list))
	for i, a := range list {
		addresses[i] = a.Address
	}
	seen, complete := message.ParseAddressList(value, 2*maxOriginators)
	var shown []string
	for _, a := range seen {
		if a.Kind == message.Mailbox {
			shown = append(shown, a.Mailbox+"@"+a.Host)
		}
	}
	if !complete || !slices.Equal(shown, addresses) {
		return nil, errPath
	}
	return addresses, nil
}
