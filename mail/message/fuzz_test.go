package message

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzScanner(f *testing.F) {
	for _, s := range madeSamples() {
		f.Add(s.data, 3)
	}
	f.Add(crlf("Content-Type: multipart/digest; boundary=\"a b\"\n\n--a b\n\n--a b \n\n--a b--"), 1)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		m := Scan(data, Limits{})
		checkMessage(t, m, data)
		if other := scanPieces(data, Limits{}, func() int { return 1 + piece&15 }); !reflect.DeepEqual(m, other) {
			t.Fatalf("in pieces:\n%s\n%s", show(other), show(m))
		}
		for form, text := range map[string][]byte{
			"envelope":      AppendEnvelope(nil, m.Envelope),
			"body":          AppendBody(nil, m.Root),
			"bodystructure": AppendBodyStructure(nil, m.Root),
		} {
			if err := checkGrammar(form, text); err != nil {
				t.Fatalf("%s: %v\n%q", form, err, text)
			}
		}
		b, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var back Message
		if err := back.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(&back, m) {
			t.Fatalf("UnmarshalBinary: %v\n%s\n%s", err, show(&back), show(m))
		}
		ThreadKeys(m)
		if p := m.PreviewPart(); p != nil {
			if preview := Preview(bytes.NewReader(data[p.BodyOffset:p.End]), p); utf8.RuneCountInString(preview) > previewLength || !utf8.ValidString(preview) {
				t.Fatalf("preview %q", preview)
			}
		}
		for _, p := range m.TextParts() {
			if _, err := io.Copy(io.Discard, NewTextReader(bytes.NewReader(data[p.BodyOffset:p.End]), p)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzAddressList(f *testing.F) {
	for _, tt := range addressTests {
		f.Add(tt.list, 10)
	}
	f.Fuzz(func(t *testing.T, list string, max int) {
		max &= 0xff
		got, complete := ParseAddressList(list, max)
		if len(got) > max+1 || !complete && len(got) < max {
			t.Fatalf("%d addresses of at most %d, complete %v", len(got), max, complete)
		}
		open := false
		for _, a := range got {
			switch a.Kind {
			case GroupStart, GroupEnd:
				if open == (a.Kind == GroupStart) {
					t.Fatalf("groups do not match: %+v", got)
				}
				open = !open
			}
		}
		if open {
			t.Fatalf("group without end: %+v", got)
		}
	})
}

func FuzzContentType(f *testing.F) {
	for _, tt := range contentTypeTests {
		f.Add(tt.body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		typ, subtype, params, _ := parseContentType(body)
		if typ == "" || subtype == "" || len(params) > maxParams {
			t.Fatalf("%q/%q with %d parameters", typ, subtype, len(params))
		}
		for _, p := range params {
			if p.Name == "" || strings.ContainsAny(p.Name, "\x00\r\n") {
				t.Fatalf("parameter %q", p.Name)
			}
			DecodeParam(params, p.Name)
		}
		parseDisposition(body)
		parseEncoding(body)
		parseLanguages(body)
	})
}

func FuzzDecodeHeader(f *testing.F) {
	for _, tt := range wordTests {
		f.Add(tt.raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := DecodeHeader(raw)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n\x00") {
			t.Fatalf("%q", got)
		}
	})
}

func FuzzUnmarshalBinary(f *testing.F) {
	for _, s := range madeSamples() {
		b, _ := Scan(s.data, Limits{}).MarshalBinary()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Message
		if m.UnmarshalBinary(data) != nil {
			return
		}
		b, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var back Message
		if err := back.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(&m, &back) {
			t.Fatalf("read %+v, written and read again %+v: %v", m, back, err)
		}
		AppendBodyStructure(AppendEnvelope(nil, m.Envelope), m.Root)
		for p := range m.Parts() {
			if p.Offset < 0 || p.BodyOffset < p.Offset || p.End < p.BodyOffset || p.End > m.Size {
				t.Fatalf("part %+v of %d bytes", p, m.Size)
			}
		}
	})
}

func FuzzBodyDecoder(f *testing.F) {
	f.Add([]byte("a=\r\nb=C3=a4 \t\r\n=\r"), true, 3)
	f.Add([]byte("YQ==YmM=\r\nZ*GV"), false, 2)
	f.Fuzz(func(t *testing.T, data []byte, quoted bool, piece int) {
		encoding := "base64"
		if quoted {
			encoding = "quoted-printable"
		}
		whole := decodeAll(t, bytes.NewReader(data), encoding)
		pieces := decodeAll(t, &pieceReader{data, 1 + piece&7}, encoding)
		if !bytes.Equal(whole, pieces) || len(whole) > len(data) {
			t.Fatalf("%q: %q, in pieces %q", data, whole, pieces)
		}
	})
}

// pieceReader reads data in pieces of n bytes.
type pieceReader struct {
	data []byte
	n    int
}

func (r *pieceReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data[:min(r.n, len(r.data))])
	r.data = r.data[n:]
	return n, nil
}

func decodeAll(t testing.TB, r io.Reader, encoding string) []byte {
	t.Helper()
	d, err := NewBodyDecoder(r, encoding)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
