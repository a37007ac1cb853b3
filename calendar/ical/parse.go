package ical

import (
	"io"
	"iter"

	"fachwerk/internal/contentline"
)

// Bounds of Parse.
const (
	MaxBytes      = 10 << 20 // of one calendar
	MaxDepth      = 8        // of components in each other
	MaxComponents = 50_000   // of one calendar
)

// A SyntaxError says where and why a text is no iCalendar. It wraps
// contentline.ErrTooLarge where a bound was met.
type SyntaxError = contentline.SyntaxError

// Parse reads one VCALENDAR (RFC 5545 3.4). Nothing but empty lines may stand
// around it. The error is a *SyntaxError.
//
// It looks at form alone: whether the calendar makes sense is [NewObject]'s to
// say. Text need not be valid UTF-8.
func Parse(data []byte) (*Component, error) { panic("unwritten") }

// ParseStream reads the calendars of an export file one after the other, each
// bounded as in Parse and the file not at all. A calendar that cannot be read is a
// *SyntaxError, after which the next one is tried; an error of r ends it.
func ParseStream(r io.Reader) iter.Seq2[*Component, error] { panic("unwritten") }
