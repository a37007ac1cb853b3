package message

import "strings"

// This file reads the bodies of MIME's structured fields (RFC 2045 5.1, RFC 2183), each in one pass.

// tspecials end a token (RFC 2045 5.1), besides those that end every word here.
const tspecials = `<>@,:\/[]?=`

// parseContentType reads the body of a Content-Type field. What is missing of type and subtype is supplied after
// RFC 2045 5.2 and common sense; ok is false when not even a type was there.
func parseContentType(body string) (typ, subtype string, params []Param, ok bool) {
	v := valueReader{s: body}
	typ = lower(v.token(tspecials))
	if v.take('/') {
		subtype = lower(v.token(tspecials))
	}
	if typ == "" || v.take('=') { // parameters without a type, as some senders write
		v.pos = 0
		return "text", "plain", v.params(), false
	}
	if subtype == "" {
		switch typ {
		case "text":
			subtype = "plain"
		case "multipart":
			subtype = "mixed"
		default:
			typ, subtype = "application", "octet-stream"
		}
	}
	return typ, subtype, v.params(), true
}

// parseDisposition reads the body of a Content-Disposition field.
func parseDisposition(body string) (disposition string, params []Param) {
	v := valueReader{s: body}
	disposition = lower(v.token(tspecials))
	if v.take('=') { // parameters alone
		v.pos, disposition = 0, ""
	}
	params = v.params()
	if disposition == "" && len(params) > 0 {
		disposition = "attachment" // unknown types count as attachment (RFC 2183 2.8), so may a missing one
	}
	return disposition, params
}

// parseEncoding reads the body of a Content-Transfer-Encoding field.
func parseEncoding(body string) string {
	v := valueReader{s: body}
	return lower(v.token(""))
}

// parseLanguages reads the body of a Content-Language field (RFC 3282).
func parseLanguages(body string) []string {
	var tags []string
	for tag := range strings.SplitSeq(body, ",") {
		if tag = strings.TrimSpace(tag); tag != "" && len(tags) < maxLanguages {
			tags = append(tags, tag)
		}
	}
	return tags
}

// valueReader reads a token and the parameters after it from an unfolded field body.
type valueReader struct {
	s   string
	pos int
}

// token reads a word, or what stands in quotes, and ends at white space, a semicolon, a comment or a byte of stop.
func (v *valueReader) token(stop string) string {
	v.skip("")
	if v.pos < len(v.s) && v.s[v.pos] == '"' {
		return strings.TrimSpace(dropControls(v.quoted()))
	}
	start := v.pos
	for v.pos < len(v.s) {
		c := v.s[v.pos]
		if c == ';' || c == '(' || c == '"' || isSpace(c) || strings.IndexByte(stop, c) >= 0 {
			break
		}
		v.pos++
	}
	return dropControls(v.s[start:v.pos])
}

// take skips white space and comments and then c, if it stands there.
func (v *valueReader) take(c byte) bool {
	v.skip("")
	if v.pos < len(v.s) && v.s[v.pos] == c {
		v.pos++
		return true
	}
	return false
}

// skip passes white space, comments and any byte of also.
func (v *valueReader) skip(also string) {
	for v.pos < len(v.s) {
		c := v.s[v.pos]
		switch {
		case c == '(':
			v.pos, _ = skipComment(v.s, v.pos)
		case isSpace(c) || strings.IndexByte(also, c) >= 0:
			v.pos++
		default:
			return
		}
	}
}

// params reads what is left as parameters. Those without a name or without an equals sign are dropped.
func (v *valueReader) params() []Param {
	var params []Param
	for len(params) < maxParams {
		v.skip(";,")
		if v.pos == len(v.s) {
			break
		}
		start := v.pos
		for v.pos < len(v.s) && v.s[v.pos] != '=' && v.s[v.pos] != ';' && v.s[v.pos] != '(' && !isSpace(v.s[v.pos]) {
			v.pos++
		}
		name := dropControls(v.s[start:v.pos])
		if !v.take('=') {
			if v.pos == start {
				v.pos++ // never stand still
			}
			continue
		}
		value := v.value()
		if name != "" {
			params = append(params, Param{strings.Clone(name), strings.Clone(value)})
		}
	}
	return params
}

// value reads a parameter's value: what stands in quotes, or everything up to a semicolon. White space is part of an
// unquoted value (file names come so), unless a comment or the next parameter follows it.
func (v *valueReader) value() string {
	v.skip("")
	if v.pos < len(v.s) && v.s[v.pos] == '"' {
		return v.quoted()
	}
	start, end := v.pos, v.pos
	for v.pos < len(v.s) && v.s[v.pos] != ';' {
		if !isSpace(v.s[v.pos]) {
			v.pos++
			end = v.pos
			continue
		}
		for v.pos < len(v.s) && isSpace(v.s[v.pos]) {
			v.pos++
		}
		if v.pos < len(v.s) && (v.s[v.pos] == '(' || v.paramAhead()) {
			break
		}
	}
	return v.s[start:end]
}

// paramAhead tells whether a name and an equals sign follow.
func (v *valueReader) paramAhead() bool {
	const longestName = 64
	for i := v.pos; i < len(v.s) && i < v.pos+longestName; i++ {
		c := v.s[i]
		switch {
		case c == '=':
			return i > v.pos
		case c == '*' || c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z':
		default:
			return false
		}
	}
	return false
}

// quoted reads a quoted string (RFC 5322 3.2.4); one without its end reaches to the end of the field.
func (v *valueReader) quoted() string {
	text, end, _ := unquote(v.s, v.pos)
	v.pos = end
	return text
}

// unquote reads the quoted string that begins at s[pos]. It returns its text without quotes and backslashes, the
// position behind it, and whether it had an end; without one it reaches to the end of s.
func unquote(s string, pos int) (text string, end int, closed bool) {
	pos++
	start := pos
	for ; pos < len(s); pos++ {
		switch s[pos] {
		case '"':
			return unescape(s[start:pos]), pos + 1, true
		case '\\':
			pos++
		}
	}
	return unescape(s[start:]), len(s), false
}

// unescape takes away the backslashes of quoted pairs (RFC 5322 3.2.1).
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out = append(out, s[i])
	}
	return string(out)
}

// skipComment returns the position behind the comment (RFC 5322 3.2.2, nested) that begins at s[pos], and whether it
// had an end; without one it reaches to the end of s.
func skipComment(s string, pos int) (end int, closed bool) {
	for depth := 0; pos < len(s); pos++ {
		switch s[pos] {
		case '\\':
			pos++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return pos + 1, true
			}
		}
	}
	return len(s), false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// dropControls takes control characters out of a word that a client is to compare or show.
func dropControls(s string) string {
	control := func(c byte) bool { return c < ' ' || c == 0x7f }
	for i := range len(s) {
		if control(s[i]) {
			out := []byte(s[:i])
			for _, c := range []byte(s[i:]) {
				if !control(c) {
					out = append(out, c)
				}
			}
			return string(out)
		}
	}
	return s
}

// lower returns s with ASCII letters in lower case and every other byte as it is.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return string(appendLower(make([]byte, 0, len(s)), []byte(s)))
		}
	}
	return s
}
