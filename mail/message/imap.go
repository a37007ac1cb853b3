package message

import (
	"strconv"
	"strings"
)

// AppendEnvelope appends the envelope in IMAP's wire form (RFC 9051 9, "envelope") to dst.
//
// An address without a domain has an empty host, not NIL, which would make it a group.
func AppendEnvelope(dst []byte, e *Envelope) []byte {
	dst = append(dst, '(')
	dst = appendPresent(dst, e.Date, e.Present&HasDate != 0)
	dst = append(dst, ' ')
	dst = appendPresent(dst, e.Subject, e.Present&HasSubject != 0)
	for _, list := range [...][]Address{e.From, e.Sender, e.ReplyTo, e.To, e.Cc, e.Bcc} {
		dst = append(dst, ' ')
		dst = appendAddresses(dst, list)
	}
	dst = append(dst, ' ')
	dst = appendPresent(dst, e.InReplyTo, e.Present&HasInReplyTo != 0)
	dst = append(dst, ' ')
	dst = appendPresent(dst, e.MessageID, e.Present&HasMessageID != 0)
	return append(dst, ')')
}

func appendAddresses(dst []byte, list []Address) []byte {
	if len(list) == 0 {
		return append(dst, "NIL"...)
	}
	dst = append(dst, '(')
	for i := range list {
		a := &list[i]
		switch a.Kind {
		case GroupStart:
			dst = append(dst, "(NIL NIL "...)
			dst = appendString(dst, a.Mailbox)
			dst = append(dst, " NIL)"...)
		case GroupEnd:
			dst = append(dst, "(NIL NIL NIL NIL)"...)
		default:
			dst = append(dst, '(')
			dst = appendNString(dst, a.Name)
			dst = append(dst, ' ')
			dst = appendNString(dst, a.Route)
			dst = append(dst, ' ')
			dst = appendString(dst, a.Mailbox)
			dst = append(dst, ' ')
			dst = appendString(dst, a.Host)
			dst = append(dst, ')')
		}
	}
	return append(dst, ')')
}

// AppendBody appends the part in the form of FETCH BODY, without extension data (RFC 9051 9, "body").
func AppendBody(dst []byte, p *Part) []byte { return appendBody(dst, p, false) }

// AppendBodyStructure appends the part in the form of FETCH BODYSTRUCTURE, with extension data.
//
// A multipart in which no part was found has no valid form, so it is shown as the text it contains; a message in a
// transfer encoding that forbids looking into it is shown as application/octet-stream. Text without a charset is shown
// with the default one.
func AppendBodyStructure(dst []byte, p *Part) []byte { return appendBody(dst, p, true) }

func appendBody(dst []byte, p *Part, extended bool) []byte {
	dst = append(dst, '(')
	if p.IsMultipart() {
		for _, c := range p.Children {
			dst = appendBody(dst, c, extended)
		}
		dst = append(dst, ' ')
		dst = appendString(dst, p.Subtype)
		if extended {
			dst = append(dst, ' ')
			dst = appendParams(dst, p.Params)
			dst = appendExtension(dst, p)
		}
		return append(dst, ')')
	}

	typ, subtype := p.shownType()
	dst = appendString(dst, typ)
	dst = append(dst, ' ')
	dst = appendString(dst, subtype)
	dst = append(dst, ' ')
	params := p.Params
	if typ == "text" && !hasParam(params, "charset") {
		params = append(params[:len(params):len(params)], Param{"charset", "us-ascii"}) // RFC 2045 5.2
	}
	dst = appendParams(dst, params)
	dst = append(dst, ' ')
	dst = appendNString(dst, p.ID)
	dst = append(dst, ' ')
	dst = appendNString(dst, p.Description)
	dst = append(dst, ' ')
	encoding := p.Encoding
	if encoding == "" {
		encoding = "7bit"
	}
	dst = appendString(dst, encoding)
	dst = append(dst, ' ')
	dst = appendNumber(dst, p.Size())
	switch {
	case p.Embedded != nil:
		dst = append(dst, ' ')
		dst = AppendEnvelope(dst, p.Envelope)
		dst = append(dst, ' ')
		dst = appendBody(dst, p.Embedded, extended)
		dst = append(dst, ' ')
		dst = appendNumber(dst, p.Lines)
	case typ == "text":
		dst = append(dst, ' ')
		dst = appendNumber(dst, p.Lines)
	}
	if extended {
		dst = append(dst, ' ')
		dst = appendNString(dst, p.MD5)
		dst = appendExtension(dst, p)
	}
	return append(dst, ')')
}

