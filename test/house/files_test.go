package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// A goFile is what the rules look at.
type goFile struct {
	path, folder string
	test         bool
	pkg          string
	doc          *ast.CommentGroup
	imports      []string
}

// skipped are folders that hold no source of ours.
var skipped = map[string]bool{".git": true, "node_modules": true, "bin": true, ".cache": true, "testdata": true, "fachwerk-data": true}

// walk visits every file of the project with its path from the root.
func walk(t *testing.T, visit func(name string, e fs.DirEntry)) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && skipped[e.Name()] {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(root, name)
		if err == nil && e.Type().IsRegular() {
			visit(filepath.ToSlash(rel), e)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func goFiles(t *testing.T) []goFile {
	t.Helper()
	var out []goFile
	set := token.NewFileSet()
	walk(t, func(name string, _ fs.DirEntry) {
		if !strings.HasSuffix(name, ".go") || strings.HasPrefix(name, "tools/") {
			return
		}
		parsed, err := parser.ParseFile(set, filepath.Join(root, name), nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		f := goFile{path: name, folder: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), pkg: parsed.Name.Name, doc: parsed.Doc}
		for _, i := range parsed.Imports {
			if p, err := strconv.Unquote(i.Path.Value); err == nil {
				f.imports = append(f.imports, p)
			}
		}
		out = append(out, f)
	})
	if len(out) < 10 {
		t.Fatalf("only %d Go files were found", len(out))
	}
	return out
}

// Every package says in one sentence what it is, in doc.go where it has several files.
func TestEveryPackageHasADoc(t *testing.T) {
	docs := map[string][]string{}
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		docs[f.folder] = append(docs[f.folder], "")
		if f.doc == nil {
			continue
		}
		text := strings.TrimSpace(f.doc.Text())
		begins := "Package " + f.pkg + " "
		if f.pkg == "main" {
			begins = "Command "
		}
		if !strings.HasPrefix(text, begins) {
			t.Errorf("%s: the package comment begins %q, not %q", f.path, firstWords(text), begins)
		}
		docs[f.folder] = append(docs[f.folder], f.path)
	}
	for folder, files := range docs {
		n := 0
		for _, f := range files {
			if f != "" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: %d package comments, want one", folder, n)
		}
	}
}

func firstWords(text string) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(3, len(words))], " ")
}

// The project stands by itself: it names no folder of the machine it was written
// on, only .ci/run knows where the corpus lies in CI.
func TestNoFileNamesAPlaceOutside(t *testing.T) {
	// Written in two halves, so that this file does not name them.
	places := []string{"/work" + "/main", "/work" + "/shared", "/tmp" + "/brief", ".." + "/shared", "proxy.golang" + ".org", "registry.npmjs" + ".org"}
	ways := map[string]map[string]bool{
		".ci/run": {".." + "/shared": true},
	}
	files := 0
	walk(t, func(name string, e fs.DirEntry) {
		if path.Base(name) == "package-lock.json" { // npm writes where each package came from
			return
		}
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		files++
		for _, place := range places {
			if strings.Contains(string(data), place) && !ways[name][place] {
				t.Errorf("%s names %s", name, place)
			}
		}
	})
	if files < 20 {
		t.Errorf("only %d files were read", files)
	}
}

// Notes to oneself belong into an issue, with words of their own.
func TestNoFileIsUnfinished(t *testing.T) {
	words := []string{"TO" + "DO", "FIX" + "ME", "XX" + "X:", "not yet " + "implemented"}
	for _, f := range goFiles(t) {
		data, err := os.ReadFile(filepath.Join(root, f.path))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			// A word of its own: iCalendar has a component with such an ending.
			if regexp.MustCompile(`(^|[^A-Z])` + w + `([^A-Z]|$)`).Match(data) {
				t.Errorf("%s holds %q", f.path, w)
			}
		}
	}
}
