package ical

import "fachwerk/internal/contentline"

// A Property is one property of a component.
type Property struct {
	Name   string // upper case
	Params []contentline.Param
	Value  string // as sent, unfolded, still escaped
}

// Param returns the first value of the named parameter (upper case), and
// whether there is one.
func (p Property) Param(name string) (string, bool) { return contentline.Lookup(p.Params, name) }

// Text returns the value of a TEXT property, unescaped.
func (p Property) Text() string { return contentline.UnescapeText(p.Value) }

// A Component is a calendar component: VCALENDAR, VEVENT, VALARM and so on.
type Component struct {
	Name       string // upper case
	Properties []Property
	Components []*Component
}

// Property returns the first property of that name (upper case), or nil.
func (c *Component) Property(name string) *Property {
	for i := range c.Properties {
		if c.Properties[i].Name == name {
			return &c.Properties[i]
		}
	}
	return nil
}

// Value returns the raw value of the first property of that name, or "".
func (c *Component) Value(name string) string {
	if p := c.Property(name); p != nil {
		return p.Value
	}
	return ""
}

// Append appends the component as iCalendar text, folded, with CRLF.
func (c *Component) Append(dst []byte) []byte {
	dst = append(append(append(dst, "BEGIN:"...), c.Name...), "\r\n"...)
	for _, p := range c.Properties {
		dst = contentline.Append(dst, contentline.Line{Name: p.Name, Params: p.Params, Value: p.Value})
	}
	for _, sub := range c.Components {
		dst = sub.Append(dst)
	}
	return append(append(append(dst, "END:"...), c.Name...), "\r\n"...)
}
