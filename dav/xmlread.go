package dav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Bounds of a request's body beside its size.
const (
	maxXMLDepth      = 100
	maxXMLElements   = 50_000
	maxXMLAttributes = 64
	maxXMLName       = 1000 // bytes of a namespace and of a local name: answers repeat them
	maxXMLScope      = 500  // declarations that hold at one place
)

// Namespaces that no prefix may be bound to (Namespaces in XML 1.0 section 3).
const (
	namespaceXML   = "http://www.w3.org/XML/1998/namespace"
	namespaceXMLNS = "http://www.w3.org/2000/xmlns/"
)

// errXML says why a body cannot be read.
var errXML = errors.New("the request body cannot be read as XML")

// parseXML reads one document into elements. It knows no document type and no entities
// but XML's own five, so nothing can grow; white space between elements goes.
func parseXML(raw []byte) (*Element, error) {
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	p := parser{doc: &document{raw: raw}, dec: xml.NewDecoder(bytes.NewReader(raw))}
	p.dec.CharsetReader = func(charset string, input io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "us-ascii") {
			return input, nil
		}
		return nil, fmt.Errorf("the encoding %q is not UTF-8", charset)
	}
	root, err := p.parse()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	return root, nil
}

type parser struct {
	doc   *document
	dec   *xml.Decoder
	root  *Element
	open  []*Element
	names []xml.Name // as written, of the open ones
	texts [][]byte
	count int
}

func (p *parser) parse() (*Element, error) {
	for {
		at := int(p.dec.InputOffset())
		// RawToken: namespaces are resolved here, so that the text of an element
		// can be cut out with what holds around it.
		token, err := p.dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			err = p.startElement(t, at)
		case xml.EndElement:
			err = p.endElement(t)
		case xml.CharData:
			err = p.text(t)
		case xml.Directive:
			err = errors.New("a document type is not allowed")
		case xml.ProcInst:
			if t.Target != "xml" || p.root != nil {
				err = errors.New("a processing instruction is not allowed")
			}
		case xml.Comment: // the decoder passes over what is in it
			if !isText(t) {
				err = errors.New("a comment has a character that XML does not allow")
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if p.root == nil || len(p.open) > 0 {
		return nil, errors.New("it ends early")
	}
	return p.root, nil
}

func (p *parser) startElement(t xml.StartElement, at int) error {
	p.count++
	switch {
	case p.root != nil && len(p.open) == 0:
		return errors.New("there is more than one root element")
	case len(p.open) >= maxXMLDepth:
		return errors.New("elements are nested too deeply")
	case p.count > maxXMLElements:
		return errors.New("there are too many elements")
	case len(t.Attr) > maxXMLAttributes:
		return errors.New("an element has too many attributes")
	}
	e := &Element{doc: p.doc, start: at}
	if n := len(p.open); n > 0 {
		parent := p.open[n-1]
		e.outer = parent.scope
		parent.Children = append(parent.Children, e)
	} else {
		p.root = e
	}
	if err := e.declare(t.Attr); err != nil {
		return err
	}
	var err error
	if e.Name, err = e.resolve(t.Name, false); err != nil {
		return err
	}
	if err := e.attributes(t.Attr); err != nil {
		return err
	}
	p.open = append(p.open, e)
	p.names = append(p.names, t.Name)
	p.texts = append(p.texts, nil)
	return nil
}

// declare reads the namespace declarations and xml:lang of a start tag.
func (e *Element) declare(attributes []xml.Attr) error {
	e.scope = e.outer
	for _, a := range attributes {
		add := scope{parent: e.scope, depth: e.scope.size() + 1}
		switch {
		case a.Name.Space == "xmlns":
			// Namespaces in XML 1.0 sections 2.2 and 3.
			if a.Value == "" || a.Name.Local == "xmlns" || a.Name.Local == "xml" || strings.Contains(a.Name.Local, ":") {
				return fmt.Errorf("the prefix %q cannot be declared so", cut(a.Name.Local, 60))
			}
			add.prefix, add.uri = a.Name.Local, a.Value
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			add.uri = a.Value
		case a.Name.Space == "xml" && a.Name.Local == "lang":
			add.lang, add.isLang = a.Value, true
		default:
			continue
		}
		switch {
		case add.uri == namespaceXML, add.uri == namespaceXMLNS:
			return errors.New("a namespace that XML keeps for itself is declared")
		case len(add.prefix) > maxXMLName, len(add.uri) > maxXMLName, len(add.lang) > maxXMLName:
			return errors.New("a namespace or a language is too long")
		case add.depth > maxXMLScope:
			return errors.New("there are too many namespaces")
		}
		e.scope = &add
	}
	return nil
}

// resolve turns prefix and local name into namespace and local name. The default
// namespace does not concern attributes.
func (e *Element) resolve(n xml.Name, attribute bool) (xml.Name, error) {
	if n.Local == "" || len(n.Local) > maxXMLName || strings.Contains(n.Local, ":") || n.Space == "xmlns" {
		return n, fmt.Errorf("%q is no name", cut(n.Local, 60))
	}
	if attribute && n.Space == "" {
		return n, nil
	}
	uri, ok := e.scope.namespace(n.Space)
	if !ok {
		return n, fmt.Errorf("the prefix %q is not declared", cut(n.Space, 60))
	}
	return xml.Name{Space: uri, Local: n.Local}, nil
}

func (e *Element) attributes(list []xml.Attr) error {
	for i, a := range list {
		for _, b := range list[:i] {
			if a.Name == b.Name {
				return fmt.Errorf("the attribute %q is there twice", cut(a.Name.Local, 60))
			}
		}
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		n, err := e.resolve(a.Name, true)
		if err != nil {
			return err
		}
		for i := range e.Attr {
			if e.Attr[i].Name == n {
				return fmt.Errorf("the attribute %q is there twice", cut(a.Name.Local, 60))
			}
		}
		e.Attr = append(e.Attr, xml.Attr{Name: n, Value: a.Value})
	}
	return nil
}

func (p *parser) endElement(t xml.EndElement) error {
	n := len(p.open) - 1
	if n < 0 || p.names[n] != t.Name {
		return fmt.Errorf("the end tag %q closes nothing", cut(t.Name.Local, 60))
	}
	e := p.open[n]
	e.Text = string(p.texts[n])
	e.end = int(p.dec.InputOffset())
	p.open, p.names, p.texts = p.open[:n], p.names[:n], p.texts[:n]
	return nil
}

func (p *parser) text(t xml.CharData) error {
	if n := len(p.open); n > 0 {
		p.texts[n-1] = append(p.texts[n-1], t...)
		return nil
	}
	if len(bytes.TrimSpace(t)) > 0 {
		return errors.New("there is text outside the root element")
	}
	return nil
}

// isText reports whether all characters are those of XML 1.0 section 2.2.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return false
		}
		b = b[n:]
	}
	return true
}
