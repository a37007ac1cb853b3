package compare

import (
	"strconv"
	"strings"
)

// node is a word of a response: an atom, a string or a list.
type node struct {
	atom, text string
	isText     bool
	list       []node
	isList     bool
}

// parse splits the words of a response. It is lenient: what is compared are
// two servers, and what it cannot read stays in the words.
func parse(s string) []node {
	p := &parser{s: s}
	return p.words()
}

type parser struct {
	s string
	i int
}

func (p *parser) words() (out []node) {
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == ' ':
			p.i++
		case c == ')':
			p.i++
			return out
		case c == '(':
			p.i++
			out = append(out, node{list: p.words(), isList: true})
		case c == '"':
			out = append(out, node{text: p.quoted(), isText: true})
		case c == '{' || strings.HasPrefix(p.s[p.i:], "~{"):
			out = append(out, node{text: p.literal(), isText: true})
		default:
			out = append(out, node{atom: p.atom()})
		}
	}
	return out
}

func (p *parser) quoted() string {
	var b strings.Builder
	for p.i++; p.i < len(p.s) && p.s[p.i] != '"'; p.i++ {
		if p.s[p.i] == '\\' && p.i+1 < len(p.s) {
			p.i++
		}
		b.WriteByte(p.s[p.i])
	}
	p.i++
	return b.String()
}

func (p *parser) literal() string {
	open := p.i + strings.IndexByte(p.s[p.i:], '{')
	end := strings.Index(p.s[open:], "}\r\n")
	if end < 0 {
		return p.atom()
	}
	n, _ := strconv.Atoi(p.s[open+1 : open+end])
	start := open + end + 3
	p.i = min(len(p.s), start+n)
	return p.s[start:p.i]
}

// atom reads up to a space or parenthesis outside brackets.
func (p *parser) atom() string {
	start, depth := p.i, 0
	for ; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth <= 0 && (c == ' ' || c == '(' || c == ')'):
			if p.i == start {
				p.i++
			}
			return p.s[start:p.i]
		}
	}
	return p.s[start:]
}

// String writes a word so that equal meanings are equal: atoms are
// case-insensitive, a quoted string and a literal are the same.
func (n node) String() string {
	switch {
	case n.isText:
		return strconv.Quote(n.text)
	case n.isList:
		return "(" + join(n.list) + ")"
	}
	return strings.ToUpper(n.atom)
}

// value is an atom's or string's text, for mailbox names, which may be either.
func (n node) value() string {
	if n.isText {
		return n.text
	}
	return n.atom
}

func join(words []node) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = w.String()
	}
	return strings.Join(out, " ")
}
