package message

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	previewLength = 200       // characters (RFC 8970 3.1)
	previewRaw    = 256 << 10 // bytes of a body read for a preview, which begins with its styles
	previewText   = 32 << 10  // bytes of its text looked at
)

// PreviewPart returns the part a preview is best made from (RFC 8970 3.1): the first plain text that is no attachment,
// else the first other text, else such a part of an embedded message. It is nil if there is none.
func (m *Message) PreviewPart() *Part {
	var best *Part
	rank := 0
	for p := range m.Parts() {
		if !p.isText() {
			continue
		}
		r := 1
		if p.Disposition != "attachment" && p.Filename() == "" {
			r = 3
			if _, subtype := p.shownType(); subtype == "plain" {
				r = 4
			} else if subtype != "html" {
				r = 2
			}
		}
		if r > rank && (best == nil || !m.deeper(p, best)) {
			best, rank = p, r
		}
	}
	return best
}

// deeper tells whether p belongs to a message embedded in m while q does not.
func (m *Message) deeper(p, q *Part) bool {
	own := func(want *Part) bool { return m.Root.holds(want) }
	return own(q) && !own(p)
}

// holds tells whether p is want or one of its parts, without looking into embedded messages.
func (p *Part) holds(want *Part) bool {
	if p == want {
		return true
	}
	for _, c := range p.Children {
		if c.holds(want) {
			return true
		}
	}
	return false
}

// Preview returns up to 200 characters of a part's text for FETCH PREVIEW (RFC 8970): white space joined, signature,
// ruled lines and quoted lines left out, unless nothing else is there. r gives the part's body as transferred; only its
// beginning is read, and an error of r ends it.
func Preview(r io.Reader, p *Part) string {
	text, _ := io.ReadAll(io.LimitReader(NewTextReader(io.LimitReader(r, previewRaw), p), previewText))
	var own, quoted []string
	signed := false
	for line := range strings.SplitSeq(strings.ToValidUTF8(string(text), ""), "\n") {
		line = strings.TrimRight(line, " \r\t")
		switch {
		case line == "--": // the signature's "-- " (RFC 3676 4.3)
			signed = true
		case strings.HasPrefix(line, ">"):
			own = dropAttribution(own)
			quoted = append(quoted, strings.TrimLeft(line, "> "))
		case isRule(line) || isArmor(line):
		case signed:
		default:
			own = append(own, line)
		}
		if signed && len(own) > 0 {
			break
		}
	}
	if preview := joinPreview(own); preview != "" {
		return preview
	}
	return joinPreview(quoted)
}

// dropAttribution takes away the line that introduces a quotation ("… wrote:", "… schrieb:") from the end of lines,
// and the line before it where it was folded.
func dropAttribution(lines []string) []string {
	n := len(lines)
	for n > 0 && lines[n-1] == "" {
		n--
	}
	if n == 0 || !strings.HasSuffix(lines[n-1], ":") {
		return lines
	}
	n--
	if n > 0 && lines[n] != "" && (strings.HasPrefix(lines[n-1], "On ") || strings.HasPrefix(lines[n-1], "Am ")) {
		n--
	}
	return lines[:n]
}

// isRule tells whether a line of three characters or more has neither letter nor digit.
func isRule(line string) bool {
	return len(line) > 2 && strings.IndexFunc(line, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || r > 0x2fff }) < 0
}

// isArmor tells whether a line belongs to the frame of signed or encrypted text (RFC 9580 6.2).
func isArmor(line string) bool {
	return strings.HasPrefix(line, "-----BEGIN PGP ") || strings.HasPrefix(line, "-----END PGP ") ||
		strings.HasPrefix(line, "Hash: ")
}

// joinPreview joins lines to one text of at most previewLength characters, without characters that show nothing.
func joinPreview(lines []string) string {
	var out strings.Builder
	count := 0
	space := false
	for _, line := range lines {
		space = true
		for _, r := range line {
			switch {
			case unicode.IsSpace(r) || unicode.IsControl(r):
				space = true
				continue
			case (r == '\u200c' || r == '\u200d') && !space:
				// They join what stands beside them; alone they are padding.
			case r == utf8.RuneError || r == '\u034f' || unicode.Is(unicode.Cf, r):
				continue
			}
			if space && count > 0 {
				if count >= previewLength-1 {
					return out.String()
				}
				out.WriteByte(' ')
				count++
			}
			if count == previewLength {
				return out.String()
			}
			space = false
			out.WriteRune(r)
			count++
		}
	}
	return out.String()
}
