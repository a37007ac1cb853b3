package dav

import "encoding/xml"

// Element is one of a request's body.
type Element struct {
	Name     xml.Name
	Attr     []xml.Attr // without namespace declarations; names with their namespace
	Children []*Element
	// Text is the character data directly inside, CDATA and references
	// resolved, as sent otherwise.
	Text string

	doc        *document
	start, end int // in doc
	scope      *scope
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

type document struct{}
type scope struct{}

// Verbatim is the element as the client wrote it, with the namespaces and the xml:lang
// that hold there declared on it: what a resource.Property keeps.
func (e *Element) Verbatim() []byte { panic("unwritten") }
