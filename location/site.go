package location

import (
	"errors"
	"fmt"
	"net/netip"
)

// Site is a declared place with a database and a blob store of its own.
type Site struct {
	Name     string // unique, used by tenants as their home
	Operator string // who runs it, as a contract names them
	Country  string // ISO 3166-1 alpha-2
	Place    string // city or data centre
	Networks []netip.Prefix
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

// Placement decides whether data of a tenant may be written by this process,
// whose engines belong to one site. home is the site the tenant names.
type Placement func(home string, kind Kind) error

// At is the placement function of a process whose engines belong to here.
// It fails when here is not among the declared sites or is not declared whole.
func At(here string, sites []Site) (Placement, error) {
	declared := make(map[string]bool, len(sites))
	for _, s := range sites {
		if err := s.check(); err != nil {
			return nil, err
		}
		if declared[s.Name] {
			return nil, fmt.Errorf("location: site %q is declared twice", s.Name)
		}
		declared[s.Name] = true
	}
	if !declared[here] {
		return nil, fmt.Errorf("location: site %q is not declared", here)
	}
	return func(home string, kind Kind) error {
		if home == here {
			return nil
		}
		return fmt.Errorf("%w: %s belongs to site %q, this is %q", ErrElsewhere, kind, home, here)
	}, nil
}

func (s Site) check() error {
	for _, part := range []struct{ key, value string }{
		{"name", s.Name}, {"operator", s.Operator}, {"country", s.Country}, {"place", s.Place},
	} {
		if part.value == "" {
			return fmt.Errorf("location: site %q: %s is missing; a place must be declared whole", s.Name, part.key)
		}
	}
	if len(s.Country) != 2 {
		return fmt.Errorf("location: site %q: country %q is not an ISO 3166-1 code of two letters", s.Name, s.Country)
	}
	return nil
}
