package message

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
// part number, empty for the message itself.
func (m *Message) Locate(path []int, spec Specifier) (Span, bool) { return Span{}, false }

// Part returns the part that a part number names, nil if there is none. An empty path is the message itself.
func (m *Message) Part(path []int) *Part { return nil }
