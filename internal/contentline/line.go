package contentline

import (
	"errors"
	"fmt"
	"strings"
)

// ErrTooLarge is wrapped by a [SyntaxError] where input went over a limit.
var ErrTooLarge = errors.New("contentline: too large")

// A SyntaxError says where and why input is no sequence of content lines.
type SyntaxError struct {
	Line   int    // physical line, from 1
	Reason string // a sentence part for people, without content of the input
	Err    error  // ErrTooLarge, or nil
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// Unwrap gives ErrTooLarge where a limit was met.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Limits bound a [Reader]. Zero values mean those of [DefaultLimits],
// negative ones no limit.
type Limits struct {
	Bytes  int64 // of the whole input
	Lines  int   // logical lines
	Line   int   // bytes of one logical line, unfolded
	Params int   // parameter values of one line
	Values int   // parameters and their values of all lines
}

// DefaultLimits are what zero values in Limits stand for: room for one
// calendar object or one contact card with its photo.
func DefaultLimits() Limits {
	return Limits{Bytes: 10 << 20, Lines: 200_000, Line: 10 << 20, Params: 1000, Values: 200_000}
}

// A Line is one logical (unfolded) content line.
type Line struct {
	Number int    // physical line on which it begins, from 1
	Group  string // vCard's group, as sent; "" without one
	Name   string // upper case
	Params []Param
	Value  string // as sent, unfolded, still escaped
}

// A Param is one parameter of a line.
type Param struct {
	Name   string   // upper case; "" for a bare parameter as vCard 2.1 has them (TEL;HOME:…)
	Values []string // unquoted, RFC 6868 undone; at least one
}

// Lookup returns the first value of the named parameter (upper case), and
// whether there is one.
func Lookup(params []Param, name string) (string, bool) {
	for _, p := range params {
		if p.Name == name && len(p.Values) > 0 {
			return p.Values[0], true
		}
	}
	return "", false
}

// Values returns all values of the named parameter (upper case), of each of
// its occurrences, split at commas as sent.
func Values(params []Param, name string) []string {
	var all []string
	for _, p := range params {
		if p.Name == name {
			all = append(all, p.Values...)
		}
	}
	return all
}

// HasValue reports whether the named parameter has the value, ignoring case.
func HasValue(params []Param, name, value string) bool {
	for _, p := range params {
		if p.Name != name {
			continue
		}
		for _, v := range p.Values {
			if strings.EqualFold(v, value) {
				return true
			}
		}
	}
	return false
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	if l.Lines == 0 {
		l.Lines = d.Lines
	}
	if l.Line == 0 {
		l.Line = d.Line
	}
	if l.Params == 0 {
		l.Params = d.Params
	}
	if l.Values == 0 {
		l.Values = d.Values
	}
	return l
}
