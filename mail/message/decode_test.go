package message

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestBodyDecoder(t *testing.T) {
	for _, tt := range []struct{ encoding, data, want string }{
		{"", "a\x00=\r\n", "a\x00=\r\n"},
		{"7BIT", "a", "a"},
		{" 8bit ", "ä", "ä"},
		{"binary", "\x00", "\x00"},
		{"base64", "SGFsbG8gV2VsdA==", "Hallo Welt"},
		{"BASE64", "SGFs\r\nbG8g\r\n\r\nV2VsdA==\r\n", "Hallo Welt"},
		{"base64", "SGFsbG8gV2VsdA", "Hallo Welt"},
		{"base64", "S G*F!s", "Hal"},
		{"base64", "SA==SGFs", "HHal"},
		{"base64", "SA=SA=SGFs", "HHHal"},
		{"base64", "S", ""},
		{"base64", "====", ""},
		{"base64", "", ""},
		{"quoted-printable", "a=C3=a4=\r\nb=\nc \t\r\nd =\r\n e", "aäbc\r\nd  e"},
		{"quoted-printable", "a= \t\r\nb", "ab"},
		{"quoted-printable", "a=3D=\r\n=3D", "a=="},
		{"quoted-printable", "a=xb=4", "a=xb=4"},
		{"quoted-printable", "a=4x=4\r\n", "a=4x=4\r\n"},
		{"quoted-printable", "a==41", "a=A"},
		{"quoted-printable", "a = b\r", "a = b\r"},
		{"quoted-printable", "a\rb \r c", "a\rb \r c"},
		{"quoted-printable", "a \t", "a"},
		{"quoted-printable", "a=", "a"},
		{"quoted-printable", "a=\r", "a"},
		{"quoted-printable", "a\n\r\n \n", "a\n\r\n\n"},
	} {
		if got := string(decodeAll(t, strings.NewReader(tt.data), tt.encoding)); got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.encoding, tt.data, got, tt.want)
		}
		if got := string(decodeAll(t, &pieceReader{[]byte(tt.data), 1}, tt.encoding)); got != tt.want {
			t.Errorf("%s %q byte by byte: %q, want %q", tt.encoding, tt.data, got, tt.want)
		}
	}
	if _, err := NewBodyDecoder(nil, "x-nonsense"); !errors.Is(err, ErrUnknownEncoding) {
		t.Errorf("unknown encoding: %v", err)
	}
	broken := errors.New("broken")
	d, _ := NewBodyDecoder(io.MultiReader(strings.NewReader("SGFs"), failing{broken}), "base64")
	if b, err := io.ReadAll(d); string(b) != "Hal" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", b, err)
	}
}

func TestQuotedPrintableHoldsLittle(t *testing.T) {
	data := "a" + strings.Repeat(" ", 10*maxHeld) + "b=" + strings.Repeat(" ", 10*maxHeld) + "c"
	d := &quotedDecoder{}
	out := d.decode(nil, []byte(data))
	if out = d.finish(out); string(out) != data || cap(d.held) > 4*maxHeld {
		t.Errorf("%d of %d bytes, %d held", len(out), len(data), cap(d.held))
	}
}

func BenchmarkBase64(b *testing.B) {
	line := strings.Repeat("QUJD", 19) + "\r\n"
	benchmarkDecoder(b, line, "base64")
}

func BenchmarkQuotedPrintable(b *testing.B) {
	benchmarkDecoder(b, "Guten Tag, ein Satz mit =C3=A4 und =C3=B6 und noch etwas l=C3=A4nger =\r\n", "quoted-printable")
}

func benchmarkDecoder(b *testing.B, line, encoding string) {
	data := strings.Repeat(line, 1<<20/len(line))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		d, _ := NewBodyDecoder(strings.NewReader(data), encoding)
		io.Copy(io.Discard, d)
	}
}
