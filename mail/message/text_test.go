package message

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"
)

// textOf returns the text of the message's first text part.
func textOf(t *testing.T, data string, piece bool) string {
	t.Helper()
	m := Scan([]byte(data), Limits{})
	p := m.TextParts()[0]
	var r io.Reader = strings.NewReader(data[p.BodyOffset:p.End])
	if piece {
		r = iotest.OneByteReader(r)
	}
	b, err := io.ReadAll(NewTextReader(r, p))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTextReader(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{"\nGrüße\n", "Grüße\n"},
		{"\nGr\xfc\xdfe", "Grüße"},
		{"Content-Type: text/plain; charset=utf-8\n\nä \xe4", "ä ä"},
		{"Content-Type: text/plain; charset=iso-8859-15\n\n\xa4", "€"},
		{"Content-Type: text/plain; charset=x-nonsense\n\nä", "ä"},
		{"Content-Type: text/plain; charset=\"'koi8-r'\"\n\n\xd0", "п"},
		{"Content-Type: text/plain; charset=utf-16le\n\na\x00\xe4\x00", "aä"},
		{"Content-Type: text/plain; charset=utf-7\n\na+AOQ-b +- +2D3eAA-", "aäb + 😀"},
		{"Content-Type: text/plain; charset=hz-gb-2312\n\n~{<:Ky~}", "己所"},
		{"Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B%F\x1b(B", "テ"},
		{"Content-Transfer-Encoding: base64\n\nR3LDvMOfZQ==", "Grüße"},
		{"Content-Transfer-Encoding: x-nonsense\n\nText", "Text"},
		{"Content-Type: text/html; charset=utf-8\n\n<p>a</p><p>b<b>c</b>", "a\nbc"},
		{"Content-Type: text/html\n\n<meta charset=windows-1251>\xcf", "П"},
		{"Content-Type: text/html\n\n<html><head><title>T</title><style>p{a:b}</style><script>if (a<b) '</x>'</script></head><body>x&amp;y&nbsp;&auml;&#228;&#xe4;&nonsense;&", "T\nx&y äää&nonsense;&"},
		{"Content-Type: text/html\n\na<!-- > b -- > -->c<!>d<?x?>e<img alt='>' src=\"data:x>\">f", "acdef"},
		{"Content-Type: text/html\n\na < b <3 <>c </ d>e", "a < b <3 <>c e"},
		{"Content-Type: text/html\n\n<blockquote>alt<br>zwei</blockquote>neu", "> alt\n> zwei\nneu"},
		{"Content-Type: text/html\n\n<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"},
		{"Content-Type: text/html\n\n<a title=\"it's\" href=x'y>z</a>w", "zw"},
		{"Content-Type: text/html\n\n<style>a", ""},
		{"Content-Type: text/html\n\nx<a", "x"},
	} {
		for _, piece := range []bool{false, true} {
			if got := textOf(t, tt.data, piece); got != tt.want {
				t.Errorf("%q: %q, want %q", tt.data, got, tt.want)
			}
		}
	}
}

func TestTextIsLinear(t *testing.T) {
	html := &Part{Type: "text", Subtype: "html", Params: []Param{{"charset", "utf-8"}}}
	plain := func(charset string) *Part {
		return &Part{Type: "text", Subtype: "plain", Params: []Param{{"charset", charset}}}
	}
	for _, tt := range []struct {
		part  *Part
		piece string
	}{
		{html, "<"}, {html, "<a "}, {html, "&"}, {html, "&amp"}, {html, "<!--"}, {html, "<a b='"}, {html, "<script>"},
		{html, "<style></"}, {html, "<blockquote>x"}, {html, "</"}, {html, "&#"}, {html, " "}, {html, "<p>"},
		{plain("utf-7"), "+"}, {plain("utf-7"), "+2D3"}, {plain("iso-2022-jp"), "\x1b"}, {plain("hz-gb-2312"), "~{"},
		{plain("utf-16"), "\xd8"}, {plain("gb18030"), "\x81\x30"}, {plain("big5"), "\xff"}, {plain(""), "\xe4"},
	} {
		const size = 8 << 20 // what is quadratic takes hours
		start := time.Now()
		text := NewTextReader(strings.NewReader(strings.Repeat(tt.piece, size/len(tt.piece))), tt.part)
		n, err := io.Copy(io.Discard, text)
		if d := time.Since(start); err != nil || d > time.Minute || n > 4*size {
			t.Errorf("8 MiB of %q: %d bytes, %v, %v", tt.piece, n, d, err)
		}
	}
}

func TestTextReaderPassesErrors(t *testing.T) {
	broken := errors.New("broken")
	for _, subtype := range []string{"plain", "html"} {
		p := &Part{Type: "text", Subtype: subtype}
		b, err := io.ReadAll(NewTextReader(io.MultiReader(strings.NewReader("abc"), failing{broken}), p))
		if string(b) != "abc" || !errors.Is(err, broken) {
			t.Errorf("%s: %q, %v", subtype, b, err)
		}
	}
}

