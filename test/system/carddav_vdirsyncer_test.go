package system

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/vdir"
	"fachwerk/test/system/harness"
)

const (
	erikaCard = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:erika-1\r\nFN:Erika Mustermann\r\nN:Mustermann;Erika;;;\r\n" +
		"item1.EMAIL;type=INTERNET;type=pref:erika@musterstadt.example\r\nitem1.X-ABLabel:Büro\r\nX-EIGENES:bleibt\r\nEND:VCARD\r\n"
	gruppeCard = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:7d1c1c1e-0000-4000-8000-000000000001\r\nKIND:group\r\nFN:Fraktion\r\n" +
		"MEMBER:urn:uuid:7d1c1c1e-0000-4000-8000-000000000002\r\nEND:VCARD\r\n"
)

// vdirsyncer keeps an address book and a folder in step, both ways, and khard reads and
// writes that folder; the directory comes as a second address book.
func TestVdirsyncerAndKhard(t *testing.T) {
	vdirsyncer, khard := need.Program(t, "vdirsyncer"), need.Program(t, "khard")
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		book := bookOf(t, d, d.Jan())
		p := newProgram(t)
		near := filepath.Join(p.home, "contacts")
		far := vdir.Storage{Name: "far", Type: "carddav", URL: book.origin.String(), User: d.Jan().Address, Password: d.Jan().AppPassword}
		directory := far
		directory.Name, directory.ReadOnly = "directory", true
		conf := p.file("vdirsyncer.conf", vdir.Vdirsyncer(filepath.Join(p.home, "status"), []vdir.Pair{
			{Name: "contacts", A: "near", B: "far", Collections: []string{"contacts"}}, {Name: "people", A: "near", B: "directory", Collections: []string{"directory"}},
		}, []vdir.Storage{vdir.Folder("near", p.home, ".vcf"), far, directory}))
		khardConf := p.file("khard.conf", "[addressbooks]\n[[jan]]\npath = "+near+"\n\n[general]\ndebug = no\n")
		p.must(strings.Repeat("y\n", 20), vdirsyncer, "-c", conf, "discover")
		sync := func() { t.Helper(); p.must("", vdirsyncer, "-c", conf, "sync") }

		// From there to here, byte for byte, whatever is in the demo already.
		book.want(http.StatusCreated, http.MethodPut, "erika.vcf", erikaCard)
		book.want(http.StatusCreated, http.MethodPut, "gruppe.vcf", gruppeCard)
		sync()
		// vdirsyncer names files after UIDs.
		erikaFile, gruppeFile := cardFile(t, near, "UID:erika-1", erikaCard), cardFile(t, near, "KIND:group", gruppeCard)
		if out := p.must("", khard, "-c", khardConf, "list"); !strings.Contains(out, "Erika Mustermann") {
			t.Errorf("khard lists\n%s", out)
		}
		if people := filesWith(t, filepath.Join(p.home, "directory"), "EMAIL"); len(people) < 2 {
			t.Errorf("of the directory came %d entries", len(people))
		}

		// From here to there: a new contact, a change, a deletion.
		p.must("First name: Karl\nLast name: Karst\nEmail:\n    work : karl@musterstadt.example\n", khard,
			"-c", khardConf, "new", "-a", "jan")
		erika := strings.Replace(erikaCard, "Erika Mustermann\r\nN:Mustermann", "Erika Neumann\r\nN:Neumann", 1)
		if err := os.WriteFile(erikaFile, []byte(erika), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(gruppeFile); err != nil {
			t.Fatal(err)
		}
		sync()
		if got := book.want(http.StatusOK, http.MethodGet, "erika.vcf", ""); !sameLines(got, erika) {
			t.Errorf("the change came as %q", got)
		}
		book.want(http.StatusNotFound, http.MethodGet, "gruppe.vcf", "")
		karl := book.with("karl@musterstadt.example")
		if len(karl) != 1 {
			t.Fatalf("khard's contact came %d times", len(karl))
		}

		// And back: a change and a deletion there.
		erika = strings.Replace(erika, "Büro", "Rathaus", 1)
		book.want(http.StatusNoContent, http.MethodPut, "erika.vcf", erika)
		book.want(http.StatusNoContent, http.MethodDelete, karl[0], "")
		sync()
		if got, err := os.ReadFile(erikaFile); err != nil || !sameLines(string(got), erika) {
			t.Errorf("the change there came as %q, %v", got, err)
		}
		if left := filesWith(t, near, "karl@musterstadt.example"); len(left) != 0 {
			t.Errorf("what was deleted there is still here: %v", left)
		}
		before := len(book.names())
		sync()
		if after := len(book.names()); after != before {
			t.Errorf("a run without anything to do made %d cards of %d", after, before)
		}
		d.Check(t)
	})
}

// cardFile finds the one card with a text in a folder and compares it.
func cardFile(t *testing.T, folder, with, want string) string {
	t.Helper()
	names := filesWith(t, folder, with)
	if len(names) != 1 {
		t.Fatalf("%d cards came with %s", len(names), with)
	}
	file := filepath.Join(folder, names[0])
	if got, err := os.ReadFile(file); err != nil || !sameLines(string(got), want) {
		t.Errorf("%s came as %q, %v", names[0], got, err)
	}
	return file
}

// sameLines compares but for the line ends, which programs write in their own way.
func sameLines(a, b string) bool {
	return strings.TrimSpace(strings.ReplaceAll(a, "\r\n", "\n")) == strings.TrimSpace(strings.ReplaceAll(b, "\r\n", "\n"))
}

// filesWith lists the files of a folder that contain a text.
func filesWith(t *testing.T, folder, text string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Error(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Error(err)
		}
		if strings.Contains(string(content), text) {
			list = append(list, e.Name())
		}
	}
	return list
}
