package contentline

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// lines reads everything; a syntax error becomes a line named "!".
func lines(t testing.TB, r *Reader) []Line {
	t.Helper()
	var all []Line
	for {
		l, err := r.Next()
		var syntax *SyntaxError
		switch {
		case err == io.EOF:
			return all
		case errors.As(err, &syntax) && !errors.Is(err, ErrTooLarge):
			l = Line{Name: "!", Number: syntax.Line, Value: syntax.Reason}
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, l)
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []Line
	}{
		{"plain", "BEGIN:VCARD\r\nfn:Käthe\r\n", []Line{{Number: 1, Name: "BEGIN", Value: "VCARD"}, {Number: 2, Name: "FN", Value: "Käthe"}}},
		{"no line end at the end", "A:1\nB:2", []Line{{Number: 1, Name: "A", Value: "1"}, {Number: 2, Name: "B", Value: "2"}}},
		{"folds", "A:on\r\n e\r\n\t two\r\nB:\r\n", []Line{{Number: 1, Name: "A", Value: "one two"}, {Number: 4, Name: "B"}}},
		{"fold inside a character", "A:K\xc3\n \xa4the\n", []Line{{Number: 1, Name: "A", Value: "Käthe"}}},
		{"fold inside the name", "SUMM\r\n ARY:x\r\n", []Line{{Number: 1, Name: "SUMMARY", Value: "x"}}},
		{"empty fold", "A:x\r\n \r\n y\r\n", []Line{{Number: 1, Name: "A", Value: "xy"}}},
		{"blank lines", "\r\n\r\nA:x\r\n\r\n y\r\n\r\nB:z\r\n\r\n", []Line{{Number: 3, Name: "A", Value: "xy"}, {Number: 7, Name: "B", Value: "z"}}},
		{"old Mac", "A:x\r y\rB:z\r", []Line{{Number: 1, Name: "A", Value: "xy"}, {Number: 3, Name: "B", Value: "z"}}},
		{"doubled CR", "A:x\r\r\n y\r\r\nB:z\r\r\n", []Line{{Number: 1, Name: "A", Value: "xy"}, {Number: 3, Name: "B", Value: "z"}}},
		{"CR as data", "A:x\r\nB:y\rz\r\n", []Line{{Number: 1, Name: "A", Value: "x"}, {Number: 2, Name: "B", Value: "y\rz"}}},
		{"mark", "\xef\xbb\xbfA:x\n\xef\xbb\xbfB:y\n", []Line{{Number: 1, Name: "A", Value: "x"}, {Number: 2, Name: "!", Value: "the property's name is missing or has characters that names cannot have"}}},
		{"group", "item1.X-ABLabel:_$!<HomePage>!$_\n", []Line{{Number: 1, Group: "item1", Name: "X-ABLABEL", Value: "_$!<HomePage>!$_"}}},
		{"parameters", "TEL;type=home,\"voice, loud\";PREF=1:tel:+49;ext=5\n", []Line{{Number: 1, Name: "TEL", Value: "tel:+49;ext=5", Params: []Param{{"TYPE", []string{"home", "voice, loud"}}, {"PREF", []string{"1"}}}}}},
		{"bare parameters", "TEL;HOME;VOICE;:1\n", []Line{{Number: 1, Name: "TEL", Value: "1", Params: []Param{{"", []string{"HOME"}}, {"", []string{"VOICE"}}}}}},
		{"empty value", "A;X=:1\n", []Line{{Number: 1, Name: "A", Value: "1", Params: []Param{{"X", []string{""}}}}}},
		{"carets", "A;X=a^^b^'c^nd^e:1\n", []Line{{Number: 1, Name: "A", Value: "1", Params: []Param{{"X", []string{"a^b\"c\nd^e"}}}}}},
		{"quote amid", "A;X=a\"b:c\"d:1\n", []Line{{Number: 1, Name: "A", Value: "1", Params: []Param{{"X", []string{"ab:cd"}}}}}},
		{"quoted-printable", "N;ENCODING=QUOTED-PRINTABLE:M=C3=\r\n=BCller=\r\n!\r\nA:b=\r\nB:c\r\n", []Line{
			{Number: 1, Name: "N", Value: "M=C3=BCller!", Params: []Param{{"ENCODING", []string{"QUOTED-PRINTABLE"}}}},
			{Number: 4, Name: "A", Value: "b="}, {Number: 5, Name: "B", Value: "c"}}},
		{"soft breaks before the end", "A:1\nN;ENCODING=QUOTED-PRINTABLE:b\r===", []Line{{Number: 1, Name: "A", Value: "1"},
			{Number: 2, Name: "N", Value: "b", Params: []Param{{"ENCODING", []string{"QUOTED-PRINTABLE"}}}}}},
		{"errors do not stop it", "no colon\n:x\nA;X=\"open:1\nA\x00B:1\nB;=1:2\nC:3\n", []Line{
			{Number: 1, Name: "!", Value: "there is no colon"},
			{Number: 2, Name: "!", Value: "the property's name is missing or has characters that names cannot have"},
			{Number: 3, Name: "!", Value: "a quoted parameter value does not end"},
			{Number: 4, Name: "!", Value: "there is a NUL character"},
			{Number: 5, Name: "!", Value: "a parameter's name is missing or has characters that names cannot have"},
			{Number: 6, Name: "C", Value: "3"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := lines(t, NewBytes([]byte(c.in), Limits{})); !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// Lines share memory; none gets into another.
func TestManyLines(t *testing.T) {
	var in bytes.Buffer
	var want []string
	for i := range 5000 {
		x, y := strings.Repeat("x", i%90), strings.Repeat("y", i%77)
		in.WriteString("A:" + x + "\r\n " + y + "\r\n")
		want = append(want, x+y)
	}
	long := strings.Repeat("long", 200_000)
	in.WriteString("B:" + long + "\r\n")
	want = append(want, long)
	var got []string
	for _, l := range lines(t, NewBytes(in.Bytes(), Limits{})) {
		got = append(got, l.Value)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d lines come as %d, or otherwise", len(want), len(got))
	}
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct {
		in     string
		limits Limits
	}{
		"bytes":  {strings.Repeat("A:x\r\n", 100), Limits{Bytes: 400}},
		"lines":  {strings.Repeat("A:x\r\n", 100), Limits{Lines: 99}},
		"values": {strings.Repeat("A;X=1,2:x\r\n", 100), Limits{Values: 299}},
		"line":   {"A:" + strings.Repeat("x", 100), Limits{Line: 100}},
		"folded": {"A:" + strings.Repeat("x\n ", 100), Limits{Line: 100}},
		"huge":   {"A:" + strings.Repeat("x", 1<<20), Limits{Line: 100}},
	} {
		r := NewBytes([]byte(c.in), c.limits)
		var err error
		for err == nil {
			_, err = r.Next()
		}
		var syntax *SyntaxError
		if !errors.Is(err, ErrTooLarge) || !errors.As(err, &syntax) || syntax.Line == 0 {
			t.Errorf("%s: %v", name, err)
		}
		if _, again := r.Next(); again != err {
			t.Errorf("%s: it goes on after %v", name, err)
		}
	}
	r := NewBytes([]byte("A"+strings.Repeat(";X=1", 101)+":\nB:\n"), Limits{Params: 100})
	if all := lines(t, r); len(all) != 2 || all[0].Name != "!" || all[1].Name != "B" {
		t.Errorf("too many parameters: %+v", all)
	}
	r = NewBytes([]byte("A;X="+strings.Repeat(",", 101)+":\nB:\n"), Limits{Params: 100})
	if all := lines(t, r); len(all) != 2 || all[0].Name != "!" || all[1].Name != "B" {
		t.Errorf("too many values of one parameter: %+v", all)
	}
}

// Hostile input takes time in proportion to its size.
func TestTimeIsLinear(t *testing.T) {
	size := 1 << 18
	for name, unit := range map[string]string{
		"folds": "\n x", "blanks": "\n", "CRs": "\r", "soft breaks": "=\n", "quotes": "\"", "semicolons": ";", "commas": ",", "carets": "^",
		"short": "A:\n", "CR folds": "\r\r\r ", "spaces": "\n\n ",
	} {
		for _, head := range []string{"A:", "A;X=", "A;ENCODING=QUOTED-PRINTABLE:", "A:\n", "A:\r"} {
			in := head + strings.Repeat(unit, size/len(unit)) + ":"
			began := time.Now()
			r := NewBytes([]byte(in), Limits{Bytes: -1, Lines: -1})
			for {
				if _, err := r.Next(); err != nil && !errors.As(err, new(*SyntaxError)) || errors.Is(err, ErrTooLarge) {
					break
				}
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("%s after %q: %v for %d bytes", name, head, took, len(in))
			}
		}
	}
}

// What is written is read again as it was.
func TestWriteAndRead(t *testing.T) {
	for _, l := range []Line{
		{Name: "A", Value: strings.Repeat("ä", 200)},
		{Name: "A", Value: strings.Repeat("\xff\x80", 200)},
		{Name: "A", Value: strings.Repeat("x", 73)},
		{Name: "A", Value: strings.Repeat("x", 74)},
		{Name: "A", Value: strings.Repeat("x\ry", 200)},
		{Name: "A", Value: strings.Repeat(" ", 200)},
		{Name: "A", Value: strings.Repeat("=", 200)},
		{Name: "N", Params: []Param{{"ENCODING", []string{"QUOTED-PRINTABLE"}}}, Value: strings.Repeat("=C3=BC", 60)},
		{Group: "item1", Name: "X-AB", Params: []Param{{"X", []string{"a,b", "c;d:e", `"^'`, "two\nlines", ""}}, {"", []string{"HOME"}}}, Value: "v"},
	} {
		out := Append(nil, l)
		for _, p := range bytes.SplitAfter(out, []byte("\r\n")) {
			if len(p) > lineOctets+2 {
				t.Errorf("a line of %d octets: %q", len(p), p)
			}
		}
		l.Number = 1
		// CR is data only where lines end in LF: say so first.
		got := lines(t, NewBytes(append([]byte("Z:\r\n"), out...), Limits{}))
		l.Number = 2
		if len(got) != 2 || !reflect.DeepEqual(got[1], l) {
			t.Errorf("%+v\n got %+v", l, got)
		}
	}
	if got := string(Append(nil, Line{Name: "A", Value: "x\r\nEND:VCARD\x00\n"})); got != "A:x\\nEND:VCARD\r\n" {
		t.Errorf("a line feed in the value: %q", got)
	}
	if got := string(Append(nil, Line{Name: "A", Value: strings.Repeat("€", 30)})); strings.Count(got, "€") != 30 {
		t.Errorf("a character is torn apart: %q", got)
	}
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		`a\, b\; c\\n\nd\N`: "a, b; c\\n\nd\n", `\`: `\`, `a\:b`: "a:b", "plain": "plain", "": "",
	} {
		if got := UnescapeText(in); got != want {
			t.Errorf("UnescapeText(%q) = %q", in, got)
		}
	}
	for _, s := range []string{"a, b; c\\n\nd", "", "\\", "\\\\;"} {
		if got := UnescapeText(EscapeText(s)); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	}
	if got := EscapeText("a\r\nb\rc"); got != `a\nb\nc` {
		t.Errorf("line ends: %q", got)
	}
	if got := SplitList(`a,b\,c,,`); !reflect.DeepEqual(got, []string{"a", `b\,c`, "", ""}) {
		t.Errorf("SplitList: %q", got)
	}
	if got := SplitStructured(`Müller;Käthe;\;,;`); !reflect.DeepEqual(got, []string{"Müller", "Käthe", `\;,`, ""}) {
		t.Errorf("SplitStructured: %q", got)
	}
}

func TestParams(t *testing.T) {
	l := lines(t, NewBytes([]byte("TEL;TYPE=home;TYPE=cell,Voice:1\n"), Limits{}))[0]
	if v, ok := Lookup(l.Params, "TYPE"); v != "home" || !ok {
		t.Errorf("first: %q", v)
	}
	if got := Values(l.Params, "TYPE"); !reflect.DeepEqual(got, []string{"home", "cell", "Voice"}) {
		t.Errorf("all: %q", got)
	}
	if !HasValue(l.Params, "TYPE", "VOICE") || HasValue(l.Params, "TYPE", "fax") || HasValue(l.Params, "X", "home") {
		t.Error("HasValue")
	}
	if _, ok := Lookup(l.Params, "X"); ok {
		t.Error("a parameter that is not there")
	}
}

// TestCorpus reads every calendar and card and writes and reads it again.
func TestCorpus(t *testing.T) {
	root := os.Getenv("FACHWERK_CORPUS")
	if root == "" {
		t.Log("FACHWERK_CORPUS is not set: the tables of this package's tests are all that is read")
		return
	}
	files, bad := 0, 0
	for _, top := range []string{"ics", "vcf"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "LICENSE") || strings.HasSuffix(path, ".ref") {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files++
			first := lines(t, NewBytes(data, Limits{}))
			var out []byte
			var kept []Line
			for _, l := range first {
				if l.Name == "!" {
					bad++
					continue
				}
				kept = append(kept, l)
				out = Append(out, l)
			}
			again := lines(t, NewBytes(append([]byte("Z:\r\n"), out...), Limits{}))[1:]
			if len(again) != len(kept) {
				t.Errorf("%s: %d lines come back as %d", path, len(kept), len(again))
				return nil
			}
			for i := range kept {
				kept[i].Number, again[i].Number = 0, 0
				if !reflect.DeepEqual(kept[i], again[i]) {
					t.Errorf("%s: line %d, a %s, comes back otherwise", path, i+1, kept[i].Name)
					break
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d files, %d lines that are none", files, bad)
	if files < 700 {
		t.Errorf("only %d files", files)
	}
}
