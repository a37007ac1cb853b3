package calendar

import (
	"errors"
	"fmt"

	"fachwerk/calendar/ical"
)

// Refusal says why something is not taken: the precondition's local name in the
// CalDAV namespace (RFC 4791 5.3.2.1, 7.8) and a sentence for people.
type Refusal = ical.InvalidError

func refuse(precondition, format string, args ...any) error {
	return &Refusal{Precondition: precondition, Reason: fmt.Sprintf(format, args...)}
}

// ErrTooMuch says that an answer would have more instances or periods than the
// limits allow (RFC 4791 7.8 number-of-matches-within-limits).
var ErrTooMuch = errors.New("the answer has too many instances")
