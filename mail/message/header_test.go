package message

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestFields(t *testing.T) {
	header := "From x\r\nA: b\r\nC : d\r\n\te\r\n\r\nBody: no\r\n"
	var got []string
	for f := range Fields([]byte(header)) {
		got = append(got, fmt.Sprintf("%d %q %q", f.Offset, f.Name, f.Value))
		if !strings.HasPrefix(header[f.Offset:], string(f.Raw)) {
			t.Errorf("field at %d is %q", f.Offset, f.Raw)
		}
	}
	want := []string{`0 "" "From x\r\n"`, `8 "A" " b\r\n"`, `14 "C" " d\r\n\te\r\n"`}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFieldsGiveBackTheHeader(t *testing.T) {
	for _, s := range samples(t) {
		m := Scan(s.data, Limits{})
		header := s.data[:m.Root.BodyOffset]
		all := FilterHeader(header, nil, true)
		none := FilterHeader(header, nil, false)
		if string(all) != string(header) || len(none) > 2 || !strings.HasSuffix(string(header), string(none)) {
			t.Errorf("%s: the header has %d bytes, its fields %d", s.name, len(header), len(all))
		}
		split, err := SplitHeader(bufio.NewReader(strings.NewReader(string(s.data))), 1<<20)
		if err != nil || string(split) != string(header) {
			t.Errorf("%s: SplitHeader gives %d bytes, the scanner %d (%v)", s.name, len(split), len(header), err)
		}
	}
}

func TestFilterHeader(t *testing.T) {
	const header = "A: 1|b: 2|\tx|junk|B : 3|Bcc: y||"
	tests := []struct {
		header string
		names  []string
		not    bool
		want   string
	}{
		{header, []string{"B"}, false, "b: 2|\tx|B : 3||"},
		{header, []string{"b", "BCC"}, true, "A: 1|junk||"},
		{header, []string{"none"}, false, "|"},
		{header, nil, false, "|"},
		{"A: 1|B: 2", []string{"b"}, false, "B: 2"},
		{"|", []string{"b"}, false, "|"},
		{"", []string{"b"}, false, ""},
	}
	for _, tt := range tests {
		for _, eol := range []string{"\r\n", "\n"} {
			got := FilterHeader([]byte(strings.ReplaceAll(tt.header, "|", eol)), tt.names, tt.not)
			if want := strings.ReplaceAll(tt.want, "|", eol); string(got) != want {
				t.Errorf("%v %v: %q, want %q", tt.names, tt.not, got, want)
			}
		}
	}
}

func TestSplitHeader(t *testing.T) {
	for _, tt := range []struct{ data, header string }{
		{"A: b\r\n\r\nbody\r\n\r\n", "A: b\r\n\r\n"},
		{"A: b\n\nbody", "A: b\n\n"},
		{"\r\nbody", "\r\n"},
		{"A: b\r\n", "A: b\r\n"},
		{"A: " + strings.Repeat("b", 100) + "\r\n\r\nbody", "A: " + strings.Repeat("b", 100) + "\r\n\r\n"},
		{"", ""},
	} {
		r := bufio.NewReaderSize(strings.NewReader(tt.data), 16)
		header, err := SplitHeader(r, 1000)
		rest, _ := io.ReadAll(r)
		if err != nil || string(header) != tt.header || string(header)+string(rest) != tt.data {
			t.Errorf("%q: %q and %q, %v", tt.data, header, rest, err)
		}
	}
	header, err := SplitHeader(bufio.NewReaderSize(strings.NewReader(strings.Repeat("x", 1000)), 16), 100)
	if !errors.Is(err, ErrHeaderTooLarge) || len(header) > 120 {
		t.Errorf("%d bytes, %v", len(header), err)
	}
	broken := errors.New("broken")
	if _, err := SplitHeader(bufio.NewReader(io.MultiReader(strings.NewReader("A: b\r\n"), failing{broken})), 100); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// failing is a reader that only fails.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestUnfold(t *testing.T) {
	for _, tt := range []struct{ value, text, exact string }{
		{" a ", "a", "a"},
		{" a\r\n b\r\n", "a b", "a b"},
		{" a \n\t b\r\n", "a b", "a \t b"},
		{"\r\n a", "a", "a"},
		{" a\r\n \r\n b", "a b", "a  b"},
		{" a\rb\r\n c", "a\rb c", "a\rb c"},
		{"\r\n", "", ""},
	} {
		if got := Unfold([]byte(tt.value)); got != tt.text {
			t.Errorf("%q: %q, want %q", tt.value, got, tt.text)
		}
		if got := unfoldExactly([]byte(tt.value)); got != tt.exact {
			t.Errorf("%q exactly: %q, want %q", tt.value, got, tt.exact)
		}
	}
}
