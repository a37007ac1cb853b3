package system

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/samples"
	"fachwerk/test/system/harness"
)

// dataReport is what `import calendar|contacts|files --json` prints.
type dataReport struct {
	Collections []struct {
		Source, Target, Title                                                  string
		Cut                                                                    bool
		Objects, Imported, Updated, Present, Verified, Changed, Removed, Bytes int64
	}
	Failures []struct{ Collection, Name, Code, Reason string }
	Notes    []dataNote
}

type dataNote struct{ Collection, Name, Text string }

// sums adds up what a report says of all collections.
func (r *dataReport) sums() (objects, imported, updated, present, verified int64) {
	for _, c := range r.Collections {
		objects, imported, updated = objects+c.Objects, imported+c.Imported, updated+c.Updated
		present, verified = present+c.Present, verified+c.Verified
	}
	return
}

// codes counts failures by code.
func (r *dataReport) codes() map[string]int {
	n := map[string]int{}
	for _, f := range r.Failures {
		n[f.Code]++
	}
	return n
}

// importer runs the command for one service and account.
type importer struct {
	t    *testing.T
	d    *harness.Demo
	args []string
}

func newImporter(t *testing.T, d *harness.Demo, service, to, from string, p *davPeer) *importer {
	t.Helper()
	args := []string{"import", service, "--from", from, "--to", to}
	if p != nil {
		secret := filepath.Join(t.TempDir(), "password")
		peerWrite(t, secret, p.password+"\n")
		args = append(args, "--user", p.user, "--password-file", secret)
	}
	return &importer{t, d, args}
}

// run imports; complete says that the command is to find everything here.
func (i *importer) run(complete bool) *dataReport {
	i.t.Helper()
	out, errs, err := i.d.Try(i.t, "", append(slices.Clone(i.args), "--yes", "--json")...)
	if (err == nil) != complete {
		i.t.Fatalf("import: %v, complete was to be %v\n%.3000s\n%.3000s", err, complete, out, errs)
	}
	var r dataReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		i.t.Fatalf("not the JSON expected: %v\n%s%s", err, out, errs)
	}
	return &r
}

// here asks the demo's DAV server.
type here struct {
	t      *testing.T
	base   string
	a      harness.Account
	client *http.Client
}

func newHere(t *testing.T, d *harness.Demo, a harness.Account) *here {
	t.Helper()
	s := shareOf(t, d, a)
	u := *s.url
	u.Path = "/"
	return &here{t, u.String(), a, s.client}
}

func (h *here) ask(method, path string, body []byte, fields ...string) (int, []byte) {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.base+path, bytes.NewReader(body))
	must(h.t, err)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	r.SetBasicAuth(h.a.Address, h.a.AppPassword)
	answer, err := h.client.Do(r)
	must(h.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(h.t, err)
	return answer.StatusCode, text
}

// corpusObjects are the files of an ending in the corpus, or some made here, small
// and at most limit.
func corpusObjects(t *testing.T, kind string, limit int) [][]byte {
	t.Helper()
	dir, ok := need.Corpus(t)
	var list [][]byte
	if ok {
		var names []string
		must(t, filepath.WalkDir(filepath.Join(dir, kind), func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && strings.HasSuffix(name, "."+kind) {
				names = append(names, name)
			}
			return err
		}))
		step := max(1, len(names)/limit)
		for i := 0; i < len(names); i += step {
			text, err := os.ReadFile(names[i])
			must(t, err)
			list = append(list, text)
		}
		return list
	}
	for i := range min(limit, 60) {
		if kind == "ics" {
			list = append(list, []byte(samples.Event(fmt.Sprintf("gemacht-%d", i), fmt.Sprintf("Termin %d", i))))
		} else {
			list = append(list, []byte(samples.Card(fmt.Sprintf("gemacht-%d", i), fmt.Sprintf("Person %d", i))))
		}
	}
	return list
}

