package system

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/vdir"
	"fachwerk/test/system/harness"
)

// A person's account is taken out while the server runs and clients write to it, the
// export being killed again and again; other programs read the folder; another
// installation gets it back, that import being killed too; and what is exported there
// is the same but for numbers.
func TestExportAccount(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		anna := davUserOf(t, d, d.Anna())
		moveIn(t, d, anna)
		dir := filepath.Join(t.TempDir(), "anna")
		args := []string{"export", "account", anna.Address, "--to", dir, "--json"}

		stop := busy(t, d, anna)
		killed := killEver(t, d, args...)
		var during, rest struct {
			Header  struct{ Consistent string }
			Totals  struct{ Messages, Objects, Cards, Files, Trashed int }
			Written int
			Foreign []string
		}
		must(t, json.Unmarshal([]byte(d.Command(t, args...)), &during))
		stop()
		must(t, json.Unmarshal([]byte(d.Command(t, args...)), &rest))
		if during.Header.Consistent != "account" || rest.Header.Consistent != "account" || len(rest.Foreign) > 0 {
			t.Errorf("while it was used: %+v; at rest: %+v", during, rest)
		}
		if rest.Totals.Messages < 120 || rest.Totals.Objects == 0 || rest.Totals.Cards == 0 || rest.Totals.Files < 3 || rest.Totals.Trashed < 2 {
			t.Errorf("not everything was exported: %+v", rest.Totals)
		}
		d.Check(t)

		strangers(t, dir)

		other := harness.Start(t, harness.Options{Engines: e})
		other.Command(t, "account", "add", "neu@musterstadt.example", "--name", "Neu Hier")
		back := []string{"import", "account", dir, "--to", "neu@musterstadt.example", "--json"}
		t.Logf("%d exports and %d imports were killed", killed, killEver(t, other, back...))
		other.Command(t, back...)
		again := filepath.Join(t.TempDir(), "neu")
		other.Command(t, "export", "account", "neu@musterstadt.example", "--to", again)
		sameAccount(t, dir, again)
		other.Check(t)
	})
}

// A function mailbox goes out and comes back too, its mail as mbox files.
func TestExportFunctionMailbox(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	for n := range 12 {
		d.Deliver(t, harness.Message(fmt.Sprintf("Antrag %d", n), 900), harness.Office)
	}
	dir, again := filepath.Join(t.TempDir(), "amt"), filepath.Join(t.TempDir(), "wieder")
	d.Command(t, "export", "account", harness.Office, "--to", dir, "--mail", "mbox")
	d.Command(t, "account", "add", "neu@musterstadt.example", "--kind", "function")
	d.Command(t, "import", "account", dir, "--to", "neu@musterstadt.example")
	d.Command(t, "export", "account", "neu@musterstadt.example", "--to", again, "--mail", "mbox")
	sameAccount(t, dir, again)
	p := newProgram(t)
	mbox, err := os.ReadFile(filepath.Join(dir, "mail/INBOX.mbox"))
	must(t, err)
	n := neomutt{p, p.file("neomuttrc", neomuttReads)}
	if got := strings.Count(n.shows(p.file("INBOX.mbox", string(mbox)), "~A"), "Subject: Antrag "); got != 12 {
		t.Errorf("neomutt shows %d messages of the mbox, want 12", got)
	}
	if out, errs, err := d.Try(t, "", "export", "account", d.Anna().Address, "--to", dir); err == nil || !strings.Contains(errs, harness.Office) {
		t.Errorf("another account into the same folder: %v\n%s%s", err, out, errs)
	}
	d.Check(t)
}

// neomutt opens local mailboxes.
type neomutt struct {
	*program
	rc string
}

const neomuttReads = `set folder=/
set header_cache=""
set wait_key=no
set quit=yes
set beep=no
set delete=no
set mark_old=no
`

// shows are the messages of a mailbox that a pattern finds, as one text.
func (n *neomutt) shows(mailbox, pattern string) string {
	n.t.Helper()
	read := filepath.Join(n.home, "read.txt")
	keys := fmt.Sprintf("<tag-pattern>%s<enter><tag-prefix><pipe-message>cat >%s<enter><exit><quit>", pattern, read)
	line := fmt.Sprintf("%s -n -F %s -f %s -e 'push %q'", need.Program(n.t, "neomutt"), n.rc, mailbox, keys)
	out, _ := n.run("", "timeout", "30", need.Program(n.t, "script"), "-q", "-e", "-c", line, filepath.Join(n.home, "typescript"))
	text, err := os.ReadFile(read)
	if err != nil {
		n.t.Errorf("neomutt does not open %s: %v\n%s", mailbox, err, out)
	}
	return string(text)
}

