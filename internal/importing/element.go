package importing

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Element is an element of an answer in XML.
type Element struct {
	Name     xml.Name
	Attrs    []xml.Attr
	Text     string
	Children []Element
}

// Child finds the first child of a name; nil: there is none.
func (e *Element) Child(name xml.Name) *Element {
	if e == nil {
		return nil
	}
	for i := range e.Children {
		if e.Children[i].Name == name {
			return &e.Children[i]
		}
	}
	return nil
}

// Attr is the value of an attribute.
func (e *Element) Attr(local string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// Bounds of what a source may answer.
const (
	maxDepth    = 32
	maxElements = 20_000  // of one response
	maxText     = 4 << 20 // of one response
)

var errXML = errors.New("the answer is no multistatus that can be read")

// responses reads a multistatus and calls f with each response (RFC 4918 14.24),
// one in memory at a time.
func responses(r io.Reader, f func(*Element) error) error {
	d := xml.NewDecoder(r)
	response := xml.Name{Space: dav, Local: "response"}
	inside := false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && inside {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", errXML, err)
		}
		start, ok := t.(xml.StartElement)
		switch {
		case !ok:
		case !inside && start.Name == xml.Name{Space: dav, Local: "multistatus"}:
			inside = true
		case !inside:
			return errXML
		default:
			p := reading{d: d}
			e, err := p.element(start, 2)
			if err != nil {
				return fmt.Errorf("%w: %w", errXML, err)
			}
			if start.Name != response {
				continue
			}
			if err := f(&e); err != nil {
				return err
			}
		}
	}
}

type reading struct {
	d              *xml.Decoder
	elements, text int
}

func (p *reading) element(start xml.StartElement, depth int) (Element, error) {
	e := Element{Name: start.Name, Attrs: start.Copy().Attr}
	if p.elements++; p.elements > maxElements || depth > maxDepth {
		return e, errors.New("too many elements")
	}
	var text strings.Builder
	for {
		t, err := p.d.Token()
		if err != nil {
			return e, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			child, err := p.element(t, depth+1)
			if err != nil {
				return e, err
			}
			e.Children = append(e.Children, child)
		case xml.CharData:
			if p.text += len(t); p.text > maxText {
				return e, errors.New("too much text")
			}
			text.Write(t)
		case xml.EndElement:
			e.Text = strings.TrimSpace(text.String())
			return e, nil
		}
	}
}

// shallow refuses XML that is nested deeper than any answer is.
func shallow(text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict = false
	for depth := 0; ; {
		t, err := d.RawToken()
		if err != nil {
			return nil // whether it can be read is its reader's to say
		}
		switch t.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return errXML
			}
		case xml.EndElement:
			depth--
		}
	}
}