// fillRadicale makes a collection of what Radicale takes, and answers its names.
func fillRadicale(t *testing.T, p *davPeer, name, make string, objects [][]byte, suffix, media string) (names []string) {
	t.Helper()
	method := "MKCOL"
	if suffix == ".ics" {
		method = "MKCALENDAR"
	}
	if status, text := p.ask(t, method, p.user+"/"+name+"/", "application/xml", []byte(make)); status != http.StatusCreated {
		t.Fatalf("%s: %d\n%s", method, status, text)
	}
	for i, text := range objects {
		object := fmt.Sprintf("%s %d%s", "Nr.", i, suffix)
		if status, _ := p.ask(t, http.MethodPut, p.user+"/"+name+"/"+url.PathEscape(object), media, text); status == http.StatusCreated {
			names = append(names, object)
		}
	}
	if len(names) < len(objects)/4 {
		t.Fatalf("Radicale takes %d of %d objects", len(names), len(objects))
	}
	t.Logf("Radicale takes %d of %d objects", len(names), len(objects))
	return names
}

const oldCalendar = `<?xml version="1.0"?><C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:A="http://apple.com/ns/ical/">
<set><prop><displayname>Bürgeramt &amp; Termine</displayname><A:calendar-color>#7f00ffff</A:calendar-color><A:calendar-order>7</A:calendar-order>
<C:calendar-description>Alles Öffentliche</C:calendar-description>
<C:supported-calendar-component-set><C:comp name="VEVENT"/><C:comp name="VTODO"/><C:comp name="VJOURNAL"/></C:supported-calendar-component-set>
</prop></set></C:mkcalendar>`

const oldBook = `<?xml version="1.0"?><mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><set><prop>
<resourcetype><collection/><C:addressbook/></resourcetype><displayname>Vereine &lt;Süd&gt;</displayname>
<C:addressbook-description>Ansprechpartner</C:addressbook-description></prop></set></mkcol>`

// sameAsPeer compares every object that came with what the peer serves, byte for
// byte, and answers how many did not come.
func sameAsPeer(t *testing.T, p *davPeer, h *here, there, at string, names []string) (missing int) {
	t.Helper()
	for _, name := range names {
		want := p.must(t, http.MethodGet, there+url.PathEscape(name), "", nil)
		status, got := h.ask(http.MethodGet, at+url.PathEscape(name), nil)
		switch {
		case status == http.StatusNotFound:
			missing++
		case status != http.StatusOK:
			t.Errorf("GET %s: %d", name, status)
		case !bytes.Equal(want, got):
			t.Errorf("%s differs: %d bytes, at the source %d", name, len(got), len(want))
		}
	}
	return missing
}

