package message

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

func TestCorpusStructure(t *testing.T) {
	for _, s := range samples(t) {
		start := time.Now()
		m := Scan(s.data, Limits{})
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s took %v", s.name, d)
		}
		t.Run(s.name, func(t *testing.T) { checkMessage(t, m, s.data) })
	}
}

// scanPieces scans data in pieces of the sizes that size gives.
func scanPieces(data []byte, limits Limits, size func() int) *Message {
	s := NewScanner(limits)
	for len(data) > 0 {
		n := min(max(size(), 1), len(data))
		s.Write(data[:n])
		s.Write(nil)
		data = data[n:]
	}
	return s.Finish()
}

func TestPiecesDoNotMatter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sizes := map[string]func() int{
		"1":      func() int { return 1 },
		"2":      func() int { return 2 },
		"random": func() int { return random.IntN(200) },
		"4096":   func() int { return 4096 },
	}
	for _, s := range samples(t) {
		for _, limits := range []Limits{{}, {HeaderBytes: 200, Depth: 2, Parts: 3, Addresses: 2}} {
			want := Scan(s.data, limits)
			for name, size := range sizes {
				if got := scanPieces(s.data, limits, size); !reflect.DeepEqual(got, want) {
					t.Fatalf("%s in pieces of %s differs:\n%s\n%s", s.name, name, show(got), show(want))
				}
			}
		}
	}
}

// show returns the message's structure in IMAP's form, for messages of failing tests.
func show(m *Message) string {
	return string(AppendBodyStructure(append(AppendEnvelope(nil, m.Envelope), '\n'), m.Root))
}

// tree returns the part's bodies as a nested list: what each leaf holds, in quotes.
func tree(m *Message, data []byte) string {
	var b strings.Builder
	var walk func(p *Part)
	walk = func(p *Part) {
		switch {
		case p.Embedded != nil:
			b.WriteString("<")
			walk(p.Embedded)
			b.WriteString(">")
		case p.IsMultipart():
			b.WriteString("(")
			for _, c := range p.Children {
				walk(c)
			}
			b.WriteString(")")
		default:
			b.WriteString("'" + strings.ReplaceAll(string(data[p.BodyOffset:p.End]), "\r\n", "|") + "'")
		}
	}
	walk(m.Root)
	return b.String()
}

