package contentline

import "strings"

// UnescapeText undoes the escapes of a TEXT value (RFC 5545 3.3.11, RFC 6350
// 3.4): \n and \N are a line feed, a backslash before anything else is dropped.
func UnescapeText(s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; i >= 0; i = strings.IndexByte(s, '\\') {
		b.WriteString(s[:i])
		if i+1 == len(s) { // nothing to escape: it stands for itself
			b.WriteByte('\\')
			return b.String()
		}
		if c := s[i+1]; c == 'n' || c == 'N' {
			b.WriteByte('\n')
		} else {
			b.WriteByte(c)
		}
		s = s[i+2:]
	}
	b.WriteString(s)
	return b.String()
}

// EscapeText escapes backslash, comma, semicolon and line breaks; CRLF and CR
// become line feeds.
func EscapeText(s string) string {
	if !strings.ContainsAny(s, "\\,;\r\n") {
		return s
	}
	return strings.NewReplacer("\\", "\\\\", ",", "\\,", ";", "\\;", "\r\n", "\\n", "\r", "\\n", "\n", "\\n").Replace(s)
}

// SplitList splits at commas that are not escaped; the parts stay escaped.
func SplitList(s string) []string { return split(s, ',') }

// SplitStructured splits at semicolons that are not escaped; the parts stay
// escaped.
func SplitStructured(s string) []string { return split(s, ';') }

func split(s string, at byte) []string {
	parts := make([]string, 0, strings.Count(s, string(at))+1)
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case at:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
