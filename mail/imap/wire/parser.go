package wire

import (
	"strings"
	"unicode/utf8"
)

// SyntaxError says, in a sentence for the client, what is wrong with a command.
type SyntaxError struct{ Text string }

func (e *SyntaxError) Error() string { return e.Text }

// Parser reads the words of one command. Its first error sticks: from then on every method returns zero values, so
// that a caller may read several words and look at Err once; loops must look at it in each round.
type Parser struct {
	src []byte
	pos int
	err *SyntaxError
}

// NewParser returns a parser of a command as [Reader.Command] gives it. Strings returned do not point into src.
func NewParser(src []byte) *Parser { return &Parser{src: src} }

// Err returns the first error, nil if there was none.
func (p *Parser) Err() error {
	if p.err == nil {
		return nil
	}
	return p.err
}

// Fail records an error, if it is the first.
func (p *Parser) Fail(text string) {
	if p.err == nil {
		p.err = &SyntaxError{text}
		p.pos = len(p.src)
	}
}

// Peek returns the next byte, 0 at the end.
func (p *Parser) Peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

// More tells whether anything is left.
func (p *Parser) More() bool { return p.pos < len(p.src) }

// Accept takes the byte c if it comes next.
func (p *Parser) Accept(c byte) bool {
	if p.pos < len(p.src) && p.src[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

// Expect takes the byte c or fails.
func (p *Parser) Expect(c byte) {
	if !p.Accept(c) {
		p.Fail("expected " + nameOf(c))
	}
}

func nameOf(c byte) string {
	if c == ' ' {
		return "a space"
	}
	return string(rune(c))
}

// SP takes the one space between two words.
func (p *Parser) SP() { p.Expect(' ') }

// End fails unless the command ends here; trailing spaces are forgiven.
func (p *Parser) End() {
	for p.Accept(' ') {
	}
	if p.More() {
		p.Fail("unexpected text at the end of the command")
	}
}

// charClass is a set of bytes.
type charClass [256]bool

// The character classes of section 9. Mailbox names may hold bytes above 127, for clients send them in UTF-8 without
// quotes before they have enabled it.
var (
	atomChar    = classOf(func(c byte) bool { return c > 0x20 && c < 0x7f && !strings.ContainsRune(`(){%*"\]`, rune(c)) })
	astringChar = classOf(func(c byte) bool { return atomChar[c] || c == ']' || c >= 0x80 })
	listChar    = classOf(func(c byte) bool { return astringChar[c] || c == '%' || c == '*' })
	nameChar    = classOf(func(c byte) bool {
		return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == '=' || c == '_'
	})
)

func classOf(in func(byte) bool) *charClass {
	var c charClass
	for i := range c {
		c[i] = in(byte(i))
	}
	return &c
}

func (p *Parser) run(class *charClass) string {
	start := p.pos
	for p.pos < len(p.src) && class[p.src[p.pos]] {
		p.pos++
	}
	return string(p.src[start:p.pos])
}

// Tag reads a command's tag.
func (p *Parser) Tag() string {
	start := p.pos
	for p.pos < len(p.src) && astringChar[p.src[p.pos]] && p.src[p.pos] != '+' && p.src[p.pos] < 0x80 {
		p.pos++
	}
	if p.pos == start || p.pos-start > 200 {
		p.Fail("a command begins with a tag")
		return ""
	}
	return string(p.src[start:p.pos])
}

// Name reads a word of letters, digits and .-=_ in upper case: a command, a search key, a data item.
func (p *Parser) Name() string {
	s := p.run(nameChar)
	if s == "" {
		p.Fail("expected a word")
	}
	return strings.ToUpper(s)
}

// PeekName returns what Name would, without taking it and without failing.
func (p *Parser) PeekName() string {
	save := p.pos
	s := p.run(nameChar)
	p.pos = save
	return strings.ToUpper(s)
}

// Atom reads an atom.
func (p *Parser) Atom() string {
	s := p.run(atomChar)
	if s == "" {
		p.Fail("expected an atom")
	}
	return s
}

// AString reads an astring.
func (p *Parser) AString() string {
	if c := p.Peek(); c == '"' || c == '{' {
		return p.String()
	}
	s := p.run(astringChar)
	if s == "" {
		p.Fail("expected a string")
	}
	return s
}

// ListMailbox reads a list-mailbox: a pattern with or without quotes.
func (p *Parser) ListMailbox() string {
	if c := p.Peek(); c == '"' || c == '{' {
		return p.String()
	}
	s := p.run(listChar)
	if s == "" {
		p.Fail("expected a mailbox pattern")
	}
	return s
}

// String reads a quoted string or a literal.
func (p *Parser) String() string {
	switch p.Peek() {
	case '"':
		return p.quoted()
	case '{':
		return p.literal()
	}
	p.Fail("expected a string")
	return ""
}

// NString reads a string or NIL; ok is false for NIL.
func (p *Parser) NString() (s string, ok bool) {
	if p.PeekName() == "NIL" {
		p.Name()
		return "", false
	}
	return p.String(), p.err == nil
}

// quoted reads a quoted string. Bytes above 127 are taken as they are: passwords come like that from many clients.
func (p *Parser) quoted() string {
	p.pos++
	start, escaped := p.pos, false
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; c {
		case '"':
			s := string(p.src[start:p.pos])
			p.pos++
			if escaped {
				s = unescape(s)
			}
			return s
		case '\\':
			escaped = true
			p.pos++
			if c := p.Peek(); c != '"' && c != '\\' {
				p.Fail(`only " and \ may follow a \ in a quoted string`)
				return ""
			}
			p.pos++
		case 0, '\r', '\n':
			p.Fail("a quoted string holds no NUL, CR or LF")
			return ""
		default:
			p.pos++
		}
	}
	p.Fail("a quoted string has no end")
	return ""
}

func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// literal reads {n}CRLF and n bytes.
func (p *Parser) literal() string {
	p.pos++
	start := p.pos
	for c := p.Peek(); c >= '0' && c <= '9'; c = p.Peek() {
		p.pos++
	}
	n, ok := number(p.src[start:p.pos], uint64(len(p.src)))
	p.Accept('+')
	if !ok || !p.Accept('}') || !p.Accept('\r') || !p.Accept('\n') || uint64(len(p.src)-p.pos) < n {
		p.Fail("a literal is malformed")
		return ""
	}
	s := string(p.src[p.pos : p.pos+int(n)])
	p.pos += int(n)
	if strings.IndexByte(s, 0) >= 0 {
		p.Fail("a literal holds no NUL")
		return ""
	}
	return s
}

// Number reads a 32-bit number.
func (p *Parser) Number() uint32 { return uint32(p.digits(1<<32 - 1)) }

// NzNumber reads a 32-bit number that is not 0.
func (p *Parser) NzNumber() uint32 {
	n := p.Number()
	if n == 0 {
		p.Fail("expected a number above 0")
	}
	return n
}

// Number64 reads a 63-bit number (number64, mod-sequence-valzer).
func (p *Parser) Number64() uint64 { return p.digits(1<<63 - 1) }

func (p *Parser) digits(max uint64) uint64 {
	start := p.pos
	for c := p.Peek(); c >= '0' && c <= '9'; c = p.Peek() {
		p.pos++
	}
	n, ok := number(p.src[start:p.pos], max)
	if !ok {
		p.Fail("expected a number")
		return 0
	}
	return n
}

// Rest takes what is left of the command.
func (p *Parser) Rest() string {
	s := string(p.src[p.pos:])
	p.pos = len(p.src)
	return s
}

// Mailbox reads a mailbox name as UTF-8: it was sent as UTF-8 or, in a session that has not enabled it, in modified
// UTF-7. A name of either form that is not well-formed stays as it came; whether it is a good name is for others to
// say. INBOX comes back in upper case (section 5.1).
func (p *Parser) Mailbox(utf8Mode bool) string { return mailboxName(p.AString(), utf8Mode) }

// Pattern reads a list-mailbox as UTF-8, as Mailbox does.
func (p *Parser) Pattern(utf8Mode bool) string { return decodeName(p.ListMailbox(), utf8Mode) }

func mailboxName(s string, utf8Mode bool) string {
	s = decodeName(s, utf8Mode)
	if len(s) >= 5 && strings.EqualFold(s[:5], "INBOX") && (len(s) == 5 || s[5] == '/') {
		s = "INBOX" + s[5:]
	}
	return s
}

func decodeName(s string, utf8Mode bool) string {
	if utf8Mode {
		return s
	}
	if d, ok := DecodeUTF7(s); ok {
		return d
	}
	return s
}

func validUTF8(s string) bool { return utf8.ValidString(s) }

// AcceptText takes text if it comes next, in any case of letters.
func (p *Parser) AcceptText(text string) bool {
	if len(p.src)-p.pos < len(text) || !strings.EqualFold(string(p.src[p.pos:p.pos+len(text)]), text) {
		return false
	}
	p.pos += len(text)
	return true
}
