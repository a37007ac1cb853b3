package wire

import (
	"strings"
	"testing"
	"time"
)

func TestStrings(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`atom`, "atom"},
		{`a]b`, "a]b"},
		{`"q \"x\" \\"`, `q "x" \`},
		{`""`, ""},
		{"{3}\r\na\r\n", "a\r\n"},
		{"{0+}\r\n", ""},
		{"Gr\xc3\xbc\xc3\x9fe", "Grüße"},
	} {
		p := NewParser([]byte(c.in))
		if got := p.AString(); got != c.want || p.Err() != nil || p.More() {
			t.Errorf("%q: %q, %v", c.in, got, p.Err())
		}
	}
	for _, in := range []string{``, ` `, `"`, `"\a"`, "\"a\x00\"", "{3}\r\nab", "{3}ab", "{3}\r\na\x00b", "{99999999999999999999}\r\n", "(", "{-1}\r\n"} {
		p := NewParser([]byte(in))
		if got := p.AString(); p.Err() == nil {
			t.Errorf("%q was read as %q", in, got)
		}
	}
}

func TestSet(t *testing.T) {
	for _, c := range []struct {
		in      string
		largest uint32
		want    string
	}{
		{"1", 10, "1"},
		{"5:2", 10, "2:5"},
		{"1,2,3,7:9,8:10,12", 20, "1:3,7:10,12"},
		{"*", 10, "10"},
		{"1:*", 10, "1:10"},
		{"15:*", 10, "10:15"},
		{"*:3", 10, "3:10"},
		{"1:4294967295", 10, "1:4294967295"},
		{"4294967295,1:4294967295", 10, "1:4294967295"},
		{"1:*", 0, ""},
		{"9,1", 10, "1,9"},
	} {
		p := NewParser([]byte(c.in))
		s := p.Set()
		if p.Err() != nil || p.More() {
			t.Errorf("%q: %v", c.in, p.Err())
			continue
		}
		if got := string(AppendRanges(nil, s.Resolve(c.largest))); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
	for _, in := range []string{"", "0", "1:", ":1", "1,", "4294967296", "a", "1:0"} {
		p := NewParser([]byte(in))
		if p.Set(); p.Err() == nil && !p.More() {
			t.Errorf("%q was accepted", in)
		}
	}
	p := NewParser([]byte("$"))
	if s := p.Set(); !s.Saved || p.Err() != nil {
		t.Error("$ was not understood")
	}
}

func TestContains(t *testing.T) {
	r := []Range{{2, 4}, {7, 7}, {9, 1<<32 - 1}}
	for n, want := range map[uint32]bool{1: false, 2: true, 4: true, 5: false, 7: true, 8: false, 9: true, 1<<32 - 1: true} {
		if Contains(r, n) != want {
			t.Errorf("%d: %v", n, !want)
		}
	}
}

func TestSection(t *testing.T) {
	for _, in := range []string{"[]", "[1]", "[1.2.3]", "[HEADER]", "[1.HEADER]", "[1.2.MIME]", "[TEXT]", "[HEADER.FIELDS (Date From)]", `[3.HEADER.FIELDS.NOT ("X-A")]`} {
		p := NewParser([]byte(in))
		if p.Section(false); p.Err() != nil || p.More() {
			t.Errorf("%q: %v", in, p.Err())
		}
	}
	for _, in := range []string{"", "[", "[1", "[1.]", "[0]", "[MIME]", "[HEADER.FIELDS]", "[HEADER.FIELDS ()]", "[FOO]", "[1.2.FOO]", "[1." + strings.Repeat("1.", 500) + "1]"} {
		p := NewParser([]byte(in))
		if p.Section(false); p.Err() == nil {
			t.Errorf("%q was accepted", in)
		}
	}
	p := NewParser([]byte("[1.TEXT]"))
	if p.Section(true); p.Err() == nil {
		t.Error("a text section was accepted as binary")
	}
}

func TestDates(t *testing.T) {
	p := NewParser([]byte(`" 7-Jul-1996 02:44:25 -0700"`))
	if got := p.DateTime(); p.Err() != nil || got.Unix() != 836732665 {
		t.Errorf("%v %v", got, p.Err())
	}
	for _, in := range []string{"1-Feb-1994", `"01-feb-1994"`} {
		p := NewParser([]byte(in))
		if got := p.Date(); p.Err() != nil || !got.Equal(time.Date(1994, 2, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%q: %v %v", in, got, p.Err())
		}
	}
	if got := string(AppendDateTime(nil, time.Unix(836732665, 0))); got != `" 7-Jul-1996 09:44:25 +0000"` {
		t.Error(got)
	}
}

func TestUTF7(t *testing.T) {
	for _, c := range [][2]string{
		{"INBOX", "INBOX"},
		{"Entwürfe", "Entw&APw-rfe"},
		{"~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
		{"R&D", "R&-D"},
		{"🦎", "&2D7djg-"},
		{"a\tb", "a&AAk-b"},
	} {
		if got := EncodeUTF7(c[0]); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
		if got, ok := DecodeUTF7(c[1]); !ok || got != c[0] {
			t.Errorf("%q: %q %v", c[1], got, ok)
		}
	}
	for _, in := range []string{"&", "&Jjo", "&AGE-", "ü", "&2D4-", "&3Y4-", "&A-"} {
		if got, ok := DecodeUTF7(in); ok {
			t.Errorf("%q was read as %q", in, got)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a", true}, {"%", "a/b", false}, {"%/%", "a/b", true},
		{"a*", "a/b/c", true}, {"a%", "a/b", false}, {"*b", "a/b", true}, {"%b", "a/b", false},
		{"inbox", "INBOX", true}, {"in%", "INBOX", true}, {"Inbox/%", "INBOX/x", true}, {"INBOX", "inboxx", false},
		{"sent", "Sent", false}, {"", "", true}, {"", "a", false}, {"*%", "a/b", true}, {"%*", "a/b", true},
		{"a%c%e", "abcde", true}, {"a%c%e", "ab/cde", false}, {"*x*", "a/bxc", true},
	} {
		p, ok := NewPattern(c.pattern)
		if !ok || p.Match(c.name) != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.name, !c.want)
		}
	}
	if _, ok := NewPattern(strings.Repeat("*a", 100)); ok {
		t.Error("too many wildcards were accepted")
	}
	p, _ := NewPattern(strings.Repeat("*a", 60) + "b")
	begin := time.Now()
	p.Match(strings.Repeat("a", 1000))
	if d := time.Since(begin); d > 20*time.Second {
		t.Errorf("a pattern took %v", d)
	}
}

func FuzzParser(f *testing.F) {
	f.Add([]byte("1:*,3,$ [1.HEADER.FIELDS (a b)]<1.2> (\\Seen a) {3}\r\nabc \"x\\\"\" 1-Feb-1994"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for i := range 12 {
			p := NewParser(b)
			for n := 0; p.More() && p.Err() == nil && n <= len(b); n++ {
				before := p.pos
				switch i {
				case 0:
					s := p.Set()
					s.Resolve(100)
				case 1:
					p.Section(false)
				case 2:
					p.Partial()
				case 3:
					p.FlagList()
				case 4:
					p.AString()
				case 5:
					p.Date()
				case 6:
					p.DateTime()
				case 7:
					p.Pattern(false)
				case 8:
					p.NString()
				case 9:
					p.Mailbox(true)
				case 10:
					p.Number64()
				case 11:
					p.Tag()
				}
				if p.pos == before {
					p.pos++
				}
			}
		}
	})
}

func FuzzSet(f *testing.F) {
	f.Add("1:5,7,*:3", uint32(10))
	f.Fuzz(func(t *testing.T, in string, largest uint32) {
		p := NewParser([]byte(in))
		s := p.Set()
		if p.Err() != nil {
			return
		}
		ranges := s.Resolve(largest)
		for i, r := range ranges {
			if r.First > r.Last || r.First == 0 || i > 0 && uint64(ranges[i-1].Last)+1 >= uint64(r.First) {
				t.Fatalf("%q gives %v", in, ranges)
			}
		}
		if len(ranges) == 0 {
			return
		}
		text := string(AppendRanges(nil, ranges))
		again := NewParser([]byte(text))
		if got := string(AppendRanges(nil, again.Set().ranges)); got != text && again.Err() == nil {
			if got := string(AppendRanges(nil, merge(append([]Range{}, ranges...)))); got != text {
				t.Fatalf("%q came back as %q", text, got)
			}
		}
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("a*b%", "axb/c")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 12 || len(name) > 12 {
			return
		}
		p, ok := NewPattern(pattern)
		if !ok {
			return
		}
		if got, want := match(p.text, name), slowMatch(p.text, name); got != want {
			t.Fatalf("%q on %q: %v", p.text, name, got)
		}
		p.Match(name)
	})
}

// slowMatch is the definition, by recursion.
func slowMatch(p, s string) bool {
	if p == "" {
		return s == ""
	}
	switch p[0] {
	case '*', '%':
		for i := 0; i <= len(s); i++ {
			if slowMatch(p[1:], s[i:]) {
				return true
			}
			if i < len(s) && s[i] == '/' && p[0] == '%' {
				return false
			}
		}
		return false
	}
	return s != "" && s[0] == p[0] && slowMatch(p[1:], s[1:])
}

func FuzzUTF7(f *testing.F) {
	f.Add("Entw&APw-rfe")
	f.Fuzz(func(t *testing.T, s string) {
		if name, ok := DecodeUTF7(s); ok {
			again, ok := DecodeUTF7(EncodeUTF7(name))
			if !ok || again != name {
				t.Fatalf("%q: %q, %q", s, name, again)
			}
		}
	})
}
