package message

import (
	"bytes"
	"strings"
)

// delimiterPadding is how much white space and line end may follow a delimiter (RFC 2046 5.1.1 transport padding).
const delimiterPadding = 256

// beginPart makes the part whose header begins at off the current one.
func (s *Scanner) beginPart(off int64) *Part {
	s.parts++
	s.cur = &Part{Type: "text", Subtype: "plain", Offset: off}
	s.inHeader, s.keep = true, false
	return s.cur
}

func (s *Scanner) longestBoundary() int {
	if len(s.frames) == 0 {
		return 0
	}
	return s.frames[len(s.frames)-1].longest
}

// delimiterRoom returns the length of the longest line that can be a delimiter now.
func (s *Scanner) delimiterRoom() int {
	if n := s.longestBoundary(); n > 0 {
		return len("--") + n + len("--") + delimiterPadding
	}
	return 0
}

func (s *Scanner) pushMultipart(p *Part, boundary string) {
	f := frame{part: p, boundary: boundary, hidden: -1, longest: max(s.longestBoundary(), len(boundary))}
	if outer, ok := s.open[boundary]; ok {
		f.hidden = outer
	}
	s.open[boundary] = len(s.frames)
	s.frames = append(s.frames, f)
	s.cur = nil
}

// delimiter tells whether a line that begins with two hyphens delimits an open multipart, and if so ends the parts it
// ends and begins the one it begins.
func (s *Scanner) delimiter(line []byte, total int64) bool {
	if total > int64(s.delimiterRoom()) {
		return false
	}
	i, closing, ok := s.match(bytes.TrimRight(line[2:], " \t\r\n"))
	switch {
	case !ok:
		return false
	case !closing && s.parts >= s.limits.Parts:
		s.msg.Flags |= Truncated
		return false // the last part holds the rest
	}

	// The line end before a delimiter is the delimiter's, unless it already ended a header or a delimiter.
	s.closeParts(i, s.off-int64(s.lastEnd), s.lines-int64(min(s.lastEnd, 1)))
	if closing {
		s.forget(i)
		return true
	}
	f := &s.frames[i]
	p := s.beginPart(s.off + total)
	if f.part.Subtype == "digest" {
		p.Type, p.Subtype = "message", "rfc822" // RFC 2046 5.1.5
	}
	f.part.Children = append(f.part.Children, p)
	s.env = nil
	return true
}

// match finds the open multipart that a delimiter, its first two hyphens and the white space behind it taken away,
// belongs to, and whether it is the closing one. After RFC 2046 5.1.1 a line that only begins with the boundary counts
// too; lest "a" be taken for "ab", what follows the boundary must then be white space or the two closing hyphens.
// However many boundaries are open, a line is looked up four times.
func (s *Scanner) match(text []byte) (frame int, closing, ok bool) {
	if i, ok := s.open[string(text)]; ok {
		return i, false, true
	}
	if closed, ok := bytes.CutSuffix(text, []byte("--")); ok {
		if i, ok := s.open[string(bytes.TrimRight(closed, " \t"))]; ok {
			return i, true, true
		}
	}
	if n := bytes.IndexAny(text, " \t"); n > 0 {
		text = text[:n]
		if i, ok := s.open[string(text)]; ok {
			return i, false, true
		}
	}
	if n := bytes.LastIndex(text, []byte("--")); n > 0 {
		if i, ok := s.open[string(text[:n])]; ok {
			return i, true, true
		}
	}
	return 0, false, false
}

// dropEmpty forgets a part that a delimiter without anything behind it began at the very end of the message: a closing
// delimiter was meant, or the message was cut off.
func (s *Scanner) dropEmpty() {
	if !s.inHeader || s.cur.Offset != s.off || len(s.frames) == 0 {
		return
	}
	if p := s.frames[len(s.frames)-1].part; len(p.Children) > 1 && p.Children[len(p.Children)-1] == s.cur {
		p.Children = p.Children[:len(p.Children)-1]
		s.cur, s.inHeader = nil, false
	}
}

// closeParts ends the current part and every part round it up to, and not including, that of frame i (-1: all) at
// offset end, before which stand that many line feeds.
func (s *Scanner) closeParts(i int, end, lines int64) {
	for s.inHeader { // twice where the header is that of a part that holds a message
		if end < s.cur.Offset {
			end, lines = s.off, s.lines
		}
		s.endHeader(end, lines)
	}
	closePart := func(p *Part) {
		if end < p.BodyOffset { // the body is empty and shares its line end with what is before it
			end, lines = s.off, s.lines
		}
		p.End, p.Lines = end, lines-p.Lines
	}
	if s.cur != nil {
		closePart(s.cur)
		s.cur = nil
	}
	for len(s.frames) > i+1 {
		last := len(s.frames) - 1
		f := s.frames[last]
		if f.boundary != "" {
			s.msg.Flags |= UnclosedParts
			s.forget(last)
		}
		closePart(f.part)
		s.frames = s.frames[:last]
	}
}

// forget makes frame i's boundary delimit no more: an outer multipart with the same one, if any, is meant again.
func (s *Scanner) forget(i int) {
	f := &s.frames[i]
	if f.boundary == "" {
		return
	}
	if f.hidden >= 0 {
		s.open[f.boundary] = f.hidden
	} else {
		delete(s.open, f.boundary)
	}
	f.boundary, f.longest = "", 0
	if i > 0 {
		f.longest = s.frames[i-1].longest
	}
}

// boundary returns the boundary between a multipart's parts, and false if the part is no multipart or has none.
func (p *Part) boundary() (string, bool) {
	if p.Type != "multipart" {
		return "", false
	}
	b, _, ok := joinParam(p.Params, "boundary")
	b = strings.TrimRight(b, " \t\r\n")
	return b, ok && b != "" && len(b) <= maxBoundary
}

// holdsMessage tells whether the part's body is a message that can be read where it stands. One in base64 or
// quoted-printable, which RFC 2046 5.2.1 forbids, cannot: it is a leaf.
func (p *Part) holdsMessage() bool {
	if p.Type != "message" || p.Subtype != "rfc822" && p.Subtype != "global" {
		return false
	}
	switch p.Encoding {
	case "base64", "quoted-printable", "uuencode", "x-uuencode", "x-uue":
		return false
	}
	return true
}
