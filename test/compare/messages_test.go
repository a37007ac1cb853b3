package compare

import "strings"

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// messages are what scripts append, by name.
var messages = map[string]string{
	"plain": crlf(`Date: Mon, 2 Mar 2026 09:30:00 +0100
From: Anna Amtmann <anna@musterstadt.example>
To: Jan Bauer <jan@musterstadt.example>, office@musterstadt.example
Subject: Bauantrag 17
Message-ID: <one@musterstadt.example>
Content-Type: text/plain; charset=utf-8

Guten Tag,
die Unterlagen liegen bei.
`),
	"reply": crlf(`Date: Tue, 3 Mar 2026 10:00:00 +0100
From: Jan Bauer <jan@musterstadt.example>
Sender: office@musterstadt.example
Reply-To: answers@musterstadt.example
To: Anna Amtmann <anna@musterstadt.example>
Cc: third@musterstadt.example
Bcc: fourth@musterstadt.example
Subject: =?utf-8?q?Re=3A_Bauantrag_gepr=C3=BCft?=
Message-ID: <two@musterstadt.example>
In-Reply-To: <one@musterstadt.example>
References: <one@musterstadt.example>
X-Priority: 1
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gepr=C3=BCft und f=C3=BCr gut befunden.
`),
	"mixed": crlf(`Date: Wed, 4 Mar 2026 11:00:00 +0100
From: anna@musterstadt.example
To: jan@musterstadt.example
Subject: Mit Anlage
Message-ID: <three@musterstadt.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

Preamble
--outer
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset=utf-8
Content-Language: de
Content-ID: <text@musterstadt.example>
Content-Description: the text

Text
--inner
Content-Type: text/html; charset=utf-8

<p>Text</p>
--inner--

--outer
Content-Type: application/octet-stream; name="plan.bin"
Content-Disposition: attachment; filename="plan.bin"; size=5
Content-Transfer-Encoding: base64

AAEC
AwQ=
--outer--
Epilogue
`),
	"forward": crlf(`Date: Thu, 5 Mar 2026 12:00:00 +0100
From: anna@musterstadt.example
To: jan@musterstadt.example
Subject: Fwd: Bauantrag
Message-ID: <four@musterstadt.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="fwd"

--fwd
Content-Type: text/plain; charset=us-ascii

See below.
--fwd
Content-Type: message/rfc822

Date: Mon, 2 Mar 2026 09:30:00 +0100
From: inner@musterstadt.example
To: other@musterstadt.example
Subject: Inside
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="deep"

--deep
Content-Type: text/plain; charset=us-ascii

Deep text
--deep
Content-Type: text/csv; charset=us-ascii

a;b
--deep--
--fwd--
`),
	"old": crlf(`Date: Sat, 3 Jan 1998 12:00:00 -0500
From: "Quoted \"Name\"" <q@musterstadt.example>
To: Group: a@musterstadt.example, b@musterstadt.example;
Subject: group address
Message-ID: <five@musterstadt.example>
Content-Type: text/plain; charset=us-ascii

short
`),
	"nosubject": crlf(`From: x@musterstadt.example
Date: Sun, 1 Mar 2026 00:10:00 +0200
Content-Type: text/plain; charset=us-ascii

no subject and no recipients
`),
	"bare":  crlf("Subject: bare\n\nonly a subject\n"),
	"empty": crlf("Subject: nothing below\nContent-Type: text/plain; charset=us-ascii\n\n"),
	// What follows is malformed, or may be read in more than one way.
	"partless": crlf(`Subject: no parts
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="never"

nothing is delimited
`),
	"encoded": crlf(`Subject: encoded message
MIME-Version: 1.0
Content-Type: message/rfc822
Content-Transfer-Encoding: base64

U3ViamVjdDogaW5zaWRlDQoNCnRleHQNCg==
`),
	"charsetless": crlf(`Subject: no charset
MIME-Version: 1.0
Content-Type: text/plain

text
`),
	"domainless": crlf(`From: postmaster
To: root
Subject: no domain
Content-Type: text/plain; charset=us-ascii

text
`),
	"double": crlf(`From: one@musterstadt.example
From: two@musterstadt.example
Subject: first
Subject: second
Content-Type: text/plain; charset=us-ascii

text
`),
	"broken": crlf(`Subject: no header in the part
Content-Type: multipart/mixed; boundary="x"

--x
no colon here

--x
Content-Type: text/plain; charset=us-ascii

text
`),
	"encodedwords": crlf(`From: =?utf-8?q?J=C3=B6rg?= <joerg@musterstadt.example>
To: undisclosed-recipients:;
Subject: =?utf-8?b?R3LDvMOfZQ==?=
 =?utf-8?q?_folded?=
Content-Type: text/plain; charset=us-ascii; format=flowed

text
`),
	"parameters": crlf(`Subject: parameters
MIME-Version: 1.0
Content-Type: application/pdf; name="long name.pdf"
Content-Disposition: attachment; filename*=utf-8''%C3%A4.pdf
Content-Language: de, en
Content-Location: https://musterstadt.example/a
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Transfer-Encoding: base64

JVBERg==
`),
}
