package mail

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of a mailbox name.
const (
	maxNameBytes  = 1000
	maxLevelBytes = 255
	maxLevels     = 30
)

// normalizeName gives the stored form of a mailbox name: UTF-8 in NFC, so that
// two spellings of one ä name one mailbox, and "INBOX" in capitals wherever it
// is the first level (RFC 9051 5.1). Names compare byte by byte otherwise.
func normalizeName(name string) (string, error) {
	bad := func(why string) (string, error) { return "", fmt.Errorf("%w: %s", ErrName, why) }
	if len(name) > 4*maxNameBytes {
		return bad("it is too long")
	}
	if !utf8.ValidString(name) {
		return bad("it is not UTF-8")
	}
	if strings.ContainsFunc(name, forbidden) {
		return bad("it contains a control character")
	}
	name = norm.NFC.String(name)
	levels := strings.Split(name, Separator)
	if len(name) > maxNameBytes || len(levels) > maxLevels {
		return bad(fmt.Sprintf("at most %d bytes and %d levels are allowed", maxNameBytes, maxLevels))
	}
	for _, level := range levels {
		if level == "" {
			return bad("a level is empty")
		}
		if len(level) > maxLevelBytes {
			return bad(fmt.Sprintf("a level has more than %d bytes", maxLevelBytes))
		}
	}
	if strings.EqualFold(levels[0], Inbox) {
		name = Inbox + name[len(Inbox):]
	}
	if strings.EqualFold(levels[0], OtherUsers) {
		return bad("this is where other accounts are shown")
	}
	return name, nil
}

// forbidden are control characters and what ends lines (RFC 5198 2).
func forbidden(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

// parents lists the names above a name, outermost first.
func parents(name string) []string {
	var list []string
	for i := range len(name) {
		if name[i] == Separator[0] {
			list = append(list, name[:i])
		}
	}
	return list
}

// below reports whether name is an inferior of above.
func below(name, above string) bool {
	return len(name) > len(above) && name[len(above)] == Separator[0] && strings.HasPrefix(name, above)
}

// compareNames orders INBOX first, then by name, each mailbox followed by its
// inferiors.
func compareNames(a, b string) int {
	if x, y := isInbox(a), isInbox(b); x != y {
		if x {
			return -1
		}
		return 1
	}
	// The separator sorts below every character that a level may contain.
	return strings.Compare(strings.ReplaceAll(a, Separator, "\x00"), strings.ReplaceAll(b, Separator, "\x00"))
}

func isInbox(name string) bool { return name == Inbox || below(name, Inbox) }
