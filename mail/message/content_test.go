package message

import (
	"fmt"
	"testing"
)

var contentTypeTests = []struct{ body, want string }{
	{"text/plain", "text/plain"},
	{"TEXT/Plain; Charset=UTF-8", "text/plain Charset=UTF-8"},
	{"text/plain; charset=\"utf-8\"; format=flowed", "text/plain charset=utf-8 format=flowed"},
	{"text/plain;charset = utf-8 ; x = y", "text/plain charset=utf-8 x=y"},
	{"text/plain (c) ; (c) charset (c) = (c) utf-8 (c)", "text/plain charset=utf-8"},
	{"text/plain charset=utf-8", "text/plain charset=utf-8"},
	{"text/plain; charset=utf-8 format=flowed", "text/plain charset=utf-8 format=flowed"},
	{"text/plain; name=a b c.txt; x=y", "text/plain name=a b c.txt x=y"},
	{"text/plain; name=a(1).txt", "text/plain name=a(1).txt"},
	{"text/plain; name=\"a\\\"b;c\"; x=y", "text/plain name=a\"b;c x=y"},
	{"text/plain; name=\"open; x=y", "text/plain name=open; x=y"},
	{"text/plain;;; ;charset=utf-8;", "text/plain charset=utf-8"},
	{"text/plain; charset", "text/plain"},
	{"text/plain; charset; x=y", "text/plain x=y"},
	{"text/plain; =x; y=z", "text/plain y=z"},
	{"text/plain; charset=", "text/plain charset="},
	{"text/plain; name*0*=utf-8''a; name*1=b", "text/plain name*0*=utf-8''a name*1=b"},
	{"multipart/mixed; boundary=----=_Part_1=2", "multipart/mixed boundary=----=_Part_1=2"},
	{"multipart/mixed boundary=a", "multipart/mixed boundary=a"},
	{"multipart / mixed; boundary=a", "multipart/mixed boundary=a"},
	{"\"text/html\"", "application/octet-stream"},
	{"text", "text/plain"},
	{"text/", "text/plain"},
	{"multipart", "multipart/mixed"},
	{"image", "application/octet-stream"},
	{"text/plain>", "text/plain"},
	{"", "-text/plain"},
	{"/", "-text/plain"},
	{"; charset=utf-8", "-text/plain charset=utf-8"},
	{"charset=utf-8; x=y", "-text/plain charset=utf-8 x=y"},
	{"te\x00xt/pl\x01ain; na\x00me=b", "text/plain name=b"},
}

func TestParseContentType(t *testing.T) {
	for _, tt := range contentTypeTests {
		typ, subtype, params, ok := parseContentType(tt.body)
		got := typ + "/" + subtype
		if !ok {
			got = "-" + got
		}
		for _, p := range params {
			got += fmt.Sprintf(" %s=%s", p.Name, p.Value)
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.body, got, tt.want)
		}
	}
}

func TestParseDisposition(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{"INLINE", "inline []"},
		{"attachment; filename=\"a b\"", "attachment [{filename a b}]"},
		{"filename=a", "attachment [{filename a}]"},
		{";filename=a", "attachment [{filename a}]"},
		{"", " []"},
	} {
		d, params := parseDisposition(tt.body)
		if got := fmt.Sprintf("%s %v", d, params); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.body, got, tt.want)
		}
	}
}

func TestParseEncoding(t *testing.T) {
	for body, want := range map[string]string{
		"Base64": "base64", " quoted-printable (c)": "quoted-printable", "7bit;": "7bit", `"8bit"`: "8bit", "(c) binary": "binary", "": "",
	} {
		if got := parseEncoding(body); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}
