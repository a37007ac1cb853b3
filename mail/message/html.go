package message

import (
	"bufio"
	"bytes"
	"html"
	"io"
	"unicode/utf8"
)

// htmlTextReader reads the text of an HTML document in UTF-8: tags, comments, scripts and styles taken away, character
// references replaced, white space joined; a line begins at each block, with "> " inside a blockquote.
//
// It is no HTML parser, and holds nothing of the document but a name: a tokenizer that gives whole tokens would have to
// hold an image of megabytes that is written into an attribute.
type htmlTextReader struct {
	r      *bufio.Reader
	out    []byte
	next   int // of out, to be read
	err    error
	skip   string // the element whose content is passed over, such as "script"
	quotes int    // open blockquotes
	gap    byte   // white space to write before the next text: 0, ' ' or '\n'
	began  bool   // some text was written
}

func newHTMLTextReader(r io.Reader) *htmlTextReader {
	return &htmlTextReader{r: bufio.NewReader(r)}
}

func (h *htmlTextReader) Read(p []byte) (int, error) {
	const enough = 4096
	if h.next == len(h.out) {
		h.out, h.next = h.out[:0], 0
		for len(h.out) < enough && h.err == nil {
			h.step()
		}
	}
	if h.next == len(h.out) {
		return 0, h.err
	}
	n := copy(p, h.out[h.next:])
	h.next += n
	return n, nil
}

// byte returns the next byte; at the end it returns 0 and h.err is set.
func (h *htmlTextReader) byte() byte {
	c, err := h.r.ReadByte()
	if err != nil {
		h.err = err
		return 0
	}
	return c
}

func (h *htmlTextReader) step() {
	switch c := h.byte(); {
	case h.err != nil:
	case c == '<':
		h.markup()
	case h.skip != "":
	case isSpace(c) || c == '\f':
		h.space(' ')
	case c == '&':
		h.reference()
	default:
		h.text(c)
	}
}

// space notes white space before the next text; a line end is stronger than a space.
func (h *htmlTextReader) space(c byte) {
	if h.gap != '\n' {
		h.gap = c
	}
}

func (h *htmlTextReader) text(b ...byte) {
	if h.gap != 0 && h.began {
		h.out = append(h.out, h.gap)
	}
	if h.quotes > 0 && (h.gap == '\n' || !h.began) {
		h.out = append(h.out, "> "...)
	}
	h.gap, h.began = 0, true
	h.out = append(h.out, b...)
}

// reference reads a character reference, the ampersand of which is read.
func (h *htmlTextReader) reference() {
	const longest = 33 // the longest name in HTML 5 has 31 letters
	ahead, _ := h.r.Peek(longest)
	n := 0
	for n < len(ahead) && (ahead[n] == '#' && n == 0 || '0' <= ahead[n] && ahead[n] <= '9' || 'a' <= ahead[n]|0x20 && ahead[n]|0x20 <= 'z') {
		n++
	}
	if n < len(ahead) && ahead[n] == ';' {
		n++
	}
	text := html.UnescapeString("&" + string(ahead[:n]))
	h.r.Discard(n)
	switch r, _ := utf8.DecodeRuneInString(text); r {
	case ' ', '\t', '\n', '\r', '\u00a0', '\u2003', '\u2002':
		h.space(' ')
	default:
		h.text([]byte(text)...)
	}
}

// markup reads what begins with a less-than sign, which is read.
func (h *htmlTextReader) markup() {
	ahead, _ := h.r.Peek(3)
	switch {
	case len(ahead) == 0:
	case h.skip != "":
		if ahead[0] != '/' {
			return
		}
		h.byte()
		if h.name() == h.skip {
			h.skip = ""
			h.attributes()
		}
	case bytes.Equal(ahead, []byte("!--")):
		h.r.Discard(len(ahead))
		h.comment()
	case ahead[0] == '!' || ahead[0] == '?':
		h.attributes()
	case ahead[0] == '/':
		h.byte()
		h.tag(h.name(), true)
	case 'a' <= ahead[0]|0x20 && ahead[0]|0x20 <= 'z':
		h.tag(h.name(), false)
	default:
		h.text('<')
	}
}

// name reads an element's name in lower case.
func (h *htmlTextReader) name() string {
	const longest = 32
	ahead, _ := h.r.Peek(longest)
	n := 0
	for n < len(ahead) && ahead[n] > ' ' && ahead[n] != '>' && ahead[n] != '/' && ahead[n] != '<' {
		n++
	}
	name := string(appendLower(nil, ahead[:n]))
	h.r.Discard(n)
	return name
}

// tag reads the rest of a tag and does what the element asks.
func (h *htmlTextReader) tag(name string, end bool) {
	h.attributes()
	switch name {
	case "script", "style":
		if !end {
			h.skip = name
		}
	case "td", "th":
		h.space(' ')
	case "blockquote":
		h.space('\n')
		if !end {
			h.quotes++
		} else if h.quotes > 0 {
			h.quotes--
		}
	case "address", "article", "aside", "body", "br", "center", "dd", "div", "dl", "dt", "fieldset", "figure",
		"footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "li", "main", "nav", "ol",
		"p", "pre", "section", "table", "tbody", "tfoot", "thead", "title", "tr", "ul":
		h.space('\n')
	}
}

// attributes reads up to the end of a tag. Quotes count only where a value begins, for stray ones are common.
func (h *htmlTextReader) attributes() {
	value := false
	for h.err == nil {
		switch c := h.byte(); {
		case c == '>':
			return
		case value && (c == '"' || c == '\''):
			for h.err == nil && h.byte() != c {
			}
			value = false
		case c == '=':
			value = true
		case !isSpace(c):
			value = false
		}
	}
}

// comment reads up to the end of a comment, whose beginning is read.
func (h *htmlTextReader) comment() {
	for dashes := 2; h.err == nil; { // "<!-->" is a comment
		switch h.byte() {
		case '-':
			dashes++
		case '>':
			if dashes >= 2 {
				return
			}
			dashes = 0
		default:
			dashes = 0
		}
	}
}