// Calendars come from Radicale with all that belongs to them; again nothing; then what
// is new, changed, removed and changed on both sides; to a function mailbox, too.
func TestImportCalendarFromRadicale(t *testing.T) {
	p := radicale(t)
	names := fillRadicale(t, p, "termine", oldCalendar, corpusObjects(t, "ics", 250), ".ics", "text/calendar")
	old := p.user + "/termine/"
	for n := range 4 {
		name := fmt.Sprintf("fest-%d.ics", n)
		p.must(t, http.MethodPut, old+name, "text/calendar", []byte(samples.Event(name, "vorher")))
		names = append(names, name)
	}
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		im := newImporter(t, d, "calendar", d.Anna().Address, p.url, p)

		out, errs, err := d.Try(t, "", append(slices.Clone(im.args), "--dry-run", "--json")...)
		if err != nil || !strings.Contains(out, "Bürgeramt") {
			t.Fatalf("dry run: %v\n%s%s", err, out, errs)
		}
		h := newHere(t, d, d.Anna())
		at := "calendars/" + d.Anna().Address + "/termine/"
		if status, _ := h.ask("PROPFIND", at, nil, "Depth", "0"); status != http.StatusNotFound {
			t.Fatalf("a dry run left something behind: %d", status)
		}

		first := importAll(im)
		objects, imported, _, _, verified := first.sums()
		missing := sameAsPeer(t, p, h, old, at, names)
		if int(objects) != len(names) || int(imported) != len(names)-missing || verified != imported || len(first.Failures) != missing {
			t.Errorf("%d at the source, %d are missing here, the report says %+v", len(names), missing, first.Collections)
		}
		for _, f := range first.Failures {
			if f.Code != "invalid" && f.Code != "uid" {
				t.Errorf("failure: %+v", f)
			}
		}
		_, text := h.ask("PROPFIND", at, []byte(`<propfind xmlns="DAV:" xmlns:A="http://apple.com/ns/ical/" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop>
			<displayname/><A:calendar-color/><A:calendar-order/><C:calendar-description/><C:supported-calendar-component-set/></prop></propfind>`), "Depth", "0")
		for _, want := range []string{"Bürgeramt &amp; Termine", "#7f00ffff", ">7<", "Alles Öffentliche", `"VJOURNAL"`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the calendar's properties lack %s:\n%s", want, text)
			}
		}

		again := importAll(im)
		if _, imported, updated, present, verified := again.sums(); imported+updated != 0 || int(present) != len(names)-missing || verified != present {
			t.Errorf("again: %+v", again.Collections)
		}

		// fest-0 changes there, fest-1 here, fest-2 on both sides, fest-3 goes here.
		for _, name := range []string{"fest-0.ics", "fest-2.ics"} {
			p.must(t, http.MethodPut, old+name, "text/calendar", []byte(samples.Event(name, "nachher "+string(e))))
		}
		p.must(t, http.MethodPut, old+"neu.ics", "text/calendar", []byte(samples.Event("neu", "Neu")))
		for _, name := range []string{"fest-1.ics", "fest-2.ics"} {
			if status, text := h.ask(http.MethodPut, at+name, []byte(samples.Event(name, "von hier")), "Content-Type", "text/calendar"); status/100 != 2 {
				t.Fatalf("PUT: %d %s", status, text)
			}
		}
		h.ask(http.MethodDelete, at+"fest-3.ics", nil)
		third := im.run(false)
		c := third.Collections[0]
		if c.Imported != 1 || c.Updated != 1 || c.Removed != 1 || c.Changed != 1 || third.codes()["conflict"] != 1 {
			t.Errorf("after changes on both sides: %+v, %v", c, third.codes())
		}
		for name, want := range map[string]string{"fest-0.ics": "nachher", "fest-1.ics": "von hier", "fest-2.ics": "von hier", "neu.ics": "Neu"} {
			if _, text := h.ask(http.MethodGet, at+name, nil); !strings.Contains(string(text), want) {
				t.Errorf("%s is to say %q:\n%s", name, want, text)
			}
		}
		if status, _ := h.ask(http.MethodGet, at+"fest-3.ics", nil); status != http.StatusNotFound {
			t.Errorf("what was removed here came back: %d", status)
		}
		p.must(t, http.MethodDelete, old+"neu.ics", "", nil)

		// The same calendar alone, into the function mailbox.
		office := importAll(newImporter(t, d, "calendar", harness.Office, p.url+old, p))
		if n, imported, _, _, verified := office.sums(); int(n) != len(names) || imported != verified || int(imported) < len(names)-missing {
			t.Errorf("into the function mailbox: %+v", office.Collections)
		}
		if status, _ := h.ask(http.MethodGet, "calendars/"+harness.Office+"/termine/fest-0.ics", nil); status != http.StatusOK {
			t.Errorf("the function mailbox's calendar answers %d", status)
		}
		d.Check(t)
	})
}

