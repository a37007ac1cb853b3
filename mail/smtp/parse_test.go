package smtp

import (
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	long := strings.Repeat("a", maxLocalPart)
	for in, want := range map[string]string{
		"<>":                                  "",
		"<a@b.example>":                       "a@b.example",
		"<a.b+c@b.example> SIZE=1":            "a.b+c@b.example",
		`<"a b"@b.example>`:                   `"a b"@b.example`,
		`<"a\"b\\"@b.example>`:                `"a\"b\\"@b.example`,
		`<"ab"@b.example>`:                    "ab@b.example",
		"<@x.example,@y.example:a@b.example>": "a@b.example",
		"<a@[192.0.2.1]>":                     "a@[192.0.2.1]",
		"<a@[IPv6:2001:db8::1]>":              "a@[IPv6:2001:db8::1]",
		"<Postmaster>":                        "Postmaster",
		"<jörg@müller.example>":               "jörg@müller.example",
		"<" + long + "@b.example>":            long + "@b.example",
	} {
		p, rest, err := parsePath(in)
		if err != nil || p.String() != want {
			t.Errorf("%s: %q, %v, want %q", in, p.String(), err, want)
		}
		if i := strings.LastIndexByte(in, '>'); rest != in[i+1:] {
			t.Errorf("%s: rest %q", in, rest)
		}
	}
	for _, in := range []string{
		"", "<", "a@b", "<a>", "<a@>", "<@b>", "<a@b", "<a b@c>", "<a@b c>", `<"a@b.example>`, `<""@b.example>`,
		"<a@[1.2.3]>", "<a@[IPv6:1.2.3.4]>", "<a@-b.example>", "<a@b..example>", "<a@b@c>", "<a\x00@b.example>",
		"<a\xff@b.example>", "<" + long + "a@b.example>", "<a@" + strings.Repeat("b.", 200) + "c>", "<(a)@b.example>",
		"<@x.example,y:a@b.example>", "<a@b.example\">",
	} {
		if p, _, err := parsePath(in); err == nil {
			t.Errorf("%q was read as %q", in, p)
		}
	}
}

func TestMailParams(t *testing.T) {
	m, r := parseMailParams(" SIZE=1000 body=8bitmime SMTPUTF8 RET=hdrs ENVID=a+2Bb AUTH=<>", true, true)
	if !r.ok() || m != (mailParams{1000, body8bit, true, "HDRS", "a+b"}) {
		t.Errorf("%+v, %v", m, r)
	}
	if m, r = parseMailParams("", true, true); !r.ok() || m != (mailParams{}) {
		t.Errorf("none: %+v, %v", m, r)
	}
	for in, code := range map[string]int{
		" SIZE=":                             501,
		" SIZE=-1":                           501,
		" SIZE=+1":                           501,
		" SIZE=99999999999999999999999":      501,
		" SIZE=1 SIZE=1":                     501,
		" BODY=9BIT":                         501,
		" BODY=BINARYMIME":                   501,
		" SMTPUTF8=1":                        501,
		" RET=ALL":                           501,
		" ENVID=":                            501,
		" ENVID=a+0Ab":                       501,
		" ENVID=" + strings.Repeat("a", 101): 501,
		" FOO=1":                             555,
		" AUTH=<>":                           555,
		" =":                                 501,
		" -A=1":                              501,
	} {
		if _, r := parseMailParams(in, false, false); r.code != code {
			t.Errorf("%s: %v, want %d", in, r, code)
		}
	}
}

func TestRcptParams(t *testing.T) {
	r, rep := parseRcptParams(" NOTIFY=delay,SUCCESS ORCPT=rfc822;a+40b.example")
	if !rep.ok() || r.notify != "SUCCESS,DELAY" || r.orcpt != "rfc822;a+40b.example" {
		t.Errorf("%+v, %v", r, rep)
	}
	for _, in := range []string{" NOTIFY=", " NOTIFY=NEVER,DELAY", " NOTIFY=DELAY,DELAY", " NOTIFY=X", " ORCPT=a",
		" ORCPT=rfc822;", " ORCPT=rfc822;a+4", " ORCPT=rfc822;a+0D", " ORCPT=rfc822;" + strings.Repeat("a", 500), " X"} {
		if r, rep := parseRcptParams(in); rep.ok() {
			t.Errorf("%s was read as %+v", in, r)
		}
	}
}

func TestCommandLine(t *testing.T) {
	c := parseCommand("mail FROM:<a@b.example> SIZE=3 ")
	if c.verb != "MAIL" {
		t.Errorf("verb %q", c.verb)
	}
	p, params, ok := pathArgument(c.rest, "FROM")
	if !ok || p.String() != "a@b.example" || params != " SIZE=3" {
		t.Errorf("%v %q %v", p, params, ok)
	}
	if _, _, ok := pathArgument("from: <a@b.example>", "FROM"); !ok {
		t.Error("a blank after the colon was refused")
	}
	for _, s := range []string{"", "FROM", "FROM:", "FROM <a@b>", "FROM:<a@b.example>SIZE=1", "TO:<a@b.example>"} {
		if _, _, ok := pathArgument(s, "FROM"); ok {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestReplyLines(t *testing.T) {
	got := say(250, "2.1.0", "one\ntwo").encode()
	if want := "250-2.1.0 one\r\n250 2.1.0 two\r\n"; got != want {
		t.Errorf("%q", got)
	}
}

func FuzzCommand(f *testing.F) {
	for _, s := range []string{"MAIL FROM:<a@b.example> SIZE=3 BODY=8BITMIME RET=FULL ENVID=x+2B",
		`RCPT TO:<"a b"@[IPv6:::1]> NOTIFY=NEVER ORCPT=utf-8;a`, "RCPT TO:<@a,@b:c@d>", "BDAT 3 LAST"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if len(line) > 4096 {
			return
		}
		c := parseCommand(line)
		for _, keyword := range []string{"FROM", "TO"} {
			p, params, ok := pathArgument(c.rest, keyword)
			if !ok {
				continue
			}
			// What was accepted is written so that it reads the same again.
			again, rest, err := parsePath("<" + p.String() + ">")
			if err != nil || rest != "" || again != p {
				t.Fatalf("%q: %+v is written %q and read as %+v, %v", line, p, p.String(), again, err)
			}
			if strings.ContainsAny(p.String(), "\r\n\x00") {
				t.Fatalf("%q: control characters in %q", line, p.String())
			}
			m, _ := parseMailParams(params, true, true)
			if strings.ContainsAny(m.envid, "\r\n\x00") || m.size < 0 {
				t.Fatalf("%q: %+v", line, m)
			}
			if r, _ := parseRcptParams(params); strings.ContainsAny(r.orcpt, "\r\n \x00") {
				t.Fatalf("%q: %+v", line, r)
			}
		}
		parseChunk(c.rest)
	})
}
