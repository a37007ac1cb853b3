package importer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"fachwerk/files"
	"fachwerk/internal/importing"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store/storetest"
)

type desk struct {
	*resourcetest.Env
	t       *testing.T
	files   *files.Service
	account resource.Account
	folder  string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	e := resourcetest.Open(t, storetest.Embedded)
	_, a := e.Person(t, "eva.beispiel")
	return &desk{e, t, files.New(e.Service), a, t.TempDir()}
}

func (d *desk) write(name, text string, when time.Time) {
	d.t.Helper()
	full := filepath.Join(d.folder, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o700), os.WriteFile(full, []byte(text), 0o600), os.Chtimes(full, when, when)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) run(ctx context.Context, progress func(importing.Progress)) (*importing.Report, error) {
	d.t.Helper()
	from, err := OpenFolder(d.folder)
	if err != nil {
		d.t.Fatal(err)
	}
	defer from.Close()
	im := importing.New(d.Service, d.Store(), NewDomain(d.files), d.account, from, importing.Options{Progress: progress})
	plan, err := im.Plan(ctx)
	if err != nil {
		return &importing.Report{}, err
	}
	return im.Run(ctx, plan)
}

func (d *desk) must() (importing.CollectionReport, *importing.Report) {
	d.t.Helper()
	r, err := d.run(d.t.Context(), nil)
	if err != nil || len(r.Collections) != 1 {
		d.t.Fatalf("%v, %+v", err, r)
	}
	return r.Collections[0], r
}

func (d *desk) find(path string) (resource.Collection, resource.Item) {
	d.t.Helper()
	c, err := d.files.Drive(d.t.Context(), d.account)
	if err != nil {
		d.t.Fatal(err)
	}
	names := strings.Split(path, "/")
	found, err := d.Walk(d.t.Context(), c, resource.Root, names)
	if err != nil {
		d.t.Fatal(err)
	}
	if len(found) < len(names) {
		return c, resource.Item{}
	}
	return c, found[len(found)-1]
}

// A directory comes with times and digests; links and what has no usable name are
// listed.
func TestADirectoryComes(t *testing.T) {
	d := newDesk(t)
	when := time.Date(2018, 3, 4, 5, 6, 7, 890_000_000, time.UTC)
	d.write("Ämter/Plan.txt", "Inhalt", when) // NFC
	d.write("A\u0308mter NFD/x.txt", "NFD", when)
	d.write("leer", "", when)
	d.write("kaputt\xff.txt", "x", when)
	if err := errors.Join(os.Mkdir(filepath.Join(d.folder, "Leerer Ordner"), 0o700), os.Symlink("/etc", filepath.Join(d.folder, "Verweis"))); err != nil {
		t.Fatal(err)
	}
	c, r := d.must()
	codes := map[importing.Code]int{}
	for _, f := range r.Failures {
		codes[f.Code]++
	}
	if c.Objects != 8 || c.Imported != 6 || c.Verified != 6 || codes[importing.Link] != 1 || codes[importing.Name] != 1 {
		t.Errorf("report %+v, %+v", c, r.Failures)
	}
	drive, plan := d.find("Ämter/Plan.txt")
	if d.Body(t, drive, plan) != "Inhalt" || !plan.Modified.Equal(when) {
		t.Errorf("Plan.txt is of %v", plan.Modified)
	}
	sums, err := d.files.Digests(t.Context(), drive, []resource.Item{plan})
	want := sha256.Sum256([]byte("Inhalt"))
	if err != nil || len(sums[plan.ID]) != 1 || !sums[plan.ID][0].Equal(files.Digest{Algorithm: files.SHA256, Sum: want[:]}) {
		t.Errorf("digests: %v, %v", sums, err)
	}
	if _, i := d.find("Ämter NFD/x.txt"); i.ID == 0 {
		t.Error("the folder in NFD is not found in NFC")
	}
	if _, i := d.find("Leerer Ordner"); !i.Folder {
		t.Error("the empty folder did not come")
	}
	d.Sound(t)
}

