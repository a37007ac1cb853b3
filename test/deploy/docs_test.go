package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages are the texts for administrators by their names.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(root, "docs", "admin", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		out[filepath.Base(f)] = read(t, filepath.Join("docs", "admin", filepath.Base(f)))
	}
	if len(out) < 8 {
		t.Fatalf("only %d pages were found", len(out))
	}
	return out
}

// anchor is a heading as links name it.
func anchor(heading string) string {
	heading = strings.ToLower(strings.TrimSpace(heading))
	heading = regexp.MustCompile(`[^\pL\pN -]`).ReplaceAllString(heading, "")
	return strings.ReplaceAll(heading, " ", "-")
}

func TestLinksOfTheAdminPages(t *testing.T) {
	all := pages(t)
	for name, text := range all {
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(text, -1) {
			target, section, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			if target != "" {
				if _, err := os.Stat(filepath.Join(root, "docs", "admin", target)); err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
			}
			where, ok := all[target]
			if target == "" {
				where, ok = text, true
			}
			if section == "" || !ok {
				continue
			}
			found := slices.ContainsFunc(regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(where, -1),
				func(h []string) bool { return anchor(h[1]) == section })
			if !found {
				t.Errorf("%s: there is no section %s", name, link[1])
			}
		}
		if !strings.Contains(all["README.md"], "("+name+")") && name != "README.md" {
			t.Errorf("the index does not name %s", name)
		}
	}
}

// Metrics, files and keys that the pages name are there.
func TestNamesOfTheAdminPages(t *testing.T) {
	var source strings.Builder
	for _, folder := range []string{"internal", "location", "mail", "dav"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := os.ReadFile(name)
			source.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	sample, values := read(t, "deploy/fachwerk.yaml"), read(t, "helm/fachwerk/values.yaml")
	for name, text := range pages(t) {
		for _, m := range regexp.MustCompile("`fachwerk_([a-z_]+)[`{]").FindAllStringSubmatch(text, -1) {
			// A histogram is named by what it counts, too.
			plain := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(m[1], "")
			if !strings.Contains(source.String(), `"`+plain+`"`) {
				t.Errorf("%s names the metric %s, which is not there", name, m[1])
			}
		}
		for _, m := range regexp.MustCompile("`(deploy/[\\w./-]+)`").FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, m := range regexp.MustCompile("`((?:listen|tls|public|metadata|blobs|keys|limits|queue|oidc|smtp|lmtp|http|location)\\.[a-zA-Z_.]+)").FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(m[1], "metadata.db") { // a file
				continue
			}
			key := m[1][strings.LastIndexByte(m[1], '.')+1:]
			if strings.ToLower(key) != key { // a value of the chart
				if !strings.Contains(values, "  "+key+":") {
					t.Errorf("%s names the value %s, which the chart does not have", name, m[1])
				}
				continue
			}
			if !strings.Contains(sample, "  "+key+":") && !strings.Contains(sample, "{"+key+":") && !strings.Contains(sample, " "+key+":") {
				t.Errorf("%s names the key %s, which the sample does not have", name, m[1])
			}
		}
	}
}
