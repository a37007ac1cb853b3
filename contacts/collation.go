package contacts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Collation says which texts are the same (RFC 4790, RFC 6352 section 8.3).
type Collation uint8

// The collations, in the order of [Collations].
const (
	UnicodeCasemap Collation = iota // RFC 5051; what is meant where a query names none
	ASCIICasemap
	Octet
)

// collationNames are the names in the registry, by Collation.
var collationNames = [...]string{UnicodeCasemap: "i;unicode-casemap", ASCIICasemap: "i;ascii-casemap", Octet: "i;octet"}

// Collations lists the names of all collations there are.
func Collations() []string { return collationNames[:] }

// ParseCollation finds a collation by name; "" and "default" are i;unicode-casemap
// (RFC 6352 section 10.5.4).
func ParseCollation(name string) (Collation, bool) {
	if name == "" || name == "default" {
		return UnicodeCasemap, true
	}
	for c, n := range collationNames {
		if strings.EqualFold(n, name) {
			return Collation(c), true
		}
	}
	return 0, false
}

// fold brings a text into the form in which the collation compares octets. Texts that
// any collation holds for the same are so under UnicodeCasemap too, and so are their
// parts, because each character is folded for itself.
func (c Collation) fold(s string) string {
	switch c {
	case Octet:
		return s
	case ASCIICasemap:
		return asciiLower(s)
	default:
		return string(appendUnicodeFold(nil, s))
	}
}

func asciiLower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= 'A' && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// appendUnicodeFold is RFC 5051 section 2: titlecase, then full decomposition, rune by
// rune. NUL is left out: it ends texts in columns, and no vCard may have it.
func appendUnicodeFold(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		b := s[i]
		if b < utf8.RuneSelf {
			if b >= 'a' && b <= 'z' {
				b -= 'a' - 'A'
			}
			if b != 0 {
				dst = append(dst, b)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		dst = appendDecomposed(dst, unicode.ToTitle(r))
	}
	return dst
}

// appendDecomposed puts what a rune is made of in its place. The parts of a compatibility
// mapping, as of a ligature, may have a title case themselves.
func appendDecomposed(dst []byte, r rune) []byte {
	var buf [utf8.UTFMax]byte
	d := norm.NFKD.Properties(utf8.AppendRune(buf[:0], r)).Decomposition()
	if d == nil {
		return utf8.AppendRune(dst, r)
	}
	for _, part := range string(d) {
		dst = utf8.AppendRune(dst, unicode.ToTitle(part))
	}
	return dst
}
