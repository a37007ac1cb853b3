package message

import (
	"strings"
	"testing"
	"time"
)

var wordTests = []struct{ raw, want string }{
	{"", ""},
	{"Hallo Welt", "Hallo Welt"},
	{"Grüße", "Grüße"},
	{"Gr\xfc\xdfe \x80", "Grüße €"},
	{" a\r\n\t b\tc\x00d ", "a b c d"},
	// RFC 2047 8
	{"=?US-ASCII?Q?Keith_Moore?= <m@x>", "Keith Moore <m@x>"},
	{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=", "If you can read this you understand the example."},
	{"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
	{"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)"},
	{"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
	{"=?utf-8*de?q?=C3=A4?=", "ä"},
	{"=?utf-8?q?a b?=", "a b"},
	{"=?utf-8?Q?=C3?= =?utf-8?Q?=A4?=", "ä"},
	{"=?utf-8?B?w6Q?=", "ä"},
	{"=?utf-8?B?w6Q=?=x", "äx"},
	{"x=?utf-8?q?=C3=A4?=y", "xäy"},
	{"=?utf-8?q?=E4?=", "ä"},
	{"=?x-nonsense?q?=C3=A4?=", "ä"},
	{"=?us-ascii?q?=C3=A4?=", "ä"},
	{"=?windows-1252?q?=80?=", "€"},
	{"=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=", "テスト"},
	{"=?gb2312?B?suLK1A==?=", "测试"},
	{"=?utf-7?Q?+AOQ-?=", "ä"},
	{"=?utf-16?B?/v8A5A==?=", "ä"},
	{"=?utf-8?q?=?=", "="},
	{"=?utf-8?q?=4?=", "=4"},
	{"=?utf-8?x?a?=", "=?utf-8?x?a?="},
	{"=?utf-8?q?a", "=?utf-8?q?a"},
	{"=?=?utf-8?q?a?=", "=?a"},
	{"=?utf-8?q?a?= =? b", "a =? b"},
	{"=?", "=?"},
	{"a =?utf-8?q?b?= c =?utf-8?q?d?= e", "a b c d e"},
}

func TestDecodeHeader(t *testing.T) {
	for _, tt := range wordTests {
		if got := DecodeHeader(tt.raw); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.raw, got, tt.want)
		}
	}
}

func TestDecodeHeaderIsLinear(t *testing.T) {
	for _, piece := range []string{"=?", "=?utf-8?q?", "=?utf-8?q?a?= ", "=?x?b?", "?=", "=?a?q?b?==?c?q?d?=", "\xff"} {
		start := time.Now()
		DecodeHeader(strings.Repeat(piece, 2<<20/len(piece)))
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("2 MiB of %q took %v", piece, d)
		}
	}
}

func TestDecodeParam(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{"name=a.txt", "a.txt"},
		{"NAME=a.txt", "a.txt"},
		{`name="=?utf-8?q?=C3=A4?="`, "ä"},
		{"name*=utf-8'de'%C3%A4%2", "ä%2"},
		{"name*=iso-8859-1''%E4", "ä"},
		{"name*=%E4", "ä"},
		{"name=plain; name*=utf-8''star", "star"},
		// RFC 2231 4.1
		{"name*0*=us-ascii'en'This%20is%20even%20more%20; name*1*=%2A%2A%2Afun%2A%2A%2A%20; name*2=\"isn't it!\"", "This is even more ***fun*** isn't it!"},
		{"name*1=b; name*0=a", "ab"},
		{"name*0=a; name*2=c", "a"},
		{"name*1=b; name=x", "x"},
		{"name*0*=utf-8''%C3; name*1*=%A4", "ä"},
		{"namex=a", ""},
		{"name*x=a", ""},
		{"name*999=a", ""},
	} {
		_, _, params, _ := parseContentType("a/b;" + tt.body)
		if got, ok := DecodeParam(params, "name"); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q (%v), want %q", tt.body, got, ok, tt.want)
		}
	}
}

func TestFilename(t *testing.T) {
	for header, want := range map[string]string{
		"Content-Type: a/b; name=x": "x",
		"Content-Type: a/b; name=x\r\nContent-Disposition: attachment; filename=y": "y",
		"Subject: z": "",
	} {
		if got := Scan([]byte(header+"\r\n\r\n"), Limits{}).Root.Filename(); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}
