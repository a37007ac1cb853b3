package smtp

import (
	"errors"
	"net/netip"
	"strings"
	"unicode/utf8"
)

// Bounds of a path. RFC 5321 4.5.3.1 demands at least 64 and 255; local parts
// made by forwarders (SRS, BATV, VERP) are longer than 64.
const (
	maxLocalPart = 256
	maxDomain    = 255
	maxPath      = 1024
)

var errPath = errors.New("malformed path")

// path is a reverse-path or forward-path without its angle brackets. The zero
// value is the null reverse-path.
type path struct {
	local  string // unquoted
	domain string // empty only for "Postmaster" and the null path
}

// null reports whether it is the null reverse-path.
func (p path) null() bool { return p.local == "" && p.domain == "" }

// ascii reports whether the path needs no SMTPUTF8 (RFC 6531).
func (p path) ascii() bool { return isASCII(p.local) && isASCII(p.domain) }

// String gives local-part@domain, the local part quoted where it must be.
func (p path) String() string {
	local := p.local
	if !isDotString(local) {
		local = quoteLocal(local)
	}
	if p.domain == "" {
		if p.local == "" {
			return ""
		}
		return local
	}
	return local + "@" + p.domain
}

// parsePath reads a path in angle brackets from the start of s and returns the
// rest (RFC 5321 4.1.2). A source route is read and ignored (appendix C).
func parsePath(s string) (p path, rest string, err error) {
	if len(s) == 0 || s[0] != '<' {
		return path{}, "", errPath
	}
	s = s[1:]
	if strings.HasPrefix(s, ">") {
		return path{}, s[1:], nil
	}
	if strings.HasPrefix(s, "@") {
		if s, err = skipRoute(s); err != nil {
			return path{}, "", err
		}
	}
	before := len(s)
	if strings.HasPrefix(s, `"`) {
		p.local, s, err = quotedString(s)
	} else {
		p.local, s, err = dotString(s)
	}
	if err != nil {
		return path{}, "", err
	}
	if strings.HasPrefix(s, ">") {
		if !strings.EqualFold(p.local, "postmaster") { // RFC 5321 4.1.1.3
			return path{}, "", errPath
		}
		return p, s[1:], nil
	}
	if !strings.HasPrefix(s, "@") {
		return path{}, "", errPath
	}
	end := strings.IndexByte(s, '>')
	if end < 0 {
		return path{}, "", errPath
	}
	p.domain = s[1:end]
	if before-len(s)+end > maxPath || len(p.local) > maxLocalPart || !validDomain(p.domain) {
		return path{}, "", errPath
	}
	return p, s[end+1:], nil
}

// skipRoute reads past "@a,@b:".
func skipRoute(s string) (string, error) {
	end := strings.IndexByte(s, ':')
	if end < 0 || end > maxPath {
		return "", errPath
	}
	for hop := range strings.SplitSeq(s[:end], ",") {
		if !strings.HasPrefix(hop, "@") || !validDomain(hop[1:]) {
			return "", errPath
		}
	}
	return s[end+1:], nil
}

func dotString(s string) (local, rest string, err error) {
	end := strings.IndexAny(s, "@>")
	if end <= 0 || !isDotString(s[:end]) {
		return "", "", errPath
	}
	return s[:end], s[end:], nil
}

// isDotString reports whether s is a Dot-string (RFC 5321 4.1.2, RFC 6531 3.3).
// Empty atoms ("a..b", "a.") are let pass: such addresses exist.
func isDotString(s string) bool {
	if s == "" || !utf8.ValidString(s) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '.' && !isAtext(c) {
			return false
		}
	}
	return true
}

func isAtext(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// quotedString reads a Quoted-string and unquotes it.
func quotedString(s string) (local, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s) && i <= 2*maxLocalPart+2; i++ {
		switch c := s[i]; {
		case c == '"':
			if b.Len() == 0 || !utf8.ValidString(b.String()) {
				return "", "", errPath
			}
			return b.String(), s[i+1:], nil
		case c == '\\':
			i++
			if i == len(s) || s[i] < ' ' || s[i] >= 0x7f {
				return "", "", errPath
			}
			b.WriteByte(s[i])
		case c < ' ' || c == 0x7f:
			return "", "", errPath
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errPath
}

func quoteLocal(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// validDomain checks a Domain or an address-literal (RFC 5321 4.1.2, 4.1.3;
// U-labels by RFC 6531). Underscores are let pass: host names have them.
func validDomain(d string) bool {
	if d == "" || len(d) > maxDomain || !utf8.ValidString(d) {
		return false
	}
	if d[0] == '[' {
		if d[len(d)-1] != ']' {
			return false
		}
		literal := d[1 : len(d)-1]
		if len(literal) > 5 && strings.EqualFold(literal[:5], "IPv6:") {
			addr, err := netip.ParseAddr(literal[5:])
			return err == nil && addr.Is6() && addr.Zone() == ""
		}
		addr, err := netip.ParseAddr(literal)
		return err == nil && addr.Is4()
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63*4 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := 0; i < len(label); i++ {
			if c := label[i]; c != '-' && c != '_' && c < 0x80 && !isAlnum(c) {
				return false
			}
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
