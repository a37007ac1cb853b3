package calendar

import (
	"errors"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Filter is a CALDAV:filter (RFC 4791 9.7). Its one CompFilter names VCALENDAR.
type Filter struct{ Comp CompFilter }

// CompFilter matches a component (RFC 4791 9.7.1): one of that name that lies in
// Range and fulfils every filter below it, or with NotDefined none of that name.
type CompFilter struct {
	Name       string // upper case
	NotDefined bool
	Range      *TimeRange
	Props      []PropFilter
	Comps      []CompFilter
}

// PropFilter matches a property (RFC 4791 9.7.2).
type PropFilter struct {
	Name       string // upper case
	NotDefined bool
	Range      *TimeRange
	Text       *TextMatch
	Params     []ParamFilter
}

// ParamFilter matches a property parameter (RFC 4791 9.7.3).
type ParamFilter struct {
	Name       string // upper case
	NotDefined bool
	Text       *TextMatch
}

// TimeRange is CALDAV:time-range and its kin (RFC 4791 9.9): Start is inside, End is
// not. The zero Time is no bound.
type TimeRange struct{ Start, End time.Time }

// The bounds that stand for none: what iCalendar can write at all.
var (
	beginning = time.Date(1, time.January, 1, 0, 0, 0, 0, time.UTC)
	forever   = time.Date(10000, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// bounds are Start and End with no bound made the widest one.
func (r TimeRange) bounds() (from, to time.Time) {
	from, to = r.Start, r.End
	if from.IsZero() {
		from = beginning
	}
	if to.IsZero() {
		to = forever
	}
	return from, to
}

// holds reports whether a moment lies in the range.
func (r TimeRange) holds(t time.Time) bool {
	from, to := r.bounds()
	return !t.Before(from) && t.Before(to)
}

// Collation says how text is compared (RFC 4790).
type Collation string

// The collations, by their registered names.
const (
	ASCIICasemap   Collation = "i;ascii-casemap"
	Octet          Collation = "i;octet"
	UnicodeCasemap Collation = "i;unicode-casemap" // RFC 5051
)

// Collations are those that a query may name (RFC 4791 7.5.1).
func Collations() []Collation { return []Collation{ASCIICasemap, Octet, UnicodeCasemap} }

// ErrCollation says that a query names a collation that is not there.
var ErrCollation = errors.New("the collation is not supported")

// TextMatch is a search for a part of a value (RFC 4791 9.7.5). NewTextMatch makes one.
type TextMatch struct {
	collation Collation
	negate    bool
	folded    string
}

// NewTextMatch makes a search; collation "" is i;ascii-casemap. ErrCollation.
func NewTextMatch(text string, collation Collation, negate bool) (*TextMatch, error) {
	switch collation {
	case "", "default": // RFC 4790 3.1: default names the server's own choice
		collation = ASCIICasemap
	case ASCIICasemap, Octet, UnicodeCasemap:
	default:
		return nil, ErrCollation
	}
	return &TextMatch{collation, negate, collation.fold(text)}, nil
}

// matches reports whether a value fulfils the search.
func (m *TextMatch) matches(value string) bool {
	return strings.Contains(m.collation.fold(value), m.folded) != m.negate
}

// fold maps text so that what the collation holds equal becomes equal.
func (c Collation) fold(s string) string {
	switch c {
	case Octet:
		return s
	case UnicodeCasemap:
		// RFC 5051 section 2: titlecase, then full decomposition.
		return norm.NFKD.String(strings.Map(unicode.ToTitle, s))
	default:
		return foldASCII(s)
	}
}

func foldASCII(s string) string {
	for i := range len(s) {
		if 'a' <= s[i] && s[i] <= 'z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'a' <= b[i] && b[i] <= 'z' {
					b[i] -= 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