// A second run brings what changed; what changed here stays, and so does what went.
func TestADirectoryComesAgain(t *testing.T) {
	d := newDesk(t)
	old, young := time.Unix(1_500_000_000, 0), time.Unix(1_600_000_000, 0)
	for _, name := range []string{"bleibt", "neuer", "hier", "beide", "weg", "zeit", "Ordner/tief", "umbenannt/x"} {
		d.write(name, "eins", old)
	}
	if c, r := d.must(); !r.Complete() || c.Imported != 10 {
		t.Fatalf("%+v %+v", c, r.Failures)
	}
	drive, _ := d.find("hier")
	d.Write(t, drive, resource.Root, "hier", "von hier")
	d.Write(t, drive, resource.Root, "beide", "von hier")
	for _, name := range []string{"weg", "Ordner"} {
		_, i := d.find(name)
		if err := d.files.Gone(t.Context(), drive, i, false, resource.Guard{}); err != nil {
			t.Fatal(err)
		}
	}
	d.write("neuer", "zwei", young)
	d.write("beide", "zwei", young)
	d.write("zeit", "eins", young)
	d.write("dazu", "drei", young)
	c, r := d.must()
	if c.Imported != 1 || c.Updated != 1 || c.Changed != 1 || c.Removed != 3 || c.Verified != 6 || len(r.Failures) != 1 ||
		r.Failures[0].Name != "beide" || r.Failures[0].Code != importing.Conflict {
		t.Errorf("%+v %+v", c, r.Failures)
	}
	for name, want := range map[string]string{"bleibt": "eins", "neuer": "zwei", "hier": "von hier", "beide": "von hier", "zeit": "eins", "dazu": "drei"} {
		if c, i := d.find(name); i.ID == 0 || d.Body(t, c, i) != want {
			t.Errorf("%s is not %q", name, want)
		}
	}
	if _, i := d.find("zeit"); !i.Modified.Equal(young) {
		t.Errorf("the new time did not come: %v", i.Modified)
	}
	if _, i := d.find("Ordner"); i.ID != 0 {
		t.Error("the folder that was removed came back")
	}
	if c, r := d.must(); c.Imported+c.Updated != 0 || len(r.Failures) != 1 {
		t.Errorf("a third run: %+v %+v", c, r.Failures)
	}
	d.Sound(t)
}

// An import that is broken off again and again ends with every file once, and leaves
// no half one.
func TestABrokenOffImportGoesOn(t *testing.T) {
	d := newDesk(t)
	const n = 120
	for i := range n {
		d.write(fmt.Sprintf("%d/%d.txt", i%7, i), strings.Repeat("x", 1+i*100), time.Unix(1_500_000_000, 0))
	}
	for limit := int64(20); ; limit += 30 {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := d.run(ctx, func(p importing.Progress) {
			if p.Done >= limit && !p.Verifying {
				cancel()
			}
		})
		cancel()
		if err == nil {
			if c := r.Collections[0]; !r.Complete() || c.Verified != n+7 || c.Present == 0 {
				t.Errorf("%+v %+v", c, r.Failures)
			}
			break
		}
		if limit > 3*n {
			t.Fatalf("it never ends: %v", err)
		}
	}
	d.Sound(t)
}

// Two imports of the same at once bring everything once.
func TestTwoImportsAtOnce(t *testing.T) {
	d := newDesk(t)
	const n = 60
	for i := range n {
		d.write(fmt.Sprintf("Ordner %d/%d.txt", i%4, i), strings.Repeat("x", 1+i*10), time.Unix(1_500_000_000, 0))
	}
	var group errgroup.Group
	reports := make([]*importing.Report, 2)
	for i := range reports {
		group.Go(func() (err error) {
			reports[i], err = d.run(t.Context(), nil)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		if !r.Complete() || r.Collections[0].Verified != n+4 {
			t.Errorf("%+v %+v", r.Collections[0], r.Failures)
		}
	}
	drive, _ := d.find("x")
	if drive.Items != n+4 {
		t.Errorf("%d files and folders are here, want %d", drive.Items, n+4)
	}
	d.Sound(t)
}
