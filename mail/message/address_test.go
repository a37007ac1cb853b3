package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// addressTests pair a list with what is read from it: name|route|mailbox|host each, "{" and "}" for groups.
var addressTests = []struct {
	list string
	want []string
}{
	{"", nil},
	{" , ,, ", nil},
	{"a@b", []string{"||a|b"}},
	{"<a@b>", []string{"||a|b"}},
	{"Anna <a@b>, Bernd<c@d>", []string{"Anna||a|b", "Bernd||c|d"}},
	{"Anna  von\tAmt <a@b>", []string{"Anna von Amt||a|b"}},
	{`"Amt, \"Bau\"" <a@b>`, []string{`Amt, "Bau"||a|b`}},
	{`"Müller" Anna Q. Amt <a@b>`, []string{"Müller Anna Q. Amt||a|b"}},
	{"=?utf-8?q?M=C3=BCller?= <a@b>", []string{"=?utf-8?q?M=C3=BCller?=||a|b"}},
	{`"a b"@c`, []string{"||a b|c"}},
	{`<"a b"@c>`, []string{"||a b|c"}},
	{`"" <a@b>`, []string{"||a|b"}},
	{`""@b`, []string{"|||b"}},
	{"a@b (Anna)", []string{"Anna||a|b"}},
	{"a@b (An(n)a \\) x)", []string{"An(n)a ) x||a|b"}},
	{"(x) a (y) @ (z) b (Anna)", []string{"Anna||a|b"}},
	{"a . b @ c . d", []string{"||a.b|c.d"}},
	{"< a . b @ c . d >", []string{"||a.b|c.d"}},
	{"a@[192.0.2.1]", []string{"||a|[192.0.2.1]"}},
	{"<a@[IPv6:2001:db8::1]>", []string{"||a|[IPv6:2001:db8::1]"}},
	{"a@[IPv6:2001:db8::1], c@d", []string{"||a|[IPv6:2001:db8::1]", "||c|d"}},
	{"Anna <@x.example,@y.example:a@b>", []string{"Anna|@x.example,@y.example|a|b"}},
	{"<@x , @y : a@b>", []string{"|@x,@y|a|b"}},
	{"<@b>", []string{"|||b"}},
	{"Stab: a@b, c@d;", []string{"{Stab", "||a|b", "||c|d", "}"}},
	{"leer:;, a@b", []string{"{leer", "}", "||a|b"}},
	{"Stab: a@b", []string{"{Stab", "||a|b", "}"}},
	{`"x y" z: a@b; c@d`, []string{"{x y z", "||a|b", "}", "||c|d"}},
	{":;a@b", []string{"||a|b"}},
	{"a: b: c@d;", []string{"{a", "b:||c|d", "}"}},
	{"undisclosed-recipients", []string{"||undisclosed-recipients|"}},
	{"nur Worte", []string{"nur Worte|||"}},
	{"wer (Wer)", []string{"Wer||wer|"}},
	{"Anna Amt a@b", []string{"Anna Amt||a|b"}},
	{"a@b <a@b>", []string{"a@b||a|b"}},
	{"a@b@c", []string{"||a@b|c"}},
	{"<a@b@c>", []string{"||a@b|c"}},
	{"a@b; c@d", []string{"||a|b", "||c|d"}},
	{"<a@b> <c@d>", []string{"||a|b", "||c|d"}},
	{"<a@b> junk, <c@d>", []string{"||a|b", "||c|d"}},
	{"<a@b", []string{"||a|b"}},
	{"<a@b, c@d", []string{"||a|b", "||c|d"}},
	{"<>", nil},
	{"Niemand <>", []string{"Niemand|||"}},
	{`"Anna <a@b>, c@d`, []string{"Anna||a|b", "||c|d"}},
	{"(Anna <a@b>, c@d", []string{"Anna||a|b", "||c|d"}},
	{"Anna\r\n <a@b>,\r\n\tc@d\r\n", []string{"Anna||a|b", "||c|d"}},
	{"\"Anna\r\n Amt\" <a@b>\r\n", []string{"Anna Amt||a|b"}},
	{"a\x00@b\xff", []string{"||a\x00|b\xff"}},
}

func TestParseAddressList(t *testing.T) {
	for _, tt := range addressTests {
		list, complete := ParseAddressList(tt.list, 100)
		var got []string
		for _, a := range list {
			switch a.Kind {
			case GroupStart:
				got = append(got, "{"+a.Mailbox)
			case GroupEnd:
				got = append(got, "}")
			default:
				got = append(got, fmt.Sprintf("%s|%s|%s|%s", a.Name, a.Route, a.Mailbox, a.Host))
			}
		}
		if !slices.Equal(got, tt.want) || !complete {
			t.Errorf("%q: %q, want %q", tt.list, got, tt.want)
		}
	}
}

func TestAddressLimit(t *testing.T) {
	for max, want := range []int{0, 2, 3} {
		list, complete := ParseAddressList("g: a@b, c@d;", max)
		if len(list) != want || complete {
			t.Errorf("at most %d: %d elements, complete %v", max, len(list), complete)
		}
	}
	if list, complete := ParseAddressList("a@b, c@d, ", 2); len(list) != 2 || !complete {
		t.Errorf("%d elements, complete %v", len(list), complete)
	}
}

func TestAddressListIsLinear(t *testing.T) {
	for _, piece := range []string{"a@", "a b ", "<", "<@", "<@a,", "(", "()", `"`, `\`, `"\`, "a:", ";", "<a@b>", "a.", " ", ",", "[", "@"} {
		start := time.Now()
		ParseAddressList(strings.Repeat(piece, 4<<20/len(piece)), 1<<30)
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("4 MiB of %q took %v", piece, d)
		}
	}
}

func TestAddr(t *testing.T) {
	for _, tt := range []struct {
		a    Address
		want string
	}{
		{Address{Mailbox: "a.b", Host: "c"}, "a.b@c"},
		{Address{Mailbox: "a b", Host: "c"}, `"a b"@c`},
		{Address{Mailbox: `a"\`, Host: "c"}, `"a\"\\"@c`},
		{Address{Mailbox: "a..b", Host: "c"}, `"a..b"@c`},
		{Address{Host: "c"}, `""@c`},
		{Address{Mailbox: "ä", Host: "c"}, "ä@c"},
		{Address{Mailbox: "a"}, "a"},
		{Address{Kind: GroupStart, Mailbox: "a"}, ""},
	} {
		if got := tt.a.Addr(); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.a, got, tt.want)
		}
	}
}
