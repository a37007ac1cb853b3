package message

import (
	"fmt"
	"strings"
	"testing"
)

// numbered has the shape of the example of part numbers in RFC 9051 6.4.5.1.
const numbered = `From: a@musterstadt.example
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: text/plain

one
--o
Content-Type: application/octet-stream

two
--o
Content-Type: message/rfc822

Subject: three
Content-Type: multipart/mixed; boundary=i

--i
Content-Type: text/plain

three.one
--i
Content-Type: application/octet-stream

three.two
--i--
--o
Content-Type: multipart/mixed; boundary=p

--p
Content-Type: image/gif

four.one
--p
Content-Type: message/rfc822
X-Outer: y

Subject: four.two
Content-Type: multipart/mixed; boundary=q

--q
Content-Type: text/plain

four.two.one
--q
Content-Type: multipart/alternative; boundary=r

--r
Content-Type: text/plain

four.two.two.one
--r
Content-Type: text/richtext

four.two.two.two
--r--
--q--
--p--
--o--
`

func TestLocate(t *testing.T) {
	data := crlf(numbered)
	m := Scan(data, Limits{})
	const inner = "Subject: three|Content-Type: multipart/mixed; boundary=i||"
	tests := []struct{ section, want string }{
		{"", string(data)},
		{"HEADER", "From: a@musterstadt.example|Content-Type: multipart/mixed; boundary=o||"},
		{"1", "one"},
		{"1.MIME", "Content-Type: text/plain||"},
		{"2", "two"},
		{"3.HEADER", inner},
		{"3.MIME", "Content-Type: message/rfc822||"},
		{"3.1", "three.one"},
		{"3.2", "three.two"},
		{"3.2.MIME", "Content-Type: application/octet-stream||"},
		{"4.1", "four.one"},
		{"4.1.MIME", "Content-Type: image/gif||"},
		{"4.2.MIME", "Content-Type: message/rfc822|X-Outer: y||"},
		{"4.2.HEADER", "Subject: four.two|Content-Type: multipart/mixed; boundary=q||"},
		{"4.2.1", "four.two.one"},
		{"4.2.2.1", "four.two.two.one"},
		{"4.2.2.2", "four.two.two.two"},
		{"4.2.2.2.MIME", "Content-Type: text/richtext||"},
	}
	for _, tt := range tests {
		path, spec := parseSection(t, tt.section)
		s, ok := m.Locate(path, spec)
		got := string(data[s.Start:s.End])
		if want := strings.ReplaceAll(tt.want, "|", "\r\n"); !ok || got != want {
			t.Errorf("section %s is %q (%v), want %q", tt.section, got, ok, want)
		}
	}
	whole, _ := m.Locate([]int{3}, Whole)
	head, _ := m.Locate([]int{3}, Header)
	text, _ := m.Locate([]int{3}, Text)
	if whole.Start != head.Start || head.End != text.Start || text.End != whole.End {
		t.Errorf("3 is %v, its header %v and text %v", whole, head, text)
	}
	for _, missing := range []string{"MIME", "1.HEADER", "1.TEXT", "1.1", "4.HEADER", "4.TEXT", "0", "5", "3.3", "4.2.2.3", "4.2.2.1.1", "4.3"} {
		path, spec := parseSection(t, missing)
		if s, ok := m.Locate(path, spec); ok {
			t.Errorf("section %s is %v, want none", missing, s)
		}
	}
}

func TestLocateInMessagesWithoutMultipart(t *testing.T) {
	tests := []struct{ data, section, want string }{
		{"A: b\n\ntext\n", "1", "text|"},
		{"A: b\n\ntext\n", "TEXT", "text|"},
		{"A: b\n\ntext\n", "1.MIME", "A: b||"},
		{"A: b\n\ntext\n", "1.1", "-"},
		{"A: b\n\ntext\n", "2", "-"},
		{"A: b\n\ntext\n", "1.TEXT", "-"},
		{"Content-Type: message/rfc822\n\nB: c\n\ntext\n", "1", "B: c||text|"},
		{"Content-Type: message/rfc822\n\nB: c\n\ntext\n", "1.HEADER", "B: c||"},
		{"Content-Type: message/rfc822\n\nB: c\n\ntext\n", "1.TEXT", "text|"},
		{"Content-Type: message/rfc822\n\nB: c\n\ntext\n", "1.1", "text|"},
		{"Content-Type: message/rfc822\n\nB: c\n\ntext\n", "1.1.MIME", "B: c||"},
		{"Content-Type: message/rfc822\n\nB: c\n\ntext\n", "1.1.1", "-"},
		{"Content-Type: message/rfc822\n\nB: c\n\ntext\n", "HEADER", "Content-Type: message/rfc822||"},
		{"Content-Type: multipart/mixed; boundary=a\n\nnone\n", "1", "none|"},
		{"Content-Type: multipart/mixed; boundary=a\n\nnone\n", "2", "-"},
	}
	for _, tt := range tests {
		data := crlf(tt.data)
		path, spec := parseSection(t, tt.section)
		got := "-"
		if s, ok := Scan(data, Limits{}).Locate(path, spec); ok {
			got = strings.ReplaceAll(string(data[s.Start:s.End]), "\r\n", "|")
		}
		if got != tt.want {
			t.Errorf("%q: section %s is %q, want %q", tt.data, tt.section, got, tt.want)
		}
	}
}

func parseSection(t *testing.T, s string) (path []int, spec Specifier) {
	t.Helper()
	for word := range strings.SplitSeq(s, ".") {
		switch word {
		case "":
		case "HEADER":
			spec = Header
		case "TEXT":
			spec = Text
		case "MIME":
			spec = MIME
		default:
			n := 0
			if _, err := fmt.Sscan(word, &n); err != nil {
				t.Fatal(err)
			}
			path = append(path, n)
		}
	}
	return path, spec
}
