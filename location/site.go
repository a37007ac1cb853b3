package location

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"
)

// Site is a declared place with a database and an object store of its own. All
// of it but Standbys and the claims about the parts is required.
type Site struct {
	Name     string // unique, used by tenants as their home
	Operator string // who runs it, as a contract names them
	Country  string // ISO 3166-1 alpha-2
	Place    string // city or data centre
	// Networks are the addresses of the machines: where the database and the
	// object store are reached, and where the database says that it is.
	Networks []netip.Prefix
	Standbys []Standby // every copy of the database that streams from it
	Database DatabaseClaim
	Objects  ObjectsClaim
}

// Standby is a declared copy of a site's database.
type Standby struct {
	// Name is what the standby calls itself to the primary, its
	// application_name; * and ? stand for any text and any character, for
	// standbys that are numbered by what starts them.
	Name     string
	Operator string
	Country  string
	Place    string
	Networks []netip.Prefix
}

// DatabaseClaim is what is declared of a site's database for verification. What
// is not declared is remembered from the first observation instead.
type DatabaseClaim struct {
	SystemIdentifier string   // of pg_control_system()
	CertificateKeys  []string // base64 SHA-256 of the SubjectPublicKeyInfo; any of them
	// Local says that a commit need not wait for a standby (durability: local).
	Local bool
}

// ObjectsClaim is what is declared of a site's object store for verification.
type ObjectsClaim struct {
	Bucket          string   // its name; other sites may replicate to it
	Location        string   // what GetBucketLocation is to answer
	ReplicatesTo    []string // names of buckets or of sites
	CertificateKeys []string // as of DatabaseClaim
}

// Kind is a sort of data that can be placed.
type Kind string

// The kinds of data a write path names.
const (
	Metadata Kind = "metadata"
	Content  Kind = "content"
	Queue    Kind = "queue"
	Login    Kind = "login"
)

// ErrElsewhere says that a write would land where the tenant's data may not lie.
var ErrElsewhere = errors.New("the tenant's data may not lie at this site")

// whole says what is missing of a declaration, standbys and networks included.
func (s Site) whole() error {
	if err := declaredWhole(fmt.Sprintf("site %q", s.Name), s.Name, s.Operator, s.Country, s.Place); err != nil {
		return err
	}
	if len(s.Networks) == 0 {
		return fmt.Errorf("location: site %q: networks is missing; a place must be declared whole", s.Name)
	}
	names := make(map[string]bool, len(s.Standbys))
	for _, b := range s.Standbys {
		what := fmt.Sprintf("site %q: standby %q", s.Name, b.Name)
		if err := declaredWhole(what, b.Name, b.Operator, b.Country, b.Place); err != nil {
			return err
		}
		if len(b.Networks) == 0 {
			return fmt.Errorf("location: %s: networks is missing; a place must be declared whole", what)
		}
		if _, err := path.Match(b.Name, ""); err != nil || strings.ContainsAny(b.Name, `/\[`) {
			return fmt.Errorf("location: %s: the name may hold * and ? but no / \\ [", what)
		}
		if names[b.Name] {
			return fmt.Errorf("location: %s is declared twice", what)
		}
		names[b.Name] = true
	}
	return nil
}

func declaredWhole(what, name, operator, country, place string) error {
	for _, part := range []struct{ key, value string }{
		{"name", name}, {"operator", operator}, {"country", country}, {"place", place},
	} {
		if part.value == "" {
			return fmt.Errorf("location: %s: %s is missing; a place must be declared whole", what, part.key)
		}
	}
	if len(country) != 2 || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return fmt.Errorf("location: %s: country %q is not an ISO 3166-1 code of two capital letters", what, country)
	}
	return nil
}

// foreign tells whether a standby is another operator's than its site, or in another
// country.
func (b Standby) foreign(s Site) bool { return b.Operator != s.Operator || b.Country != s.Country }

// called tells whether a standby that gives itself this name is meant.
func (b Standby) called(name string) bool {
	ok, err := path.Match(b.Name, strings.ReplaceAll(name, "/", "_")) // a * covers any text
	return err == nil && ok
}

// within tells whether one of the networks holds the address. An IPv4 address is
// the same in its IPv6 form; a zone is the machine's own word and does not count.
func within(a netip.Addr, networks []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}