func TestCorpusText(t *testing.T) {
	for _, s := range samples(t) {
		m := Scan(s.data, Limits{})
		start := time.Now()
		for _, p := range m.TextParts() {
			text, err := io.ReadAll(NewTextReader(strings.NewReader(string(s.data[p.BodyOffset:p.End])), p))
			if err != nil || !utf8.Valid(text) {
				t.Errorf("%s: part at %d: %v, valid %v", s.name, p.Offset, err, utf8.Valid(text))
			}
			Fold(string(text))
		}
		if p := m.PreviewPart(); p != nil {
			preview := Preview(strings.NewReader(string(s.data[p.BodyOffset:p.End])), p)
			if n := utf8.RuneCountInString(preview); n > previewLength || !utf8.ValidString(preview) || strings.ContainsAny(preview, "\r\n\x00") {
				t.Errorf("%s: preview %q", s.name, preview)
			}
		}
		DecodeHeader(m.Envelope.Subject)
		ThreadKeys(m)
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s took %v", s.name, d)
		}
	}
}

func TestPreview(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{"\nGuten  Tag,\r\n\r\nanbei der\tAntrag.\n", "Guten Tag, anbei der Antrag."},
		{"\nNeu.\n\nAm 1.1.2026 schrieb Anna:\n> Alt\n> Alt\n", "Neu."},
		{"\nNeu.\n\nOn Mon, 1 Jan 2026, Anna <a@musterstadt.example>\nwrote:\n> Alt\n", "Neu."},
		{"\n> Alt\n\nNeu.\n", "Neu."},
		{"\n> Nur\n> Altes\n", "Nur Altes"},
		{"\nText\n-- \nAnna Amt\n", "Text"},
		{"\n-- \nAnna Amt\n", ""},
		{"\n-----\n=====\nText *** a\n", "Text *** a"},
		{"\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nText\n-----BEGIN PGP SIGNATURE-----\n", "Text"},
		{"\nText\n-----BEGIN PGP MESSAGE-----\n\nhF4DR2b2\n-----END PGP MESSAGE-----\nmehr\n", "Text mehr"},
		{"Content-Type: text/html\n\n<style>x{}</style><p>Vor&shy;ab&zwnj; &#847;&nbsp; <p>Text", "Vorab\u200c Text"},
		{"Content-Type: text/html\n\n<p>Neu<blockquote>Alt</blockquote>", "Neu"},
		{"\n" + strings.Repeat("ä", 300), strings.Repeat("ä", 200)},
		{"\n" + strings.Repeat("a ", 300), strings.Repeat("a ", 99) + "a"},
		{"\n", ""},
		{"Content-Transfer-Encoding: base64\n\n" + strings.Repeat("QUFB", 100_000), strings.Repeat("A", 200)},
	} {
		m := Scan([]byte(tt.data), Limits{})
		p := m.PreviewPart()
		if got := Preview(strings.NewReader(tt.data[p.BodyOffset:p.End]), p); got != tt.want {
			t.Errorf("%.80q: %q, want %q", tt.data, got, tt.want)
		}
	}
}

func TestPreviewPart(t *testing.T) {
	part := func(head string) string { return "--a\n" + head + "\n\nx\n" }
	html, plain := part("Content-Type: text/html"), part("Content-Type: text/plain")
	attached := part("Content-Type: text/plain\nContent-Disposition: attachment")
	message := part("Content-Type: message/rfc822\n\nSubject: inner")
	for _, tt := range []struct {
		parts string
		want  int
	}{
		{html + plain, 1}, {plain + html, 0}, {attached + html, 1}, {message + html, 1},
		{part("Content-Type: image/png") + attached, 1}, {html + message, 0},
	} {
		m := Scan([]byte("Content-Type: multipart/mixed; boundary=a\n\n"+tt.parts+"--a--"), Limits{})
		if m.PreviewPart() != m.Root.Children[tt.want] {
			t.Errorf("%q: another part than %d", tt.parts, tt.want)
		}
	}
	m := Scan([]byte("Content-Type: multipart/mixed; boundary=a\n\n"+message+"--a--"), Limits{})
	if m.PreviewPart() != m.Root.Children[0].Embedded {
		t.Error("the text of the only message is not found")
	}
	if Scan([]byte("Content-Type: image/png\n\nx"), Limits{}).PreviewPart() != nil {
		t.Error("an image has a text")
	}
}

func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"straße", "STRASSE", "Strasse", "STRAẞE"}, {"Ärger", "äRGER", "A\u0308rger"}, {"ﬁ", "FI"}, {"Ｆａｘ", "fax"},
		{"ΣΑΣ", "σας"}, {"™", "tm"},
	} {
		for _, s := range same {
			if Fold(s) != Fold(same[0]) {
				t.Errorf("%q gives %q, %q gives %q", s, Fold(s), same[0], Fold(same[0]))
			}
		}
	}
	if Fold("ä") == Fold("a") || Fold("ä") == Fold("ae") {
		t.Error("ä is another letter")
	}
}
