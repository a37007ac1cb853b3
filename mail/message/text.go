package message

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// NewTextReader returns the text of a part as UTF-8 for search and preview: r gives the part's body as transferred;
// transfer encoding and charset are decoded, and of HTML only the text is kept. Whatever is broken is read as far as
// it makes sense; only errors of r are passed on. Memory stays the same whatever the size of the part.
func NewTextReader(r io.Reader, p *Part) io.Reader {
	decoded, err := NewBodyDecoder(r, p.Encoding)
	if err != nil {
		decoded = r
	}
	label, _ := DecodeParam(p.Params, "charset")
	isHTML := p.Type == "text" && p.Subtype == "html"
	if isHTML && label == "" {
		decoded, label = htmlCharset(decoded)
	}
	text := charsetReader(decoded, label)
	if isHTML {
		return newHTMLTextReader(text)
	}
	return text
}

// htmlCharset looks for the charset that an HTML document declares in itself, empty if it declares none.
func htmlCharset(r io.Reader) (io.Reader, string) {
	b := bufio.NewReader(r)
	ahead, _ := b.Peek(1024) // how far HTML 5 has readers look
	_, name, _ := charset.DetermineEncoding(ahead, "text/html")
	if name == "windows-1252" { // also the answer when nothing is declared
		name = ""
	}
	return b, name
}

// ContainsText tells whether the text read from r holds the wanted text in the sense of [Fold]; white space of any
// kind and length counts as one space. It returns the error of r, if any but io.EOF, when it has not found it.
func ContainsText(r io.Reader, wanted string) (bool, error) {
	key := []byte(joinSpace(Fold(wanted)))
	if len(key) == 0 {
		return true, nil
	}
	buf := make([]byte, 0, 32<<10)
	var window []byte // folded text, white space joined
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		cut := len(buf)
		if err == nil {
			cut = foldBoundary(buf)
		}
		window = appendJoined(window, Fold(string(buf[:cut])))
		if bytes.Contains(window, key) {
			return true, nil
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return false, nil
		} else if err != nil {
			return false, err
		}
		buf = buf[:copy(buf, buf[cut:])]
		window = window[:copy(window, window[max(0, len(window)-len(key)):])]
	}
}

// foldBoundary returns where b can be cut so that folding the pieces gives what folding the whole gives; a run of
// combining marks that is too long to wait for is cut anywhere.
func foldBoundary(b []byte) int {
	const longest = 1024
	if n := norm.NFKC.LastBoundary(b); n > 0 && len(b)-n < longest {
		return n
	}
	for n := len(b); n > len(b)-utf8.UTFMax; n-- {
		if utf8.RuneStart(b[n-1]) {
			return n - 1
		}
	}
	return len(b)
}

// joinSpace makes each run of white space one space.
func joinSpace(s string) string { return string(appendJoined(nil, s)) }

// appendJoined appends s to dst, each run of white space as one space, one at the end of dst counted in.
func appendJoined(dst []byte, s string) []byte {
	for _, r := range s {
		if unicode.IsSpace(r) {
			if len(dst) == 0 || dst[len(dst)-1] != ' ' {
				dst = append(dst, ' ')
			}
			continue
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// Fold returns the key under which two texts count as equal in SEARCH: compatibility forms and case taken away, so
// that "Straße", "STRASSE" and "strasse" are one, and a letter with its accent the same however it is written. An
// accented letter is not its plain letter. (Nearly i;unicode-casemap, RFC 5051, with full case folding in place of
// titlecase and composed in place of decomposed, lest "u" be found in "ü".)
func Fold(s string) string {
	if isASCII(s) {
		return lower(s)
	}
	return norm.NFC.String(cases.Fold().String(norm.NFKC.String(s)))
}

// TextParts returns the leaves that hold text, those of embedded messages included, in order.
func (m *Message) TextParts() []*Part {
	var list []*Part
	for p := range m.Parts() {
		if p.isText() {
			list = append(list, p)
		}
	}
	return list
}

// isText tells whether the part is a leaf with text, as IMAP shows it.
func (p *Part) isText() bool {
	typ, _ := p.shownType()
	return typ == "text" && !p.IsMultipart()
}

// BaseSubject returns the subject without its "Re:", "Fwd:" and "[list]" decoration (RFC 5256 2.1) and whether it
// showed that the message is a reply or a forward. The subject is given as received. RFC 5256 knows the English
// prefixes alone, and servers and clients must agree here, so "AW:" stays.
func BaseSubject(subject string) (base string, reply bool) {
	const longest = 4096 // nothing that matters; the steps below repeat
	text := strings.Trim(joinSpace(DecodeHeader(subject[:min(len(subject), longest)])), " ")
	for {
		for {
			before := len(text)
			text = strings.TrimRight(text, " ")
			if rest, ok := cutSuffixFold(text, "(fwd)"); ok {
				text, reply = rest, true
			}
			if len(text) == before {
				break
			}
		}
		for {
			before := len(text)
			if rest, ok := cutLeader(text); ok {
				text, reply = rest, true
			}
			text = strings.TrimLeft(text, " ")
			if rest, ok := cutBlob(text); ok && rest != "" {
				text = rest
			}
			if len(text) == before {
				break
			}
		}
		inner, ok := cutPrefixFold(text, "[fwd:")
		if !ok || !strings.HasSuffix(inner, "]") {
			return text, reply
		}
		text, reply = inner[:len(inner)-1], true
	}
}

// cutLeader takes "[blob] Re [blob] :" from the beginning of a subject: subj-leader of RFC 5256 5, but for white
// space alone.
func cutLeader(s string) (string, bool) {
	for {
		rest, ok := cutBlob(s)
		if !ok {
			break
		}
		s = rest
	}
	rest, ok := cutPrefixFold(s, "re")
	if !ok {
		if rest, ok = cutPrefixFold(s, "fwd"); !ok {
			rest, ok = cutPrefixFold(s, "fw")
		}
	}
	if !ok {
		return s, false
	}
	rest = strings.TrimLeft(rest, " ")
	if after, ok := cutBlob(rest); ok {
		rest = after
	}
	return strings.CutPrefix(rest, ":")
}

// cutBlob takes "[text]" and the white space behind it from the beginning of a subject.
func cutBlob(s string) (string, bool) {
	if !strings.HasPrefix(s, "[") {
		return s, false
	}
	n := strings.IndexAny(s[1:], "[]")
	if n < 0 || s[1+n] == '[' {
		return s, false
	}
	return strings.TrimLeft(s[n+2:], " "), true
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func cutSuffixFold(s, suffix string) (string, bool) {
	n := len(s) - len(suffix)
	if n < 0 || !strings.EqualFold(s[n:], suffix) {
		return s, false
	}
	return s[:n], true
}
