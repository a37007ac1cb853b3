package files

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"fachwerk/internal/resource"
)

func TestNamesAreKeptInNFC(t *testing.T) {
	for sent, want := range map[string]string{
		"Übersicht.odt":          "Übersicht.odt", // composed
		"U\u0308bersicht.odt":    "Übersicht.odt", // decomposed, as a Mac's file system has it
		"e\u0301e\u0301":         "éé",
		"\u1112\u1161\u11ab":     "한",
		"A":                      "A",
		"a":                      "a", // case counts
		"Anlage 1: Plan?.pdf":    "Anlage 1: Plan?.pdf",
		"CON":                    "CON",
		"LPT1.txt":               "LPT1.txt",
		"Ende.":                  "Ende.",
		"Ende ":                  "Ende ",
		" Anfang":                " Anfang",
		`a\b<c>"d"|e*f`:          `a\b<c>"d"|e*f`,
		"\u202aC.txt":            "\u202aC.txt", // as pasted from Windows' properties
		"ﬁle":                    "ﬁle",         // no compatibility forms: these are two names
		"file":                   "file",
		"🗂️ Akten":               "🗂️ Akten",
		"...":                    "...",
		".htaccess":              ".htaccess",
		"%2F":                    "%2F", // decoded once, by the edge
		strings.Repeat("a", 255): strings.Repeat("a", 255),
	} {
		if got, err := Name(sent); err != nil || got != want {
			t.Errorf("Name(%q) = %q, %v, want %q", sent, got, err, want)
		}
	}
}

func TestNamesRefused(t *testing.T) {
	for _, sent := range []string{
		"", ".", "..", "a/b", "a\x00b", "a\nb", "\x7f", "a\u0085b", "\u009f", "\xff", "a\xc3",
		strings.Repeat("a", 256), strings.Repeat("ü", 128), strings.Repeat("U\u0308", 100000),
	} {
		name, err := Name(sent)
		var why *NameError
		if !errors.Is(err, resource.ErrName) || !errors.As(err, &why) || why.Reason == "" {
			t.Errorf("Name(%.20q) = %q, %v, want a *NameError", sent, name, err)
		}
		if len(sent) > 3 && strings.Contains(err.Error(), sent) {
			t.Errorf("the error contains the name: %v", err)
		}
	}
	// 254 bytes composed, far more decomposed.
	if _, err := Name(strings.Repeat("U\u0308", 127)); err != nil {
		t.Error(err)
	}
}

func TestPathsAreBounded(t *testing.T) {
	deep := strings.Split(strings.Repeat("a/", MaxDepth)+"a", "/")
	long := strings.Split(strings.Repeat(strings.Repeat("b", 200)+"/", 20)+strings.Repeat("b", 200), "/")
	for _, c := range []struct {
		path []string
		ok   bool
	}{
		{deep, false}, {deep[:MaxDepth], true}, {long, false}, {long[:20], true}, {[]string{"a", ".."}, false}, {nil, true},
	} {
		if _, err := Path(c.path); (err == nil) != c.ok {
			t.Errorf("%d names of %d bytes: %v, want ok %v", len(c.path), len(strings.Join(c.path, "/")), err, c.ok)
		}
	}
}

func TestFleeting(t *testing.T) {
	for name, want := range map[string]bool{
		"._Plan.pdf": true, ".DS_Store": true, "~$Bericht.docx": true, ".~lock.Bericht.odt#": true,
		"desktop.ini": true, "Desktop.ini": true, "Thumbs.db": true, "~WRD0001.tmp": true, "~wrl0003.tmp": true,
		"Bericht.docx": false, ".profile": false, "~Bericht": false, "_a": false, "a.tmp": false, "Thumbs.db.pdf": false,
	} {
		if Fleeting(name) != want {
			t.Errorf("Fleeting(%q) = %v", name, !want)
		}
	}
}

// Whatever comes: a name that is accepted is its own name, short and plain.
func FuzzName(f *testing.F) {
	for _, seed := range []string{"a", "U\u0308", "..", "\u202e", strings.Repeat("\u0344", 80)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		name, err := Name(sent)
		if err != nil {
			if !errors.Is(err, resource.ErrName) {
				t.Error(err)
			}
			return
		}
		again, err := Name(name)
		if err != nil || again != name || !norm.NFC.IsNormalString(name) || !utf8.ValidString(name) ||
			len(name) > MaxName || strings.ContainsAny(name, "/\x00\n") {
			t.Errorf("%q became %q, then %q, %v", sent, name, again, err)
		}
	})
}