func TestStructure(t *testing.T) {
	const mixed = "Content-Type: multipart/mixed; boundary=a\n\n"
	tests := []struct{ name, data, want string }{
		{"plain", "\nx\n", "'x|'"},
		{"no header end", "Subject: x\n", "''"},
		{"two parts", mixed + "pre\n--a\n\n1\n--a\n\n2\n\n--a--\npost\n", "('1''2|')"},
		{"no closing", mixed + "--a\n\n1\n--a\n\n2\n", "('1''2|')"},
		{"closed by the end", mixed + "--a\n\n1\n--a", "('1')"},
		{"opened at the end", mixed + "--a\n\n1\n--a\n", "('1')"},
		{"empty parts", mixed + "--a\n--a\n\n--a\nA: b\n--a--\n", "('''''')"},
		{"padding", mixed + "--a \t\n\n1\n--a-- \t\n", "('1')"},
		{"text behind delimiters", mixed + "--a b\n\n1\n--a--b\n", "('1')"},
		{"boundary is a prefix", mixed + "--a\n\n1\n--ab\n--a-\n--\n--b--\n--a--\n", "('1|--ab|--a-|--|--b--')"},
		{"delimiter in the midst of a line", mixed + "--a\n\n1 --a\n --a\n--a--\n", "('1 --a| --a')"},
		{"nested", mixed + "--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\n1\n--b\n\n2\n--b--\n--a\n\n3\n--a--\n", "(('1''2')'3')"},
		{"inner not closed", mixed + "--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\n1\n--a\n\n3\n--a--\n", "(('1')'3')"},
		{"inner boundary begins with the outer", mixed + "--a\nContent-Type: multipart/x; boundary=ab\n\n--ab\n\n1\n--ab--\n--a--\n", "(('1'))"},
		{"same boundary", mixed + "--a\nContent-Type: multipart/x; boundary=a\n\n--a\n\n1\n--a--\n--a\n\n2\n--a--\n", "(('1')'2')"},
		{"delimiter in epilogue", mixed + "--a\n\n1\n--a--\n--a\n\n2\n", "('1')"},
		{"no boundary", "Content-Type: multipart/mixed\n\n--a\n\nx\n", "'--a||x|'"},
		{"no part", mixed + "nothing\n", "'nothing|'"},
		{"boundary in quotes", "Content-Type: multipart/mixed; boundary=\"a;\\\"b\" ; x=y\n\n--a;\"b\n\n1\n--a;\"b--", "('1')"},
		{"boundary in pieces", "Content-Type: multipart/mixed; boundary*0=a; boundary*1=\"b\"\n\n--ab\n\n1\n--ab--", "('1')"},
		{"boundary like an encoded word", "Content-Type: multipart/mixed; boundary=\"=?utf-8?q?a?=\"\n\n--=?utf-8?q?a?=\n\n1\n--=?utf-8?q?a?=--", "('1')"},
		{"folded boundary", "Content-Type: multipart/mixed;\n\tboundary=\n a\n\n--a\n\n1\n--a--", "('1')"},
		{"message", mixed + "--a\nContent-Type: message/rfc822\n\nSubject: in\n\n1\n--a--\n", "(<'1'>)"},
		{"message without header end", mixed + "--a\nContent-Type: message/rfc822\n\nSubject: in\n--a--\n", "(<''>)"},
		{"message without anything", mixed + "--a\nContent-Type: message/rfc822\n--a--\n", "(<''>)"},
		{"message in base64", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQTogYgo=", "'QTogYgo='"},
		{"message with multipart", "Content-Type: message/global\n\n" + mixed + "--a\n\n1\n--a--\n", "<('1')>"},
		{"digest", "Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: in\n\n1\n--a\nContent-Type: text/plain\n\n2\n--a--\n", "(<'1'>'2')"},
		{"folded blank line", "Subject: a\n \nContent-Type: multipart/mixed; boundary=a\n\n--a\n\n1\n--a--", "('1')"},
		{"first type counts", "Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\n1\n--a--", "'--a||1|--a--'"},
		{"mbox line", "From x Mon Jan  1 00:00:00 2026\nContent-Type: multipart/mixed; boundary=a\n\n--a\n\n1\n--a--", "('1')"},
		{"space before colon", "Content-Type : multipart/mixed; boundary=a\n\n--a\n\n1\n--a--", "('1')"},
	}
	for _, tt := range tests {
		for _, data := range [][]byte{crlf(tt.data), []byte(tt.data)} {
			m := Scan(data, Limits{})
			got := strings.ReplaceAll(tree(m, data), "\n", "|")
			if got != tt.want {
				t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
			}
			checkMessage(t, m, data)
			checkIMAP(t, tt.name, m)
		}
	}
}

func TestFlags(t *testing.T) {
	tests := []struct {
		data string
		want Flags
	}{
		{"A: b\r\n\r\nx\r\n", 0},
		{"A: b\n\nx\n", HasBareLF},
		{"A: b\r\n\r\nx\ry\r\n", HasBareCR},
		{"A: b\r\n\r\nx\r", HasBareCR},
		{"A: b\r\n\r\nx\r\r\n", HasBareCR},
		{"A: b\r\n\r\nx\n\r", HasBareCR | HasBareLF},
		{"A: b\r\n\r\nx\x00\r\n", HasNUL},
		{"A: b\r\n\r\n0123456789\xe4\r\n", Has8bit},
		{"A: \xc3\xa4\r\n\r\n\r\n", Has8bit | Header8bit},
		{"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nx\r\n", UnclosedParts},
		{"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nX: \xe4\r\n\r\nx\r\n--a--", Has8bit | Header8bit},
	}
	for _, tt := range tests {
		if m := Scan([]byte(tt.data), Limits{}); m.Flags != tt.want {
			t.Errorf("%q: flags %b, want %b", tt.data, m.Flags, tt.want)
		}
	}
	m := Scan([]byte("Received: a\r\nreceived: b\r\n\tReceived: c\r\nX: d\r\n\r\n12345\r\nReceived: e\r\n"), Limits{})
	if m.Received != 2 || m.LongestLine != 12 || m.Lines != 7 {
		t.Errorf("%d Received, longest line %d, %d lines", m.Received, m.LongestLine, m.Lines)
	}
}

func TestLimits(t *testing.T) {
	deep := crlf(strings.Repeat("Content-Type: message/rfc822\n\n", 5) + "x")
	m := Scan(deep, Limits{Depth: 3})
	if got := tree(m, deep); !m.Flags.Has(Truncated) || strings.Count(got, "<") != 3 {
		t.Errorf("depth 3: %s", got)
	}
	many := crlf("Content-Type: multipart/mixed; boundary=a\n\n" + strings.Repeat("--a\n\nx\n", 5) + "--a--\n")
	m = Scan(many, Limits{Parts: 4})
	if got := tree(m, many); !m.Flags.Has(Truncated) || got != "('x''x''x|--a||x|--a||x')" {
		t.Errorf("4 parts: %s", got)
	}
	long := crlf("X-Other: " + strings.Repeat("y", 1000) + "\nSubject: " + strings.Repeat("x", 100) + "\nTo: a@b\n\n")
	m = Scan(long, Limits{HeaderBytes: 50})
	if !m.Flags.Has(Truncated) || m.Envelope.Subject != strings.Repeat("x", 41) || len(m.Envelope.To) != 0 {
		t.Errorf("50 header bytes: %+v", m.Envelope)
	}
	to := crlf("To: a@b, c@d, e@f\nCc: g@h\n\n")
	m = Scan(to, Limits{Addresses: 2})
	if !m.Flags.Has(Truncated) || len(m.Envelope.To) != 2 || len(m.Envelope.Cc) != 0 {
		t.Errorf("2 addresses: %+v", m.Envelope)
	}
}

// repeat writes piece to s until size bytes were written, without holding them.
func repeat(s *Scanner, piece string, size int) {
	block := bytes.Repeat([]byte(piece), max(1, 64<<10/len(piece)))
	for ; size > 0; size -= len(block) {
		s.Write(block)
	}
}

func TestHostile(t *testing.T) {
	const mb = 1 << 20
	multipart := func(boundary string) string {
		return "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n--" + boundary + "\r\n"
	}
	tests := []struct {
		name string
		feed func(s *Scanner)
	}{
		{"messages 100,000 deep", func(s *Scanner) { repeat(s, "Content-Type: message/rfc822\r\n\r\n", 100_000*32) }},
		{"multiparts 100,000 deep, one boundary", func(s *Scanner) { repeat(s, multipart("a"), 100_000*len(multipart("a"))) }},
		{"multiparts with 100 open boundaries and 10 MB of near delimiters", func(s *Scanner) {
			for i := range 100 {
				s.Write([]byte(multipart(strings.Repeat("x", i+1))))
			}
			repeat(s, "\r\n--"+strings.Repeat("x", 101), 10*mb)
			repeat(s, "\r\n--", 5*mb)
		}},
		{"parts without number", func(s *Scanner) {
			s.Write([]byte(multipart("a")))
			repeat(s, "--a\r\n", 10*mb)
		}},
		{"parts of many types", func(s *Scanner) {
			s.Write([]byte(multipart("a")))
			repeat(s, "--a\r\nContent-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n", 10*mb)
		}},
		{"a million empty fields", func(s *Scanner) { repeat(s, "a:\n", 3_000_000) }},
		{"a header of 50 MB", func(s *Scanner) { repeat(s, "X-Filler: 0123456789012345678901234567890123456789\r\n", 50*mb) }},
		{"a header line of 50 MB", func(s *Scanner) { s.Write([]byte("Subject: ")); repeat(s, "x", 50*mb) }},
		{"a folded field of 50 MB", func(s *Scanner) { s.Write([]byte("To: ")); repeat(s, "a@b,\r\n ", 50*mb) }},
		{"a body line of 50 MB", func(s *Scanner) { s.Write([]byte(multipart("a") + "\r\n--")); repeat(s, "a", 50*mb) }},
		{"a boundary of 7 KB", func(s *Scanner) {
			b := strings.Repeat("0123456789", 700)
			s.Write([]byte(multipart(b)))
			repeat(s, "\r\nx\r\n--"+b+"\r\n", 20*mb)
		}},
		{"a boundary of 1 MB", func(s *Scanner) {
			b := strings.Repeat("0123456789", 100_000)
			s.Write([]byte(multipart(b)))
			repeat(s, "\r\nx\r\n--"+b+"\r\n", 20*mb)
		}},
		{"many references", func(s *Scanner) { s.Write([]byte("References: ")); repeat(s, "<a@b>", 2*mb) }},
		{"many parameters", func(s *Scanner) { s.Write([]byte("Content-Type: text/plain")); repeat(s, ";a=b c", 2*mb) }},
		{"open comments", func(s *Scanner) { s.Write([]byte("Content-Type: text/plain; ")); repeat(s, "(", 2*mb) }},
		{"open angles", func(s *Scanner) { s.Write([]byte("From: ")); repeat(s, "<@", 2*mb) }},
		{"open groups", func(s *Scanner) { s.Write([]byte("From: ")); repeat(s, "a:", 2*mb) }},
		{"open quotes", func(s *Scanner) { s.Write([]byte("From: ")); repeat(s, "\"\\(", 2*mb) }},
	}
	heap := func() int {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return int(stats.HeapAlloc)
	}
	for _, tt := range tests {
		before := heap()
		start := time.Now()
		s := NewScanner(Limits{})
		tt.feed(s)
		if held := heap() - before; held > 32*mb {
			t.Errorf("%s: the scanner holds %d MiB", tt.name, held/mb)
		}
		m := s.Finish()
		if d := time.Since(start); d > time.Minute {
			t.Errorf("%s: took %v", tt.name, d)
		}
		if parts := len(m.TextParts()); parts > defaultParts+1 {
			t.Errorf("%s: %d parts", tt.name, parts)
		}
		form := len(AppendBodyStructure(AppendEnvelope(nil, m.Envelope), m.Root))
		if form > 20*mb {
			t.Errorf("%s: %d bytes of structure", tt.name, form)
		}
		b, err := m.MarshalBinary()
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		var back Message
		if err := back.UnmarshalBinary(b); err != nil || !reflect.DeepEqual(&back, m) {
			t.Errorf("%s: not the same after UnmarshalBinary: %v", tt.name, err)
		}
		runtime.KeepAlive(s)
		t.Logf("%s: %d bytes, %v", tt.name, m.Size, time.Since(start))
	}
}

func BenchmarkScannerBody(b *testing.B) {
	line := strings.Repeat("0123456789ab", 6) + "0123\r\n"
	body := bytes.Repeat([]byte(line), 1<<20/len(line))
	head := crlf("Content-Type: multipart/mixed; boundary=\"=_0123456789\"\n\n--=_0123456789\nContent-Transfer-Encoding: base64\n\n")
	b.SetBytes(int64(len(body)))
	s := NewScanner(Limits{})
	s.Write(head)
	for b.Loop() {
		s.Write(body)
	}
}

func BenchmarkSmallMessage(b *testing.B) {
	data := crlf("Received: from a by b; Mon, 2 Nov 2026 10:00:00 +0100\nFrom: Anna Amt <anna@musterstadt.example>\n" +
		"To: Bernd Bau <bernd@musterstadt.example>, c@musterstadt.example\nSubject: Bauantrag 17\nDate: Mon, 2 Nov 2026 10:00:00 +0100\n" +
		"Message-ID: <1@musterstadt.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" +
		"Content-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("Guten Tag, anbei der Antrag.\n", 30))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		Scan(data, Limits{})
	}
}
