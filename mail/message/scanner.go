package message

import (
	"bytes"
	"encoding/binary"
)

// Scanner finds the structure of a message that is written to it. It is an [io.Writer] whose Write never fails and
// which keeps no body bytes: hang it beside the writer that stores the message. The result does not depend on how the
// bytes were divided between writes. A Scanner serves one message.
//
// The message is taken line by line. Outside headers only lines that begin with two hyphens are looked at, and one
// look-up tells whether such a line delimits any of the open multiparts, so the time is linear in the size of the
// message however many are open.
type Scanner struct {
	limits Limits
	msg    *Message

	off     int64  // where the current line begins
	lines   int64  // line feeds before off
	crlf    int64  // those that follow a carriage return
	cr      int64  // carriage returns in all that was written
	lastEnd int    // bytes of the line end before off: 0, 1 or 2
	frag    []byte // what matters of the current line, if it began in an earlier write
	fragLen int64  // bytes of the current line in earlier writes
	fragCR  bool   // the latest of them is a carriage return

	cur    *Part   // the part whose header or leaf body is being read; nil in preambles and epilogues
	frames []frame // the multiparts and embedded messages round it, outermost first
	open   map[string]int
	parts  int

	inHeader bool
	env      *Envelope // of the header being read, nil for the header of a body part
	header   []byte    // the fields of it that are interpreted
	keep     bool      // the latest field is one of them
	room     int       // bytes of header that may still be kept
	addrs    int       // addresses that may still be kept
}

// frame is an open multipart or an embedded message.
type frame struct {
	part     *Part
	boundary string // empty for an embedded message, and past the closing delimiter
	hidden   int    // the outer frame with the same boundary, -1 if there is none
	longest  int    // length of the longest boundary open here
}

// NewScanner returns a Scanner for one message.
func NewScanner(limits Limits) *Scanner {
	limits = limits.withDefaults()
	s := &Scanner{
		limits: limits,
		msg:    &Message{Envelope: &Envelope{}},
		open:   make(map[string]int),
		room:   limits.HeaderBytes,
		addrs:  limits.Addresses,
	}
	s.msg.Root = s.beginPart(0)
	s.env = s.msg.Envelope
	return s
}

// Scan reads a whole message held in memory.
func Scan(b []byte, limits Limits) *Message {
	s := NewScanner(limits)
	s.Write(b)
	return s.Finish()
}

// Write takes the next bytes of the message. It always returns len(p), nil and does not keep p.
func (s *Scanner) Write(p []byte) (int, error) {
	n := len(p)
	s.observe(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if s.inHeader {
			s.observeHeader(p, i)
		}
		if i < 0 {
			s.fragment(p)
			break
		}
		line := p[:i+1]
		p = p[i+1:]
		end := 1
		if i > 0 && line[i-1] == '\r' || i == 0 && s.fragCR {
			end = 2
			s.crlf++
		}
		total := int64(i) + 1
		if s.fragLen > 0 {
			total += s.fragLen
			s.fragment(line)
			line = s.frag
		}
		if s.inHeader || len(line) > 1 && line[0] == '-' && line[1] == '-' {
			s.line(line, total)
		}
		s.off += total
		s.lines++
		s.lastEnd = end
		s.msg.LongestLine = max(s.msg.LongestLine, total-int64(end))
		s.frag, s.fragLen, s.fragCR = s.frag[:0], 0, false
	}
	return n, nil
}

// Finish ends the message and returns what was found. Call it once; the Scanner must not be written to after it.
func (s *Scanner) Finish() *Message {
	if s.fragLen > 0 {
		s.line(s.frag, s.fragLen)
		s.off += s.fragLen
		s.lastEnd = 0
		s.msg.LongestLine = max(s.msg.LongestLine, s.fragLen)
	}
	s.dropEmpty()
	s.closeParts(-1, s.off, s.lines)
	s.msg.Size, s.msg.Lines = s.off, s.lines
	if s.cr > s.crlf {
		s.msg.Flags |= HasBareCR
	}
	if s.lines > s.crlf {
		s.msg.Flags |= HasBareLF
	}
	return s.msg
}

// observe notes what bytes the message is made of.
func (s *Scanner) observe(p []byte) {
	s.cr += int64(bytes.Count(p, []byte{'\r'}))
	if !s.msg.Flags.Has(HasNUL) && bytes.IndexByte(p, 0) >= 0 {
		s.msg.Flags |= HasNUL
	}
	if !s.msg.Flags.Has(Has8bit) && has8bit(p) {
		s.msg.Flags |= Has8bit
	}
}

// observeHeader notes whether the line that p begins with, up to its line feed at p[i], has bytes above 127.
func (s *Scanner) observeHeader(p []byte, i int) {
	if i >= 0 {
		p = p[:i]
	}
	if s.msg.Flags.Has(Has8bit) && !s.msg.Flags.Has(Header8bit) && has8bit(p) {
		s.msg.Flags |= Header8bit
	}
}

func has8bit(p []byte) bool {
	const high = 0x8080808080808080
	for ; len(p) >= 8; p = p[8:] {
		if binary.LittleEndian.Uint64(p)&high != 0 {
			return true
		}
	}
	for _, c := range p {
		if c > 127 {
			return true
		}
	}
	return false
}

// fragment takes a piece of a line that is not in one write, and keeps as much of the line's beginning as line looks
// at. How much that is depends on the line alone, never on where the writes divided it.
func (s *Scanner) fragment(p []byte) {
	s.fragLen += int64(len(p))
	s.fragCR = p[len(p)-1] == '\r'
	for len(p) > 0 {
		n := min(s.lineRoom()-len(s.frag), len(p))
		if n <= 0 {
			return
		}
		s.frag = append(s.frag, p[:n]...)
		p = p[n:]
	}
}

// lineRoom returns how much of the current line is worth keeping, by what is known of it.
func (s *Scanner) lineRoom() int {
	room := s.delimiterRoom()
	if !s.inHeader {
		if room > 2 && (len(s.frag) < 2 || s.frag[0] == '-' && s.frag[1] == '-') {
			return room
		}
		return 2
	}
	if room = max(room, longestName); len(s.frag) >= longestName && s.wanted(s.frag) {
		room = max(room, s.room)
	}
	return room
}

// line takes a line that matters: one of a header, or one that may be a delimiter. It may have been cut to lineRoom;
// total is its whole length, line end included.
func (s *Scanner) line(line []byte, total int64) {
	if len(line) > 1 && line[0] == '-' && line[1] == '-' && s.delimiter(line, total) {
		return
	}
	if s.inHeader {
		s.headerLine(line, total)
	}
}
