package dav

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// Streamed text is escaped as it is in one piece, wherever the pieces end.
func TestStreamIsText(t *testing.T) {
	text := strings.Repeat("Straße <&> \"日本\" 🙂\r\n\t\x01", 20_000) + "\xe6\x97" // ends inside of a rune
	var want XML
	want.Text(text)
	for name, r := range map[string]io.Reader{
		"whole":     strings.NewReader(text),
		"halves":    iotest.HalfReader(strings.NewReader(text)),
		"bytes":     iotest.OneByteReader(strings.NewReader(text)),
		"with EOF":  iotest.DataErrReader(strings.NewReader(text)),
		"no runes":  strings.NewReader(text),
		"in pieces": &pieces{text: text, n: 64<<10 - 1},
	} {
		var kept XML
		if err := kept.Stream(r); err != nil || string(kept.b) != string(want.b) {
			t.Errorf("%s: %v, %d bytes, want %d", name, err, len(kept.b), len(want.b))
		}
	}
	for _, odd := range []string{"", "ab\xff", "\x80\x80\x80\x80\x80", "\xf0\x9f\x99", strings.Repeat("\x80", 200_000)} {
		var kept, once XML
		once.Text(odd)
		if err := kept.Stream(iotest.OneByteReader(strings.NewReader(odd))); err != nil || string(kept.b) != string(once.b) {
			t.Errorf("%.20q comes as %.40q, %v", odd, kept.b, err)
		}
	}
}

type pieces struct {
	text string
	n    int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.n)], p.text)
	p.text = p.text[n:]
	return n, nil
}

// What was sent is gone from memory, and cannot be taken back.
func TestStreamIsSent(t *testing.T) {
	var sent strings.Builder
	most := 0
	x := &XML{}
	x.send = func() error {
		most = max(most, len(x.b))
		sent.Write(x.b)
		x.gone += len(x.b)
		x.b = x.b[:0]
		return nil
	}
	x.Open(D("prop"))
	mark := x.mark()
	text := strings.Repeat("<x>", 1<<20)
	if err := x.Stream(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if err := x.cut(mark); !errors.Is(err, errSent) {
		t.Errorf("what was sent is taken back: %v", err)
	}
	if most > 16*block {
		t.Errorf("%d bytes were held", most)
	}
	later := x.mark()
	x.Text("zurück")
	if err := x.cut(later); err != nil {
		t.Error(err)
	}
	x.Close(D("prop"))
	_ = x.send()
	if want := "<D:prop>" + strings.ReplaceAll(text, "<x>", "&lt;x&gt;") + "</D:prop>"; sent.String() != want {
		t.Errorf("%d bytes were sent, want %d", sent.Len(), len(want))
	}
	broken := errors.New("broken")
	if err := x.Stream(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a reader's error: %v", err)
	}
}
