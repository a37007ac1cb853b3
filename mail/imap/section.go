package imap

import (
	"bytes"
	"errors"
	"io"

	"fachwerk/mail"
	"fachwerk/mail/imap/wire"
	"fachwerk/mail/message"
)

// decodeInMemory is how much of a decoded part is kept while its length is counted; a longer one is decoded twice.
const decodeInMemory = 256 << 10

// section appends one BODY[], BINARY[] or BINARY.SIZE[] item with its content; wrote is false if it was left out.
func (a *answer) section(item *fetchItem, sp bool, body *mail.Body, p *part) (wrote bool, err error) {
	w := a.w
	label := func() {
		if sp {
			w.B = append(w.B, ' ')
		}
		w.B = append(w.B, item.label...)
		w.B = append(w.B, ' ')
	}
	span, encoding, there := a.span(item, body, p)
	switch {
	case !there:
		label()
		if item.item == itemBinarySize {
			w.B = append(w.B, '0')
		} else {
			w.B = append(w.B, "NIL"...)
		}
		return true, nil
	case item.item == itemSection && len(item.section.Fields) > 0:
		label()
		return true, a.headerFields(item, body, span)
	case item.item == itemSection:
		label()
		return true, a.raw(item, body, span, false)
	case item.item == itemBinary && encoding == "":
		label()
		return true, a.raw(item, body, span, true)
	case item.item == itemBinarySize && encoding == "":
		label()
		w.B = wire.AppendUint(w.B, uint64(span.Len()))
		return true, nil
	}
	d := decoder{a: a, body: body, span: span, encoding: encoding}
	head, size, err := d.measure()
	if errors.Is(err, message.ErrUnknownEncoding) {
		a.unknownCTE = true
		return false, nil
	}
	if err != nil {
		return false, err
	}
	label()
	if item.item == itemBinarySize {
		w.B = wire.AppendUint(w.B, uint64(size))
		return true, nil
	}
	return true, d.write(item, head, size)
}

// span finds the bytes that a section names and, for BINARY, the transfer encoding to take away ("" for none).
func (a *answer) span(item *fetchItem, body *mail.Body, p *part) (span message.Span, encoding string, there bool) {
	sec := &item.section
	if len(sec.Path) == 0 {
		switch sec.Text {
		case "":
			return message.Span{Start: 0, End: body.Size()}, "", true
		case "TEXT":
			return message.Span{Start: p.headerSize, End: body.Size()}, "", true
		}
		return message.Span{Start: 0, End: p.headerSize}, "", true
	}
	spec := message.Whole
	switch sec.Text {
	case "":
	case "TEXT":
		spec = message.Text
	case "MIME":
		spec = message.MIME
	default:
		spec = message.Header
	}
	span, there = p.message.Locate(sec.Path, spec)
	if there && item.item != itemSection {
		if leaf := p.message.Part(sec.Path); leaf != nil && !leaf.IsMultipart() && leaf.Embedded == nil {
			encoding = leaf.Encoding
		}
	}
	return span, encoding, there
}

// cut applies a partial range to a length (RFC 9051 6.4.5).
func cut(p *wire.Partial, size int64) (offset, n int64) {
	if p == nil {
		return 0, size
	}
	offset = min(p.Offset, size)
	return offset, min(p.Size, size-offset)
}

// raw streams a range of the message as it is.
func (a *answer) raw(item *fetchItem, body *mail.Body, span message.Span, binary bool) error {
	offset, n := cut(item.partial, span.Len())
	return a.literal(binary, n, func() (io.ReadCloser, error) { return body.Open(a.ctx, span.Start+offset, n) })
}

// literal writes n bytes of what open gives: as literal8 if binary, else as a literal without NUL.
func (a *answer) literal(binary bool, n int64, open func() (io.ReadCloser, error)) error {
	w := a.w
	if n == 0 {
		w.B = append(w.B, '"', '"')
		return nil
	}
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	if binary {
		w.B = append(w.B, '~')
	}
	w.B = wire.AppendLiteral(w.B, n)
	return w.Copy(r, n, !binary)
}

// headerFields answers HEADER.FIELDS and HEADER.FIELDS.NOT: fields byte for byte, and the blank line.
func (a *answer) headerFields(item *fetchItem, body *mail.Body, span message.Span) error {
	r, err := body.Open(a.ctx, span.Start, min(span.Len(), maxHeader))
	if err != nil {
		return err
	}
	header, err := io.ReadAll(r)
	r.Close()
	if err != nil {
		return err
	}
	header = message.FilterHeader(header, item.section.Fields, item.section.Text == "HEADER.FIELDS.NOT")
	offset, n := cut(item.partial, int64(len(header)))
	return a.literal(false, n, func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(header[offset : offset+n])), nil
	})
}

// decoder answers BINARY of a part in a transfer encoding.
type decoder struct {
	a        *answer
	body     *mail.Body
	span     message.Span
	encoding string
}

func (d *decoder) open() (io.Reader, io.Closer, error) {
	r, err := d.body.Open(d.a.ctx, d.span.Start, d.span.Len())
	if err != nil {
		return nil, nil, err
	}
	dec, err := message.NewBodyDecoder(r, d.encoding)
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	return dec, r, nil
}

// measure counts the decoded bytes and keeps them while they are few.
func (d *decoder) measure() (head []byte, size int64, err error) {
	r, c, err := d.open()
	if err != nil {
		return nil, 0, err
	}
	defer c.Close()
	head, err = io.ReadAll(io.LimitReader(r, decodeInMemory+1))
	if err != nil || len(head) <= decodeInMemory {
		return head, int64(len(head)), err
	}
	n, err := io.Copy(io.Discard, r)
	return nil, int64(len(head)) + n, err
}

func (d *decoder) write(item *fetchItem, head []byte, size int64) error {
	offset, n := cut(item.partial, size)
	return d.a.literal(true, n, func() (io.ReadCloser, error) {
		if head != nil {
			return io.NopCloser(bytes.NewReader(head[offset : offset+n])), nil
		}
		r, c, err := d.open()
		if err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, r, offset); err != nil {
			c.Close()
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{r, c}, nil
	})
}
