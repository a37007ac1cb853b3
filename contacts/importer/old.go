package importer

import (
	"errors"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"fachwerk/internal/contentline"
)

// upgrade makes a card of version 3.0 of one of version 2.1, as old programs and
// telephones export them; any other card stays as it is. What the two versions write
// differently is written anew: types without a name, quoted-printable, character sets,
// base64, escapes. A card inside a card cannot be written in version 3.0: it stays.
func upgrade(data []byte) []byte {
	lines := contentline.NewBytes(data, contentline.Limits{Lines: 100_000})
	var out []byte
	old := false
	for n := 0; ; n++ {
		l, err := lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || n > 0 && l.Name == "BEGIN" {
			return data
		}
		switch l.Name {
		case "VERSION":
			if strings.TrimSpace(l.Value) != "2.1" {
				return data
			}
			old, l.Value = true, "3.0"
		case "BEGIN", "END":
		default:
			l = upgradeLine(l)
		}
		out = contentline.Append(out, l)
	}
	if !old {
		return data
	}
	return out
}

// encodings are the words of version 2.1 for how a value is written; they may stand
// without a name.
var encodings = []string{"QUOTED-PRINTABLE", "BASE64", "B", "7BIT", "8BIT"}

// upgradeLine writes one property as version 3.0 has it (RFC 2426 section 5).
func upgradeLine(l contentline.Line) contentline.Line {
	out := contentline.Line{Group: l.Group, Name: l.Name}
	var types []string
	encoding, charset := "", ""
	for _, p := range l.Params {
		for _, v := range p.Values {
			upper := strings.ToUpper(strings.TrimSpace(v))
			switch {
			case p.Name == "CHARSET":
				charset = v
			case p.Name == "ENCODING", p.Name == "" && slices.Contains(encodings, upper):
				encoding = upper
			case p.Name == "" && (upper == "URL" || upper == "CID" || upper == "CONTENT-ID") || p.Name == "VALUE" && upper == "URL":
				out.Params = append(out.Params, contentline.Param{Name: "VALUE", Values: []string{"uri"}})
			case p.Name == "" || p.Name == "TYPE":
				if upper != "" {
					types = append(types, upper)
				}
			case p.Name != "VALUE" || upper != "INLINE":
				out.Params = append(out.Params, contentline.Param{Name: p.Name, Values: []string{v}})
			}
		}
	}
	for _, t := range types {
		out.Params = append(out.Params, contentline.Param{Name: "TYPE", Values: []string{t}})
	}
	if encoding == "BASE64" || encoding == "B" {
		out.Params = append(out.Params, contentline.Param{Name: "ENCODING", Values: []string{"b"}})
		out.Value = strings.Join(strings.Fields(l.Value), "")
		return out
	}
	out.Value = escaped(l.Name, text(l.Value, encoding, charset))
	return out
}

// text decodes a value; what cannot be decoded is kept as it is, in characters that
// say so.
func text(value, encoding, charset string) string {
	if encoding == "QUOTED-PRINTABLE" {
		if decoded, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(value))); err == nil {
			value = string(decoded)
		}
	}
	if e, err := htmlindex.Get(strings.TrimSpace(charset)); err == nil && charset != "" && !utf8.ValidString(value) {
		if decoded, err := e.NewDecoder().String(value); err == nil {
			value = decoded
		}
	}
	if !utf8.ValidString(value) { // what programs of that time wrote when they did not say
		if decoded, err := charmap.Windows1252.NewDecoder().String(value); err == nil {
			value = decoded
		}
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(value, "\uFFFD"))
}

// escaped writes a value with the escapes of version 3.0. Version 2.1 knows one, that
// of the semicolon in a structured value.
func escaped(name, value string) string {
	plain := strings.NewReplacer(`\;`, ";", `\,`, ",", `\:`, ":")
	switch name {
	case "N", "ADR", "ORG":
		parts := contentline.SplitStructured(value)
		for i := range parts {
			parts[i] = contentline.EscapeText(plain.Replace(parts[i]))
		}
		return strings.Join(parts, ";")
	case "CATEGORIES", "NICKNAME":
		parts := contentline.SplitList(value)
		for i := range parts {
			parts[i] = contentline.EscapeText(plain.Replace(parts[i]))
		}
		return strings.Join(parts, ",")
	case "FN", "LABEL", "TITLE", "ROLE", "NOTE", "MAILER", "SORT-STRING":
		return contentline.EscapeText(plain.Replace(value))
	}
	return strings.ReplaceAll(value, "\n", `\n`)
}
