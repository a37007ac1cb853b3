package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// readData decodes in, which arrives in pieces of the given sizes (the last
// one repeated), and returns the message, whether a bare CR or LF was in it, and
// what is left unread.
func readData(t testing.TB, in string, sizes ...int) (body string, bare bool, rest string, err error) {
	t.Helper()
	r := bufio.NewReaderSize(&pieces{in: in, sizes: sizes}, 64)
	d := newDataReader(r)
	b, err := io.ReadAll(d)
	left, _ := io.ReadAll(r)
	return string(b), d.bare, string(left), err
}

// pieces is a reader that gives its text in pieces, as TCP segments come.
type pieces struct {
	in    string
	sizes []int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.in == "" {
		return 0, io.EOF
	}
	n := len(p.in)
	if len(p.sizes) > 0 {
		n = p.sizes[0]
		if len(p.sizes) > 1 {
			p.sizes = p.sizes[1:]
		}
	}
	n = copy(b[:min(len(b), n)], p.in)
	p.in = p.in[n:]
	return n, nil
}

func TestDataEndsAtCRLFDotCRLFOnly(t *testing.T) {
	for _, c := range []struct {
		name, in, body, rest string
		bare                 bool
	}{
		{"plain", "a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n", false},
		{"empty message", ".\r\nQUIT\r\n", "", "QUIT\r\n", false},
		{"stuffed dot", "..\r\n...a\r\n.b\r\n.\r\n", ".\r\n..a\r\nb\r\n", "", false},
		{"LF.LF", "a\n.\nMAIL\r\n.\r\n", "a\n.\nMAIL\r\n", "", true},
		{"LF.CRLF", "a\n.\r\nMAIL\r\n.\r\n", "a\n.\r\nMAIL\r\n", "", true},
		{"CRLF.LF", "a\r\n.\nMAIL\r\n.\r\n", "a\r\n\nMAIL\r\n", "", true},
		{"CR.CR", "a\r.\rMAIL\r\n.\r\n", "a\r.\rMAIL\r\n", "", true},
		{"CR.CRLF", "a\r.\r\nMAIL\r\n.\r\n", "a\r.\r\nMAIL\r\n", "", true},
		{"CRLF.CR", "a\r\n.\rMAIL\r\n.\r\n", "a\r\n\rMAIL\r\n", "", true},
		{"CRLF.CR CRLF", "a\r\n.\r\r\nMAIL\r\n.\r\n", "a\r\n\r\r\nMAIL\r\n", "", true},
		{"body ends CR CRLF", "a\r\r\n.\r\nQUIT\r\n", "a\r\r\n", "QUIT\r\n", true},
		{"LFLF.CRLF", "a\n\n.\r\n\r\n.\r\n", "a\n\n.\r\n\r\n", "", true},
		{"CRLF LF .CRLF", "a\r\n\n.\r\n\r\n.\r\n", "a\r\n\n.\r\n\r\n", "", true},
		{"LF first", "\n.\r\nx\r\n.\r\n", "\n.\r\nx\r\n", "", true},
		{"CR first", "\r.\r\nx\r\n.\r\n", "\r.\r\nx\r\n", "", true},
		{"NUL and 8 bit", "\x00\xff\r\n.\r\n", "\x00\xff\r\n", "", false},
		{"dot inside", "a.\r\nb\r\n.\r\n", "a.\r\nb\r\n", "", false},
	} {
		for size := 1; size <= len(c.in); size++ {
			body, bare, rest, err := readData(t, c.in, size)
			if err != nil || body != c.body || bare != c.bare || rest != c.rest {
				t.Errorf("%s in pieces of %d: %q bare=%v rest=%q err=%v\nwant %q bare=%v rest=%q",
					c.name, size, body, bare, rest, err, c.body, c.bare, c.rest)
				break
			}
		}
	}
}

