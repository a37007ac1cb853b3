package message

import (
	"bufio"
	"io"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// NewTextReader returns the text of a part as UTF-8 for search and preview: r gives the part's body as transferred;
// transfer encoding and charset are decoded, and of HTML only the text is kept. Whatever is broken is read as far as
// it makes sense; only errors of r are passed on. Memory stays the same whatever the size of the part.
func NewTextReader(r io.Reader, p *Part) io.Reader {
	decoded, err := NewBodyDecoder(r, p.Encoding)
	if err != nil {
		decoded = r
	}
	label, _ := DecodeParam(p.Params, "charset")
	isHTML := p.Type == "text" && p.Subtype == "html"
	if isHTML && label == "" {
		decoded, label = htmlCharset(decoded)
	}
	text := charsetReader(decoded, label)
	if isHTML {
		return newHTMLTextReader(text)
	}
	return text
}

// htmlCharset looks for the charset that an HTML document declares in itself, empty if it declares none.
func htmlCharset(r io.Reader) (io.Reader, string) {
	b := bufio.NewReader(r)
	ahead, _ := b.Peek(1024) // how far HTML 5 has readers look
	_, name, _ := charset.DetermineEncoding(ahead, "text/html")
	if name == "windows-1252" { // also the answer when nothing is declared
		name = ""
	}
	return b, name
}

// Fold returns the key under which two texts count as equal in SEARCH: compatibility forms and case taken away, so
// that "Straße", "STRASSE" and "strasse" are one, and a letter with its accent the same however it is written. An
// accented letter is not its plain letter. (Nearly i;unicode-casemap, RFC 5051, with full case folding in place of
// titlecase and composed in place of decomposed, lest "u" be found in "ü".)
func Fold(s string) string {
	if isASCII(s) {
		return lower(s)
	}
	return norm.NFC.String(cases.Fold().String(norm.NFKC.String(s)))
}

// TextParts returns the leaves that hold text, those of embedded messages included, in order.
func (m *Message) TextParts() []*Part {
	var list []*Part
	for p := range m.Parts() {
		if p.isText() {
			list = append(list, p)
		}
	}
	return list
}

// isText tells whether the part is a leaf with text, as IMAP shows it.
func (p *Part) isText() bool {
	typ, _ := p.shownType()
	return typ == "text" && !p.IsMultipart()
}
