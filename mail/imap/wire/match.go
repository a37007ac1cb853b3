package wire

import "strings"

// MaxWildcards bounds the wildcards of one LIST pattern.
const MaxWildcards = 64

// Pattern is a LIST pattern: "*" matches anything, "%" anything but the hierarchy separator "/" (section 6.3.9).
type Pattern struct{ text string }

// NewPattern returns a pattern, runs of wildcards made one; ok is false if it has too many wildcards.
func NewPattern(s string) (p Pattern, ok bool) {
	var b strings.Builder
	wild := 0
	for i := 0; i < len(s); {
		if s[i] != '*' && s[i] != '%' {
			b.WriteByte(s[i])
			i++
			continue
		}
		c := byte('%')
		for i < len(s) && (s[i] == '*' || s[i] == '%') {
			if s[i] == '*' {
				c = '*'
			}
			i++
		}
		b.WriteByte(c)
		wild++
	}
	return Pattern{text: b.String()}, wild <= MaxWildcards
}

// Match tells whether a mailbox name matches. INBOX, and INBOX at the start of a longer name, matches in any case
// (section 5.1). It takes time in proportion to the product of both lengths at most.
func (p Pattern) Match(name string) bool {
	if name == "INBOX" || strings.HasPrefix(name, "INBOX/") {
		if t := p.text; len(t) >= 5 && strings.EqualFold(t[:5], "INBOX") {
			return match("INBOX"+t[5:], name)
		}
		return match(p.text, name) || matchInbox(p.text, name)
	}
	return match(p.text, name)
}

// matchInbox matches a pattern such as "in%" against INBOX without regard to case.
func matchInbox(pattern, name string) bool {
	return match(upper5(pattern), name)
}

// upper5 makes the letters of INBOX in a pattern's first five literal bytes upper case.
func upper5(s string) string {
	b := []byte(s)
	for i := 0; i < len(b) && i < 5; i++ {
		if b[i] == '*' || b[i] == '%' {
			break
		}
		if b[i] >= 'a' && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// match walks pattern and name side by side and remembers which pattern positions are reachable, so that no pattern
// takes exponential time.
func match(pattern, name string) bool {
	if !strings.ContainsAny(pattern, "*%") {
		return pattern == name
	}
	reach := make([]bool, len(pattern)+1)
	closure(pattern, reach, 0)
	for i := 0; i < len(name); i++ {
		any := false
		// From right to left, so that one step does not feed the next.
		for j := len(pattern); j >= 0; j-- {
			if !reach[j] {
				continue
			}
			reach[j] = false
			if j == len(pattern) {
				continue
			}
			switch c := pattern[j]; {
			case c == '*', c == '%' && name[i] != '/':
				// The wildcard takes this byte and stays; what lies behind it is reachable too.
				closure(pattern, reach, j)
				any = true
			case c == name[i] && c != '%':
				closure(pattern, reach, j+1)
				any = true
			}
		}
		if !any {
			return false
		}
	}
	return reach[len(pattern)]
}

// closure marks j, and what follows a wildcard at j, which may match nothing.
func closure(pattern string, reach []bool, j int) {
	reach[j] = true
	if j < len(pattern) && (pattern[j] == '*' || pattern[j] == '%') {
		reach[j+1] = true // wildcards never stand side by side (NewPattern)
	}
}
