package contentline

import (
	"strings"
	"unicode/utf8"
)

// lineOctets is how long a folded line may be, without its line end.
const lineOctets = 75

// Append appends the line, folded at 75 octets and never inside a UTF-8
// sequence, with CRLF. Parameter values are quoted and ^-escaped (RFC 6868)
// where they need it. A line feed in the value is written as \n, so that no value
// can begin a line of its own; NUL is left out, and so is a soft break at the end
// of quoted-printable text, which would take in the line that follows.
func Append(dst []byte, l Line) []byte {
	start := len(dst)
	if l.Group != "" {
		dst = append(append(dst, l.Group...), '.')
	}
	dst = append(dst, l.Name...)
	for _, p := range l.Params {
		dst = append(dst, ';')
		if p.Name != "" {
			dst = append(append(dst, p.Name...), '=')
		}
		for i, v := range p.Values {
			if i > 0 {
				dst = append(dst, ',')
			}
			if p.Name == "" {
				dst = appendBare(dst, v)
			} else {
				dst = appendParamValue(dst, v)
			}
		}
	}
	dst = append(dst, ':')
	dst = appendValue(dst, l.Value)
	dst = dst[:start+len(dropSoftBreaks(dst[start:]))]
	if len(dst)-start <= lineOctets {
		return append(dst, "\r\n"...)
	}
	return fold(dst, start)
}

func appendValue(dst []byte, v string) []byte {
	v = strings.TrimRight(v, "\r\n")
	for {
		i := strings.IndexAny(v, "\n\x00")
		if i < 0 {
			return append(dst, v...)
		}
		if v[i] == '\n' {
			dst = append(append(dst, strings.TrimRight(v[:i], "\r")...), `\n`...)
		} else {
			dst = append(dst, v[:i]...)
		}
		v = v[i+1:]
	}
}

// appendBare leaves out what would end a parameter without a name.
func appendBare(dst []byte, v string) []byte {
	for i := range len(v) {
		if strings.IndexByte("=:;\"\n\x00", v[i]) < 0 {
			dst = append(dst, v[i])
		}
	}
	return dst
}

func appendParamValue(dst []byte, v string) []byte {
	quote := strings.ContainsAny(v, ",;:")
	if quote {
		dst = append(dst, '"')
	}
	for i := range len(v) {
		switch c := v[i]; c {
		case '^':
			dst = append(dst, "^^"...)
		case '"':
			dst = append(dst, "^'"...)
		case '\n':
			dst = append(dst, "^n"...)
		case 0:
		default:
			dst = append(dst, c)
		}
	}
	if quote {
		dst = append(dst, '"')
	}
	return dst
}

// fold breaks what stands in dst from start on into lines.
func fold(dst []byte, start int) []byte {
	text := string(dst[start:])
	dst = dst[:start]
	// A reader would take a CR before the break for part of the line end, and the last =
	// of quoted-printable text for a soft break.
	lost := "\r"
	if softBreak([]byte(text[:min(len(text), headOctets)] + "=")) {
		lost = "\r="
	}
	room := lineOctets
	for len(text) > room {
		cut := room
		for back := 0; back < utf8.UTFMax-1 && cut > 1 && !utf8.RuneStart(text[cut]); back++ {
			cut--
		}
		if !utf8.RuneStart(text[cut]) { // no UTF-8 at all
			cut = room
		}
		cut = cutBefore(text, cut, lost)
		dst = append(append(dst, text[:cut]...), "\r\n "...)
		text = text[cut:]
		room = lineOctets - 1
	}
	return append(append(dst, text...), "\r\n"...)
}

// cutBefore moves a cut in front of what a line must not end in. A line of nothing else
// is longer than it should be: RFC 5545 3.1 has them that long only by preference.
func cutBefore(text string, cut int, lost string) int {
	ends := func(at int) bool { return strings.IndexByte(lost, text[at-1]) >= 0 }
	back := cut
	for back > 1 && ends(back) {
		back--
	}
	if !ends(back) {
		return back
	}
	for cut < len(text) && ends(cut) {
		cut++
	}
	return cut
}
