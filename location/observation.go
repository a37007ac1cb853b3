package location

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Part is which of a site's two stores is meant.
type Part string

// The parts of a site.
const (
	Database Part = "database"
	Objects  Part = "objects"
)

// Check is one sort of thing that is compared.
type Check string

// The checks. Questions about them bear the same names.
const (
	Addresses   Check = "addresses"   // inside the declared networks
	Identity    Check = "certificate" // the server's key
	System      Check = "system"      // the database's system identifier
	Standbys    Check = "standbys"    // every copy that streams
	Synchronous Check = "synchronous" // whether commits wait for one
	Archive     Check = "archive"     // of the write-ahead log
	Bucket      Check = "location"    // the bucket's
	Replication Check = "replication" // the bucket's rules
	Versions    Check = "versions"    // whether the bucket keeps old ones
	Storage     Check = "folder"      // the filesystem of an embedded engine
)

// State is the outcome of a comparison.
type State string

// The states.
const (
	Matches     State = "matches"
	Differs     State = "differs"
	NotObserved State = "not_observed"
)

// Observation is one thing that was compared with its declaration.
type Observation struct {
	Site    string  `json:"site"`
	Part    Part    `json:"part"`
	Check   Check   `json:"check"`
	Subject string  `json:"subject,omitempty"` // which of several: a host name, a standby
	State   State   `json:"state"`
	Finding Finding `json:"finding"` // what it means, as a word that Sentence puts into a sentence
	// Declared is what was expected. Where Remembered is set it was not
	// declared but seen before.
	Declared   string `json:"declared,omitempty"`
	Remembered bool   `json:"remembered,omitempty"`
	Seen       string `json:"seen,omitempty"`
	// Standby is the declared standby in whose networks a connection ends, if it is
	// not in the site's.
	Standby string `json:"standby,omitempty"`
	// Evidence is what was asked and what answered, a line each.
	Evidence string `json:"evidence,omitempty"`
	// Since is when the thing was first seen so, At when it was last looked at.
	Since time.Time `json:"since"`
	At    time.Time `json:"at"`
	// Tried is set for a difference that stands because it could not be looked at
	// again: the last time that this was tried. At is then when it was last seen.
	Tried time.Time `json:"tried,omitzero"`
}

// Stops tells whether the observation means that data may lie elsewhere than
// declared, which stops the writes of tenants whose policy says so. A declared
// copy that is missing is a difference, but nothing lies elsewhere for it.
func (o Observation) Stops() bool {
	return o.State == Differs && !harmless[o.Finding]
}

// stands tells whether the observation holds until the same thing is seen otherwise: a
// difference, and that a standby has taken over.
func (o Observation) stands() bool { return o.State == Differs || o.Finding == AtStandby }

// New tells whether the observation says something else than the one before it.
func (o Observation) New() bool { return o.Since.Equal(o.At) && o.Tried.IsZero() }

// key names what was looked at.
type key struct {
	Part
	Check
	Subject string
}

func (o Observation) key() key { return key{o.Part, o.Check, o.Subject} }

// same tells whether two observations of one thing say the same. What was seen for
// the first time, or accepted, is as before from then on.
func (o Observation) same(p Observation) bool {
	settled := o.Finding == AsBefore && (p.Finding == First || p.Finding == Accepted)
	return o.State == p.State && (o.Finding == p.Finding || settled) && o.Declared == p.Declared && o.Seen == p.Seen
}

// Of is what a chain of reports is about: a tenant, or one person of it.
type Of struct{ Tenant, Person int64 } // Person 0: the tenant

// subject is what reports name a chain by: it tells nothing and never changes.
func (of Of) subject() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "fachwerk location report of %d %d", of.Tenant, of.Person))
	return hex.EncodeToString(sum[:16])
}

// ErrOutdated says that another report of the chain was kept meanwhile: make it
// anew, upon that one.
var ErrOutdated = errors.New("location: another report came first")

// ErrNoReport says that a chain has no report yet.
var ErrNoReport = errors.New("location: no report yet")

// ErrNoObservation says that nothing was seen that could be accepted.
var ErrNoObservation = errors.New("location: no such observation")

// Ledger keeps observations and reports. The store implements it;
// locationtest.LedgerSuite is what it must pass. Times come back in UTC, exact to
// the microsecond.
type Ledger interface {
	// SaveObservations keeps a verification of one site. All of it, with the
	// differences that it does not settle (Standing), replaces what
	// LastObservations answers, whoever else saves at the same time; those that
	// are New are added to the history too, once: what the history has of the
	// same site, part, check, subject and time is not added again. An empty run
	// is kept as well.
	SaveObservations(ctx context.Context, site string, run []Observation) error

	// LastObservations returns the run that was saved last, in its order; none
	// if there is none.
	LastObservations(ctx context.Context, site string) ([]Observation, error)

	// History returns what was new at a site before a time, latest first, at
	// most limit of it. Of one time, what was saved last comes first.
	History(ctx context.Context, site string, before time.Time, limit int) ([]Observation, error)

	// SaveReport keeps a signed report as the last of its chain. It fails with
	// ErrOutdated unless its number is the last one's plus one, or 1 where
	// there is none.
	SaveReport(ctx context.Context, of Of, r Kept) error

	// LastReport returns the last report of a chain, or ErrNoReport.
	LastReport(ctx context.Context, of Of) (Kept, error)

	// Reports returns the chain's reports numbered below before (0: all),
	// latest first, at most limit of them.
	Reports(ctx context.Context, of Of, before int64, limit int) ([]Kept, error)
}

// Kept is a signed report as it lies in the ledger.
type Kept struct {
	Number int64
	At     time.Time
	JWS    string // compact serialization, RFC 7515, section 3.1
}
