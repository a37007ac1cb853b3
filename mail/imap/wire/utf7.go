package wire

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var utf7Base64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// EncodeUTF7 writes a name in modified UTF-7 (RFC 3501 5.1.3).
func EncodeUTF7(s string) string {
	if plainUTF7(s) {
		return s
	}
	var b strings.Builder
	var run []byte // UTF-16, big endian, of the characters that wait to be written
	flush := func() {
		if len(run) > 0 {
			b.WriteByte('&')
			b.WriteString(utf7Base64.EncodeToString(run))
			b.WriteByte('-')
			run = run[:0]
		}
	}
	for _, r := range s {
		switch {
		case r == '&':
			flush()
			b.WriteString("&-")
		case r >= 0x20 && r < 0x7f:
			flush()
			b.WriteByte(byte(r))
		default:
			for _, u := range utf16.AppendRune(nil, r) {
				run = append(run, byte(u>>8), byte(u))
			}
		}
	}
	flush()
	return b.String()
}

func plainUTF7(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f || s[i] == '&' {
			return false
		}
	}
	return true
}

// DecodeUTF7 reads modified UTF-7; ok is false if s is not well-formed. Bytes above 127 are not, so a name in UTF-8
// comes back with ok false.
func DecodeUTF7(s string) (name string, ok bool) {
	if plainUTF7(s) {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		c := s[i]
		if c < 0x20 || c >= 0x7f {
			return "", false
		}
		i++
		if c != '&' {
			b.WriteByte(c)
			continue
		}
		end := strings.IndexByte(s[i:], '-')
		if end < 0 {
			return "", false
		}
		if end == 0 {
			b.WriteByte('&')
		} else if !decodeRun(&b, s[i:i+end]) {
			return "", false
		}
		i += end + 1
	}
	return b.String(), true
}

// decodeRun decodes one base64 run of UTF-16.
func decodeRun(b *strings.Builder, run string) bool {
	raw, err := utf7Base64.DecodeString(run)
	if err != nil || len(raw)%2 != 0 {
		return false
	}
	for i := 0; i < len(raw); i += 2 {
		r := rune(raw[i])<<8 | rune(raw[i+1])
		if utf16.IsSurrogate(r) {
			i += 2
			if i >= len(raw) {
				return false
			}
			r = utf16.DecodeRune(r, rune(raw[i])<<8|rune(raw[i+1]))
			if r == utf8.RuneError {
				return false
			}
		}
		if r >= 0x20 && r < 0x7f && r != '&' || r == 0 {
			return false // what can stand for itself must
		}
		b.WriteRune(r)
	}
	return true
}
