package importer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/calendar"
	"fachwerk/internal/importing"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// A desk is a person with a real store, and a folder to import from.
type desk struct {
	*resourcetest.Env
	t       *testing.T
	domain  *Domain
	account resource.Account
	folder  string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	e := resourcetest.Open(t, storetest.Embedded)
	_, a := e.Person(t, "eva.beispiel")
	s := calendar.New(calendar.Options{Resources: e.Service, Limits: calendar.Limits{Size: 2000}})
	d := &desk{e, t, NewDomain(s), a, filepath.Join(t.TempDir(), "Privat")}
	if err := os.Mkdir(d.folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

func event(uid, summary string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Alt//DE\r\nBEGIN:VEVENT\r\nUID:" + uid +
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20261201T090000Z\r\nSUMMARY:" + summary + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

func (d *desk) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.folder, name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) run() (importing.CollectionReport, *importing.Report) {
	d.t.Helper()
	im := importing.New(d.Service, d.Store(), d.domain, d.account, Files(d.folder), importing.Options{})
	plan, err := im.Plan(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	r, err := im.Run(d.t.Context(), plan)
	if err != nil {
		d.t.Fatal(err)
	}
	if len(r.Collections) != 1 {
		d.t.Fatalf("%d collections: %+v", len(r.Collections), r)
	}
	return r.Collections[0], r
}

func (d *desk) collection() resource.Collection {
	d.t.Helper()
	c, err := d.Service.Collection(d.t.Context(), d.account, resource.Calendar, "privat")
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// put stores an object as a client would.
func (d *desk) put(c resource.Collection, name, text string) {
	d.t.Helper()
	at := resource.Place{Collection: c, Name: name}
	found, err := d.Named(d.t.Context(), c, resource.Root, []string{name})
	if err != nil {
		d.t.Fatal(err)
	}
	draft, err := d.domain.calendar.Accept(d.t.Context(), at, found[0], []byte(text))
	if err != nil {
		d.t.Fatal(err)
	}
	defer draft.Upload.Close()
	if _, err := d.Put(d.t.Context(), at, draft, resource.Guard{}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) texts() map[string]string {
	d.t.Helper()
	c := d.collection()
	items, err := d.Members(d.t.Context(), c, resource.Root, "", 1000)
	if err != nil {
		d.t.Fatal(err)
	}
	out := map[string]string{}
	for _, i := range items {
		out[i.Name] = d.Body(d.t, c, i)
	}
	return out
}

// A folder as vdirsyncer keeps it becomes a calendar, byte for byte, and the list of
// what did not come is right.
func TestAFolderBecomesACalendar(t *testing.T) {
	d := newDesk(t)
	d.write("displayname", "Privat & mehr\n")
	d.write("color", "#00ff00\n")
	for n := range 5 {
		d.write(fmt.Sprintf("%d.ics", n), event(fmt.Sprintf("uid-%d", n), "Termin"))
	}
	d.write("gross.ics", event("gross", strings.Repeat("x", 3000)))
	d.write("doppelt.ics", event("uid-1", "ein anderer"))
	d.write("gleich.ics", event("uid-2", "Termin"))
	c, r := d.run()
	codes := map[importing.Code]int{}
	for _, f := range r.Failures {
		codes[f.Code]++
	}
	if c.Imported != 5 || c.Verified != 5 || c.Objects != 7 || codes[importing.TooLarge] != 1 || codes[importing.UIDTaken] != 1 || r.Complete() {
		t.Errorf("report: %+v, failures %+v", c, r.Failures)
	}
	if got := d.texts(); got["0.ics"] != event("uid-0", "Termin") {
		t.Errorf("0.ics is\n%s", got["0.ics"])
	}
	props, err := d.Properties(t.Context(), d.collection(), nil)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, p := range props[0] {
		text += string(p.Value)
	}
	if !strings.Contains(text, "Privat &amp; mehr") || !strings.Contains(text, "#00ff00") {
		t.Errorf("properties: %s", text)
	}
	d.Sound(t)
}

// What lies here already is neither doubled nor overwritten.
func TestAnImportMeetsWhatIsHere(t *testing.T) {
	d := newDesk(t)
	c := d.Collection(t, d.account, resource.Calendar, "privat")
	d.put(c, "gleich.ics", event("gleich", "dasselbe"))
	d.put(c, "name.ics", event("fremd", "ein anderer dieses Namens"))
	d.put(c, "woanders.ics", event("belegt", "hat die UID"))
	d.write("gleich.ics", event("gleich", "dasselbe"))
	d.write("name.ics", event("neu", "braucht einen anderen Namen"))
	d.write("belegt.ics", event("belegt", "wird nicht genommen"))
	for n := range 2 {
		c, r := d.run()
		if c.Imported != 1-n || c.Present != 1+n || c.Verified != 2 || len(r.Failures) != 1 || r.Failures[0].Code != importing.UIDTaken {
			t.Errorf("run %d: %+v, %+v", n, c, r.Failures)
		}
	}
	if got := d.texts(); len(got) != 4 || got["name.ics"] != event("fremd", "ein anderer dieses Namens") {
		t.Errorf("%d objects: %v", len(got), got)
	}
	d.Sound(t)
}

// Changes at the source come, to what was renamed on its way in, too; back and forth.
func TestChangesAtTheSourceCome(t *testing.T) {
	d := newDesk(t)
	d.write("0.ics", event("bleibt", "damit es einer bleibt"))
	other := d.Collection(t, d.account, resource.Calendar, "privat")
	d.put(other, "a.ics", event("fremd", "im Weg"))
	for n, summary := range []string{"eins", "zwei", "eins", "zwei", "zwei"} {
		d.write("a.ics", event("a", summary))
		c, r := d.run()
		if !r.Complete() || c.Imported+c.Updated != []int{2, 1, 1, 1, 0}[n] {
			t.Errorf("run %d: %+v %+v", n, c, r.Failures)
		}
		found := false
		for _, text := range d.texts() {
			found = found || text == event("a", summary)
		}
		if !found {
			t.Errorf("run %d: %q is not here: %v", n, summary, d.texts())
		}
	}
	d.Sound(t)
}

// An account that is full takes what fits, and the rest is listed.
func TestAFullAccountIsTold(t *testing.T) {
	d := newDesk(t)
	key := d.account.Key
	if err := d.Store().SetQuota(t.Context(), key, 0, 3); err != nil {
		t.Fatal(err)
	}
	for n := range 6 {
		d.write(fmt.Sprintf("%d.ics", n), event(fmt.Sprint(n), "Termin"))
	}
	c, r := d.run()
	if c.Imported != 3 || c.Verified != 3 || len(r.Failures) != 3 || r.Failures[0].Code != importing.Quota {
		t.Errorf("report: %+v, %+v", c, r.Failures)
	}
	if err := d.Store().SetQuota(t.Context(), key, 0, 0); err != nil {
		t.Fatal(err)
	}
	if c, r := d.run(); !r.Complete() || c.Imported != 3 || c.Present != 3 {
		t.Errorf("with room: %+v, %+v", c, r.Failures)
	}
}

// What came bears a mark by which scheduling can tell it from what a client stored,
// until somebody changes it here.
func TestWhatCameIsMarked(t *testing.T) {
	d := newDesk(t)
	d.write("0.ics", event("0", "Termin"))
	d.run()
	abs, err := filepath.Abs(d.folder)
	if err != nil {
		t.Fatal(err)
	}
	origins, err := d.Store().Origins(t.Context(), d.account.Key, d.Store().SourceID("file", abs))
	if err != nil || len(origins) != 1 {
		t.Fatalf("origins: %+v, %v", origins, err)
	}
	items := func() []store.Item {
		list, err := d.Store().ItemsByObject(t.Context(), d.account.Key, []int64{origins[0].ObjectID})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := items(); len(list) != 1 || list[0].Name != "0.ics" {
		t.Errorf("the mark leads to %+v", list)
	}
	d.put(d.collection(), "0.ics", event("0", "geändert"))
	if list := items(); len(list) != 0 {
		t.Errorf("changed here, and the mark still leads to %+v", list)
	}
}
