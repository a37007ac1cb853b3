package dav

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
)

// Precondition is a refusal: a status, the precondition or postcondition that does
// not hold (RFC 4918 section 16), and a sentence for people.
type Precondition struct {
	Status int
	// Name is the element inside DAV:error; zero: none is defined, the answer
	// is the sentence as text.
	Name xml.Name
	Text string
	// Inner writes what is inside the element; nil: nothing.
	Inner func(x *XML)
	// Header has more headers for the answer, such as Retry-After; may be nil.
	Header http.Header
}

// Error is the sentence.
func (p *Precondition) Error() string { return p.Text }

// Refusal is a Precondition with a status, a name and a sentence.
func Refusal(status int, name xml.Name, text string, values ...any) *Precondition {
	if len(values) > 0 {
		text = fmt.Sprintf(text, values...)
	}
	return &Precondition{Status: status, Name: name, Text: text}
}

// refused is one without an element.
func refused(status int, text string, values ...any) *Precondition {
	return Refusal(status, xml.Name{}, text, values...)
}

// asPrecondition unwraps one.
func asPrecondition(err error) (*Precondition, bool) {
	var p *Precondition
	ok := errors.As(err, &p)
	return p, ok
}