// shownType returns the type under which IMAP shows a part without children.
func (p *Part) shownType() (typ, subtype string) {
	switch {
	case p.Embedded != nil || p.Type != "multipart" && p.Type != "message":
		return p.Type, p.Subtype
	case p.Type == "multipart":
		return "text", "plain"
	case p.Subtype == "rfc822" || p.Subtype == "global":
		return "application", "octet-stream"
	}
	return p.Type, p.Subtype
}

// appendExtension appends disposition, language and location (RFC 9051 7.5.2, extension data), a space before each.
func appendExtension(dst []byte, p *Part) []byte {
	dst = append(dst, ' ')
	if p.Disposition == "" {
		dst = append(dst, "NIL"...)
	} else {
		dst = append(dst, '(')
		dst = appendString(dst, p.Disposition)
		dst = append(dst, ' ')
		dst = appendParams(dst, p.DispositionParams)
		dst = append(dst, ')')
	}
	dst = append(dst, ' ')
	if len(p.Language) == 0 {
		dst = append(dst, "NIL"...)
	} else {
		for i, tag := range p.Language {
			dst = append(dst, "( "[min(i, 1)])
			dst = appendString(dst, tag)
		}
		dst = append(dst, ')')
	}
	dst = append(dst, ' ')
	return appendNString(dst, p.Location)
}

func appendParams(dst []byte, params []Param) []byte {
	if len(params) == 0 {
		return append(dst, "NIL"...)
	}
	for i, p := range params {
		dst = append(dst, "( "[min(i, 1)])
		dst = appendString(dst, p.Name)
		dst = append(dst, ' ')
		dst = appendString(dst, p.Value)
	}
	return append(dst, ')')
}

// hasParam tells whether the parameter called name is there in any form, RFC 2231's included.
func hasParam(params []Param, name string) bool {
	for _, p := range params {
		if base, _, _ := strings.Cut(p.Name, "*"); strings.EqualFold(base, name) {
			return true
		}
	}
	return false
}

// appendNumber appends a number of 32 bits, which is what the grammar has for octets and what old clients take for
// lines.
func appendNumber(dst []byte, n int64) []byte {
	return strconv.AppendInt(dst, min(n, 1<<32-1), 10)
}

// appendPresent appends s, or NIL when its field was absent.
func appendPresent(dst []byte, s string, present bool) []byte {
	if !present {
		return append(dst, "NIL"...)
	}
	return appendString(dst, s)
}

// appendNString appends s, or NIL when it is empty.
func appendNString(dst []byte, s string) []byte { return appendPresent(dst, s, s != "") }

// maxQuoted is the longest string sent quoted: some clients bound their lines, none their literals so low.
const maxQuoted = 1024

// appendString appends s as an IMAP string: quoted, or a literal where quoting cannot carry it (line ends, bytes above
// 127) or the line would grow long. NUL bytes, which neither can carry, are left out.
func appendString(dst []byte, s string) []byte {
	quotable := len(s) <= maxQuoted
	nuls := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == 0:
			nuls++
		case c == '\r' || c == '\n' || c > 126:
			quotable = false
		}
	}
	if !quotable {
		dst = append(dst, '{')
		dst = strconv.AppendInt(dst, int64(len(s)-nuls), 10)
		dst = append(dst, '}', '\r', '\n')
		if nuls == 0 {
			return append(dst, s...)
		}
	} else {
		dst = append(dst, '"')
	}
	for i := range len(s) {
		c := s[i]
		if c == 0 {
			continue
		}
		if quotable && (c == '"' || c == '\\') {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	if quotable {
		dst = append(dst, '"')
	}
	return dst
}
