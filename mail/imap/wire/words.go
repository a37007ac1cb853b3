package wire

import (
	"time"
)

// MaxFlags bounds the flags of one list.
const MaxFlags = 200

// Flag reads a flag or keyword, a backslash included.
func (p *Parser) Flag() string {
	if p.Accept('\\') {
		return `\` + p.Atom()
	}
	return p.Atom()
}

// FlagList reads flags in parentheses.
func (p *Parser) FlagList() []string {
	p.Expect('(')
	var flags []string
	if p.Accept(')') {
		return nil
	}
	for p.err == nil {
		if len(flags) == MaxFlags {
			p.Fail("too many flags")
			return nil
		}
		flags = append(flags, p.Flag())
		if p.Accept(')') {
			return flags
		}
		p.SP()
	}
	return nil
}

// List reads a list in parentheses, calling item for each element, at most max times.
func (p *Parser) List(max int, item func()) {
	p.Expect('(')
	if p.Accept(')') {
		return
	}
	for n := 0; p.err == nil; n++ {
		if n == max {
			p.Fail("a list is too long")
			return
		}
		item()
		if p.Accept(')') {
			return
		}
		p.SP()
	}
}

// Date reads a date such as 1-Feb-1994, with or without quotes, as midnight UTC.
func (p *Parser) Date() time.Time {
	text := p.maybeQuoted()
	t, err := time.Parse("2-Jan-2006", text)
	if err != nil {
		p.Fail("expected a date such as 1-Feb-1994")
	}
	return t
}

func (p *Parser) maybeQuoted() string {
	if p.Peek() == '"' {
		return p.quoted()
	}
	return p.Atom()
}

// DateTime reads a date-time such as "17-Jul-1996 02:44:25 -0700", its first digit possibly a space.
func (p *Parser) DateTime() time.Time {
	if p.Peek() != '"' {
		p.Fail("expected a quoted date and time")
		return time.Time{}
	}
	text := p.quoted()
	for len(text) > 0 && text[0] == ' ' {
		text = text[1:]
	}
	t, err := time.Parse("2-Jan-2006 15:04:05 -0700", text)
	if err != nil {
		p.Fail(`expected a date and time such as "17-Jul-1996 02:44:25 -0700"`)
	}
	return t
}

// MaxPartDepth bounds the numbers of one part specifier.
const MaxPartDepth = 200

// Section is what stands between the brackets of BODY[] (section 6.4.5).
type Section struct {
	Path   []int
	Text   string // "", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "MIME" or "TEXT"
	Fields []string
}

// MaxHeaderFields bounds the names in HEADER.FIELDS.
const MaxHeaderFields = 500

// Section reads a section with its brackets. In a binary section only part numbers may stand.
func (p *Parser) Section(binary bool) Section {
	var s Section
	p.Expect('[')
	for c := p.Peek(); c >= '0' && c <= '9' && p.err == nil; c = p.Peek() {
		if len(s.Path) == MaxPartDepth {
			p.Fail("a part number is too deep")
			return s
		}
		s.Path = append(s.Path, int(p.NzNumber()))
		if !p.Accept('.') {
			p.Expect(']')
			return s
		}
	}
	if p.Accept(']') {
		if len(s.Path) > 0 {
			p.Fail("a part number ends with a number")
		}
		return s
	}
	if binary {
		p.Fail("a binary section holds part numbers only")
		return s
	}
	switch s.Text = p.Name(); s.Text {
	case "HEADER", "TEXT":
	case "MIME":
		if len(s.Path) == 0 {
			p.Fail("MIME needs a part number")
		}
	case "HEADER.FIELDS", "HEADER.FIELDS.NOT":
		p.SP()
		p.List(MaxHeaderFields, func() { s.Fields = append(s.Fields, p.AString()) })
		if p.err == nil && len(s.Fields) == 0 {
			p.Fail("expected names of header fields")
		}
	default:
		p.Fail("unknown section")
	}
	p.Expect(']')
	return s
}

// Partial is a byte range as asked for.
type Partial struct{ Offset, Size int64 }

// Partial reads <offset.size>, if it is there.
func (p *Parser) Partial() *Partial {
	if !p.Accept('<') {
		return nil
	}
	var r Partial
	r.Offset = int64(p.Number64())
	p.Expect('.')
	r.Size = int64(p.Number64())
	if p.err == nil && r.Size == 0 {
		p.Fail("a partial range has at least one byte")
	}
	p.Expect('>')
	return &r
}
