package dav

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// XML is an answer as it is written: it only ever appends. Elements of the
// namespaces above get their prefix, others declare theirs.
type XML struct {
	b    []byte
	gone int          // bytes that were sent before b
	send func() error // sends b where it is enough; nil: all stays in b
}

// mark is a place in the answer, to which cut brings it back.
func (x *XML) mark() int { return x.gone + len(x.b) }

// errSent says that a refusal comes too late: a part of what it refuses has gone out.
var errSent = errors.New("dav: what was refused has been sent in part")

func (x *XML) cut(mark int) error {
	if mark < x.gone {
		return errSent
	}
	x.b = x.b[:mark-x.gone]
	return nil
}

// Stream is Text of all that r gives, sent on its way as it comes: of a Multistatus no
// more than some blocks are in memory. An error, also one that comes after it, breaks the
// answer off: what may be refused must be judged before.
func (x *XML) Stream(r io.Reader) error {
	pooled := blocks.Get().(*[]byte)
	defer blocks.Put(pooled)
	part := (*pooled)[:block]
	kept := 0 // bytes of a rune that was not whole
	for {
		n, err := r.Read(part[kept:])
		text := part[:kept+n]
		rest := 0
		if err == nil {
			rest = unfinished(text)
		}
		x.Bytes(text[:len(text)-rest])
		kept = copy(part, text[len(text)-rest:])
		if x.send != nil {
			if err := x.send(); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// unfinished is how many bytes at the end may begin a rune that goes on.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if c := text[len(text)-n]; utf8.RuneStart(c) {
			if !utf8.FullRune(text[len(text)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// Open writes a start tag, with attributes (without namespace) as names and values in
// turn.
func (x *XML) Open(n xml.Name, attributes ...string) {
	x.start(n, attributes)
	x.b = append(x.b, '>')
}

// Close writes the end tag to an Open of the same name.
func (x *XML) Close(n xml.Name) {
	x.b = append(x.b, '<', '/')
	x.tag(n)
	x.b = append(x.b, '>')
}

// Empty writes an element without content.
func (x *XML) Empty(n xml.Name, attributes ...string) {
	x.start(n, attributes)
	x.b = append(x.b, '/', '>')
}

// Element writes one with text.
func (x *XML) Element(n xml.Name, text string) {
	x.start(n, nil)
	x.b = append(x.b, '>')
	x.Text(text)
	x.Close(n)
}

// Href writes DAV:href with a path or URL that is encoded already.
func (x *XML) Href(href string) { x.Element(D("href"), href) }

// Text writes character data. What XML cannot hold becomes U+FFFD; a carriage return
// is kept by a character reference (XML 1.0 section 2.11).
func (x *XML) Text(s string) { x.b = appendText(x.b, s) }

// Bytes is Text of bytes, such as a whole calendar object.
func (x *XML) Bytes(s []byte) { x.b = appendText(x.b, s) }

// Raw writes well-formed XML that declares its own namespaces, such as a
// resource.Property's Value.
func (x *XML) Raw(s []byte) { x.b = append(x.b, s...) }

func (x *XML) start(n xml.Name, attributes []string) {
	x.b = append(x.b, '<')
	if declare := x.tag(n); declare {
		x.b = append(x.b, ` xmlns="`...)
		x.b = appendText(x.b, n.Space)
		x.b = append(x.b, '"')
	}
	for i := 0; i+1 < len(attributes); i += 2 {
		x.b = append(x.b, ' ')
		x.b = append(x.b, attributes[i]...)
		x.b = append(x.b, '=', '"')
		x.b = appendText(x.b, attributes[i+1])
		x.b = append(x.b, '"')
	}
}

// tag writes the name and reports whether its namespace is to be declared as the
// default one. Answers have no default namespace themselves, so that a name without
// namespace needs no declaration unless it lies inside such an element.
func (x *XML) tag(n xml.Name) (declare bool) {
	for i := range prefixes {
		if prefixes[i].space == n.Space {
			x.b = append(x.b, prefixes[i].prefix...)
			x.b = append(x.b, ':')
			x.b = append(x.b, n.Local...)
			return false
		}
	}
	x.b = append(x.b, n.Local...)
	return true
}

// root opens the outermost element, with the declaration and all prefixes.
func (x *XML) root(n xml.Name) {
	x.b = append(x.b, `<?xml version="1.0" encoding="utf-8"?>`...)
	x.b = append(x.b, '\n', '<')
	x.tag(n)
	for i := range prefixes {
		x.b = append(x.b, ` xmlns:`...)
		x.b = append(x.b, prefixes[i].prefix...)
		x.b = append(x.b, '=', '"')
		x.b = append(x.b, prefixes[i].space...)
		x.b = append(x.b, '"')
	}
	x.b = append(x.b, '>')
}

// appendText escapes for character data and attribute values alike.
func appendText[T string | []byte](b []byte, s T) []byte {
	last := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := decodeRune(s[i:])
			if r == utf8.RuneError && n == 1 || r == 0xfffe || r == 0xffff {
				b = append(b, s[last:i]...)
				b = append(b, "\ufffd"...)
				last = i + n
			}
			i += n
			continue
		}
		var with string
		switch c {
		case '<':
			with = "&lt;"
		case '>':
			with = "&gt;"
		case '&':
			with = "&amp;"
		case '"':
			with = "&quot;"
		case '\r':
			with = "&#13;"
		default:
			with = "\ufffd"
		}
		b = append(b, s[last:i]...)
		b = append(b, with...)
		i++
		last = i
	}
	return append(b, s[last:]...)
}

// plain are the bytes that need no look: US-ASCII but for markup, carriage returns and
// what XML cannot hold.
var plain = func() (t [256]bool) {
	for c := range utf8.RuneSelf {
		t[c] = c >= ' ' && !strings.ContainsRune(`<>&"`, rune(c)) || c == '\n' || c == '\t'
	}
	return t
}()

func decodeRune[T string | []byte](s T) (rune, int) {
	if len(s) > utf8.UTFMax {
		s = s[:utf8.UTFMax]
	}
	return utf8.DecodeRuneInString(string(s))
}