// importAll runs the import whether all came or not.
func importAll(i *importer) *dataReport {
	i.t.Helper()
	out, errs, err := i.d.Try(i.t, "", append(slices.Clone(i.args), "--yes", "--json")...)
	var r dataReport
	if json.Unmarshal([]byte(out), &r) != nil {
		i.t.Fatalf("import: %v\n%s%s", err, out, errs)
	}
	if (err == nil) != (len(r.Failures) == 0) {
		i.t.Errorf("%d failures, and the command ends with %v", len(r.Failures), err)
	}
	return &r
}

// Address books come from Radicale, byte for byte.
func TestImportContactsFromRadicale(t *testing.T) {
	p := radicale(t)
	objects := append(corpusObjects(t, "vcf", 200), []byte(samples.Card("fest", "Fest")))
	names := fillRadicale(t, p, "vereine", oldBook, objects, ".vcf", "text/vcard")
	old := p.user + "/vereine/"
	d := harness.Start(t, harness.Options{})
	im := newImporter(t, d, "contacts", d.Anna().Address, p.url+p.user+"/", p)
	first := importAll(im)
	h := newHere(t, d, d.Anna())
	at := "addressbooks/" + d.Anna().Address + "/vereine/"
	changed := 0
	same := slices.DeleteFunc(slices.Clone(names), func(name string) bool { // of version 2.1, or without UID
		noted := slices.ContainsFunc(first.Notes, func(n dataNote) bool { return n.Name == name })
		if noted {
			changed++
		}
		return noted
	})
	missing := sameAsPeer(t, p, h, old, at, same)
	if objects, imported, _, _, verified := first.sums(); int(objects) != len(names) || int(imported) != len(names)-missing ||
		verified != imported || len(first.Failures) != missing || changed > len(names)/4 {
		t.Errorf("%d at the source, %d are missing, the report says %+v", len(names), missing, first.Collections)
	}
	for _, f := range first.Failures {
		t.Logf("did not come: %s: %s", f.Name, f.Reason)
	}
	_, text := h.ask("PROPFIND", at, []byte(`<propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><prop><displayname/><C:addressbook-description/></prop></propfind>`), "Depth", "0")
	for _, want := range []string{"Vereine &lt;Süd&gt;", "Ansprechpartner"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the book's properties lack %s:\n%s", want, text)
		}
	}
	if _, imported, updated, _, _ := importAll(im).sums(); imported+updated != 0 {
		t.Errorf("again %d came", imported+updated)
	}
	d.Check(t)
}

