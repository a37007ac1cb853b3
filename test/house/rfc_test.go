package house

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/rfc.md anew from docs/rfc.d")

const rfcHead = `# RFC status

Which standard is obeyed how far, and the test that shows it. Made from docs/rfc.d, where the owner of each part keeps
its rows, by ` + "`go test ./test/house -run RFC -update`" + `.

States: done, partly (the row says what is missing), not.
`

// titles of the parts, in the order of docs/rfc.md; others follow by name.
var rfcTitles = []struct{ file, title string }{
	{"imap", "IMAP"}, {"smtp", "SMTP, LMTP, submission and the queue"}, {"message", "Messages and MIME"},
	{"login", "Login"}, {"portal", "Portal and set-up of clients"},
}

// docs/rfc.md is what docs/rfc.d says.
func TestRFCTableIsUpToDate(t *testing.T) {
	want := rfcHead
	for _, part := range rfcParts(t) {
		text, err := os.ReadFile(filepath.Join(root, "docs/rfc.d", part.file+".md"))
		if err != nil {
			t.Fatal(err)
		}
		want += "\n## " + part.title + "\n\n" + strings.TrimSpace(string(text)) + "\n"
	}
	file := filepath.Join(root, "docs/rfc.md")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("docs/rfc.md is not what docs/rfc.d says (%v): run go test ./test/house -run RFC -update", err)
	}
}

func rfcParts(t *testing.T) (parts []struct{ file, title string }) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "docs/rfc.d/*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("docs/rfc.d: %d files, %v", len(files), err)
	}
	there := map[string]bool{}
	for _, f := range files {
		there[strings.TrimSuffix(filepath.Base(f), ".md")] = true
	}
	for _, p := range rfcTitles {
		if there[p.file] {
			parts = append(parts, p)
			delete(there, p.file)
		}
	}
	var rest []string
	for name := range there {
		rest = append(rest, name)
	}
	sort.Strings(rest)
	for _, name := range rest {
		parts = append(parts, struct{ file, title string }{name, strings.ToUpper(name[:1]) + name[1:]})
	}
	return parts
}

// A table that names a test which nobody has is worse than none.
func TestRFCTableNamesTestsThatExist(t *testing.T) {
	tests := map[string]bool{}
	funcs := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]*)\(`)
	for _, f := range goFiles(t) {
		if !f.test && !forTests(f.folder) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, f.path))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range funcs.FindAllStringSubmatch(string(text), -1) {
			tests[m[1]] = true
		}
	}
	named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z][A-Za-z0-9_]*`)
	for _, part := range rfcParts(t) {
		text, err := os.ReadFile(filepath.Join(root, "docs/rfc.d", part.file+".md"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range named.FindAllString(string(text), -1) {
			if !tests[name] {
				t.Errorf("docs/rfc.d/%s.md names %s, which is no test", part.file, name)
			}
		}
	}
}
