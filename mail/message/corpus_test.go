package message

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sample is a message of the corpus or of those made here.
type sample struct {
	name string
	data []byte
}

// samples returns the messages of the corpus that FACHWERK_CORPUS names, else some made here.
func samples(t testing.TB) []sample {
	t.Helper()
	dir := os.Getenv("FACHWERK_CORPUS")
	if dir == "" {
		t.Log("FACHWERK_CORPUS is not set: using the messages made in this test")
		return madeSamples()
	}
	var list []sample
	err := filepath.WalkDir(filepath.Join(dir, "mail"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "LICENSE") {
			return err
		}
		data, err := os.ReadFile(path)
		list = append(list, sample{strings.TrimPrefix(path, dir), data})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 1000 {
		t.Fatalf("only %d messages in the corpus", len(list))
	}
	return list
}

// madeSamples returns messages with the shapes that matter most.
func madeSamples() []sample {
	crlf := func(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }
	return []sample{
		{"empty", nil},
		{"header only", crlf("From: a@musterstadt.example")},
		{"body only", crlf("\nHallo")},
		{"plain", crlf("From: Anna <anna@musterstadt.example>\nSubject: Hallo\n\nGuten Tag\n")},
		{"bare line feeds", []byte("Subject: a\n\nb\nc\rd\x00e\n")},
		{"rfc 2045 numbering", crlf(numbered)},
		{"no end", crlf("Content-Type: multipart/mixed; boundary=a\n\n--a\n\n1\n--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\n2")},
		{"no parts", crlf("Content-Type: multipart/mixed; boundary=a\n\nnothing\n")},
		{"no boundary", crlf("Content-Type: multipart/mixed\n\n--a\n\nnothing\n--a--\n")},
		{"empty parts", crlf("Content-Type: multipart/mixed; boundary=a\n\n--a\n--a\n\n--a\nA: b\n--a--")},
		{"digest", crlf("Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\ny\n--a\n--a--")},
		{"same boundary", crlf("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n--a\n\ny\n--a--\n")},
		{"encoded message", crlf("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKeQ==\n")},
		{"hard strings", []byte("Subject: \"a\\b\"\x00\xe4\r\nContent-Type: text/plain; name=\"a\\\"\xff\x00b\"; x\r\nTo: \xff\x00 <>, :;, (, \"\r\n\r\n\x00")},
	}
}

// checkMessage fails the test if the structure is not whole: parts nested in their parents, every section within the
// message, and the ones that RFC 9051 ties together alike.
func checkMessage(t testing.TB, m *Message, data []byte) {
	t.Helper()
	if m.Size != int64(len(data)) || m.Root.Offset != 0 || m.Root.End != m.Size {
		t.Fatalf("size %d, root %d to %d; the message has %d bytes", m.Size, m.Root.Offset, m.Root.End, len(data))
	}
	if want := int64(bytes.Count(data, []byte{'\n'})); m.Lines != want {
		t.Fatalf("%d lines, want %d", m.Lines, want)
	}
	checkPart(t, m, m.Root, data, Span{0, m.Size})
	checkPaths(t, m, nil, m.Root, true)
}

func checkPart(t testing.TB, m *Message, p *Part, data []byte, within Span) {
	t.Helper()
	if p.Offset < within.Start || p.BodyOffset < p.Offset || p.End < p.BodyOffset || p.End > within.End {
		t.Fatalf("part %d, %d to %d does not lie in %v", p.Offset, p.BodyOffset, p.End, within)
	}
	if want := int64(bytes.Count(data[p.BodyOffset:p.End], []byte{'\n'})); p.Lines != want {
		t.Fatalf("part at %d has %d lines, want %d", p.Offset, p.Lines, want)
	}
	if p.Type == "" || p.Subtype == "" {
		t.Fatalf("part at %d has type %q/%q", p.Offset, p.Type, p.Subtype)
	}
	if len(p.Children) > 0 && p.Embedded != nil || (p.Embedded == nil) != (p.Envelope == nil) {
		t.Fatalf("part at %d is of two kinds", p.Offset)
	}
	start := p.BodyOffset
	for _, c := range p.Children {
		checkPart(t, m, c, data, Span{start, p.End})
		start = c.End
	}
	if e := p.Embedded; e != nil {
		checkPart(t, m, e, data, p.Body())
		if e.Offset != p.BodyOffset || e.End != p.End {
			t.Fatalf("embedded message at %d is not the body of its part", e.Offset)
		}
	}
}

// checkPaths locates every section of p, which has the number path; top tells that p is a message.
func checkPaths(t testing.TB, m *Message, path []int, p *Part, top bool) {
	t.Helper()
	for _, spec := range []Specifier{Whole, Header, Text, MIME} {
		s, ok := m.Locate(path, spec)
		if ok && (s.Start < 0 || s.End < s.Start || s.End > m.Size) {
			t.Fatalf("section %v %d is %v of %d", path, spec, s, m.Size)
		}
		wanted := spec == Whole || len(path) == 0 == (spec != MIME) && (spec == MIME || len(path) == 0 || p.Embedded != nil) ||
			len(path) > 0 && spec != MIME && p.Embedded != nil
		if ok != wanted {
			t.Fatalf("section %v %d: found is %v", path, spec, ok)
		}
	}
	number := func(n int) []int { return append(path[:len(path):len(path)], n) }
	holder := p
	if !top {
		holder = p.Embedded
	}
	switch {
	case holder != nil && !holder.IsMultipart():
		if m.Part(number(1)) != holder || m.Part(number(2)) != nil {
			t.Fatalf("part 1 of the message at %v is not its body", path)
		}
		if holder.Embedded != nil {
			checkPaths(t, m, number(1), holder, false)
		}
	case holder != nil || p.IsMultipart():
		if holder == nil {
			holder = p
		}
		for i, c := range holder.Children {
			if m.Part(number(i+1)) != c {
				t.Fatalf("part %d of %v not found", i+1, path)
			}
			checkPaths(t, m, number(i+1), c, false)
		}
		if m.Part(number(len(holder.Children)+1)) != nil {
			t.Fatalf("%v has a part too many", path)
		}
	case m.Part(number(1)) != nil:
		t.Fatalf("leaf %v has a part", path)
	}
	if m.Part(number(0)) != nil || m.Part(number(-1)) != nil {
		t.Fatalf("%v has a part 0 or -1", path)
	}
}
