package message

import (
	"encoding/binary"
	"errors"
	"slices"
)

// EncoderVersion counts the forms of [Message.MarshalBinary] and of the structures found: stored data with another
// version must be computed anew from the message.
const EncoderVersion = 1

var (
	// ErrVersion is returned by UnmarshalBinary for data of another EncoderVersion.
	ErrVersion = errors.New("message: structure of another encoder version")
	// ErrCorrupt is returned by UnmarshalBinary for data that no MarshalBinary has written.
	ErrCorrupt = errors.New("message: corrupt structure")
)

// The form: a version byte, then numbers as unsigned varints and strings as below. A part's places are given by the
// distance to where its parent's body begins, and its own lengths.
//
//	message   version size lines longestLine flags received envelope strings(references) part
//	envelope  present date subject inReplyTo messageID addresses(from)
//	          sameAsFrom(1 sender, 2 replyTo) [addresses(sender)] [addresses(replyTo)] addresses(to, cc, bcc)
//	address   kind name route mailbox host
//	part      kind×2+hasFields type subtype distance headerLength bodyLength lines params [fields]
//	          kind 1: count and parts, kind 2: envelope part
//	fields    id description encoding md5 disposition params strings(language) location
//	string    length×2 and bytes, or number×2+1 of a common string
//
// Appending to commonStrings, or changing what any of this means, asks for a new EncoderVersion.
const (
	kindLeaf = iota
	kindMultipart
	kindMessage
)

// commonStrings are written as a number; they are sorted.
var commonStrings = [...]string{
	"7bit", "8bit", "alternative", "application", "attachment", "audio", "base64", "binary", "boundary", "calendar",
	"charset", "creation-date", "delivery-status", "disposition-notification", "filename", "flowed", "format", "gif",
	"html", "image", "inline", "iso-8859-1", "iso-8859-15", "jpeg", "message", "micalg", "mixed", "modification-date",
	"msword", "multipart", "name", "octet-stream", "pdf", "pgp-signature", "pkcs7-signature", "plain", "png", "protocol",
	"quoted-printable", "related", "report", "report-type", "rfc822", "rfc822-headers", "sha-256", "signed", "size",
	"text", "type", "us-ascii", "utf-8", "video", "x-pkcs7-signature", "xml", "zip",
}

// MarshalBinary returns the message's structure in a compact form that [Message.UnmarshalBinary] reads.
func (m *Message) MarshalBinary() ([]byte, error) {
	w := writer{b: make([]byte, 0, 512)}
	w.b = append(w.b, EncoderVersion)
	w.number(m.Size)
	w.number(m.Lines)
	w.number(m.LongestLine)
	w.number(int64(m.Flags))
	w.number(int64(m.Received))
	w.envelope(m.Envelope)
	w.strings(m.References)
	w.part(m.Root, 0)
	return w.b, nil
}

type writer struct{ b []byte }

func (w *writer) number(n int64) { w.b = binary.AppendUvarint(w.b, uint64(n)) }

func (w *writer) string(s string) {
	if i, ok := slices.BinarySearch(commonStrings[:], s); ok {
		w.number(int64(i)<<1 | 1)
		return
	}
	w.number(int64(len(s)) << 1)
	w.b = append(w.b, s...)
}

func (w *writer) strings(list []string) {
	w.number(int64(len(list)))
	for _, s := range list {
		w.string(s)
	}
}

func (w *writer) addresses(list []Address) {
	w.number(int64(len(list)))
	for i := range list {
		a := &list[i]
		w.b = append(w.b, byte(a.Kind))
		w.string(a.Name)
		w.string(a.Route)
		w.string(a.Mailbox)
		w.string(a.Host)
	}
}

func (w *writer) envelope(e *Envelope) {
	w.b = append(w.b, byte(e.Present))
	w.string(e.Date)
	w.string(e.Subject)
	w.string(e.InReplyTo)
	w.string(e.MessageID)
	w.addresses(e.From)
	var same byte
	if slices.Equal(e.Sender, e.From) {
		same |= 1
	}
	if slices.Equal(e.ReplyTo, e.From) {
		same |= 2
	}
	w.b = append(w.b, same)
	if same&1 == 0 {
		w.addresses(e.Sender)
	}
	if same&2 == 0 {
		w.addresses(e.ReplyTo)
	}
	w.addresses(e.To)
	w.addresses(e.Cc)
	w.addresses(e.Bcc)
}

func (w *writer) params(list []Param) {
	w.number(int64(len(list)))
	for _, p := range list {
		w.string(p.Name)
		w.string(p.Value)
	}
}

func (w *writer) part(p *Part, base int64) {
	kind := kindLeaf
	switch {
	case p.Embedded != nil:
		kind = kindMessage
	case len(p.Children) > 0:
		kind = kindMultipart
	}
	hasFields := p.ID != "" || p.Description != "" || p.Encoding != "" || p.MD5 != "" || p.Disposition != "" ||
		len(p.DispositionParams) > 0 || len(p.Language) > 0 || p.Location != ""
	first := byte(kind << 1)
	if hasFields {
		first |= 1
	}
	w.b = append(w.b, first)
	w.string(p.Type)
	w.string(p.Subtype)
	w.number(p.Offset - base)
	w.number(p.BodyOffset - p.Offset)
	w.number(p.End - p.BodyOffset)
	w.number(p.Lines)
	w.params(p.Params)
	if hasFields {
		w.string(p.ID)
		w.string(p.Description)
		w.string(p.Encoding)
		w.string(p.MD5)
		w.string(p.Disposition)
		w.params(p.DispositionParams)
		w.strings(p.Language)
		w.string(p.Location)
	}
	switch kind {
	case kindMultipart:
		w.number(int64(len(p.Children)))
		for _, c := range p.Children {
			w.part(c, p.BodyOffset)
		}
	case kindMessage:
		w.envelope(p.Envelope)
		w.part(p.Embedded, p.BodyOffset)
	}
}
