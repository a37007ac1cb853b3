package archive

import (
	"bytes"
	"strings"
	"testing"
)

// Names that no file system takes are written so that they differ still.
func TestSafeNames(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"a", "A b", ".", "..", "...", ".a", "a.", "a ", "a/b", "a%2Fb", "a:b", "a%3Ab", "a\\b", "CON", "\x01", "ä ö", strings.Repeat("ö", 400), strings.Repeat("ö", 401)} {
		safe := shorten(safeName(name), maxFileName)
		if len(safe) > maxFileName || strings.ContainsAny(safe, reserved+"/\x01") || strings.HasPrefix(safe, ".") || strings.HasSuffix(safe, ".") {
			t.Errorf("%q becomes %q", name, safe)
		}
		if other, ok := seen[safe]; ok {
			t.Errorf("%q and %q both become %q", name, other, safe)
		}
		seen[safe] = name
	}
}

// A drive's names stay as they are where the target holds them.
func TestNamesOnTheTarget(t *testing.T) {
	unix := abilities{longest: 255}
	windows := abilities{caseless: true, refused: reserved, ends: true, longest: 255}
	for _, c := range []struct{ name, unix, windows string }{
		{"Grundriss.txt", "Grundriss.txt", "Grundriss.txt"},
		{"100%.txt", "100%.txt", "100%.txt"},
		{"a: b?", "a: b?", "a%3A b%3F"},
		{"50% ?", "50% ?", "50%25 %3F"},
		{"Ende.", "Ende.", "Ende%2E"},
	} {
		if got := unix.fileName(c.name); got != c.unix {
			t.Errorf("%q becomes %q", c.name, got)
		}
		if got := windows.fileName(c.name); got != c.windows {
			t.Errorf("where less is held, %q becomes %q, want %q", c.name, got, c.windows)
		}
	}
	names := taken{caseless: true}
	for _, c := range []struct{ name, want string }{{"Brief.txt", "Brief.txt"}, {"brief.txt", "brief~2.txt"}, {"BRIEF.txt", "BRIEF~3.txt"}, {"brief~2.txt", "brief~2~2.txt"}} {
		if got := names.free(c.name, 255); got != c.want {
			t.Errorf("%q is called %q, want %q", c.name, got, c.want)
		}
	}
}

func quoted(t testing.TB, text []byte, unquote bool, pieces int) []byte {
	var out bytes.Buffer
	q := &quoter{w: &out, unquote: unquote}
	for len(text) > 0 {
		n := min(pieces, len(text))
		if _, err := q.Write(text[:n]); err != nil {
			t.Fatal(err)
		}
		text = text[n:]
	}
	if err := q.end(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestQuoting(t *testing.T) {
	for plain, want := range map[string]string{
		"From a\nFrom b": ">From a\n>From b", ">From\n>From x\n": ">From\n>>From x\n", "From": "From", ">": ">", ">>>F": ">>>F",
		"x From y\n\nFrom:\n": "x From y\n\nFrom:\n", ">> From \n": ">> From \n", "FrFrom \nFromFrom \n": "FrFrom \nFromFrom \n",
	} {
		if got := string(quoted(t, []byte(plain), false, 2)); got != want {
			t.Errorf("%q is quoted %q, want %q", plain, got, want)
		}
	}
}

// What is quoted has no line that begins a message, and comes back as it was.
func FuzzQuoting(f *testing.F) {
	for _, s := range []string{"From a\n>From b\r\n>>From", ">", "F\nFr\nFro\nFrom\nFrom \n", ">>>>\n>F>From "} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, pieces int) {
		pieces = max(1, pieces%64)
		q := quoted(t, text, false, pieces)
		if bytes.HasPrefix(q, []byte(fromLine)) || bytes.Contains(q, []byte("\n"+fromLine)) {
			t.Errorf("%q has a line that begins a message: %q", text, q)
		}
		if back := quoted(t, q, true, pieces); !bytes.Equal(back, text) {
			t.Errorf("%q came back as %q", text, back)
		}
	})
}

// No manifest makes the reader fail otherwise than with an error.
func FuzzManifest(f *testing.F) {
	var b bytes.Buffer
	m := newManifestWriter(&b)
	offset := int64(7)
	for _, line := range []any{&Header{Type: typeExport, Version: Version, Address: "anna@musterstadt.example"}} {
		if err := m.encode(line); err != nil {
			f.Fatal(err)
		}
	}
	if err := m.collection(&Collection{Type: typeCollection, Kind: kindMailbox, Name: "INBOX"}); err != nil {
		f.Fatal(err)
	}
	if err := m.item(&Item{Type: typeMessage, File: "mail/INBOX.mbox", Offset: &offset, Size: 3}); err != nil {
		f.Fatal(err)
	}
	if err := m.end(); err != nil {
		f.Fatal(err)
	}
	if _, totals, err := readManifest(bytes.NewReader(b.Bytes()), visitor{}); err != nil || totals.Messages != 1 {
		f.Fatalf("%+v %v", totals, err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("{}\n"))
	f.Fuzz(func(_ *testing.T, text []byte) {
		_, _, _ = readManifest(bytes.NewReader(text), visitor{item: func(i *Item) error {
			_, err := parseStamp(i.Date)
			return err
		}})
	})
}
