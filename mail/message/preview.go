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
// else the first other text, else such a part of an embedded message, else an attached text. It is nil if there is
// none.
func (m *Message) PreviewPart() *Part {
	var best *Part
	bestRank := 0
	consider := func(p *Part) {
		if rank := p.previewRank(); rank > bestRank {
			best, bestRank = p, rank
		}
	}
	m.Root.walkOwn(consider)
	if bestRank <= rankAttached {
		for p := range m.Parts() {
			consider(p)
		}
	}
	return best
}

const (
	rankNone = iota
	rankAttached
	rankOther
	rankHTML
	rankPlain
)

func (p *Part) previewRank() int {
	switch _, subtype := p.shownType(); {
	case !p.isText():
		return rankNone
	case p.Disposition == "attachment" || p.Filename() != "":
		return rankAttached
	case subtype == "plain":
		return rankPlain
	case subtype == "html":
		return rankHTML
	}
	return rankOther
}

// walkOwn visits the part and its parts, but not those of embedded messages.
func (p *Part) walkOwn(visit func(*Part)) {
	visit(p)
	for _, c := range p.Children {
		c.walkOwn(visit)
	}
}

// Preview returns up to 200 characters of a part's text for FETCH PREVIEW (RFC 8970): white space joined, signature,
// ruled lines and quoted lines left out, unless nothing else is there. r gives the part's body as transferred; only its
// beginning is read, and an error of r ends it.
func Preview(r io.Reader, p *Part) string {
	text, _ := io.ReadAll(io.LimitReader(NewTextReader(io.LimitReader(r, previewRaw), p), previewText))
	var own, quoted []string
	signed, armored := false, false
	for line := range strings.SplitSeq(strings.ToValidUTF8(string(text), ""), "\n") {
		line = strings.TrimRight(line, " \r\t")
		switch {
		case strings.HasPrefix(line, "-----BEGIN PGP "): // RFC 9580 6.2; signed text is no armor
			armored = line != "-----BEGIN PGP SIGNED MESSAGE-----"
		case strings.HasPrefix(line, "-----END PGP "):
			armored = false
		case armored:
		case line == "--": // the signature's "-- " (RFC 3676 4.3)
			signed = true
		case strings.HasPrefix(line, ">"):
			own = dropAttribution(own)
			quoted = append(quoted, strings.TrimLeft(line, "> "))
		case isRule(line) || strings.HasPrefix(line, "Hash: "):
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
