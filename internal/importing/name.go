package importing

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest name of a resource or a collection, bytes.
const maxName = 255

// Segment makes a collection's name here of one at the source.
func Segment(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == utf8.RuneError:
			return -1
		case strings.ContainsRune(`/\:?#%`, r), unicode.IsSpace(r):
			return '-'
		}
		return unicode.ToLower(r)
	}, name)
	name = strings.Trim(name, "-.")
	if len(name) > 100 {
		return digestName(name)
	}
	if name == "" {
		return "imported"
	}
	return name
}

// ObjectName makes an object's name here of one at the source, or of a UID.
func ObjectName(name, suffix string) string {
	usable := name != "" && name != "." && name != ".." && len(name) <= maxName-len(suffix) && utf8.ValidString(name) &&
		strings.IndexFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '/' || r == '\\' }) < 0
	if !usable {
		name = digestName(name)
	}
	if !strings.HasSuffix(strings.ToLower(name), suffix) {
		name += suffix
	}
	return name
}

// OtherName is a second name for an object whose first one is in use.
func OtherName(name, suffix, key string) string {
	stem := strings.TrimSuffix(name, suffix)
	if len(stem) > maxName-20-len(suffix) {
		stem = digestName(stem)
	}
	return stem + "-" + digestName(key)[:8] + suffix
}

func digestName(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}
