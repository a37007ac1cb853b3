package mail

import (
	"fmt"
	"strings"

	"fachwerk/mail/message"
)

// textKey compiles keys that compare text.
func (c *compiler) textKey(x Criteria) (key, error) {
	switch x := x.(type) {
	case SearchSubject:
		return c.envelopeKey(string(x), func(e *message.Envelope) []string { return []string{message.DecodeHeader(e.Subject)} })
	case SearchFrom:
		return c.envelopeKey(string(x), func(e *message.Envelope) []string { return addresses(e.From) })
	case SearchTo:
		return c.envelopeKey(string(x), func(e *message.Envelope) []string { return addresses(e.To) })
	case SearchCc:
		return c.envelopeKey(string(x), func(e *message.Envelope) []string { return addresses(e.Cc) })
	case SearchBcc:
		return c.envelopeKey(string(x), func(e *message.Envelope) []string { return addresses(e.Bcc) })
	case SearchHeader:
		return c.headerKey(x.Name, x.Value)
	case SearchBody:
		return c.bodyKey(string(x), false)
	case SearchText:
		return c.bodyKey(string(x), true)
	}
	return nil, fmt.Errorf("mail: unknown search key %T", x)
}

// envelopeKey searches in texts of the stored envelope (RFC 9051 6.4.4: "the
// envelope structure's FROM field").
func (c *compiler) envelopeKey(text string, of func(*message.Envelope) []string) (key, error) {
	pattern, err := c.pattern(text)
	return deep{least: structureTier, most: structureTier, ask: func(p *probe, _ tier) (answer, error) {
		m, err := p.parsed()
		if err != nil {
			return no, err
		}
		return answerOf(containsAny(of(m.Envelope), pattern)), nil
	}}, err
}

func containsAny(texts []string, pattern string) bool {
	for _, text := range texts {
		if strings.Contains(message.Fold(text), pattern) {
			return true
		}
	}
	return false
}

// addresses writes each address as people read it.
func addresses(list []message.Address) []string {
	texts := make([]string, 0, len(list))
	for _, a := range list {
		switch a.Kind {
		case message.GroupStart:
			texts = append(texts, message.DecodeHeader(a.Mailbox))
		case message.Mailbox:
			texts = append(texts, message.DecodeHeader(a.Name)+" <"+a.Mailbox+"@"+a.Host+">")
		}
	}
	return texts
}

// headerKey searches in all fields of a name. The stored structure settles it
// for the fields whose value it has whole; the others are read.
func (c *compiler) headerKey(name, value string) (key, error) {
	pattern, err := c.pattern(value)
	settle := settled(name)
	return deep{least: structureTier, most: contentTier, ask: func(p *probe, t tier) (answer, error) {
		if settle != nil && t == structureTier {
			m, err := p.parsed()
			if err != nil {
				return no, err
			}
			if texts, complete := settle(m); containsAny(texts, pattern) {
				return yes, nil
			} else if complete {
				return no, nil
			}
		}
		if t == structureTier {
			return maybe, nil
		}
		header, err := p.header()
		if err != nil {
			return no, err
		}
		for f := range message.Fields(header) {
			if strings.EqualFold(string(f.Name), name) && strings.Contains(message.Fold(message.DecodeHeader(string(f.Value))), pattern) {
				return yes, nil
			}
		}
		return no, nil
	}}, err
}

// settled finds a field's values in a structure; complete tells that the
// message has no others. It is nil for fields that the structure does not have.
// Clients look messages up by Message-ID and References, so these must not read.
func settled(name string) func(*message.Message) (texts []string, complete bool) {
	text := func(has message.EnvelopeFields, of func(*message.Envelope) string) func(*message.Message) ([]string, bool) {
		return func(m *message.Message) ([]string, bool) {
			if m.Envelope.Present&has == 0 {
				return nil, true
			}
			return []string{message.DecodeHeader(of(m.Envelope))}, true
		}
	}
	switch strings.ToLower(name) {
	case "subject":
		return text(message.HasSubject, func(e *message.Envelope) string { return e.Subject })
	case "message-id":
		return text(message.HasMessageID, func(e *message.Envelope) string { return e.MessageID })
	case "in-reply-to":
		return text(message.HasInReplyTo, func(e *message.Envelope) string { return e.InReplyTo })
	case "date":
		return text(message.HasDate, func(e *message.Envelope) string { return e.Date })
	case "references":
		return func(m *message.Message) ([]string, bool) {
			if len(m.References) == 0 {
				return nil, false
			}
			return []string{strings.Join(m.References, " ")}, len(m.References) < 100
		}
	case "from", "to", "cc", "bcc":
		return func(m *message.Message) ([]string, bool) {
			e := m.Envelope
			list := map[string][]message.Address{"from": e.From, "to": e.To, "cc": e.Cc, "bcc": e.Bcc}[strings.ToLower(name)]
			return addresses(list), false // written otherwise than in the field, perhaps
		}
	}
	return nil
}

// bodyKey searches in the text parts and in attachments' names; with header,
// in the header too.
func (c *compiler) bodyKey(text string, header bool) (key, error) {
	pattern, err := c.pattern(text)
	if err != nil {
		return nil, err
	}
	n := len(c.patterns)
	c.patterns = append(c.patterns, pattern)
	return deep{least: structureTier, most: contentTier, ask: func(p *probe, t tier) (answer, error) {
		m, err := p.parsed()
		if err != nil || pattern == "" {
			return answerOf(pattern == ""), err
		}
		if t == structureTier {
			if header && containsAny([]string{message.DecodeHeader(m.Envelope.Subject)}, pattern) {
				return yes, nil
			}
			return maybe, nil
		}
		if header {
			if found, err := p.inHeader(pattern); found || err != nil {
				return answerOf(found), err
			}
		}
		hits, err := p.bodyHits()
		if err != nil {
			return no, err
		}
		return answerOf(hits[n]), nil
	}}, nil
}