// A reader gives the same result however its bytes are split.
func TestDataDoesNotDependOnSegments(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	alphabet := "\r\n.a\x00"
	for range 4000 {
		var in strings.Builder
		for range rnd.IntN(200) {
			in.WriteByte(alphabet[rnd.IntN(len(alphabet))])
		}
		in.WriteString("\r\n.\r\nREST")
		sizes := make([]int, 1+rnd.IntN(60))
		for i := range sizes {
			sizes[i] = 1 + rnd.IntN(9)
		}
		body1, bare1, rest1, err1 := readData(t, in.String())
		body2, bare2, rest2, err2 := readData(t, in.String(), sizes...)
		if body1 != body2 || bare1 != bare2 || rest1 != rest2 || err1 != nil || err2 != nil {
			t.Fatalf("%q split as %v: %q %v %q %v, whole: %q %v %q %v", in.String(), sizes,
				body2, bare2, rest2, err2, body1, bare1, rest1, err1)
		}
		checkDecoded(t, in.String(), body1, bare1, rest1)
	}
}

// checkDecoded compares with the definition: the message ends at the first
// CRLF.CRLF (a CRLF is thought before the first byte), then dots go.
func checkDecoded(t testing.TB, in, body string, bare bool, rest string) {
	t.Helper()
	raw, after, found := strings.Cut("\r\n"+in, "\r\n.\r\n")
	if !found {
		t.Fatalf("%q has no end", in)
	}
	want := strings.ReplaceAll(raw+"\r\n", "\r\n.", "\r\n")[2:]
	left := strings.ReplaceAll(want, "\r\n", "")
	wantBare := strings.ContainsAny(left, "\r\n")
	if body != want || bare != wantBare || rest != after {
		t.Fatalf("%q: got %q bare=%v rest=%q\nwant %q bare=%v rest=%q", in, body, bare, rest, want, wantBare, after)
	}
}

func TestDataCutOff(t *testing.T) {
	for _, in := range []string{"", "a", "a\r\n", "a\r\n.", "a\r\n.\r", "a\n.\n"} {
		if _, _, _, err := readData(t, in); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v, want %v", in, err, io.ErrUnexpectedEOF)
		}
	}
}

func TestDataLineOfAnyLength(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	body, bare, _, err := readData(t, long+"\r\n.\r\n")
	if err != nil || bare || body != long+"\r\n" {
		t.Errorf("3 MiB line: %d bytes, bare=%v, %v", len(body), bare, err)
	}
}

func TestLineCheck(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		b := make([]byte, rnd.IntN(20))
		for i := range b {
			b[i] = "\r\nab"[rnd.IntN(4)]
		}
		want := bytes.ContainsAny(bytes.ReplaceAll(b, []byte("\r\n"), nil), "\r\n")
		var whole, split lineCheck
		whole.look(b)
		for i := range b {
			split.look(b[i : i+1])
		}
		if whole.foundBare() != want || split.foundBare() != want {
			t.Fatalf("%q: whole %v, split %v, want %v", b, whole.foundBare(), split.foundBare(), want)
		}
	}
}

func FuzzDataReader(f *testing.F) {
	for _, s := range []string{"a\r\n.\r\n", ".\r\n", "..\r\n.\r\n", "a\n.\n\r\n.\r\n", "\r\r\n.\r\n", ".\r\r\n.\r\n"} {
		f.Add(s, uint8(3))
	}
	f.Fuzz(func(t *testing.T, in string, size uint8) {
		in += "\r\n.\r\nREST"
		body, bare, rest, err := readData(t, in, int(size)+1)
		if err != nil {
			t.Fatal(err)
		}
		checkDecoded(t, in, body, bare, rest)
	})
}

func TestDataReaderSlowly(t *testing.T) {
	d := newDataReader(bufio.NewReader(iotest.OneByteReader(strings.NewReader("Subject: x\r\n\r\n..\r\n.\r\n"))))
	b, err := io.ReadAll(d)
	if err != nil || string(b) != "Subject: x\r\n\r\n.\r\n" {
		t.Errorf("%q, %v", b, err)
	}
}