// Files come from Apache with names, times and content; again nothing; then what
// changed.
func TestImportFilesFromApache(t *testing.T) {
	p := apache(t)
	src := filepath.Join(p.folder, "files")
	when := time.Date(2019, 5, 17, 11, 30, 0, 0, time.UTC)
	want := map[string]string{}
	for i, name := range awkward {
		text := strings.Repeat(fmt.Sprintf("Zeile %d von %s\n", i, name), 1+i*400)
		path := filepath.Join("Amt "+fmt.Sprint(i%3), "Unter", name)
		want[path] = text
	}
	want["groß.bin"] = strings.Repeat("0123456789abcdef", 1<<18)
	want["leer.txt"] = ""
	for path, text := range want {
		full := filepath.Join(src, path)
		must(t, os.MkdirAll(filepath.Dir(full), 0o755))
		must(t, os.WriteFile(full, []byte(text), 0o644))
		must(t, os.Chtimes(full, when, when))
	}
	must(t, os.Mkdir(filepath.Join(src, "Leer"), 0o755))
	if out, err := exec.Command("chmod", "-R", "a+rX", src).CombinedOutput(); err != nil {
		t.Fatalf("chmod: %v %s", err, out)
	}
	folders := 1 + 3*2
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		im := newImporter(t, d, "files", d.Anna().Address, p.url, p)
		first := im.run(true)
		if objects, imported, _, _, verified := first.sums(); int(objects) != len(want)+folders || imported != objects || verified != objects {
			t.Errorf("report: %+v, want %d files and %d folders", first.Collections, len(want), folders)
		}
		s := shareOf(t, d, d.Anna())
		for path, text := range want {
			res, got := s.do(http.MethodGet, "/"+davEscape(path), "")
			if got != text || res.Header.Get("Last-Modified") != when.Format(http.TimeFormat) {
				t.Errorf("%s: %d, %d bytes of %s", path, res.StatusCode, len(got), res.Header.Get("Last-Modified"))
			}
		}
		if res, _ := s.do("PROPFIND", "/Leer/", "", "Depth", "0"); res.StatusCode != http.StatusMultiStatus {
			t.Errorf("the empty folder answers %d", res.StatusCode)
		}
		if _, imported, updated, _, _ := im.run(true).sums(); imported+updated != 0 {
			t.Errorf("again %d came", imported+updated)
		}
		if e == harness.Embedded {
			must(t, os.WriteFile(filepath.Join(src, "leer.txt"), []byte("nicht mehr leer"), 0o644))
			want["leer.txt"] = "nicht mehr leer"
			must(t, os.Chtimes(filepath.Join(src, "leer.txt"), when, when))
			s.do(http.MethodDelete, "/"+davEscape("groß.bin"), "")
			r := im.run(true)
			if c := r.Collections[0]; c.Updated != 1 || c.Imported != 0 || c.Removed != 1 {
				t.Errorf("after a change: %+v", c)
			}
			if _, got := s.do(http.MethodGet, "/leer.txt", ""); got != "nicht mehr leer" {
				t.Errorf("leer.txt says %q", got)
			}
		}
		d.Check(t)
	})
}

