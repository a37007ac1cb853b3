package message

import (
	"slices"
	"strings"
)

// Envelope holds a message's header fields in the sense of IMAP's ENVELOPE (RFC 9051 7.5.2): texts as received but
// unfolded, encoded words not decoded. Where a text field occurs twice the first one counts; address fields of one
// name are joined.
type Envelope struct {
	Present   EnvelopeFields // which of the four texts below had a field, for NIL and "" differ
	Date      string
	Subject   string
	InReplyTo string
	MessageID string

	From []Address
	// Sender and ReplyTo are From's where their own field is absent or empty.
	Sender, ReplyTo []Address
	To, Cc, Bcc     []Address
}

// EnvelopeFields is a set of text fields that a header had, be they empty.
type EnvelopeFields uint8

const (
	HasDate EnvelopeFields = 1 << iota
	HasSubject
	HasInReplyTo
	HasMessageID
)

// add takes one field of a header; name is in lower case. It returns how many addresses it kept and whether all.
func (e *Envelope) add(name string, value []byte, maxAddresses int) (kept int, complete bool) {
	switch name {
	case "date":
		e.text(HasDate, &e.Date, value)
	case "subject":
		e.text(HasSubject, &e.Subject, value)
	case "in-reply-to":
		e.text(HasInReplyTo, &e.InReplyTo, value)
	case "message-id":
		e.text(HasMessageID, &e.MessageID, value)
	default:
		if list := e.addresses(name); list != nil {
			var more []Address
			more, complete = ParseAddressList(string(value), maxAddresses)
			*list = append(*list, more...)
			return len(more), complete
		}
	}
	return 0, true
}

func (e *Envelope) text(field EnvelopeFields, to *string, value []byte) {
	if e.Present&field == 0 {
		e.Present |= field
		*to = Unfold(value)
	}
}

func (e *Envelope) addresses(name string) *[]Address {
	switch name {
	case "from":
		return &e.From
	case "sender":
		return &e.Sender
	case "reply-to":
		return &e.ReplyTo
	case "to":
		return &e.To
	case "cc":
		return &e.Cc
	case "bcc":
		return &e.Bcc
	}
	return nil
}

// finish supplies Sender and Reply-To (RFC 9051 7.5.2).
func (e *Envelope) finish() {
	if len(e.Sender) == 0 {
		e.Sender = e.From
	}
	if len(e.ReplyTo) == 0 {
		e.ReplyTo = e.From
	}
}

// messageIDs returns the message identifiers in a field body (RFC 5322 3.6.4), with their angle brackets and without
// white space; other words are passed over.
func messageIDs(body string, yield func(id string) bool) {
	for {
		start := strings.IndexByte(body, '<')
		if start < 0 {
			return
		}
		body = body[start:]
		end := strings.IndexByte(body, '>')
		if end < 0 {
			return
		}
		// An opening bracket without its end: begin at the last one before the closing bracket.
		id := body[strings.LastIndexByte(body[:end], '<') : end+1]
		if strings.ContainsAny(id, " \t\r\n") {
			id = strings.Join(strings.Fields(id), "")
		}
		if len(id) > 2 && len(id) <= maxMessageID && !yield(strings.Clone(id)) {
			return
		}
		body = body[end+1:]
	}
}

// addReferences appends the identifiers in a References body to refs, keeping the first and the latest ones.
func addReferences(refs []string, value []byte) []string {
	messageIDs(string(value), func(id string) bool {
		if len(refs) == maxReferences {
			refs = slices.Delete(refs, 1, 2)
		}
		refs = append(refs, id)
		return true
	})
	return refs
}

// ThreadKeys returns the message identifiers that tie a message to its thread, without angle brackets and without
// duplicates: its own first (if it has one), then In-Reply-To's and References', at most 100; when there are more,
// the latest of References are kept with the first.
func ThreadKeys(m *Message) []string {
	keys := make([]string, 0, 8)
	add := func(id string) bool {
		id = strings.Trim(id, "<>")
		if id != "" && !slices.Contains(keys, id) {
			keys = append(keys, id)
		}
		return len(keys) < maxReferences
	}
	own := strings.TrimSpace(m.Envelope.MessageID)
	if strings.IndexByte(own, '<') >= 0 {
		messageIDs(own, func(id string) bool { add(id); return false })
	} else if !strings.ContainsAny(own, " \t") && len(own) <= maxMessageID {
		add(own) // some senders leave the brackets out
	}
	replies := 0
	messageIDs(m.Envelope.InReplyTo, func(id string) bool { replies++; return add(id) && replies < 10 })
	if len(m.References) > 0 {
		add(m.References[0])
		room := maxReferences - len(keys)
		for _, id := range m.References[max(1, len(m.References)-room):] {
			add(id)
		}
	}
	return keys
}
