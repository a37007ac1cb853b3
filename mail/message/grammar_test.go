package message

import (
	"fmt"
	"strconv"
)

// grammar checks a text against the formal syntax of RFC 9051 9, byte for byte: what clients that are less forgiving
// than go-imap's rely on.
type grammar struct {
	b   []byte
	pos int
}

func checkGrammar(form string, text []byte) (err error) {
	g := &grammar{b: text}
	defer func() {
		if e, ok := recover().(grammarError); ok {
			err = fmt.Errorf("at byte %d: %s", g.pos, string(e))
		}
	}()
	switch form {
	case "envelope":
		g.envelope()
	case "body":
		g.body(false)
	case "bodystructure":
		g.body(true)
	}
	if g.pos != len(text) {
		return fmt.Errorf("%d bytes too many", len(text)-g.pos)
	}
	return nil
}

type grammarError string

func (g *grammar) take(s string) {
	if !g.has(s) {
		panic(grammarError("want " + s))
	}
	g.pos += len(s)
}

func (g *grammar) has(s string) bool {
	return len(g.b)-g.pos >= len(s) && string(g.b[g.pos:g.pos+len(s)]) == s
}

func (g *grammar) nstring() {
	if g.has("NIL") {
		g.take("NIL")
		return
	}
	g.string()
}

func (g *grammar) string() string {
	var out []byte
	if g.has("{") {
		g.take("{")
		n := g.number()
		g.take("}\r\n")
		if n > len(g.b)-g.pos {
			panic(grammarError("literal too long"))
		}
		out = g.b[g.pos : g.pos+n]
		for _, c := range out {
			if c == 0 {
				panic(grammarError("NUL in literal"))
			}
		}
		g.pos += n
		return string(out)
	}
	g.take(`"`)
	for !g.has(`"`) {
		if g.has(`\`) {
			g.pos++
			if !g.has(`\`) && !g.has(`"`) {
				panic(grammarError("backslash before another byte"))
			}
		}
		if g.pos == len(g.b) {
			panic(grammarError("string without end"))
		}
		c := g.b[g.pos]
		if c == 0 || c == '\r' || c == '\n' || c > 127 {
			panic(grammarError("byte in quoted string"))
		}
		out = append(out, c)
		g.pos++
	}
	g.take(`"`)
	return string(out)
}

func (g *grammar) number() int {
	start := g.pos
	for g.pos < len(g.b) && g.b[g.pos] >= '0' && g.b[g.pos] <= '9' {
		g.pos++
	}
	n, err := strconv.ParseUint(string(g.b[start:g.pos]), 10, 32)
	if err != nil {
		panic(grammarError("number"))
	}
	return int(n)
}

func (g *grammar) envelope() {
	g.take("(")
	g.nstring()
	g.take(" ")
	g.nstring()
	for range 6 {
		g.take(" ")
		if g.has("NIL") {
			g.take("NIL")
			continue
		}
		g.take("(")
		for first := true; first || g.has("("); first = false {
			g.take("(")
			g.nstring()
			for range 3 {
				g.take(" ")
				g.nstring()
			}
			g.take(")")
		}
		g.take(")")
	}
	g.take(" ")
	g.nstring()
	g.take(" ")
	g.nstring()
	g.take(")")
}

func (g *grammar) params() {
	if g.has("NIL") {
		g.take("NIL")
		return
	}
	g.take("(")
	for {
		if g.string() == "" {
			panic(grammarError("parameter without name"))
		}
		g.take(" ")
		g.string()
		if !g.has(" ") {
			break
		}
		g.take(" ")
	}
	g.take(")")
}

func (g *grammar) extension() {
	g.take(" ")
	if g.has("NIL") {
		g.take("NIL")
	} else {
		g.take("(")
		g.string()
		g.take(" ")
		g.params()
		g.take(")")
	}
	g.take(" ")
	if g.has("(") {
		g.take("(")
		g.string()
		for g.has(" ") {
			g.take(" ")
			g.string()
		}
		g.take(")")
	} else {
		g.nstring()
	}
	g.take(" ")
	g.nstring()
}

func (g *grammar) body(extended bool) {
	g.take("(")
	defer g.take(")")
	if g.has("(") {
		for g.has("(") {
			g.body(extended)
		}
		g.take(" ")
		g.string()
		if extended {
			g.take(" ")
			g.params()
			g.extension()
		}
		return
	}
	typ := g.string()
	g.take(" ")
	subtype := g.string()
	g.take(" ")
	g.params()
	g.take(" ")
	g.nstring()
	g.take(" ")
	g.nstring()
	g.take(" ")
	g.string()
	g.take(" ")
	g.number()
	switch {
	case typ == "message" && (subtype == "rfc822" || subtype == "global"):
		g.take(" ")
		g.envelope()
		g.take(" ")
		g.body(extended)
		g.take(" ")
		g.number()
	case typ == "text":
		g.take(" ")
		g.number()
	case typ == "multipart":
		panic(grammarError("multipart without parts"))
	}
	if extended {
		g.take(" ")
		g.nstring()
		g.extension()
	}
}
