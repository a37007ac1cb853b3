package message

import (
	"errors"
	"io"
	"strings"
)

// ErrUnknownEncoding is returned for a Content-Transfer-Encoding that is not known: IMAP answers BINARY with
// NO [UNKNOWN-CTE] (RFC 9051 6.4.5.1).
var ErrUnknownEncoding = errors.New("message: unknown content transfer encoding")

// NewBodyDecoder returns a reader of the bytes that r holds in a Content-Transfer-Encoding (any case; empty means
// 7bit). Malformed base64 and quoted-printable are decoded as far as they make sense and never give an error; errors
// of r are passed on.
func NewBodyDecoder(r io.Reader, encoding string) (io.Reader, error) {
	switch lower(strings.TrimSpace(encoding)) {
	case "", "7bit", "8bit", "binary":
		return r, nil
	case "base64":
		return &decodingReader{r: r, d: &base64Decoder{}}, nil
	case "quoted-printable":
		return &decodingReader{r: r, d: &quotedDecoder{}}, nil
	}
	return nil, ErrUnknownEncoding
}

// decoder turns pieces of encoded bytes into bytes, appending to dst.
type decoder interface {
	decode(dst, src []byte) []byte
	finish(dst []byte) []byte // what is left at the end
}

// decodingReader reads through a decoder.
type decodingReader struct {
	r   io.Reader
	d   decoder
	in  [4096]byte
	buf []byte // decoded, its storage used again
	out []byte // the part of buf not yet read
	err error
}

func (d *decodingReader) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		if len(p) == 0 {
			return 0, nil
		}
		var n int
		n, d.err = d.r.Read(d.in[:])
		d.buf = d.d.decode(d.buf[:0], d.in[:n])
		if d.err == io.EOF {
			d.buf = d.d.finish(d.buf)
		}
		d.out = d.buf
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// base64Decoder decodes RFC 2045 6.8. Bytes outside the alphabet are passed over; padding ends a quantum, so that
// pieces encoded one by one and then joined are read whole.
type base64Decoder struct {
	bits uint32
	n    int // characters in bits, 0 to 3
}

const notBase64 = 0xff

var base64Value = func() (table [256]byte) {
	for i := range table {
		table[i] = notBase64
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		table[c] = byte(i)
	}
	return table
}()

func (d *base64Decoder) decode(dst, src []byte) []byte {
	for i := 0; i < len(src); i++ {
		if d.n == 0 && i+4 <= len(src) {
			a, b, c, e := base64Value[src[i]], base64Value[src[i+1]], base64Value[src[i+2]], base64Value[src[i+3]]
			if a|b|c|e < 64 {
				dst = append(dst, a<<2|b>>4, b<<4|c>>2, c<<6|e)
				i += 3
				continue
			}
		}
		v := base64Value[src[i]]
		switch {
		case v != notBase64:
			d.bits = d.bits<<6 | uint32(v)
			if d.n++; d.n == 4 {
				dst = append(dst, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
				d.n = 0
			}
		case src[i] == '=':
			dst = d.finish(dst)
		}
	}
	return dst
}

func (d *base64Decoder) finish(dst []byte) []byte {
	switch d.n {
	case 2:
		dst = append(dst, byte(d.bits>>4))
	case 3:
		dst = append(dst, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.n = 0
	return dst
}

// quotedDecoder decodes RFC 2045 6.7. White space before a line end goes, as the RFC asks; an equals sign that begins
// neither a byte nor a soft line break stays.
type quotedDecoder struct {
	// held is what cannot be decided yet: white space with or without a carriage return behind it, or the same
	// after an equals sign, or an equals sign and a hexadecimal digit.
	held []byte
}

// maxHeld bounds the white space that may prove to stand before a line end.
const maxHeld = 1024

func (d *quotedDecoder) decode(dst, src []byte) []byte {
	for _, c := range src {
		if len(d.held) > 0 {
			var done bool
			if dst, done = d.resolve(dst, c); done {
				continue
			}
		}
		switch c {
		case ' ', '\t', '\r', '=':
			d.held = append(d.held, c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// resolve looks at held and the byte that follows it, and tells whether that byte is dealt with.
func (d *quotedDecoder) resolve(dst []byte, c byte) ([]byte, bool) {
	soft := d.held[0] == '='
	last := d.held[len(d.held)-1]
	switch {
	case c == '\n':
		if !soft {
			if last == '\r' {
				dst = append(dst, '\r')
			}
			dst = append(dst, '\n')
		} else if len(d.held) > 1 && unhex(d.held[1]) >= 0 {
			dst = append(append(dst, d.held...), '\n')
		}
		d.held = d.held[:0]
		return dst, true
	case soft && len(d.held) == 1 && unhex(c) >= 0:
		d.held = append(d.held, c)
		return dst, true
	case soft && len(d.held) == 2 && unhex(last) >= 0 && unhex(c) >= 0:
		dst = append(dst, byte(unhex(last)<<4|unhex(c)))
		d.held = d.held[:0]
		return dst, true
	case (c == ' ' || c == '\t' || c == '\r') && last != '\r' && unhex(last) < 0 && len(d.held) < maxHeld:
		d.held = append(d.held, c)
		return dst, true
	}
	dst = append(dst, d.held...)
	d.held = d.held[:0]
	return dst, false
}

func (d *quotedDecoder) finish(dst []byte) []byte {
	// White space and a soft line break at the end of the body go; the rest is as it came.
	if n := len(d.held); n > 0 && (d.held[n-1] == '\r' && d.held[0] != '=' || unhex(d.held[n-1]) >= 0) {
		dst = append(dst, d.held...)
	}
	d.held = d.held[:0]
	return dst
}

// unhex returns the value of a hexadecimal digit, -1 if c is none.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
