package wire

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func newTestReader(in string) (*Reader, *int) {
	r := NewReader(iotest.OneByteReader(strings.NewReader(in)))
	r.Limits = Limits{Command: 40, NonSync: 20, Drain: 200}
	asked := new(int)
	r.Continue = func() error { *asked++; return nil }
	return r, asked
}

func TestCommands(t *testing.T) {
	r, asked := newTestReader("a NOOP\r\nb X {3}\r\na\r\n {2+}\r\nxy z\r\nc\nd")
	for _, want := range []string{"a NOOP", "b X {3}\r\na\r\n {2+}\r\nxy z", "c"} {
		got, _, _, err := r.Command()
		if err != nil || string(got) != want {
			t.Fatalf("%q, %v, want %q", got, err, want)
		}
	}
	if *asked != 1 {
		t.Errorf("asked for %d literals", *asked)
	}
	if _, _, _, err := r.Command(); err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
}

// What a literal holds is no announcement of another, even where the line after it is empty.
func TestLiteralLikeAnnouncement(t *testing.T) {
	r, asked := newTestReader("a X {4+}\r\n{9+}\r\nb X {3}\r\n{2}\r\nc NOOP\r\n")
	for _, want := range []string{"a X {4+}\r\n{9+}", "b X {3}\r\n{2}", "c NOOP"} {
		got, lit, streamed, err := r.Command()
		if err != nil || string(got) != want || streamed {
			t.Fatalf("%q, %v, %v, want %q", got, lit, err, want)
		}
	}
	if *asked != 1 {
		t.Errorf("asked for %d literals", *asked)
	}
}

// Wherever the limit cuts the announcement of a pushed literal, its bytes must not be run.
func TestCutAnnouncement(t *testing.T) {
	for limit := 10; limit < 60; limit++ {
		r := NewReader(strings.NewReader("a X " + strings.Repeat("x", 20) + " {8+}\r\nb LOGOUT\r\nc NOOP\r\n"))
		r.Limits = Limits{Command: limit, NonSync: 20, Drain: 200}
		_, _, _, err := r.Command()
		if err == nil || err == ErrOverflow {
			continue
		}
		if got, _, _, err := r.Command(); string(got) != "c NOOP" {
			t.Errorf("limit %d: then %q, %v", limit, got, err)
		}
	}
}

// What is too long must never be run as commands.
func TestTooLong(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, c := range []struct {
		name, in string
		err      error
	}{
		{"line", "a " + long + "\r\n", ErrTooLong},
		{"literal", "a X {100+}\r\n" + long + " more\r\n", ErrTooLong},
		{"synchronising literal", "a X {100}\r\n", ErrTooLong},
		{"line that ends with a literal", "a " + long + " {10}\r\n", ErrTooLong},
		{"line that ends with a pushed literal", "a " + long + " {10+}\r\n0123456789\r\n", ErrOverflow},
		{"huge literal", "a X {1000+}\r\n", ErrOverflow},
		{"immense literal", "a X {99999999999999999999999+}\r\n", ErrOverflow},
		{"pushed literal beyond LITERAL-", "a X {25+}\r\n" + long[:25] + "\r\n", ErrTooLong},
		{"endless line", "a " + strings.Repeat("x", 1000), ErrOverflow},
	} {
		r, asked := newTestReader(c.in + "next NOOP\r\n")
		got, _, _, err := r.Command()
		if err != c.err || !bytes.HasPrefix(got, []byte("a ")) || *asked != 0 {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
		if c.err == ErrTooLong {
			if got, _, _, err := r.Command(); string(got) != "next NOOP" {
				t.Errorf("%s: then %q, %v", c.name, got, err)
			}
		}
	}
}

func TestStream(t *testing.T) {
	r, _ := newTestReader("a APPEND x {4+}\r\nbody {2+}\r\nzz\r\nb\r\n")
	r.Stream = func(cmd []byte, lit Literal) bool { return true }
	cmd, lit, streamed, err := r.Command()
	if !streamed || err != nil || lit.Size != 4 || !lit.NonSync || string(cmd) != "a APPEND x {4+}" {
		t.Fatalf("%q %v %v %v", cmd, lit, streamed, err)
	}
	body := make([]byte, 4)
	io.ReadFull(r, body)
	cmd, lit, streamed, err = r.Rest()
	if !streamed || lit.Size != 2 || string(cmd) != " {2+}" || string(body) != "body" {
		t.Fatalf("%q %v %v %v %q", cmd, lit, streamed, err, body)
	}
	io.ReadFull(r, body[:2])
	cmd, _, streamed, err = r.Rest()
	if streamed || err != nil || len(cmd) != 0 {
		t.Fatalf("%q %v %v", cmd, streamed, err)
	}
	if cmd, _, _, _ = r.Command(); string(cmd) != "b" {
		t.Fatalf("%q", cmd)
	}
}

func TestWriter(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	w.Line("* OK")
	big := strings.Repeat("a\x00", 100_000)
	w.Begin()
	w.B = AppendLiteral(w.B, int64(len(big)))
	if err := w.Copy(iotest.HalfReader(strings.NewReader(big)), int64(len(big)), true); err != nil {
		t.Fatal(err)
	}
	if err := w.Copy(strings.NewReader("short"), 6, false); err != io.ErrUnexpectedEOF {
		t.Error(err)
	}
	w.Flush()
	if want := "* OK\r\n{200000}\r\n" + strings.ReplaceAll(big, "\x00", "\x80") + "short"; out.String() != want {
		t.Error("the output differs")
	}
}

func TestAppendString(t *testing.T) {
	for _, c := range []struct {
		in   string
		utf8 bool
		want string
	}{
		{"a", false, `"a"`}, {`a"\`, false, `"a\"\\"`}, {"ü", false, "{2}\r\nü"}, {"ü", true, `"ü"`}, {"a\r\n", true, "{3}\r\na\r\n"}, {"\xff", true, "{1}\r\n\xff"},
	} {
		if got := string(AppendString(nil, c.in, c.utf8)); got != c.want {
			t.Errorf("%q: %q", c.in, got)
		}
	}
	if got := string(AppendMailbox(nil, "Entwürfe 1", false)); got != `"Entw&APw-rfe 1"` {
		t.Error(got)
	}
	if got := string(AppendUIDs(nil, []uint32{1, 2, 3, 5, 7, 8})); got != "1:3,5,7:8" {
		t.Error(got)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("a X {3}\r\nabc\r\nb {100+}\r\n"))
	f.Add([]byte("a X {9223372036854775807}\r\nabc\r\n"))
	f.Add([]byte("a X {500000000000000000000000000000000}\nabc"))
	f.Add([]byte("a X {9223372036854775807+}\r\nabc\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := NewReader(bytes.NewReader(in))
		r.Limits = Limits{Command: 64, NonSync: 16, Drain: 64}
		for {
			cmd, _, _, err := r.Command()
			if len(cmd) > 64+1 {
				t.Fatalf("a command of %d bytes", len(cmd))
			}
			if err != nil && err != ErrTooLong {
				return
			}
		}
	})
}
