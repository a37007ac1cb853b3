package contacts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"fachwerk/internal/contentline"
)

// MaxSize is the largest card in bytes, photo included (RFC 6352 section 6.2.3).
const MaxSize = 4 << 20

// What may be in one card. Real ones have some dozens of lines; an address list that a
// program keeps as a group has a line a member.
const (
	maxLines  = 50_000
	maxParams = 200
)

// Condition is a precondition of RFC 6352 section 6.3.2.1: the local name of its element
// in the CardDAV namespace.
type Condition string

// The preconditions of storing a card.
const (
	SupportedData Condition = "supported-address-data"
	ValidData     Condition = "valid-address-data"
	NoUIDConflict Condition = "no-uid-conflict"
	MaxResource   Condition = "max-resource-size"
)

// InvalidError says why a card is not stored.
type InvalidError struct {
	Condition Condition
	Reason    string // a sentence for people
	Name      string // with NoUIDConflict: the other card's
}

func (e *InvalidError) Error() string { return string(e.Condition) + ": " + e.Reason }

func invalid(reason string, args ...any) error {
	return &InvalidError{Condition: ValidData, Reason: fmt.Sprintf(reason, args...)}
}

func tooLarge() error {
	return &InvalidError{Condition: MaxResource, Reason: fmt.Sprintf("A card may have %d bytes.", MaxSize)}
}

// Parse reads one vCard of version 3 or 4. Its errors are *InvalidError. It is as liberal
// as real programs need: a version 3 card may lack N, VERSION may stand anywhere, lines
// may end in LF alone. What RFC 6352 asks of a card in an address book, a UID, is asked.
func Parse(data []byte) (*Card, error) {
	if len(data) > MaxSize {
		return nil, tooLarge()
	}
	if err := plainText(data); err != nil {
		return nil, err
	}
	p := parser{lines: contentline.NewBytes(data, contentline.Limits{
		Bytes: MaxSize, Lines: maxLines, Line: MaxSize, Params: maxParams})}
	c, err := p.card()
	if err != nil {
		return nil, err
	}
	return c, c.check(p.version)
}

// plainText refuses what no answer in XML could carry back, and what no text has.
func plainText(data []byte) error {
	if !utf8.Valid(data) {
		return invalid("The card is not UTF-8 text.")
	}
	for i, b := range data {
		switch {
		case b < ' ' && b != '\t' && b != '\r' && b != '\n', b == 0x7f:
			return invalid("The card has a control character in it (byte %d).", i+1)
		case b == 0xef && (bytes.HasPrefix(data[i:], []byte("\uFFFE")) || bytes.HasPrefix(data[i:], []byte("\uFFFF"))):
			return invalid("The card has a character in it that is none (byte %d).", i+1)
		}
	}
	return nil
}

type parser struct {
	lines   *contentline.Reader
	version string // as sent
	seen    bool
}

func (p *parser) next() (contentline.Line, error) {
	l, err := p.lines.Next()
	var syntax *contentline.SyntaxError
	switch {
	case errors.Is(err, contentline.ErrTooLarge):
		return l, invalid("The card has too many lines or parameters.")
	case errors.As(err, &syntax):
		return l, invalid("Line %d cannot be read: %s.", syntax.Line, syntax.Reason)
	}
	return l, err
}

// card reads BEGIN to END and makes sure that nothing follows.
func (p *parser) card() (*Card, error) {
	c := &Card{}
	first := true
	for {
		l, err := p.next()
		switch {
		case errors.Is(err, io.EOF) && first:
			return nil, invalid("There is no vCard in it.")
		case errors.Is(err, io.EOF):
			return nil, invalid("The card has no END:VCARD.")
		case err != nil:
			return nil, err
		}
		marker := l.Name == "BEGIN" || l.Name == "END"
		switch {
		case first && !(marker && l.Name == "BEGIN" && isVCard(l.Value)):
			return nil, invalid("It does not begin with BEGIN:VCARD.")
		case first:
			first = false
		case marker && l.Name == "END" && isVCard(l.Value):
			return c, p.end()
		case marker && p.version != "" && p.old():
			return nil, p.unsupported()
		case marker:
			return nil, invalid("Line %d: a card cannot have another inside it.", l.Number)
		default:
			if l.Name == "VERSION" && !p.seen {
				p.version, p.seen = strings.TrimSpace(l.Value), true
			}
			c.Properties = append(c.Properties, Property{Group: l.Group, Name: l.Name, Params: l.Params, Value: l.Value})
		}
	}
}

func isVCard(s string) bool { return strings.EqualFold(strings.TrimSpace(s), "VCARD") }

// end looks behind END:VCARD.
func (p *parser) end() error {
	l, err := p.next()
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	case p.old():
		return p.unsupported()
	case l.Name == "BEGIN":
		return invalid("There is more than one card in it; each needs a resource of its own (RFC 6352 section 5.1).")
	}
	return invalid("Line %d stands behind the end of the card.", l.Number)
}

func (p *parser) old() bool {
	_, ok := ParseVersion(p.version)
	return p.seen && !ok
}

func (p *parser) unsupported() error { return unsupported(p.version) }

func unsupported(version string) error {
	reason := "Cards of versions 3.0 and 4.0 are kept, not of this one."
	if version == "2.1" {
		reason = "Cards of version 2.1 are not kept; please save it as version 3.0 or 4.0."
	}
	return &InvalidError{Condition: SupportedData, Reason: reason}
}

// check asks what RFC 6352 section 5.1 and the version's own RFC ask, as far as real
// programs keep to it.
func (c *Card) check(version string) error {
	v, ok := ParseVersion(version)
	switch {
	case version == "":
		return invalid("The card has no VERSION.")
	case !ok:
		return unsupported(version)
	}
	c.Version = v
	uids, named := 0, false
	for i := range c.Properties {
		switch p := &c.Properties[i]; p.Name {
		case "UID":
			uids++
		case "FN":
			named = true
		case "N", "ORG", "NICKNAME", "EMAIL":
			// Version 3 wants FN and N (RFC 2426 section 3.1); some programs leave FN to the reader.
			named = named || v == Version3 && strings.Trim(p.Value, "; ") != ""
		case "VERSION":
			if other, ok := ParseVersion(p.Value); !ok || other != v {
				return invalid("The card says two versions.")
			}
		}
	}
	switch {
	case c.UID() == "":
		return invalid("The card has no UID (RFC 6352 section 5.1).")
	case uids > 1:
		return invalid("The card has more than one UID.")
	case !named:
		return invalid("The card has no name: FN is missing.")
	}
	return nil
}
