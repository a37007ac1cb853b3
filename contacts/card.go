package contacts

import (
	"strings"

	"fachwerk/internal/contentline"
)

// Version is a vCard's version.
type Version uint8

// The versions that are kept: RFC 2426 and RFC 6350.
const (
	Version3 Version = 3
	Version4 Version = 4
)

func (v Version) String() string {
	if v == Version4 {
		return "4.0"
	}
	return "3.0"
}

// ParseVersion knows "3.0" and "4.0".
func ParseVersion(s string) (Version, bool) {
	switch strings.TrimSpace(s) {
	case "3.0":
		return Version3, true
	case "4.0":
		return Version4, true
	}
	return 0, false
}

// Card is one vCard. Properties are all that stand between BEGIN and END, VERSION too,
// in their order.
type Card struct {
	Version    Version
	Properties []Property
}

// Property is one property of a card.
type Property struct {
	Group  string // as sent
	Name   string // upper case
	Params []contentline.Param
	Value  string // as sent: unfolded, escaped
	// Left says that the value was left out of the searchable form for its size.
	Left bool
}

// Text is the value with its escapes undone; structured values keep the semicolons
// between their parts. It is what a text-match looks at.
func (p *Property) Text() string {
	if strings.IndexByte(p.Value, '\\') < 0 {
		return p.Value
	}
	return contentline.UnescapeText(p.Value)
}

// Param is the first value of a parameter (upper case), "" without one.
func (p *Property) Param(name string) string {
	v, _ := contentline.Lookup(p.Params, name)
	return v
}

// Has tells whether a parameter (upper case) has that value among others; TYPE lists are
// taken apart as version 3 (TYPE=a,b), version 4 (TYPE="a,b") and habit (TYPE=a;TYPE=b)
// write them.
func (p *Property) Has(name, value string) bool {
	for _, v := range contentline.Values(p.Params, name) {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), value) {
				return true
			}
		}
	}
	return false
}

// First is the first property of that name (upper case), nil without one.
func (c *Card) First(name string) *Property {
	for i := range c.Properties {
		if c.Properties[i].Name == name {
			return &c.Properties[i]
		}
	}
	return nil
}

// UID is what identifies the card in its address book (RFC 6352 section 5.1).
func (c *Card) UID() string {
	if p := c.First("UID"); p != nil {
		return strings.TrimSpace(p.Text())
	}
	return ""
}

// Group tells whether the card is a list of others: KIND:group (RFC 6350 section 6.1.4)
// or Apple's X-ADDRESSBOOKSERVER-KIND.
func (c *Card) Group() bool {
	for i := range c.Properties {
		p := &c.Properties[i]
		if (p.Name == "KIND" || p.Name == "X-ADDRESSBOOKSERVER-KIND") && strings.EqualFold(strings.TrimSpace(p.Value), "group") {
			return true
		}
	}
	return false
}

// Append writes the card, folded, with CRLF.
func (c *Card) Append(dst []byte) []byte {
	dst = append(dst, "BEGIN:VCARD\r\n"...)
	for i := range c.Properties {
		dst = c.Properties[i].Append(dst)
	}
	return append(dst, "END:VCARD\r\n"...)
}

// Append writes the property's line.
func (p *Property) Append(dst []byte) []byte {
	return contentline.Append(dst, contentline.Line{Group: p.Group, Name: p.Name, Params: p.Params, Value: p.Value})
}
