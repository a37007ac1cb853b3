package message

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestBinaryRoundTrip(t *testing.T) {
	total := 0
	for _, s := range samples(t) {
		m := Scan(s.data, Limits{})
		b, err := m.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		total += len(b)
		var back Message
		if err := back.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(&back, m) {
			t.Fatalf("%s: %v\n%s\n%s", s.name, err, show(&back), show(m))
		}
		for n := range b {
			if n < 200 || n%7 == 0 {
				if err := new(Message).UnmarshalBinary(b[:n]); err == nil {
					t.Fatalf("%s: %d of %d bytes are taken for the whole", s.name, n, len(b))
				}
			}
		}
	}
	t.Logf("%d bytes a message", total/len(samples(t)))
}

func TestUnmarshalRefuses(t *testing.T) {
	good, _ := Scan([]byte("Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--"), Limits{}).MarshalBinary()
	other := append([]byte{EncoderVersion + 1}, good[1:]...)
	before := Message{Size: 7}
	m := before
	for name, tt := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":       {nil, ErrCorrupt},
		"other version": {other, ErrVersion},
		"more behind":   {append(good[:len(good):len(good)], 0), ErrCorrupt},
		"many parts":    {append(good[:12:12], strings.Repeat("\xff", 9)...), ErrCorrupt},
	} {
		if err := m.UnmarshalBinary(tt.data); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if !reflect.DeepEqual(m, before) {
			t.Errorf("%s: the message was changed", name)
		}
	}
}

// TestFormIsStable fails when the stored form changes without a new EncoderVersion.
func TestFormIsStable(t *testing.T) {
	const form = "\x01H\x06\x0f\x1a\x00\x0f\x06abc\x0cd \xc3\xa4 e\x00\x06<m>\x01\x00\x02A\x00\x02a\x02b\x03\x00\x00\x00\x00\x00_G\x00G\x01\x00\x00"
	m := Scan([]byte("Date: abc\nSubject: d \xc3\xa4 e\nIn-Reply-To: \nMessage-ID: <m>\nFrom: A <a@b>\n\nx"), Limits{})
	b, _ := m.MarshalBinary()
	if string(b) != form {
		t.Errorf("%q, want %q: raise EncoderVersion and record the new form", b, form)
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	data, _ := Scan(crlf(numbered), Limits{}).MarshalBinary()
	b.ReportAllocs()
	for b.Loop() {
		var m Message
		m.UnmarshalBinary(data)
	}
}
