package importing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"fachwerk/internal/resource"
)

// Progress is how far an import has come.
type Progress struct {
	Collection string
	Done, All  int64 // objects
	Bytes      int64 // read from the source so far
	Verifying  bool
}

// Code is the kind of a Failure.
type Code string

// The codes.
const (
	Invalid  Code = "invalid"   // the object is not what it should be
	UIDTaken Code = "uid"       // another object here has its UID
	Name     Code = "name"      // its name cannot be used here
	TooLarge Code = "too-large" // for one object
	Quota    Code = "quota"     // of the account
	Conflict Code = "conflict"  // changed here and at the source
	Locked   Code = "locked"    // by somebody who works on it here
	AtSource Code = "source"    // the source lists it and does not give it
	Link     Code = "link"      // a symbolic link or a device, which is not followed
	Altered  Code = "altered"   // what is stored is not what came
	Missing  Code = "missing"   // it is not here after all
)

// Failure is something that did not come as it is, and why.
type Failure struct {
	Collection string `json:"collection"`
	Name       string `json:"name,omitempty"` // "": the whole collection
	Code       Code   `json:"code"`
	Reason     string `json:"reason"`
}

// Note is something that came, and is not just as it was or may not be.
type Note struct {
	Collection string `json:"collection"`
	Name       string `json:"name"`
	Text       string `json:"text"`
}

// CollectionReport is what became of one collection.
type CollectionReport struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	Title    string `json:"title,omitempty"`
	Cut      bool   `json:"cut,omitempty"` // its objects were cut out of a file
	Objects  int    `json:"objects"`       // at the source
	Imported int    `json:"imported"`      // new by this run
	Updated  int    `json:"updated"`       // changed at the source since, by this run
	Present  int    `json:"present"`       // here before
	Verified int    `json:"verified"`      // read back here with the source's digest
	Changed  int    `json:"changed"`       // changed here since they came, and left so
	Removed  int    `json:"removed"`       // came once, and removed or renamed here since
	Bytes    int64  `json:"bytes"`         // read from the source by this run
}

// Report is the result of a run.
type Report struct {
	Collections []CollectionReport `json:"collections"`
	Skipped     []Collection       `json:"skipped"`
	Failures    []Failure          `json:"failures"`
	Notes       []Note             `json:"notes"`
}

// Complete reports whether everything of the source is here, verified, or was
// changed here by somebody.
func (r *Report) Complete() bool {
	for _, c := range r.Collections {
		if c.Verified+c.Changed+c.Removed != c.Objects {
			return false
		}
	}
	return len(r.Failures) == 0
}

// ErrSource says that the source refused or broke off; what was imported stays.
var ErrSource = errors.New("the source")

// Refused is an error of one object, by its code.
type Refused struct {
	Code   Code
	Reason string // a sentence for people
}

func (e *Refused) Error() string { return e.Reason }

// Refuse makes a Refused.
func Refuse(code Code, format string, args ...any) error {
	return &Refused{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// codeOf finds the kind of an object's error.
func codeOf(err error) Code {
	var refused *Refused
	var uid *resource.UIDError
	switch {
	case errors.As(err, &refused):
		return refused.Code
	case errors.As(err, &uid):
		return UIDTaken
	case errors.Is(err, resource.ErrQuota):
		return Quota
	case errors.Is(err, resource.ErrTooLarge):
		return TooLarge
	case errors.Is(err, resource.ErrName), errors.Is(err, resource.ErrFolder):
		return Name
	case errors.Is(err, resource.ErrLocked):
		return Locked
	case errors.Is(err, resource.ErrDigest), errors.Is(err, ErrSource):
		return AtSource
	}
	return Invalid
}

// reason is what people read of an error.
func reason(err error) string {
	var uid *resource.UIDError
	switch {
	case errors.As(err, &uid):
		return "another object here has the same UID: " + uid.Name
	case errors.Is(err, resource.ErrQuota):
		return "the account's quota does not hold it"
	case errors.Is(err, resource.ErrLocked):
		return "somebody has locked it here"
	}
	return strings.ReplaceAll(err.Error(), "\n", " ")
}

// fatal errors end the whole import; others are the object's own.
func fatal(err error) bool {
	return errors.Is(err, resource.ErrTemporary) || errors.Is(err, resource.ErrDenied) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
