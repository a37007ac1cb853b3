package contentline

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
)

// FuzzReader: no input is a panic, and a line that was read is written so that it is
// read again.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"BEGIN:VCARD\r\nitem1.TEL;TYPE=\"a,b\",c;HOME:1\r\n 2\r\nEND:VCARD\r\n",
		"A:x\r y\rB:z\r", "N;ENCODING=QUOTED-PRINTABLE:=\n=\n", "N;ENCODING=QUOTED-PRINTABLE:==",
		"\xef\xbb\xbfA;X=^n^^^':\xc3\n \xa4", "\n\n \r\r\nA:\r",
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
			again, err := NewBytes(append([]byte("Z:\r\n"), Append(nil, l)...), Limits{}).second()
			l.Number, again.Number = 0, 0
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
