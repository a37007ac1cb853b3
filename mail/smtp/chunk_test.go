package smtp

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func TestParseChunk(t *testing.T) {
	for in, want := range map[string]chunk{"0": {0, false}, "86 LAST": {86, true}, "7 last ": {7, true}, "0 LAST": {0, true}} {
		if got, ok := parseChunk(in); !ok || got != want {
			t.Errorf("%q: %v %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "x", "-1", "+1", "1x", "1 FIRST", "9999999999999999999", " 1", "0x10", "1,2"} {
		if got, ok := parseChunk(in); ok {
			t.Errorf("%q was read as %v", in, got)
		}
	}
}

// FuzzBdat sends a message in chunks and checks that the same bytes come out and
// that the next command is found, however the stream is split.
func FuzzBdat(f *testing.F) {
	f.Add("Subject: x\r\n\r\na\n.\r\nQUIT\r\n", uint8(3), uint8(5))
	f.Add("", uint8(1), uint8(1))
	f.Add("\r\n.\r\n", uint8(0), uint8(2))
	f.Fuzz(func(t *testing.T, text string, size, segment uint8) {
		var in strings.Builder
		for rest := text; ; {
			n := min(len(rest), int(size)+1)
			if n == len(rest) {
				fmt.Fprintf(&in, "BDAT %d LAST\r\n%s", n, rest)
				break
			}
			fmt.Fprintf(&in, "BDAT %d\r\n%s", n, rest[:n])
			rest = rest[n:]
		}
		in.WriteString("NOOP\r\n")
		w := &wire{conn: nowhere{}, idle: time.Second, write: time.Second}
		w.r = bufio.NewReaderSize(&pieces{in: in.String(), sizes: []int{int(segment) + 1}}, 64)
		var got strings.Builder
		var check lineCheck
		for last := false; !last; {
			line, err := w.readLine(100)
			if err != nil {
				t.Fatal(err)
			}
			c, ok := parseChunk(parseCommand(line).rest)
			if !ok {
				t.Fatalf("%q", line)
			}
			b, err := io.ReadAll(&chunkReader{w.r, c.size})
			if err != nil {
				t.Fatal(err)
			}
			check.look(b)
			got.Write(b)
			last = c.last
		}
		if got.String() != text {
			t.Fatalf("got %q, want %q", got.String(), text)
		}
		if want := strings.ContainsAny(strings.ReplaceAll(text, "\r\n", ""), "\r\n"); check.foundBare() != want {
			t.Fatalf("%q: bare %v, want %v", text, check.foundBare(), want)
		}
		if line, err := w.readLine(100); line != "NOOP" || err != nil {
			t.Fatalf("next command %q, %v", line, err)
		}
	})
}

// nowhere is a connection that takes deadlines.
type nowhere struct{ net.Conn }

func (nowhere) SetReadDeadline(time.Time) error { return nil }
func (nowhere) Close() error                    { return nil }

func TestDomainLiterals(t *testing.T) {
	if addressLiteral("::1") != "[IPv6:::1]" || addressLiteral("192.0.2.1") != "[192.0.2.1]" {
		t.Error("address literal")
	}
}
