package portal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// keyForm is what a key looks like: names in lower case with dots between.
var keyForm = regexp.MustCompile(`^[a-z]+(\.[a-z0-9]+)*$`)

// usedKeys finds every text key in templates and in Go sources.
func usedKeys(t *testing.T) map[string]string {
	t.Helper()
	used := map[string]string{}
	inPage := regexp.MustCompile(`"([a-z][a-z0-9.]*)"`)
	list, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil || len(list) < 8 {
		t.Fatalf("%d pages, %v", len(list), err)
	}
	for _, file := range list {
		b, err := pageFiles.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, action := range regexp.MustCompile(`\{\{[^}]*\}\}`).FindAllString(string(b), -1) {
			for _, m := range inPage.FindAllStringSubmatch(action, -1) {
				used[m[1]] = file
			}
		}
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") || e.Name() == "texts.go" {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil && keyForm.MatchString(s) {
					used[s] = e.Name()
				}
			}
			return true
		})
	}
	return used
}

func TestEveryTextIsInBothLanguagesAndInUse(t *testing.T) {
	used := usedKeys(t)
	verbs := regexp.MustCompile(`%[a-z]`)
	for key, s := range texts {
		if strings.TrimSpace(s.de) == "" || strings.TrimSpace(s.en) == "" {
			t.Errorf("%s lacks a language", key)
		}
		if de, en := verbs.FindAllString(s.de, -1), verbs.FindAllString(s.en, -1); strings.Join(de, "") != strings.Join(en, "") {
			t.Errorf("%s takes %v in German and %v in English", key, de, en)
		}
		base := strings.TrimSuffix(key, ".what")
		if used[key] == "" && used[base] == "" && !family(key, "kind", "about", "amount") {
			t.Errorf("%s is used nowhere", key)
		}
	}
	for _, kind := range []string{"mail", "calendar", "contacts", "files"} {
		for _, key := range []string{"kind." + kind, "about." + kind, "about." + kind + ".short", "amount." + kind, "amount." + kind + ".one"} {
			if _, ok := texts[key]; !ok {
				t.Errorf("%s is missing", key)
			}
		}
	}
	for _, p := range presets {
		if _, ok := texts[p.Key+".what"]; !ok {
			t.Errorf("%s gives no example", p.Key)
		}
	}
	for _, c := range clients {
		if _, ok := texts[c.Title+".what"]; !ok {
			t.Errorf("%s says not what it is", c.Title)
		}
	}
	for _, f := range faults {
		for _, key := range []string{f.key, f.key + ".what"} {
			if _, ok := texts[key]; !ok {
				t.Errorf("%s is missing", key)
			}
		}
	}
	seen := 0
	for key, where := range used {
		family, _, dotted := strings.Cut(key, ".")
		if _, ok := texts[key]; ok {
			seen++
		} else if dotted && isFamily(family) && !strings.Contains(key, ".html") && !strings.HasSuffix(key, ".css") {
			t.Errorf("%s: %s is no text", where, key)
		}
		if _, ok := texts[key+".what"]; strings.HasPrefix(key, "error.") && !ok {
			t.Errorf("%s: %s says not what to do", where, key)
		}
	}
	if seen < 80 {
		t.Errorf("%d texts are used: the test reads nothing", seen)
	}
}

// family tells whether a key is of a family whose keys are put together.
func family(key string, names ...string) bool {
	first, _, _ := strings.Cut(key, ".")
	return slices.Contains(names, first)
}

// isFamily tells whether texts begin with this word and a dot.
func isFamily(word string) bool {
	for key := range texts {
		if strings.HasPrefix(key, word+".") {
			return true
		}
	}
	return false
}
