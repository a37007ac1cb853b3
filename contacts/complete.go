package contacts

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"fachwerk/internal/contentline"
)

// Complete makes a card of a file one that an address book may have: exports often lack a
// UID, and old programs write version 2.1. A card that may be stored is answered as it
// is. A missing UID is made from the card's bytes, so that the same file brings the same
// cards again; all other lines stay. A card of version 2.1 is written anew as version 3.
// Its errors are *InvalidError.
func Complete(data []byte) ([]byte, error) {
	_, err := Parse(data)
	if err == nil || len(data) > MaxSize {
		return data, err
	}
	text := data
	if !utf8.Valid(text) { // old programs wrote in the code page of their country
		if text, err = charmap.Windows1252.NewDecoder().Bytes(data); err != nil {
			return nil, invalid("The card is not UTF-8 text.")
		}
	}
	c, version, err := readLoosely(text)
	if err != nil {
		return nil, err
	}
	uid := contentUID(data)
	_, known := ParseVersion(version)
	switch {
	case known || version == "" && !c.old():
		var lines string
		if version == "" {
			lines = "VERSION:3.0\r\n"
		}
		if c.UID() == "" {
			lines += "UID:" + uid + "\r\n"
		}
		return withLines(text, lines)
	case version != "2.1" && version != "":
		return nil, unsupported(version)
	}
	out := modern(c)
	if out.UID() == "" {
		out.add(Property{Name: "UID", Value: uid})
	}
	text = out.Append(nil)
	_, err = Parse(text)
	return text, err
}

// contentUID is a UID made of bytes (RFC 9562 version 8).
func contentUID(data []byte) string {
	u := sha256.Sum256(data)
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// withLines puts lines behind the first one.
func withLines(text []byte, lines string) ([]byte, error) {
	at := bytes.IndexAny(text, "\r\n")
	if at < 0 {
		return nil, invalid("There is no whole vCard in it.")
	}
	if at++; text[at-1] == '\r' && at < len(text) && text[at] == '\n' {
		at++
	}
	out := slices.Concat(text[:at], []byte(lines), text[at:])
	_, err := Parse(out)
	return out, err
}

// old tells by what only version 2.1 writes.
func (c *Card) old() bool {
	for i := range c.Properties {
		p := &c.Properties[i]
		if strings.EqualFold(p.Param("ENCODING"), "QUOTED-PRINTABLE") ||
			slices.ContainsFunc(p.Params, func(q contentline.Param) bool { return q.Name == "" }) {
			return true
		}
	}
	return false
}

// readLoosely reads the outermost card of a text, whatever its version.
func readLoosely(text []byte) (c *Card, version string, err error) {
	p := parser{lines: contentline.NewBytes(text, contentline.Limits{Bytes: MaxSize * 2, Lines: maxLines, Line: MaxSize, Params: maxParams})}
	c = &Card{}
	for depth := 0; ; {
		l, err := p.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, "", invalid("There is no whole vCard in it.")
		case err != nil:
			return nil, "", err
		case l.Name == "BEGIN":
			depth++
		case depth == 0:
			return nil, "", invalid("It does not begin with BEGIN:VCARD.")
		case l.Name == "END":
			if depth--; depth == 0 {
				return c, version, nil
			}
		case depth > 1: // an AGENT of version 2.1
		case l.Name == "VERSION":
			version = strings.TrimSpace(l.Value)
		case l.Name != "AGENT" || l.Value != "":
			c.add(Property{Group: l.Group, Name: l.Name, Params: l.Params, Value: l.Value})
		}
	}
}

// modern writes a card of version 2.1 as version 3 (RFC 2426 section 5).
func modern(old *Card) *Card {
	c := &Card{Version: Version3, Properties: []Property{{Name: "VERSION", Value: "3.0"}}}
	for _, p := range old.Properties {
		p.Params = cloneParams(p.Params)
		p.nameParams()
		encoding, charset := strings.ToUpper(p.Param("ENCODING")), p.Param("CHARSET")
		p.removeParam("ENCODING")
		p.removeParam("CHARSET")
		switch encoding {
		case "BASE64", "B":
			p.Params = append(p.Params, param("ENCODING", "b"))
			p.Value = strings.Join(strings.Fields(p.Value), "")
			c.add(p)
			continue
		case "QUOTED-PRINTABLE":
			p.Value = decodeText(p.Value, charset)
		}
		p.Value = p.escaped()
		c.add(p)
	}
	c.complete()
	if c.First("N") == nil {
		c.add(Property{Name: "N", Value: contentline.EscapeText(c.First("FN").Text()) + ";;;;"})
	}
	return c
}

// nameParams gives the bare parameters of version 2.1 their names.
func (p *Property) nameParams() {
	for i := range p.Params {
		q := &p.Params[i]
		if q.Name != "" || len(q.Values) == 0 {
			continue
		}
		switch strings.ToUpper(q.Values[0]) {
		case "QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT":
			q.Name = "ENCODING"
		case "INLINE", "URL", "CONTENT-ID", "CID":
			q.Name = "VALUE"
			q.Values[0] = strings.Replace(strings.ToLower(q.Values[0]), "url", "uri", 1)
		default:
			q.Name = "TYPE"
		}
	}
}

// decodeText undoes quoted-printable and the charset; what cannot be read stays as it is.
func decodeText(s, charset string) string {
	raw, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(s)))
	if err != nil {
		return s
	}
	if e, err := htmlindex.Get(charset); err == nil && !(charset == "" && utf8.Valid(raw)) {
		if text, err := e.NewDecoder().Bytes(raw); err == nil {
			return string(text)
		}
	}
	if utf8.Valid(raw) {
		return string(raw)
	}
	text, err := charmap.Windows1252.NewDecoder().Bytes(raw)
	if err != nil {
		return s
	}
	return string(text)
}

// escaped writes a value of version 2.1, which escapes semicolons alone, as version 3
// does; the semicolons between the parts of a name or an address stay.
func (p *Property) escaped() string {
	if p.Has("VALUE", "uri") || p.Name == "URL" || p.Name == "UID" || p.Name == "GEO" {
		return strings.ReplaceAll(strings.ReplaceAll(p.Value, "\r", ""), "\n", "")
	}
	parts := []string{p.Value}
	if p.Name == "N" || p.Name == "ADR" || p.Name == "ORG" {
		parts = contentline.SplitStructured(p.Value)
	}
	for i, part := range parts {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "\\;", ";"), "\r\n", "\n")
		parts[i] = contentline.EscapeText(part)
	}
	return strings.Join(parts, ";")
}
