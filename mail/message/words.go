package message

import (
	"strings"
)

// maxEncodedWords bounds the encoded words decoded in one field body; further ones stay as they are.
const maxEncodedWords = 10_000

// DecodeHeader returns an unstructured field body as readable UTF-8 on one line: unfolded, encoded words decoded (RFC
// 2047, leniently), raw bytes read as UTF-8 or else as Windows-1252, control characters made spaces.
func DecodeHeader(raw string) string {
	text := raw
	if strings.ContainsAny(raw, "\r\n") {
		text = Unfold([]byte(raw))
	}
	if strings.Contains(text, "=?") {
		text = decodeWords(text)
	} else if !isASCII(text) {
		text = decodeCharset([]byte(text), "")
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > 127 {
			return false
		}
	}
	return true
}

// decodeWords decodes the encoded words in s. The bytes of adjacent words in one charset are joined before they are
// decoded, for senders cut words in the middle of a character.
func decodeWords(s string) string {
	var out strings.Builder
	var joined []byte // of adjacent words
	label := ""
	flush := func() {
		if len(joined) > 0 {
			out.WriteString(decodeCharset(joined, label))
			joined = joined[:0]
		}
	}
	for words := 0; s != ""; {
		start := strings.Index(s, "=?")
		if start < 0 || words == maxEncodedWords {
			break
		}
		word, rest, ok := cutWord(s[start:])
		if !ok {
			flush()
			out.WriteString(decodeCharset([]byte(s[:start+2]), ""))
			s = s[start+2:]
			words++
			continue
		}
		// White space between adjacent words is not shown (RFC 2047 6.2).
		if between := s[:start]; len(joined) == 0 || strings.Trim(between, " \t\r\n") != "" {
			flush()
			out.WriteString(decodeCharset([]byte(between), ""))
		}
		if label != word.charset {
			flush()
			label = word.charset
		}
		joined = word.appendDecoded(joined)
		s = rest
		words++
	}
	flush()
	out.WriteString(decodeCharset([]byte(s), ""))
	return out.String()
}

// encodedWord is "=?charset?encoding?text?=" (RFC 2047 2).
type encodedWord struct {
	charset  string
	encoding byte // 'q' or 'b'
	text     string
}

// cutWord reads the encoded word that s begins with.
func cutWord(s string) (w encodedWord, rest string, ok bool) {
	const longestCharset, longestWord = 80, 4096 // RFC 2047 2 allows 75 for the whole word
	s = s[len("=?"):]
	n := strings.IndexByte(s[:min(len(s), longestCharset)], '?')
	if n < 1 || len(s) < n+len("?q?") || s[n+2] != '?' {
		return w, "", false
	}
	w.charset, _, _ = strings.Cut(lower(s[:n]), "*") // RFC 2231 5: a language may follow
	w.encoding = s[n+1] | 0x20
	if w.encoding != 'q' && w.encoding != 'b' || strings.ContainsAny(w.charset, " \t") {
		return w, "", false
	}
	s = s[n+len("?q?"):]
	end := strings.Index(s[:min(len(s), longestWord)], "?=")
	if end < 0 {
		return w, "", false
	}
	w.text = s[:end]
	return w, s[end+2:], true
}

func (w encodedWord) appendDecoded(dst []byte) []byte {
	if w.encoding == 'b' {
		var d base64Decoder
		return d.finish(d.decode(dst, []byte(w.text)))
	}
	for i := 0; i < len(w.text); i++ {
		c := w.text[i]
		switch {
		case c == '_':
			c = ' '
		case c == '=' && i+2 < len(w.text) && unhex(w.text[i+1]) >= 0 && unhex(w.text[i+2]) >= 0:
			c = byte(unhex(w.text[i+1])<<4 | unhex(w.text[i+2]))
			i += 2
		}
		dst = append(dst, c)
	}
	return dst
}

// DecodeParam returns the value of the parameter called name as UTF-8: RFC 2231 charsets and continuations joined,
// else encoded words decoded, which RFC 2047 forbids there and senders use.
func DecodeParam(params []Param, name string) (string, bool) {
	value, extended, ok := joinParam(params, name)
	if !extended {
		value = DecodeHeader(value)
	}
	return value, ok
}

// joinParam returns the value of the parameter called name and whether it was written in RFC 2231's way, which has
// precedence; else it is as received.
func joinParam(params []Param, name string) (value string, extended, ok bool) {
	var sections [maxParams]*Param
	var plain *Param
	for i := range params {
		p := &params[i]
		if len(p.Name) < len(name) || !strings.EqualFold(p.Name[:len(name)], name) {
			continue
		}
		switch n, isSection := sectionNumber(p.Name[len(name):]); {
		case isSection && sections[n] == nil:
			sections[n] = p
		case len(p.Name) == len(name) && plain == nil:
			plain = p
		}
	}
	if sections[0] == nil {
		if plain == nil {
			return "", false, false
		}
		return plain.Value, false, true
	}
	label := ""
	var raw []byte
	for n, p := range sections {
		if p == nil {
			break
		}
		text := p.Value
		if !strings.HasSuffix(p.Name, "*") {
			raw = append(raw, text...)
			continue
		}
		if n == 0 {
			if charset, rest, found := strings.Cut(text, "'"); found {
				label = charset
				if _, after, found := strings.Cut(rest, "'"); found {
					rest = after
				}
				text = rest
			}
		}
		raw = appendUnpercent(raw, text)
	}
	return decodeCharset(raw, label), true, true
}

// sectionNumber reads what follows a parameter's name in RFC 2231: "*" or "*2*" or "*2".
func sectionNumber(s string) (int, bool) {
	digits, star := strings.CutPrefix(s, "*")
	if !star {
		return 0, false
	}
	digits, star = strings.CutSuffix(digits, "*")
	if digits == "" {
		return 0, !star
	}
	n := 0
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		if n = n*10 + int(digits[i]-'0'); n >= maxParams {
			return 0, false
		}
	}
	return n, true
}

func appendUnpercent(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0 {
			dst = append(dst, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
			continue
		}
		dst = append(dst, s[i])
	}
	return dst
}

// Filename returns the part's file name, from Content-Disposition or Content-Type, as UTF-8 on one line; empty if it
// has none. It may hold any character, separators of paths too.
func (p *Part) Filename() string {
	if name, ok := DecodeParam(p.DispositionParams, "filename"); ok {
		return name
	}
	name, _ := DecodeParam(p.Params, "name")
	return name
}