func davEscape(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// An import that is killed again and again ends with everything once.
func TestImportOfDataIsKilledAndGoesOn(t *testing.T) {
	p := radicale(t)
	var objects [][]byte
	const n = 300
	for i := range n {
		objects = append(objects, []byte(samples.Event(fmt.Sprintf("kill-%d", i), fmt.Sprintf("Termin %d", i))))
	}
	names := fillRadicale(t, p, "viele", oldCalendar, objects, ".ics", "text/calendar")
	d := harness.Start(t, harness.Options{})
	im := newImporter(t, d, "calendar", d.Anna().Address, p.url, p)
	h := newHere(t, d, d.Anna())
	at := "calendars/" + d.Anna().Address + "/viele/"
	count := func() int {
		status, text := h.ask("PROPFIND", at, []byte(`<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`), "Depth", "1")
		if status == http.StatusNotFound {
			return 0
		}
		return len(regexp.MustCompile(`\.ics</`).FindAll(text, -1))
	}
	stopped := 0
	for kill := 20; kill < n; kill += 90 {
		ctx, cancel := context.WithCancel(t.Context())
		cmd := exec.CommandContext(ctx, harness.Binary(t), append(slices.Clone(im.args), "--yes", "--data", d.Data)...)
		must(t, cmd.Start())
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		harness.Eventually(t, time.Minute, "some objects come", func() bool { return count() >= kill })
		cancel() // SIGKILL
		if <-ended != nil {
			stopped++
		}
	}
	before := count()
	if stopped == 0 || before == 0 {
		t.Fatalf("it was never killed on the way (%d objects)", before)
	}
	r := im.run(true)
	if c := r.Collections[0]; int(c.Present) != before || int(c.Imported) != n-before || c.Verified != n {
		t.Errorf("killed %d times with %d here, then %+v", stopped, before, c)
	}
	if missing := sameAsPeer(t, p, h, p.user+"/viele/", at, names); missing != 0 || count() != n {
		t.Errorf("%d missing, %d here", missing, count())
	}
	d.Check(t)
}

// Exports of other programs come from files, with names and colours, cut into objects.
func TestImportOfFilesFromThisMachine(t *testing.T) {
	dir := t.TempDir()
	ics := filepath.Join(dir, "Dienstplan.ics")
	peerWrite(t, ics, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Alt//DE\r\nMETHOD:PUBLISH\r\nX-WR-CALNAME:Dienst & Plan\r\nX-APPLE-CALENDAR-COLOR:#112233\r\n"+
		"BEGIN:VTIMEZONE\r\nTZID:Eigene Zone\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"+
		"BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Eigene Zone:20261201T090000\r\nRRULE:FREQ=DAILY;COUNT=3\r\nSUMMARY:Früh\r\nEND:VEVENT\r\n"+
		"BEGIN:VEVENT\r\nUID:b\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20261201T090000Z\r\nSUMMARY:Sp\r\n ät\r\nEND:VEVENT\r\n"+
		"BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID=Eigene Zone:20261202T090000\r\nDTSTART;TZID=Eigene Zone:20261202T100000\r\nSUMMARY:Später\r\nEND:VEVENT\r\n"+
		"BEGIN:VEVENT\r\nUID:kaputt\r\nDTSTART:heute\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	d := harness.Start(t, harness.Options{})
	r := newImporter(t, d, "calendar", d.Anna().Address, ics, nil).run(false)
	if c := r.Collections[0]; !c.Cut || c.Title != "Dienst & Plan" || c.Target != "dienstplan" || c.Objects != 3 || c.Verified != 2 || r.codes()["invalid"] != 1 {
		t.Errorf("report: %+v", r)
	}
	h := newHere(t, d, d.Anna())
	at := "calendars/" + d.Anna().Address + "/dienstplan/"
	_, a := h.ask(http.MethodGet, at+"a.ics", nil)
	if n := strings.Count(string(a), "BEGIN:VEVENT"); n != 2 || !strings.Contains(string(a), "TZID:Eigene Zone") || strings.Contains(string(a), "METHOD") {
		t.Errorf("a.ics:\n%s", a)
	}
	if _, b := h.ask(http.MethodGet, at+"b.ics", nil); !strings.Contains(string(b), "SUMMARY:Sp\r\n ät\r\n") || strings.Contains(string(b), "VTIMEZONE") {
		t.Errorf("b.ics:\n%s", b)
	}

	vcf := filepath.Join(dir, "Kontakte.vcf")
	peerWrite(t, vcf, samples.Card("x", "Xaver")+"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ohne\r\nN:Ohne;;;;\r\nEND:VCARD\r\n")
	books := newImporter(t, d, "contacts", d.Anna().Address, vcf, nil)
	if r := books.run(true); len(r.Notes) != 1 || r.Collections[0].Verified != 2 {
		t.Errorf("report: %+v", r)
	}
	if r := books.run(true); r.Collections[0].Present != 2 || r.Collections[0].Imported != 0 {
		t.Errorf("again: %+v", r)
	}

	tree := filepath.Join(dir, "Akten")
	must(t, os.MkdirAll(filepath.Join(tree, "2025"), 0o755))
	peerWrite(t, filepath.Join(tree, "2025", "Bescheid.txt"), "Inhalt")
	must(t, os.Symlink("/etc/passwd", filepath.Join(tree, "Verweis")))
	r = newImporter(t, d, "files", d.Anna().Address, tree, nil).run(false)
	if c := r.Collections[0]; c.Objects != 3 || c.Verified != 2 || r.codes()["link"] != 1 {
		t.Errorf("report: %+v", r)
	}
	for _, args := range [][]string{
		{"--from", "http://cloud.example/", "--user", "a", "--password-file", vcf},
		{"--from", "https://cloud.example/"},
		{"--from", ics, "--user", "a"},
	} {
		if out, errs, err := d.Try(t, "", append([]string{"import", "calendar", "--to", d.Anna().Address, "--yes"}, args...)...); err == nil {
			t.Errorf("%v was taken: %s%s", args, out, errs)
		}
	}
	d.Check(t)
}
