package message

import (
	"strings"
	"testing"
)

func TestAppendEnvelope(t *testing.T) {
	// The first one is the example of RFC 9051 8 (FETCH FULL).
	tests := []struct{ header, want string }{
		{`Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev2 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
`, `("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" ` +
			`(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ` +
			`(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) ` +
			`((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL ` +
			`"<B27397-0100000@cac.washington.edu>")`},
		{"", `(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"Date:\nSubject: \nIn-Reply-To:\nMessage-ID:\t\nFrom:\nTo: ,\n", `("" "" NIL NIL NIL NIL NIL NIL "" "")`},
		{"From: a@b\nSender: c@d\nReply-To:\n", `(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "c" "d")) ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL)`},
		{"To: Stab: a@b, \"C D\" <c@d>;\nBcc: leer:;\n", `(NIL NIL NIL NIL NIL ((NIL NIL "Stab" NIL)(NIL NIL "a" "b")("C D" NIL "c" "d")(NIL NIL NIL NIL)) NIL ((NIL NIL "leer" NIL)(NIL NIL NIL NIL)) NIL NIL)`},
		{"From: <@x,@y:a@b>\nTo: a@b\nTo: c@d\n", `(NIL NIL ((NIL "@x,@y" "a" "b")) ((NIL "@x,@y" "a" "b")) ((NIL "@x,@y" "a" "b")) ((NIL NIL "a" "b")(NIL NIL "c" "d")) NIL NIL NIL NIL)`},
		{"To: ohne\n", `(NIL NIL NIL NIL NIL ((NIL NIL "ohne" "")) NIL NIL NIL NIL)`},
		{"Subject: \"a\\b\"\n", `(NIL "\"a\\b\"" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"Subject: ä\n", "(NIL {2}\r\nä NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"Subject: a\x00b\n", `(NIL "ab" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"Subject: ä\x00b\n", "(NIL {3}\r\näb NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"Subject: a\rb\n", "(NIL {3}\r\na\rb NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"Subject: a \n\t b\nSubject: c\n", `(NIL "a b" NIL NIL NIL NIL NIL NIL NIL NIL)`},
	}
	for _, tt := range tests {
		m := Scan([]byte(tt.header+"\n"), Limits{})
		got := string(AppendEnvelope([]byte("x"), m.Envelope)[1:])
		if got != tt.want {
			t.Errorf("%q:\n%s, want\n%s", tt.header, got, tt.want)
		}
		checkIMAP(t, tt.header, m)
	}
}

func TestAppendBodyStructure(t *testing.T) {
	// The first two are the examples of RFC 9051 7.5.2 (BODY) made into messages.
	body := func(lines, size int) string {
		return strings.Repeat("\r\n", lines) + strings.Repeat("x", size-2*lines)
	}
	tests := []struct{ data, body, structure string }{
		{"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\nContent-Transfer-Encoding: 7BIT\r\n\r\n" + body(48, 2279),
			`("text" "plain" ("CHARSET" "US-ASCII") NIL NIL "7bit" 2279 48)`,
			`("text" "plain" ("CHARSET" "US-ASCII") NIL NIL "7bit" 2279 48 NIL NIL NIL NIL)`},
		{"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n" + body(23, 1152) +
			"\r\n--a\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME=cc.diff\r\nContent-ID: <960723163407.20117h@cac.washington.edu>\r\n" +
			"Content-Description: Compiler diff\r\nContent-Transfer-Encoding: BASE64\r\n\r\n" + body(73, 4554) + "\r\n--a--\r\n",
			`(("text" "plain" ("CHARSET" "US-ASCII") NIL NIL "7bit" 1152 23)("text" "plain" ("CHARSET" "US-ASCII" "NAME" "cc.diff") ` +
				`"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "base64" 4554 73) "mixed")`,
			`(("text" "plain" ("CHARSET" "US-ASCII") NIL NIL "7bit" 1152 23 NIL NIL NIL NIL)("text" "plain" ("CHARSET" "US-ASCII" "NAME" "cc.diff") ` +
				`"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "base64" 4554 73 NIL NIL NIL NIL) "mixed" ("boundary" "a") NIL NIL NIL)`},
		{"Content-Type: image/png\nContent-MD5: Q2hlY2s=\nContent-Disposition: Attachment; filename*0*=UTF-8''a%C3; filename*1*=%A4\nContent-Language: de, en\nContent-Location: http://musterstadt.example/\n\nx",
			`("image" "png" NIL NIL NIL "7bit" 1)`,
			`("image" "png" NIL NIL NIL "7bit" 1 "Q2hlY2s=" ("attachment" ("filename*0*" "UTF-8''a%C3" "filename*1*" "%A4")) ("de" "en") "http://musterstadt.example/")`},
		{"Content-Type: message/rfc822\nContent-Disposition: inline\n\nSubject: x\n\ny\n",
			`("message" "rfc822" NIL NIL NIL "7bit" 14 (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 2 1) 3)`,
			`("message" "rfc822" NIL NIL NIL "7bit" 14 (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 2 1 NIL NIL NIL NIL) 3 NIL ("inline" NIL) NIL NIL)`},
		{"Content-Type: message/rfc822; name=a\nContent-Transfer-Encoding: base64\n\neA==",
			`("application" "octet-stream" ("name" "a") NIL NIL "base64" 4)`,
			`("application" "octet-stream" ("name" "a") NIL NIL "base64" 4 NIL NIL NIL NIL)`},
		{"Content-Type: message/delivery-status\n\nx", `("message" "delivery-status" NIL NIL NIL "7bit" 1)`,
			`("message" "delivery-status" NIL NIL NIL "7bit" 1 NIL NIL NIL NIL)`},
		{"Content-Type: multipart/mixed; boundary=a\n\nx", `("text" "plain" ("boundary" "a" "charset" "us-ascii") NIL NIL "7bit" 1 0)`,
			`("text" "plain" ("boundary" "a" "charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL)`},
		{"Content-Type: text/html; charset*=utf-8''x; name=\n\n", `("text" "html" ("charset*" "utf-8''x" "name" "") NIL NIL "7bit" 0 0)`,
			`("text" "html" ("charset*" "utf-8''x" "name" "") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)`},
	}
	for _, tt := range tests {
		m := Scan([]byte(tt.data), Limits{})
		if got := string(AppendBody([]byte("x"), m.Root)[1:]); got != tt.body {
			t.Errorf("%.60q: body\n%s, want\n%s", tt.data, got, tt.body)
		}
		if got := string(AppendBodyStructure([]byte("x"), m.Root)[1:]); got != tt.structure {
			t.Errorf("%.60q: structure\n%s, want\n%s", tt.data, got, tt.structure)
		}
		checkIMAP(t, tt.data[:20], m)
	}
}

func TestLongStringsAreLiterals(t *testing.T) {
	long := strings.Repeat("x", maxQuoted+1)
	if got := string(appendString(nil, long)); got != "{1025}\r\n"+long {
		t.Errorf("%.20q", got)
	}
	if got := string(appendString(nil, long[1:])); got != `"`+long[1:]+`"` {
		t.Errorf("%.20q", got)
	}
}

func TestNumbersHave32Bits(t *testing.T) {
	p := &Part{Type: "image", Subtype: "png", End: 1 << 40}
	if got := string(AppendBody(nil, p)); got != `("image" "png" NIL NIL NIL "7bit" 4294967295)` {
		t.Error(got)
	}
}
