package contacts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/contentline"
	"fachwerk/internal/testenv/need"
)

// vcard makes a card of lines, VERSION and UID included.
func vcard(version string, lines ...string) string {
	return "BEGIN:VCARD\r\nVERSION:" + version + "\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
}

func parse(t testing.TB, text string) *Card {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

// corpus are all cards that there are to test with, by path: of the folder that
// FACHWERK_CORPUS names, or some of our own.
func corpus(t testing.TB) map[string][]byte {
	out := map[string][]byte{}
	root, _ := need.Corpus(t)
	if root == "" {
		out["max"] = []byte(vcard("3.0", "UID:max", "FN:Max Müller", "N:Müller;Max;;;", "item1.EMAIL;type=INTERNET;type=pref:max@musterstadt.example"))
		out["erika"] = []byte(vcard("4.0", "UID:urn:uuid:4", "FN:Erika Mustermann", "TEL;VALUE=uri;TYPE=\"voice,home\":tel:+49-30-1"))
		out["old"] = []byte(vcard("2.1", "N:Alt;Card", "TEL;HOME:1"))
		return out
	}
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.EqualFold(filepath.Ext(path), ".vcf") {
			return err
		}
		name, _ := filepath.Rel(root, path)
		out[name], err = os.ReadFile(path)
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("corpus: %d cards, %v", len(out), err)
	}
	return out
}

// Param is short for tests.
type Param = contentline.Param
