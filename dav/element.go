package dav

import (
	"bytes"
	"encoding/xml"
	"strings"
)

// Element is one of a request's body.
type Element struct {
	Name     xml.Name
	Attr     []xml.Attr // without namespace declarations; names with their namespace
	Children []*Element
	// Text is the character data directly inside, CDATA and references
	// resolved, as sent otherwise.
	Text string

	doc        *document
	start, end int    // in doc
	outer      *scope // what holds around it
	scope      *scope // what holds inside
}

// document is the body that elements point into.
type document struct{ raw []byte }

// scope is what start tags have declared so far, innermost first.
type scope struct {
	parent      *scope
	prefix, uri string // one namespace declaration
	lang        string // or, where isLang, the xml:lang
	isLang      bool
	depth       int // how many hold here
}

// size is how many declarations hold.
func (s *scope) size() int {
	if s == nil {
		return 0
	}
	return s.depth
}

func (s *scope) namespace(prefix string) (uri string, ok bool) {
	if prefix == "xml" {
		return namespaceXML, true
	}
	for ; s != nil; s = s.parent {
		if !s.isLang && s.prefix == prefix {
			return s.uri, true
		}
	}
	return "", prefix == ""
}

// Child finds the first child of that name; nil: there is none.
func (e *Element) Child(n xml.Name) *Element {
	if e == nil {
		return nil
	}
	for _, c := range e.Children {
		if c.Name == n {
			return c
		}
	}
	return nil
}

// Attribute is the value of an attribute without namespace.
func (e *Element) Attribute(local string) (value string, ok bool) {
	if e == nil {
		return "", false
	}
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == local {
			return a.Value, true
		}
	}
	return "", false
}

// Value is the character data of it and all below it, in order of the elements, without
// white space around it: of what holds one word or one href.
func (e *Element) Value() string {
	if e == nil {
		return ""
	}
	if len(e.Children) == 0 {
		return strings.TrimSpace(e.Text)
	}
	var b strings.Builder
	e.gather(&b)
	return strings.TrimSpace(b.String())
}

func (e *Element) gather(b *strings.Builder) {
	b.WriteString(e.Text)
	for _, c := range e.Children {
		c.gather(b)
	}
}

// Verbatim is the element as the client wrote it, with the namespaces and the xml:lang
// that hold there declared on it: what a resource.Property keeps (RFC 4918 section 4.3).
func (e *Element) Verbatim() []byte {
	raw := e.doc.raw[e.start:e.end]
	name := bytes.IndexAny(raw, " \t\r\n/>")
	out := make([]byte, 0, len(raw)+128)
	out = append(out, raw[:name]...)
	seen := map[string]bool{}
	own := map[string]bool{}
	lang := false
	for s := e.scope; s != e.outer; s = s.parent {
		if s.isLang {
			lang = true
		} else {
			own[s.prefix] = true
		}
	}
	for s := e.outer; s != nil; s = s.parent {
		switch {
		case s.isLang:
			if !lang && s.lang != "" {
				out = append(out, ` xml:lang="`...)
				out = appendText(out, s.lang)
				out = append(out, '"')
			}
			lang = true
		case seen[s.prefix] || own[s.prefix]:
		case s.prefix == "":
			seen[""] = true
			if s.uri != "" {
				out = append(out, ` xmlns="`...)
				out = appendText(out, s.uri)
				out = append(out, '"')
			}
		default:
			seen[s.prefix] = true
			// QNames occur in values too: any mention counts.
			if bytes.Contains(raw, append([]byte(s.prefix), ':')) {
				out = append(out, ` xmlns:`...)
				out = append(out, s.prefix...)
				out = append(out, `="`...)
				out = appendText(out, s.uri)
				out = append(out, '"')
			}
		}
	}
	return append(out, raw[name:]...)
}
