package ical

// A Recur is a RECUR value (RFC 5545 3.3.10, with SKIP of RFC 7529).
type Recur struct{ unwritten bool }

// ParseRecur reads a RECUR value.
func ParseRecur(s string) (*Recur, error) { panic("unwritten") }
