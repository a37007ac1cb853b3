package contacts

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"fachwerk/internal/contentline"
)

// People tells the directory who belongs to a tenant.
type People interface {
	// Version changes whenever what People answers for the tenant does. It is asked
	// often and must cost little.
	Version(ctx context.Context, tenant int64) (string, error)
	// People lists all accounts that others of the tenant may write to, in any order,
	// and the tenant's own name.
	People(ctx context.Context, tenant int64) (organization string, list []Person, err error)
}

// Person is an entry of the directory: a person or a shared account.
type Person struct {
	Account     int64
	Kind        PersonKind
	Address     string // primary
	Aliases     []string
	DisplayName string
	Changed     time.Time // when the account was last changed, or made
}

// PersonKind is what an entry stands for.
type PersonKind uint8

// The kinds.
const (
	Individual PersonKind = iota // a person
	Function                     // a function mailbox
	Team
	Room
	Equipment // a resource that is no room
)

// property is the value of KIND (RFC 6350 section 6.1.4). A function mailbox or team is
// an organization here: programs show a card of kind group as a list of its members,
// without its own address.
func (k PersonKind) property() string {
	switch k {
	case Function, Team:
		return "org"
	case Room:
		return "location"
	case Equipment:
		return "device" // RFC 6869
	}
	return "individual"
}

// name is what the entry is called.
func (p *Person) name() string {
	n := p.DisplayName
	if strings.Contains(n, "  ") || strings.ContainsAny(n, "\t\r\n") || strings.TrimSpace(n) != n {
		n = strings.Join(strings.Fields(n), " ")
	}
	if n == "" {
		return p.Address
	}
	return n
}

// card makes the entry's vCard. It is of version 3, which every program reads; KIND is a
// property that version 3 allows and passes over.
func (p *Person) card(tenant int64, organization string) *Card {
	name := p.name()
	c := &Card{Version: Version3, Properties: make([]Property, 0, 9+len(p.Aliases))}
	add := func(property, value string, params ...contentline.Param) {
		c.add(Property{Name: property, Value: value, Params: params})
	}
	add("VERSION", "3.0")
	add("UID", "urn:uuid:"+entryID(tenant, p.Account))
	add("FN", contentline.EscapeText(name))
	family, given := p.nameParts()
	add("N", contentline.EscapeText(family)+";"+contentline.EscapeText(given)+";;;")
	add("EMAIL", contentline.EscapeText(p.Address), param("TYPE", "INTERNET", "WORK", "PREF"))
	for _, a := range p.Aliases {
		add("EMAIL", contentline.EscapeText(a), param("TYPE", "INTERNET", "WORK"))
	}
	if organization != "" {
		add("ORG", contentline.EscapeText(organization))
	}
	add("KIND", p.Kind.property())
	if p.Kind != Individual {
		add("X-ABSHOWAS", "COMPANY")
	}
	return c
}

// nameParts are family and given name, or all of it as the first.
func (p *Person) nameParts() (family, given string) {
	name := p.name()
	if family, given, ok := personName(name); ok && p.Kind == Individual {
		return family, given
	}
	return name, ""
}

// structuredName is the text of N.
func (p *Person) structuredName() string {
	family, given := p.nameParts()
	return family + ";" + given + ";;;"
}

// personName takes a display name apart where that is safe: "Family, Given", or with
// spaces, where the last word is the family's.
func personName(s string) (family, given string, ok bool) {
	if family, given, ok := strings.Cut(s, ","); ok && strings.TrimSpace(given) != "" {
		return strings.TrimSpace(family), strings.TrimSpace(given), true
	}
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		return s[i+1:], s[:i], true
	}
	return "", "", false
}

// entryID is the UUID of an account's card: the same on every replica and for ever (RFC
// 9562 version 8, from a digest of the account's ids).
func entryID(tenant, account int64) string {
	var in [32]byte
	n := copy(in[:], "fachwerk entry\x00\x00")
	binary.BigEndian.PutUint64(in[n:], uint64(tenant))
	binary.BigEndian.PutUint64(in[n+8:], uint64(account))
	u := sha256.Sum256(in[:])
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
