package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
)

// What lies in a site's blob store decides whether its database is the right one: where it is
// the directory's nothing opens, of another site all others are served.
func TestMarksAtTheStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ConfigName), []byte(twoSites), 0o600); err != nil {
		t.Fatal(err)
	}
	w := Where{Data: dir}
	open := func() (*Installation, error) { return Open(t.Context(), w, slog.New(slog.DiscardHandler)) }
	in, err := open()
	if err != nil {
		t.Fatal(err)
	}
	for town, site := range map[string]string{"Nordstadt": "nord", "Suedstadt": "sued"} {
		if _, err := in.CreateTenant(t.Context(), NewTenant{Name: town, Site: site, Domain: strings.ToLower(town) + ".example"}); err != nil {
			t.Fatal(err)
		}
	}
	marks := map[string]string{}
	for i, s := range in.cfg.Sites {
		_, b := in.cfg.EnginesOf(i)
		marks[s.Name] = filepath.Join(strings.TrimPrefix(b.URL, "dir:"), filepath.FromSlash(blob.MarkKey))
	}
	if err := errors.Join(in.store.MaintainOnce(t.Context()), in.Close()); err != nil {
		t.Fatal(err)
	}
	change := func(site, to string) (back func()) {
		t.Helper()
		text, err := os.ReadFile(marks[site])
		if err != nil {
			t.Fatal(err)
		}
		changed := to
		if to == "" {
			changed = regexp.MustCompile(`"installation":\d+`).ReplaceAllString(string(text), `"installation":1`)
		}
		write := func(text string) {
			if err := os.WriteFile(marks[site], []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(changed)
		return func() { write(string(text)) }
	}
	served := func(in *Installation, site string) bool { return in.store.CheckSites(t.Context())[site] == nil }

	back := change("nord", "")
	if _, err := open(); !errors.Is(err, store.ErrForeignBlobs) || !strings.Contains(err.Error(), "of its own in blobs.url") {
		t.Error("the directory's database is used with the objects of another:", err)
	}
	back()
	change("nord", "nothing that anybody can read")
	back = change("sued", "")
	if in, err = open(); err != nil {
		t.Fatal("a fault of one site, or of reading a mark, ends the start:", err)
	}
	if !served(in, "nord") || served(in, "sued") {
		t.Error("nord is served:", served(in, "nord"), "and sued:", served(in, "sued"))
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	for _, site := range []string{"nord", "sued"} { // it takes a new generation, or the right bucket
		if in, err = Renew(t.Context(), w, Renewal{Site: site}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
	}
	back()
	if in, err = open(); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if !served(in, "nord") || !served(in, "sued") {
		t.Error("not served after a new generation")
	}
}
