package message

import (
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// charsetDecoder returns what turns a charset into UTF-8. A charset that is unknown, or says nothing (US-ASCII with
// bytes above 127 is common), is read by what the bytes look like; so is UTF-8, for not all that claims it is.
func charsetDecoder(label string) transform.Transformer {
	label = lower(strings.Trim(label, " \t\"'"))
	switch label {
	case "", "us-ascii", "ascii", "utf-8", "utf8", "unknown-8bit", "x-unknown", "unknown":
		return lenientUTF8{}
	case "utf-7", "unicode-1-1-utf-7", "csunicode11utf7":
		return &utf7Decoder{}
	case "utf-16", "ucs-2", "iso-10646-ucs-2":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder()
	case "utf-32":
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM).NewDecoder()
	case "hz-gb-2312":
		return simplifiedchinese.HZGB2312.NewDecoder()
	}
	// The web's table first: it knows labels as they are used, such as GB2312 for what is GBK.
	if e, name := charset.Lookup(label); e != nil && name != "replacement" {
		if name == "utf-8" {
			return lenientUTF8{}
		}
		return e.NewDecoder()
	}
	for _, index := range [...]*ianaindex.Index{ianaindex.MIME, ianaindex.IANA} {
		if e, err := index.Encoding(label); err == nil && e != nil && e != encoding.Nop {
			return e.NewDecoder()
		}
	}
	return lenientUTF8{}
}

// charsetReader reads r, which is in the named charset, as UTF-8.
func charsetReader(r io.Reader, label string) io.Reader {
	return transform.NewReader(r, charsetDecoder(label))
}

// decodeCharset returns b, which is in the named charset, as UTF-8.
func decodeCharset(b []byte, label string) string {
	out, n, err := transform.Bytes(charsetDecoder(label), b)
	if err != nil {
		rest, _, _ := transform.Bytes(lenientUTF8{}, b[min(n, len(b)):])
		out = append(out, rest...)
	}
	return string(out)
}

// lenientUTF8 passes UTF-8 through and reads bytes that are not as Windows-1252, the superset of Latin-1 that such
// bytes nearly always are.
type lenientUTF8 struct{ transform.NopResetter }

func (lenientUTF8) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if c := src[nSrc]; c < utf8.RuneSelf {
			if nDst == len(dst) {
				return nDst, nSrc, transform.ErrShortDst
			}
			dst[nDst] = c
			nDst++
			nSrc++
			continue
		}
		r, size := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && size == 1 {
			if !atEOF && !utf8.FullRune(src[nSrc:]) {
				return nDst, nSrc, transform.ErrShortSrc
			}
			r = charmap.Windows1252.DecodeByte(src[nSrc])
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
	return nDst, nSrc, nil
}

// utf7Decoder decodes UTF-7 (RFC 2152). What is malformed becomes U+FFFD.
type utf7Decoder struct {
	shifted bool
	fresh   bool // nothing came since the plus sign
	bits    uint32
	nbits   int
	high    rune // a high surrogate that waits for its other half, or 0
}

func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

func (d *utf7Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	const most = 2 * utf8.UTFMax // that one byte can give
	for ; nSrc < len(src); nSrc++ {
		if nDst+most > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		switch v := base64Value[c]; {
		case !d.shifted && c == '+':
			*d = utf7Decoder{shifted: true, fresh: true}
		case !d.shifted:
			if c >= utf8.RuneSelf {
				nDst += utf8.EncodeRune(dst[nDst:], charmap.Windows1252.DecodeByte(c))
			} else {
				dst[nDst] = c
				nDst++
			}
		case v != notBase64:
			d.fresh = false
			d.bits, d.nbits = d.bits<<6|uint32(v), d.nbits+6
			if d.nbits >= 16 {
				d.nbits -= 16
				nDst += d.unit(dst[nDst:], rune(d.bits>>d.nbits&0xffff))
			}
		default:
			if d.high != 0 {
				nDst += utf8.EncodeRune(dst[nDst:], utf8.RuneError)
			}
			if d.fresh && c == '-' {
				dst[nDst] = '+' // "+-" is a plus sign
				nDst++
			} else if c != '-' {
				nDst += utf8.EncodeRune(dst[nDst:], charmap.Windows1252.DecodeByte(c))
			}
			d.Reset()
		}
	}
	return nDst, nSrc, nil
}

// unit takes one UTF-16 code unit and writes the rune it completes, if it does.
func (d *utf7Decoder) unit(dst []byte, u rune) int {
	n := 0
	if d.high != 0 {
		if r := utf16.DecodeRune(d.high, u); r != utf8.RuneError {
			d.high = 0
			return utf8.EncodeRune(dst, r)
		}
		n = utf8.EncodeRune(dst, utf8.RuneError)
		d.high = 0
	}
	if 0xd800 <= u && u < 0xdc00 {
		d.high = u
		return n
	}
	return n + utf8.EncodeRune(dst[n:], u)
}
