package message

import "iter"

// Specifier is the last word of an IMAP section (RFC 9051 6.4.5.1). HEADER.FIELDS and HEADER.FIELDS.NOT are Header
// here: read that range and pass it to [FilterHeader].
type Specifier uint8

const (
	Whole  Specifier = iota // BODY[] and BODY[1.2]: the message, or the part's body
	Header                  // HEADER: of the message, or of the message embedded in the part
	Text                    // TEXT: the body of the message, or of the message embedded in the part
	MIME                    // MIME: the part's own header; needs a path
)

// Locate returns the bytes of the message that an IMAP section names, and whether the section exists. Path is the
// part number, empty for the message itself. HEADER and TEXT with a path exist only where the part embeds a message.
func (m *Message) Locate(path []int, spec Specifier) (Span, bool) {
	p := m.Part(path)
	if p == nil {
		return Span{}, false
	}
	top := len(path) == 0
	switch spec {
	case Whole:
		if top {
			return Span{p.Offset, p.End}, true
		}
		return p.Body(), true
	case Header, Text:
		if !top {
			p = p.Embedded
		}
		if p == nil {
			return Span{}, false
		}
		if spec == Header {
			return p.Header(), true
		}
		return p.Body(), true
	case MIME:
		return p.Header(), !top
	}
	return Span{}, false
}

// Part returns the part that a part number names, nil if there is none. An empty path is the message itself. Part 1 of
// a message that is no multipart is its body; its part is the message again.
func (m *Message) Part(path []int) *Part {
	p := m.Root
	message := p // the message whose parts the next number counts, nil if p is no message
	for _, n := range path {
		switch {
		case message != nil && !message.IsMultipart():
			if n != 1 {
				return nil
			}
			p = message
		default:
			container := p
			if message != nil {
				container = message
			}
			if n < 1 || n > len(container.Children) {
				return nil
			}
			p = container.Children[n-1]
		}
		message = p.Embedded
	}
	return p
}

// Parts yields every part of the message from its root down, those of embedded messages included, each before what it
// holds.
func (m *Message) Parts() iter.Seq[*Part] {
	return func(yield func(*Part) bool) { m.Root.walk(yield) }
}

func (p *Part) walk(yield func(*Part) bool) bool {
	if p == nil {
		return true
	}
	if !yield(p) {
		return false
	}
	for _, c := range p.Children {
		if !c.walk(yield) {
			return false
		}
	}
	return p.Embedded.walk(yield)
}
