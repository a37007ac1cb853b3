package ical

import (
	"errors"
	"io"
	"strings"

	"fachwerk/internal/contentline"
)

// Bounds of Parse.
const (
	MaxBytes      = 10 << 20 // of one calendar
	MaxDepth      = 8        // of components in each other
	MaxComponents = 50_000   // of one calendar
	MaxLines      = 100_000  // of one calendar that Parse reads: it is in memory whole
)

// Memory is how many bytes the object that Parse and NewObject make of a text of size
// bytes takes at most, beside the text, with what is made on the way. A line and a
// parameter take many times what they have in the text, but their number is bounded.
func Memory(size int64) int64 { return min(40*size, size+32<<20) }

// A SyntaxError says where and why a text is no iCalendar. It wraps
// contentline.ErrTooLarge where a bound was met.
type SyntaxError = contentline.SyntaxError

// Parse reads one VCALENDAR (RFC 5545 3.4). Nothing but empty lines may stand
// around it. The error is a *SyntaxError.
//
// It looks at form alone: whether the calendar makes sense is [NewObject]'s to
// say. Text need not be valid UTF-8.
func Parse(data []byte) (*Component, error) {
	lines := contentline.NewBytes(data, contentline.Limits{Bytes: MaxBytes, Lines: MaxLines, Line: MaxBytes, Values: 5 * MaxLines})
	c, err := readCalendar(lines)
	if errors.Is(err, io.EOF) {
		return nil, &SyntaxError{Line: lines.Number(), Reason: "there is no VCALENDAR"}
	}
	if err != nil {
		return nil, err
	}
	switch extra, err := lines.Next(); {
	case err == nil:
		return nil, &SyntaxError{Line: extra.Number, Reason: "something follows the VCALENDAR"}
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return c, nil
}

// readCalendar reads the next VCALENDAR; io.EOF where there is none.
func readCalendar(lines *contentline.Reader) (*Component, error) {
	l, err := lines.Next()
	if err != nil {
		return nil, err
	}
	name := componentName(l)
	switch {
	case l.Name != "BEGIN":
		return nil, &SyntaxError{Line: l.Number, Reason: "a calendar begins with BEGIN:VCALENDAR"}
	case name != "VCALENDAR":
		return nil, &SyntaxError{Line: l.Number, Reason: "a component stands outside a VCALENDAR"}
	}
	p := parser{lines: lines, open: make([]Property, 0, 16)}
	return p.component(name, 1)
}

func componentName(l contentline.Line) string {
	return strings.ToUpper(strings.TrimSpace(l.Value))
}

type parser struct {
	lines      *contentline.Reader
	components int
	open       []Property // of the components that have not ended, the innermost last
}

// component reads a component after its BEGIN line.
func (p *parser) component(name string, depth int) (*Component, error) {
	c := &Component{Name: name}
	first := len(p.open)
	for {
		l, err := p.lines.Next()
		if errors.Is(err, io.EOF) {
			return nil, &SyntaxError{Line: p.lines.Number(), Reason: "the end of " + known(name) + " is missing"}
		}
		if err != nil {
			return nil, err
		}
		switch l.Name {
		case "BEGIN":
			if p.components++; p.components > MaxComponents {
				return nil, &SyntaxError{Line: l.Number, Reason: "there are too many components", Err: contentline.ErrTooLarge}
			}
			if depth == MaxDepth {
				return nil, &SyntaxError{Line: l.Number, Reason: "components are nested too deeply", Err: contentline.ErrTooLarge}
			}
			if !validName(componentName(l)) {
				return nil, &SyntaxError{Line: l.Number, Reason: "a component's name has characters that names cannot have"}
			}
			sub, err := p.component(componentName(l), depth+1)
			if err != nil {
				return nil, err
			}
			c.Components = append(c.Components, sub)
		case "END":
			if componentName(l) != name {
				return nil, &SyntaxError{Line: l.Number, Reason: "another component ends than the one that began, " + known(name)}
			}
			// The component gets an array of just their number; the large one is used on.
			c.Properties = append(make([]Property, 0, len(p.open)-first), p.open[first:]...)
			p.open = p.open[:first]
			return c, nil
		default:
			if l.Group != "" { // vCard's groups are no part of iCalendar: the dot belongs to the name
				l.Name = strings.ToUpper(l.Group) + "." + l.Name
			}
			p.open = append(p.open, Property{Name: l.Name, Params: l.Params, Value: l.Value})
		}
	}
}

func validName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 100
}

// known keeps strange component names out of sentences.
func known(name string) string {
	switch name {
	case "VCALENDAR", "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VALARM", "STANDARD", "DAYLIGHT", "VAVAILABILITY", "AVAILABLE":
		return name
	}
	return "a component"
}
