package auth

import (
	"fmt"
	"strings"
)

// AllScopes covers every service.
const AllScopes = MailRead | MailSend | Calendars | Contacts | Files

// scopeNames are in the order in which String lists them.
var scopeNames = [...]struct {
	scope Scope
	name  string
}{
	{MailRead, "mail.read"},
	{MailSend, "mail.send"},
	{Calendars, "calendar"},
	{Contacts, "contacts"},
	{Files, "files"},
}

// String gives the names, one space between, in a fixed order; it is the
// form in which the store keeps them.
func (s Scope) String() string {
	var b strings.Builder
	for _, n := range scopeNames {
		if s&n.scope == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(n.name)
	}
	return b.String()
}

// ParseScopes reads names with spaces or commas between; an unknown name is
// an error, an empty text is no scope at all.
func ParseScopes(text string) (Scope, error) {
	var s Scope
next:
	for _, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		for _, n := range scopeNames {
			if n.name == name {
				s |= n.scope
				continue next
			}
		}
		return 0, fmt.Errorf("unknown scope %q", name)
	}
	return s, nil
}
