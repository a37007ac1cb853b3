package message

import "io"

// DecodeHeader returns an unstructured field body as readable UTF-8: unfolded, encoded words decoded (RFC 2047,
// leniently), raw bytes read as UTF-8 or else as Windows-1252.
func DecodeHeader(raw string) string { return raw }

// DecodeParam returns the value of the parameter called name as UTF-8: RFC 2231 charsets and continuations joined,
// else encoded words decoded.
func DecodeParam(params []Param, name string) (string, bool) { return "", false }

// Filename returns the part's file name, from Content-Disposition or Content-Type, as UTF-8; empty if it has none.
func (p *Part) Filename() string { return "" }

// NewTextReader returns the text of a part as UTF-8 for search and preview: r gives the part's body as transferred;
// transfer encoding and charset are decoded, and of HTML only the text is kept. Whatever is broken is read as far as
// it makes sense; only errors of r are passed on.
func NewTextReader(r io.Reader, p *Part) io.Reader { return r }

// TextParts returns the leaves of type text, those of embedded messages included, in order.
func (m *Message) TextParts() []*Part { return nil }

// PreviewPart returns the part a preview is best made from (RFC 8970 3.2), nil if there is none.
func (m *Message) PreviewPart() *Part { return nil }

// Preview returns up to 200 characters of a part's text for FETCH PREVIEW (RFC 8970): white space joined, quoted
// lines left out where others exist. r gives the part's body as transferred; only its beginning is read.
func Preview(r io.Reader, p *Part) string { return "" }

// Fold returns the key under which two texts count as equal in SEARCH: case folded and accents as one form
// (after i;unicode-casemap, RFC 5051).
func Fold(s string) string { return s }

// BaseSubject returns the subject without its "Re:", "Fwd:" and "[list]" decoration (RFC 5256 2.1) and whether it
// showed that the message is a reply or a forward. The subject is given as received.
func BaseSubject(subject string) (base string, reply bool) { return subject, false }

// ThreadKeys returns the message identifiers that tie a message to its thread, normalised, without duplicates: its
// own first (if any), then In-Reply-To's and References', at most 100.
func ThreadKeys(m *Message) []string { return nil }
