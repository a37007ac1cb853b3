package message

// longestName is as much of a header line as is needed to tell whether its field is interpreted: the longest such
// name and the obsolete white space behind it.
const longestName = 64

// headerLine takes a line of the current part's header.
func (s *Scanner) headerLine(line []byte, total int64) {
	if blankLine(line) > 0 && total <= 2 {
		s.endHeader(s.off+total, s.lines+1)
		return
	}
	s.keep = s.wanted(line)
	if !s.continues(line) && s.cur == s.msg.Root && isReceived(line) {
		s.msg.Received++
	}
	if !s.keep {
		return
	}
	if total > int64(s.room) {
		s.msg.Flags |= Truncated
		line = line[:min(len(line), s.room)]
	}
	s.room -= len(line)
	s.header = append(s.header, line...)
}

// continues tells whether a header line continues the field before it.
func (s *Scanner) continues(line []byte) bool {
	return len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
}

// wanted tells whether a header line, of which at least longestName bytes are there, belongs to a field that is
// interpreted. Only what this package reads is kept, so that a header of 50 MB costs no memory and hides nothing.
func (s *Scanner) wanted(line []byte) bool {
	if s.continues(line) {
		return s.keep
	}
	name, _ := splitField(line[:min(len(line), longestName)])
	if len(name) == 0 {
		return false
	}
	var buf [longestName]byte
	switch string(appendLower(buf[:0], name)) {
	case "content-type", "content-transfer-encoding", "content-disposition", "content-id", "content-description",
		"content-md5", "content-language", "content-location":
		return true
	case "date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id":
		return s.env != nil
	case "references":
		return s.env == s.msg.Envelope
	}
	return false
}

func isReceived(line []byte) bool {
	name, _ := splitField(line[:min(len(line), longestName)])
	return Field{Name: name}.Is("received")
}

// endHeader reads the header of the current part, whose body begins at offset body after that many line feeds, and
// decides what the body is.
func (s *Scanner) endHeader(body, lines int64) {
	p := s.cur
	s.readHeader(p)
	p.BodyOffset, p.Lines = body, lines
	s.inHeader, s.keep, s.env = false, false, nil
	s.header = s.header[:0]
	if s.room == 0 {
		s.header = nil // it has become large and is needed no more
	}

	boundary, multipart := p.boundary()
	switch {
	case !multipart && !p.holdsMessage():
	case len(s.frames) >= s.limits.Depth || s.parts >= s.limits.Parts:
		s.msg.Flags |= Truncated
	case multipart:
		s.pushMultipart(p, boundary)
	default:
		s.frames = append(s.frames, frame{part: p, hidden: -1, longest: s.longestBoundary()})
		p.Embedded = s.beginPart(body)
		p.Envelope = &Envelope{}
		s.env = p.Envelope
	}
}

// readHeader fills the part, and the envelope if the header is a message's, from the fields kept.
func (s *Scanner) readHeader(p *Part) {
	var seen contentFields
	var buf [longestName]byte
	for f := range Fields(s.header) {
		name := string(appendLower(buf[:0], f.Name))
		switch {
		case name == "references":
			s.msg.References = addReferences(s.msg.References, f.Value)
		case len(name) > 8 && name[:8] == "content-":
			if seen.first(name) {
				p.addField(name, f.Value)
			}
		case s.env != nil:
			kept, complete := s.env.add(name, f.Value, s.addrs)
			s.addrs -= kept
			if !complete {
				s.msg.Flags |= Truncated
			}
		}
	}
	s.addrs = max(s.addrs, 0)
	if s.env != nil {
		s.env.finish()
	}
}

// contentFields notes which Content fields a header had: where one occurs twice the first one counts.
type contentFields uint8

func (seen *contentFields) first(name string) bool {
	var bit contentFields
	switch name {
	case "content-type":
		bit = 1
	case "content-transfer-encoding":
		bit = 2
	case "content-disposition":
		bit = 4
	case "content-id":
		bit = 8
	case "content-description":
		bit = 16
	case "content-md5":
		bit = 32
	case "content-language":
		bit = 64
	case "content-location":
		bit = 128
	}
	first := *seen&bit == 0
	*seen |= bit
	return first
}

// addField takes one Content field of the part's header.
func (p *Part) addField(name string, value []byte) {
	body := Unfold(value)
	switch name {
	case "content-type":
		typ, subtype, params, ok := parseContentType(unfoldExactly(value))
		p.Params = params
		if ok {
			p.Type, p.Subtype = typ, subtype
		}
	case "content-transfer-encoding":
		p.Encoding = parseEncoding(body)
	case "content-disposition":
		p.Disposition, p.DispositionParams = parseDisposition(unfoldExactly(value))
	case "content-id":
		p.ID = body
	case "content-description":
		p.Description = body
	case "content-md5":
		p.MD5 = body
	case "content-language":
		p.Language = parseLanguages(body)
	case "content-location":
		p.Location = body
	}
}
