package contentline

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// FuzzReader: no input is a panic, and a line that was read is written so that it is
// read again.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"BEGIN:VCARD\r\nitem1.TEL;TYPE=\"a,b\",c;HOME:1\r\n 2\r\nEND:VCARD\r\n",
		"A:x\r y\rB:z\r", "N;ENCODING=QUOTED-PRINTABLE:=\n=\n", "N;ENCODING=QUOTED-PRINTABLE:==", "N;ENCODING=QUOTED-P\"\"\"\"RINTABLE:=",
		"\xef\xbb\xbfA;X=^n^^^':\xc3\n \xa4", "\n\n \r\r\nA:\r",
		"A:x\nA:" + strings.Repeat("\r", 200) + "x", "A:" + strings.Repeat("=", 200),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := Limits{Bytes: 1 << 16, Lines: 1000, Line: 1 << 12, Params: 20}
		r := NewBytes(data, limits)
		for {
			l, err := r.Next()
			if err != nil {
				if errors.As(err, new(*SyntaxError)) && !errors.Is(err, ErrTooLarge) {
					continue
				}
				return
			}
			written := Append(nil, l)
			again, err := NewBytes(append([]byte("Z:\r\n"), written...), Limits{}).second()
			l.Number, again.Number = 0, 0
			unfolded := bytes.ReplaceAll(bytes.TrimSuffix(written, []byte("\r\n")), []byte("\r\n "), nil)
			if softBreak(append(unfolded, '=')) {
				// It may be quoted-printable only now that it is written as it should be;
				// soft breaks at the end stand for nothing.
				l.Value = strings.TrimRight(l.Value, "=\r")
			}
			if err != nil || !reflect.DeepEqual(l, again) {
				t.Fatalf("%+v comes back as %+v, %v", l, again, err)
			}
		}
	})
}

func (r *Reader) second() (Line, error) {
	if _, err := r.Next(); err != nil {
		return Line{}, err
	}
	return r.Next()
}

func FuzzText(f *testing.F) {
	f.Add(`a\,b\n;c\\`)
	f.Fuzz(func(t *testing.T, s string) {
		UnescapeText(s)
		SplitStructured(s)
		parts := SplitList(s)
		if len(parts) == 0 {
			t.Error("no part")
		}
		if plain := UnescapeText(EscapeText(s)); !bytes.ContainsRune([]byte(s), '\r') && plain != s {
			t.Errorf("%q comes back as %q", s, plain)
		}
	})
}