// moveIn gives a person mail with flags, a calendar with properties, files and a trash.
func moveIn(t *testing.T, d *harness.Demo, u *davUser) {
	t.Helper()
	c := d.IMAP(t, u.Account)
	must(t, c.Create("Akten/2026", nil).Wait())
	for n := range 120 {
		flags := [][]imap.Flag{nil, {imap.FlagSeen}, {imap.FlagFlagged, "Wichtig"}, {imap.FlagAnswered, imap.FlagSeen}}[n%4]
		box := []string{"INBOX", "Akten/2026"}[n%2]
		harness.Append(t, c, box, harness.Message(fmt.Sprintf("Akte %d", n), 500+n*300), flags...)
	}
	home := u.calendars() + "umzug/"
	u.want(t, http.StatusCreated, "MKCALENDAR", home, `<C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:set><D:prop>
<D:displayname>Umzug</D:displayname><A:calendar-color xmlns:A="http://apple.com/ns/ical/">#ff8800</A:calendar-color></D:prop></D:set></C:mkcalendar>`,
		"Content-Type", "application/xml")
	for n := range 20 {
		u.want(t, http.StatusCreated, "PUT", fmt.Sprintf("%s%d.ics", home, n), calendarEvent(fmt.Sprintf("umzug-%d", n), "20261201T140000", fmt.Sprintf("Karton %d", n)))
	}
	drive := u.drive()
	u.want(t, http.StatusCreated, "MKCOL", drive+"Pläne", "")
	u.want(t, http.StatusCreated, "PUT", drive+"Pläne/Grundriss: Süd?.txt", "Grundriss", "X-OC-Mtime", "981173106")
	u.want(t, http.StatusCreated, "PUT", drive+"groß.bin", strings.Repeat("0123456789", 300_000))
	u.want(t, http.StatusMultiStatus, "PROPPATCH", drive+"groß.bin", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:notiz xmlns:x="urn:x">eigen</x:notiz></D:prop></D:set></D:propertyupdate>`)
	for n := range 30 {
		u.want(t, http.StatusCreated, "PUT", fmt.Sprintf("%sPläne/%02d.txt", drive, n), fmt.Sprint("Blatt ", n))
	}
	u.want(t, http.StatusNoContent, "DELETE", drive+"Pläne/03.txt", "")
	u.want(t, http.StatusCreated, "MKCOL", drive+"Alt", "")
	u.want(t, http.StatusCreated, "PUT", drive+"Alt/x.txt", "im Papierkorb")
	u.want(t, http.StatusNoContent, "DELETE", drive+"Alt", "")
}

// busy has clients write to the account until stop is called.
func busy(t *testing.T, d *harness.Demo, u *davUser) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			path := fmt.Sprintf("%sPläne/neu-%d.txt", u.drive(), n%7)
			if a, err := u.try(context.WithoutCancel(ctx), []string{"PUT", "PUT", "DELETE"}[n%3], path, fmt.Sprint("Fassung ", n)); err != nil || a.Status >= 500 {
				t.Errorf("%s: %v %d", path, err, a.Status)
			}
			time.Sleep(rand.N(15 * time.Millisecond))
		}
	})
	all.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			d.Deliver(t, harness.Message(fmt.Sprintf("Unterdessen %d", n), 800), u.Address)
			time.Sleep(rand.N(25 * time.Millisecond))
		}
	})
	return func() { cancel(); all.Wait() }
}

// killEver runs the program again and again and kills it a little later each time,
// until it comes to its end.
func killEver(t *testing.T, d *harness.Demo, args ...string) (killed int) {
	t.Helper()
	for after := 20 * time.Millisecond; after < 2*time.Second && killAfter(t, d, after, args...); after += 20*time.Millisecond + rand.N(60*time.Millisecond) {
		killed++
	}
	if killed == 0 {
		t.Error("nothing was killed: the test has not tested much")
	}
	return killed
}

// killAfter runs the program and kills it after a time, and tells whether it came to
// that.
func killAfter(t *testing.T, d *harness.Demo, after time.Duration, args ...string) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Binary(t), append(args, "--data", d.Data)...)
	must(t, cmd.Start())
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	timer.Stop()
	return err != nil && strings.Contains(err.Error(), "killed")
}

// strangers has other programs read an export.
func strangers(t *testing.T, dir string) {
	t.Helper()
	p := newProgram(t, "TZ=Europe/Berlin")
	folder := filepath.Join(p.home, "export") // they write into what they open
	p.must("", "cp", "-a", dir, folder)
	p.must("", "chmod", "-R", "u+rwX", folder)

	// neomutt opens the Maildirs and shows what is flagged, and what is read.
	n := neomutt{p, p.file("neomuttrc", neomuttReads)}
	for _, c := range []struct {
		mailbox, pattern string
		want             int
	}{{"mail/INBOX", "~F", 30}, {"mail/INBOX", "~s Akte", 60}, {"mail/Akten/2026", "~R", 60}, {"mail/Akten/2026", "~Q", 30}} {
		if got := strings.Count(n.shows(filepath.Join(folder, c.mailbox), c.pattern), "Subject: Akte "); got != c.want {
			t.Errorf("neomutt shows %d messages of %s for %s, want %d", got, c.mailbox, c.pattern, c.want)
		}
	}

	// vdirsyncer copies the calendars, with name and colour; khal shows the events.
	need.Program(t, "vdirsyncer")
	need.Program(t, "khal")
	copied := filepath.Join(p.home, "kopie")
	must(t, os.Mkdir(copied, 0o700))
	config := p.file("vdirsyncer.conf", vdir.Vdirsyncer(filepath.Join(p.home, "status"), []vdir.Pair{
		{Name: "calendars", A: "export", B: "copy", Collections: []string{"from a"}, Metadata: []string{"displayname", "color"}},
	}, []vdir.Storage{vdir.Folder("export", filepath.Join(folder, "calendars"), ".ics"), vdir.Folder("copy", copied, ".ics")}))
	p.must(strings.Repeat("y\n", 20), "vdirsyncer", "-c", config, "discover")
	p.must("", "vdirsyncer", "-c", config, "sync")
	p.must("", "vdirsyncer", "-c", config, "metasync")
	list, err := filepath.Glob(filepath.Join(copied, "umzug", "*.ics"))
	if err != nil || len(list) != 20 {
		t.Errorf("vdirsyncer copied %d of 20 events: %v", len(list), err)
	}
	if text, err := os.ReadFile(filepath.Join(copied, "umzug", "displayname")); err != nil || strings.TrimSpace(string(text)) != "Umzug" {
		t.Errorf("the calendar's name is %q: %v", text, err)
	}
	khal := p.file("khal.conf", vdir.Khal(filepath.Join(folder, "calendars"), filepath.Join(p.home, "khal.db")))
	if day := p.must("", "khal", "-c", khal, "list", "2026-12-01", "2026-12-01"); strings.Count(day, "14:00-15:00 Karton ") != 20 {
		t.Errorf("khal shows %q", day)
	}
}

// sameAccount compares two manifests but for numbers and what each server decides.
func sameAccount(t *testing.T, want, got string) {
	t.Helper()
	read := func(dir string) map[string]int {
		file, err := os.Open(filepath.Join(dir, "manifest.json"))
		must(t, err)
		defer file.Close()
		found := map[string]int{}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var m map[string]any
			must(t, json.Unmarshal(lines.Bytes(), &m))
			switch m["type"] {
			case "export":
				m = map[string]any{"subscribed": m["subscribed"]}
			case "message":
				delete(m, "file") // the UID is in it
			case "totals":
				delete(m, "sha256")
			}
			if trash, ok := m["trash"].(map[string]any); ok {
				delete(trash, "deleted")
				delete(m, "path") // names in the trash are chosen there
				delete(m, "file")
			}
			for _, name := range []string{"id", "collection", "uid", "uidvalidity", "uidnext", "modseq", "key", "email", "thread", "created"} {
				delete(m, name)
			}
			text, err := json.Marshal(m)
			must(t, err)
			found[string(text)]++
		}
		must(t, lines.Err())
		return found
	}
	w, g := read(want), read(got)
	var wrong []string
	for line, n := range w {
		if g[line] != n {
			wrong = append(wrong, fmt.Sprintf("%d instead of %d: %.300s", g[line], n, line))
		}
	}
	for line, n := range g {
		if w[line] == 0 {
			wrong = append(wrong, fmt.Sprintf("%d too many: %.300s", n, line))
		}
	}
	slices.Sort(wrong)
	if len(wrong) > 0 || len(w) < 30 {
		t.Errorf("of %d lines %d differ:\n%s", len(w), len(wrong), strings.Join(wrong[:min(len(wrong), 12)], "\n"))
	}
}
