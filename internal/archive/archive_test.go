package archive_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/internal/archive"
	"fachwerk/internal/resource"
	"fachwerk/internal/store/storetest"
	"fachwerk/mail"
)

// fill gives an account something of everything.
func fill(t *testing.T, o *owner, texts []string) {
	t.Helper()
	ctx, m := t.Context(), o.h.Mail
	for name, use := range map[string]string{"Akten/2026/Straßenbau: Süd": "", "cur/Neu.": "", "..": "", "Gesendete Objekte": ""} {
		if _, err := m.Create(ctx, o.mail, name, use); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	must(t, m.Delete(ctx, o.mail, "Junk"))
	must(t, m.Delete(ctx, o.mail, "Sent"))
	must(t, m.Delete(ctx, o.mail, "Gesendete Objekte"))
	_, err := m.Create(ctx, o.mail, "Gesendete Objekte", mail.Sent)
	must(t, err)
	must(t, m.Subscribe(ctx, o.mail, "Akten/2026/Straßenbau: Süd", true))
	boxes := []string{"INBOX", "Akten/2026/Straßenbau: Süd", "cur/Neu.", "..", "Gesendete Objekte"}
	flags := []mail.Flags{0, mail.FlagSeen, mail.FlagSeen | mail.FlagAnswered, mail.FlagFlagged | mail.FlagDraft, mail.FlagDeleted}
	keywords := [][]string{nil, {"$Forwarded"}, {"Wichtig", "$Forwarded"}}
	for n, text := range texts {
		must(t, o.append(ctx, boxes[n%len(boxes)], flags[n%len(flags)], keywords[n%len(keywords)], time.Unix(1_500_000_000+int64(n)*3600, 0), text))
	}
	work := o.collection(t, resource.Calendar, "arbeit", property("DAV:", "displayname", "Arbeit &amp; Büro"),
		property("http://apple.com/ns/ical/", "calendar-color", "#FF8800FF"), property("urn:x", "eigen", "Wert"))
	o.collection(t, resource.Calendar, "leer: ganz", property("DAV:", "displayname", "Leer"))
	for n := range 30 {
		must(t, o.event(ctx, work, fmt.Sprintf("%d.ics", n), event(fmt.Sprintf("uid-%d", n), fmt.Sprintf("Termin %d", n))))
	}
	must(t, o.event(ctx, work, "ohne Endung: %41", event("uid-x", "Besprechung")))
	list, err := o.h.Resources.Named(ctx, work, resource.Root, []string{"3.ics"})
	must(t, err)
	must(t, o.h.Resources.SetProperties(ctx, work, list[0].ID, []resource.Property{property("urn:x", "notiz", "am Termin")}, resource.Guard{}))
	book := o.collection(t, resource.AddressBook, "contacts", property("DAV:", "displayname", "Kontakte"))
	for n := range 10 {
		o.card(t, book, fmt.Sprintf("%d.vcf", n), card(fmt.Sprintf("c-%d", n), fmt.Sprintf("Jörg Beispiel %d", n)))
	}
	drive(t, o)
}

func drive(t *testing.T, o *owner) {
	t.Helper()
	ctx, c := t.Context(), o.drive(t)
	at := time.Date(2001, 2, 3, 4, 5, 6, 7000, time.UTC)
	file := func(parent int64, name, text string) resource.Item {
		i, err := o.file(ctx, c, parent, name, text, at)
		must(t, err)
		return i
	}
	folder := o.folder(t, resource.Root, "Pläne", property("urn:x", "farbe", "blau"))
	deep := o.folder(t, folder.ID, "a: b?")
	o.folder(t, deep.ID, "leer")
	file(deep.ID, "100%.txt", "hundert")
	file(deep.ID, ".versteckt", "")
	file(resource.Root, strings.Repeat("ä", 127)+"x", "langer Name")
	file(resource.Root, "groß.bin", strings.Repeat("0123456789abcdef", 200_000))
	_, err := o.file(ctx, c, resource.Root, "text.txt", "text", at, sumOfText)
	must(t, err)
	marked := file(folder.ID, "marke.txt", "mit Eigenschaft")
	must(t, o.h.Resources.SetProperties(ctx, c, marked.ID, []resource.Property{property("urn:x", "notiz", "Datei")}, resource.Guard{}))
	o.trash(t, file(folder.ID, "weg.txt", "weg, erstes Mal"))
	o.trash(t, file(folder.ID, "weg.txt", "weg, zweites Mal"))
	file(folder.ID, "weg.txt", "wieder da")
	gone := o.folder(t, resource.Root, "Altes")
	inner := o.folder(t, gone.ID, "Tief")
	file(inner.ID, "x.txt", "im Papierkorb")
	o.trash(t, file(gone.ID, "einzeln.txt", "aus einem Ordner, der auch weg ist"))
	list, err := o.h.Resources.Named(ctx, c, resource.Root, []string{"Altes"})
	must(t, err)
	o.trash(t, list[0])
}

func export(t *testing.T, o *owner, to string, opts archive.ExportOptions) *archive.ExportReport {
	t.Helper()
	r, err := archive.Export(t.Context(), o.h.Store, o.a.Key, to, opts)
	must(t, err)
	return r
}

func bring(t *testing.T, o *owner, from string) *archive.ImportReport {
	t.Helper()
	r, err := archive.Import(t.Context(), o.h.House, from, o.a, archive.ImportOptions{})
	must(t, err)
	return r
}

// identity reads a manifest as lines without numbers and what an installation decides.
func identity(t *testing.T, dir string) []string {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, archive.ManifestName))
	must(t, err)
	defer file.Close()
	var out []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	threads := map[any]int{}
	for lines.Scan() {
		var m map[string]any
		must(t, json.Unmarshal(lines.Bytes(), &m))
		kind := m["type"]
		if kind == "message" {
			if _, ok := threads[m["thread"]]; !ok {
				threads[m["thread"]] = len(threads)
			}
			m["thread"] = threads[m["thread"]]
			m["file"], m["created"] = flagsOf(m["file"].(string)), nil
			delete(m, "offset")
		}
		if trash, ok := m["trash"].(map[string]any); ok {
			delete(trash, "deleted")
			m["path"], m["file"] = "", "" // where it lay says it; names in the trash are chosen there
		}
		for _, name := range []string{"tenant", "account", "address", "addresses", "name", "generation", "mark", "taken"} {
			if kind == "export" {
				delete(m, name)
			}
		}
		for _, name := range []string{"id", "collection", "uid", "modseq", "key", "created", "email", "uidvalidity", "uidnext"} {
			delete(m, name)
		}
		if kind == "collection" {
			delete(m, "sha256")
		}
		if kind == "totals" {
			delete(m, "sha256")
		}
		text, err := json.Marshal(m)
		must(t, err)
		out = append(out, string(text))
	}
	must(t, lines.Err())
	slices.Sort(out)
	return out
}

// flagsOf leaves out of a Maildir's file name what says the UID.
func flagsOf(name string) string {
	dir, base := filepath.Split(name)
	_, flags, found := strings.Cut(base, ",S=")
	if !found {
		return name
	}
	return dir + flags
}

func differ(t *testing.T, want, got []string) {
	t.Helper()
	w, g := map[string]int{}, map[string]int{}
	for _, l := range want {
		w[l]++
	}
	for _, l := range got {
		g[l]++
	}
	shown := 0
	for l, n := range w {
		if g[l] != n && shown < 8 {
			shown++
			t.Errorf("%d times instead of %d: %.400s", g[l], n, l)
		}
	}
	for l, n := range g {
		if w[l] == 0 && shown < 16 {
			shown++
			t.Errorf("%d times, and not expected: %.400s", n, l)
		}
	}
}

// An account is exported, brought into an empty one of another installation, and
// exported there: the manifests are equal but for numbers.
func TestThereAndBack(t *testing.T) {
	eachPair(t, func(t *testing.T, e storetest.Engines) {
		for _, format := range []archive.MailFormat{archive.Maildir, archive.Mbox} {
			t.Run(string(format), func(t *testing.T) {
				here, there := open(t, e), open(t, e)
				anna, jan := here.owner(t, here.parts.Person(t, "anna")), there.owner(t, there.parts.Person(t, "jan"))
				_, err := here.Mail.Mailboxes(t.Context(), anna.mail)
				must(t, err)
				fill(t, anna, messages(t, 400))
				first, second := filepath.Join(t.TempDir(), "erster"), t.TempDir()
				var shown atomic.Int64
				r := export(t, anna, first, archive.ExportOptions{Mail: format, Progress: func(p archive.Progress) { shown.Store(p.All) }})
				if r.Header.Consistent != "account" || shown.Load() == 0 || len(r.Foreign) > 0 {
					t.Errorf("%+v, %d files", r, shown.Load())
				}
				private(t, first)
				in := bring(t, jan, first)
				for _, p := range in.Problems {
					t.Errorf("%s: %s", p.What, p.Reason)
				}
				if !in.Complete() || in.Present > 1 { // INBOX is no item; nothing else was there
					t.Errorf("brought %d, present %d of %+v", in.Brought, in.Present, in.Totals)
				}
				export(t, jan, second, archive.ExportOptions{Mail: format})
				differ(t, identity(t, first), identity(t, second))
				again := bring(t, jan, first)
				if again.Brought != 0 || !again.Complete() {
					t.Errorf("a second import brought %d; %+v", again.Brought, again.Problems)
				}
				here.sound(t)
				there.sound(t)
			})
		}
	})
}

// private asks that nobody else can read an export.
func private(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	}))
}

// A second run writes what changed and notes what went.
func TestSecondRun(t *testing.T) {
	for _, format := range []archive.MailFormat{archive.Maildir, archive.Mbox} {
		t.Run(string(format), func(t *testing.T) {
			h := open(t, storetest.Embedded)
			o := h.owner(t, h.parts.Person(t, "anna"))
			_, err := h.Mail.Mailboxes(t.Context(), o.mail)
			must(t, err)
			fill(t, o, messages(t, 10))
			dir := t.TempDir()
			export(t, o, dir, archive.ExportOptions{Mail: format})
			before := identity(t, dir)
			r := export(t, o, dir, archive.ExportOptions{Mail: format})
			if r.Written != 0 || r.Removed != 0 {
				t.Errorf("nothing changed, but %d were written and %d removed", r.Written, r.Removed)
			}
			differ(t, before, identity(t, dir))

			ctx := t.Context()
			c := o.drive(t)
			list, err := h.Resources.Named(ctx, c, resource.Root, []string{"Pläne", "text.txt"})
			must(t, err)
			_, _, err = h.Resources.Move(ctx, c, list[0], resource.Place{Collection: c, Name: "text.txt"}, resource.Transfer{Overwrite: true}, resource.Guard{})
			must(t, err)
			_, err = o.file(ctx, c, resource.Root, "Pläne", "jetzt eine Datei", time.Time{})
			must(t, err)
			must(t, o.append(ctx, "INBOX", 0, nil, time.Time{}, "Subject: neu\r\n\r\n"))
			box, err := h.Mail.Mailbox(ctx, o.mail, "INBOX")
			must(t, err)
			view, err := h.Mail.Open(ctx, o.mail, box.ID)
			must(t, err)
			defer view.Close()
			_, err = view.Store(ctx, mail.FlagChange{UIDs: []uint32{1}, Op: mail.AddFlags, Flags: mail.FlagFlagged, Keywords: []string{"Aaa"}})
			must(t, err)
			work := o.collection(t, resource.Calendar, "arbeit")
			items, err := h.Resources.Named(ctx, work, resource.Root, []string{"1.ics"})
			must(t, err)
			must(t, h.Resources.Remove(ctx, work, items[0], resource.Guard{}))
			must(t, o.event(ctx, work, "2.ics", event("uid-2", "verschoben")))
			r = export(t, o, dir, archive.ExportOptions{Mail: format})
			if r.Written > 5 || r.Written < 3 || r.Removed != 1 && format == archive.Maildir || len(r.Foreign) > 0 {
				t.Errorf("%d were written, %d removed, foreign %v", r.Written, r.Removed, r.Foreign)
			}
			if text, err := os.ReadFile(filepath.Join(dir, "removed.json")); err != nil || !strings.Contains(string(text), "1.ics") {
				t.Errorf("removed.json: %s %v", text, err)
			}
			fresh := t.TempDir()
			export(t, o, fresh, archive.ExportOptions{Mail: format})
			differ(t, identity(t, fresh), identity(t, dir))
			same(t, fresh, dir)
		})
	}
}

// same compares the files of two exports.
func same(t *testing.T, want, got string) {
	t.Helper()
	read := func(dir string) map[string]string {
		found := map[string]string{}
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			name, _ := filepath.Rel(dir, path)
			if err != nil || strings.HasPrefix(name, ".fachwerk") || name == "manifest.json" || name == "removed.json" || name == "LIESMICH-README.txt" {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if d.IsDir() {
				found[name] = "folder"
				return nil
			}
			text, err := os.ReadFile(path)
			found[name] = string(text)
			if strings.HasPrefix(name, "files") {
				found[name] += info.ModTime().String()
			}
			return err
		}))
		return found
	}
	w, g := read(want), read(got)
	if !maps.Equal(w, g) {
		for name := range w {
			if w[name] != g[name] {
				t.Errorf("%s is not as in a fresh export", name)
			}
		}
		for name := range g {
			if _, ok := w[name]; !ok {
				t.Errorf("%s is too much", name)
			}
		}
	}
}

// What is written while the journal is read does not make the export a state that
// never was: between the readings of any two collections both get something new.
func TestMarkIsOneMoment(t *testing.T) {
	eachPair(t, func(t *testing.T, e storetest.Engines) {
		h := open(t, e)
		o := h.owner(t, h.parts.Person(t, "anna"))
		_, err := h.Mail.Mailboxes(t.Context(), o.mail)
		must(t, err)
		var list []resource.Collection
		for n := range calendars {
			list = append(list, o.collection(t, resource.Calendar, fmt.Sprint(n)))
		}
		c, n := o.drive(t), 0
		write := func(int64) {
			if n++; n > 2*calendars {
				return
			}
			errs := []error{o.append(t.Context(), "INBOX", 0, nil, time.Time{}, fmt.Sprintf("Subject: w0 %d\r\n\r\n", n)),
				put(t.Context(), o, c, "w0.txt", fmt.Sprint(n))}
			for _, c := range list {
				errs = append(errs, o.event(t.Context(), c, "w0.ics", event("w0", fmt.Sprint(n))))
			}
			must(t, errors.Join(errs...))
		}
		write(0)
		dir := t.TempDir()
		var opts archive.ExportOptions
		archive.AfterReading(&opts, write)
		if r := export(t, o, dir, opts); r.Header.Consistent != "account" {
			t.Errorf("consistent by %s", r.Header.Consistent)
		}
		order(t, dir, 0)
	})
}

// Where something is written during every reading, an export ends all the same, and
// says that its collections are of different moments.
func TestAccountThatNeverRests(t *testing.T) {
	h := open(t, storetest.Embedded)
	o := h.owner(t, h.parts.Person(t, "anna"))
	_, err := h.Mail.Mailboxes(t.Context(), o.mail)
	must(t, err)
	var opts archive.ExportOptions
	opts.Settle = 100 * time.Millisecond
	archive.AfterReading(&opts, func(int64) {
		must(t, o.append(t.Context(), "INBOX", 0, nil, time.Time{}, "Subject: schon wieder\r\n\r\n"))
	})
	dir := t.TempDir()
	if r := export(t, o, dir, opts); r.Header.Consistent != "collection" {
		t.Errorf("consistent by %s", r.Header.Consistent)
	}
	jan := h.owner(t, h.parts.Person(t, "jan"))
	if r := bring(t, jan, dir); !r.Complete() {
		t.Errorf("%+v", r.Problems)
	}
}

// calendars are as many as writers count in.
const calendars = 8

// errCut ends an export or import in the middle.
var errCut = errors.New("cut")

// What is broken off again and again ends as if it had run once.
func TestInterrupted(t *testing.T) {
	h := open(t, storetest.Embedded)
	o := h.owner(t, h.parts.Person(t, "anna"))
	_, err := h.Mail.Mailboxes(t.Context(), o.mail)
	must(t, err)
	fill(t, o, messages(t, 50))
	dir, whole := t.TempDir(), t.TempDir()
	export(t, o, whole, archive.ExportOptions{})
	for limit := int64(10); ; limit += 15 {
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := archive.Export(ctx, h.Store, o.a.Key, dir, archive.ExportOptions{Progress: func(p archive.Progress) {
			if p.Done > limit && !p.Verifying {
				cancel(errCut)
			}
		}})
		cancel(nil)
		if err == nil {
			break
		}
		if limit > 2000 {
			t.Fatal(err)
		}
		if _, err := archive.Import(t.Context(), h.House, dir, o.a, archive.ImportOptions{}); err == nil {
			t.Fatal("an export that is not finished was imported")
		}
	}
	same(t, whole, dir)
	target := h.owner(t, h.parts.Person(t, "jan"))
	for limit := int64(5); ; limit += 9 {
		ctx, cancel := context.WithCancelCause(t.Context())
		began := int64(-1)
		r, err := archive.Import(ctx, h.House, dir, target.a, archive.ImportOptions{Progress: func(p archive.Progress) {
			if began < 0 {
				began = p.Done
			}
			if p.Done > limit {
				cancel(errCut)
			}
		}})
		cancel(nil)
		if err == nil {
			for _, p := range r.Problems {
				t.Errorf("%s: %s", p.What, p.Reason)
			}
			break
		}
		if limit > 2000 {
			t.Fatal(err)
		}
	}
	second := t.TempDir()
	export(t, target, second, archive.ExportOptions{})
	want, got := identity(t, whole), identity(t, second)
	differ(t, want, got)
	h.sound(t)
}

// While writers change an account, an export equals one state of it.
func TestWhileItChanges(t *testing.T) {
	eachPair(t, func(t *testing.T, e storetest.Engines) {
		h := open(t, e)
		o := h.owner(t, h.parts.Person(t, "anna"))
		_, err := h.Mail.Mailboxes(t.Context(), o.mail)
		must(t, err)
		c := o.drive(t)
		// Each writer counts: in a message, in a file, then in every calendar, the one
		// that is read last first. Who reads without a mark sees it ahead of messages.
		var list []resource.Collection
		for n := range calendars {
			list = append(list, o.collection(t, resource.Calendar, fmt.Sprint(n)))
		}
		ctx, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for w := range 2 {
			all.Go(func() {
				for n := 1; ctx.Err() == nil; n++ {
					errs := []error{o.append(t.Context(), "INBOX", 0, nil, time.Time{}, fmt.Sprintf("Subject: w%d %d\r\n\r\n", w, n)),
						put(t.Context(), o, c, fmt.Sprintf("w%d.txt", w), fmt.Sprint(n))}
					for _, c := range slices.Backward(list) {
						errs = append(errs, o.event(t.Context(), c, fmt.Sprintf("w%d.ics", w), event(fmt.Sprintf("w%d", w), fmt.Sprint(n))))
					}
					if err := errors.Join(errs...); err != nil {
						t.Error(err)
						return
					}
					time.Sleep(time.Duration(rand.IntN(int(100 * time.Millisecond))))
				}
			})
		}
		defer all.Wait()
		defer stop()
		dir := t.TempDir()
		for range 8 {
			time.Sleep(30 * time.Millisecond)
			r := export(t, o, dir, archive.ExportOptions{})
			if r.Header.Consistent != "account" {
				t.Errorf("consistent by %s", r.Header.Consistent)
			}
			for w := range 2 {
				order(t, dir, w)
			}
		}
		stop()
		all.Wait()
		export(t, o, dir, archive.ExportOptions{})
		fresh := t.TempDir()
		export(t, o, fresh, archive.ExportOptions{})
		same(t, fresh, dir)
		h.sound(t)
	})
}

func put(ctx context.Context, o *owner, c resource.Collection, name, text string) error {
	_, err := o.file(ctx, c, resource.Root, name, text, time.Time{})
	return err
}

// order asks that what a writer did is there up to one moment: messages, a
// file, calendars.
func order(t *testing.T, dir string, w int) {
	t.Helper()
	var counts []int
	for n := range calendars {
		text, _ := os.ReadFile(filepath.Join(dir, "calendars", fmt.Sprint(n), fmt.Sprintf("w%d.ics", w)))
		_, after, _ := strings.Cut(string(text), "SUMMARY:")
		n := 0
		fmt.Sscan(after, &n)
		counts = append(counts, n)
	}
	inFile, inMail := 0, 0
	text, _ := os.ReadFile(filepath.Join(dir, "files", fmt.Sprintf("w%d.txt", w)))
	fmt.Sscan(string(text), &inFile)
	list, err := filepath.Glob(filepath.Join(dir, "mail/INBOX/cur/*"))
	must(t, err)
	seen := map[int]bool{}
	for _, name := range list {
		text, err := os.ReadFile(name)
		must(t, err)
		var from, n int
		if k, _ := fmt.Sscanf(string(text), "Subject: w%d %d", &from, &n); k == 2 && from == w {
			inMail = max(inMail, n)
			seen[n] = true
		}
	}
	if len(seen) != inMail {
		t.Errorf("writer %d: %d messages up to %d", w, len(seen), inMail)
	}
	slices.Reverse(counts)
	counts = append([]int{inMail, inFile}, counts...)
	if !slices.IsSortedFunc(counts, func(a, b int) int { return b - a }) || inMail-slices.Min(counts) > 1 {
		t.Errorf("writer %d: %v were never there together", w, counts)
	}
}

// An import into an account that is used leaves what is there and lists it.
func TestMerge(t *testing.T) {
	h := open(t, storetest.Embedded)
	anna, jan := h.owner(t, h.parts.Person(t, "anna")), h.owner(t, h.parts.Function(t, "buergeramt"))
	_, err := h.Mail.Mailboxes(t.Context(), anna.mail)
	must(t, err)
	fill(t, anna, messages(t, 5))
	dir := t.TempDir()
	export(t, anna, dir, archive.ExportOptions{})
	work := jan.collection(t, resource.Calendar, "arbeit", property("DAV:", "displayname", "Meine"))
	must(t, jan.event(t.Context(), work, "1.ics", event("uid-1", "ein anderer")))
	must(t, jan.event(t.Context(), work, "fremd.ics", event("uid-2", "gleiche UID")))
	_, err = jan.file(t.Context(), jan.drive(t), resource.Root, "Pläne", "eine Datei im Weg", time.Time{})
	must(t, err)
	r := bring(t, jan, dir)
	var notes, problems []string
	for _, p := range r.Problems {
		if p.Note {
			notes = append(notes, p.What+": "+p.Reason)
		} else {
			problems = append(problems, p.What+": "+p.Reason)
		}
	}
	if r.Complete() || len(notes) == 0 {
		t.Errorf("complete: %v, notes %q", r.Complete(), notes)
	}
	for _, part := range []string{"calendars/arbeit/1.ics: something else", "calendars/arbeit/2.ics: another entry", "files/Pläne: something else"} {
		if !slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, part) }) {
			t.Errorf("%q is not in %q", part, problems)
		}
	}
	h.sound(t)
}

// Folders that are not ours, and exports that were changed, are refused.
func TestRefusals(t *testing.T) {
	h := open(t, storetest.Embedded)
	anna, jan := h.owner(t, h.parts.Person(t, "anna")), h.owner(t, h.parts.Person(t, "jan"))
	_, err := h.Mail.Mailboxes(t.Context(), anna.mail)
	must(t, err)
	must(t, anna.append(t.Context(), "INBOX", 0, nil, time.Time{}, "Subject: x\r\n\r\n"))
	_, err = anna.file(t.Context(), anna.drive(t), resource.Root, "a.txt", "Inhalt", time.Time{})
	must(t, err)
	try := func(dir string, o *owner, format archive.MailFormat) error {
		_, err := archive.Export(t.Context(), h.Store, o.a.Key, dir, archive.ExportOptions{Mail: format})
		return err
	}
	full := t.TempDir()
	must(t, os.WriteFile(filepath.Join(full, "etwas"), nil, 0o600))
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(t.TempDir(), link))
	for _, dir := range []string{full, link} {
		if err := try(dir, anna, archive.Maildir); !errors.Is(err, archive.ErrFolder) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	dir, outside := t.TempDir(), t.TempDir()
	must(t, try(dir, anna, archive.Maildir))
	if err := try(dir, jan, archive.Maildir); !errors.Is(err, archive.ErrFolder) {
		t.Errorf("another account's: %v", err)
	}
	if err := try(dir, anna, archive.Mbox); !errors.Is(err, archive.ErrFolder) {
		t.Errorf("another format: %v", err)
	}
	// A link in the way is replaced and never followed.
	must(t, os.Remove(filepath.Join(dir, "files/a.txt")))
	must(t, os.WriteFile(filepath.Join(outside, "ziel"), []byte("bleibt"), 0o600))
	must(t, os.Symlink(filepath.Join(outside, "ziel"), filepath.Join(dir, "files/a.txt")))
	must(t, try(dir, anna, archive.Maildir))
	if text, err := os.ReadFile(filepath.Join(outside, "ziel")); err != nil || string(text) != "bleibt" {
		t.Errorf("the link was followed: %q %v", text, err)
	}
	if info, err := os.Lstat(filepath.Join(dir, "files/a.txt")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("a.txt: %v %v", info, err)
	}
	// What was damaged is mended by the next run, and refused by an import.
	must(t, os.WriteFile(filepath.Join(dir, "files/a.txt"), []byte("INHALT"), 0o600))
	r, err := archive.Import(t.Context(), h.House, dir, jan.a, archive.ImportOptions{})
	must(t, err)
	if r.Complete() || len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Reason, "manifest") {
		t.Errorf("a damaged file: %+v", r.Problems)
	}
	must(t, try(dir, anna, archive.Maildir))
	if text, _ := os.ReadFile(filepath.Join(dir, "files/a.txt")); string(text) != "Inhalt" {
		t.Errorf("the file was not mended: %q", text)
	}
	name := filepath.Join(dir, archive.ManifestName)
	text, err := os.ReadFile(name)
	must(t, err)
	for what, bad := range map[string]string{"cut": string(text[:len(text)/2]), "changed": strings.Replace(string(text), "a.txt", "b.txt", 1),
		"empty": "", "elsewhere": "[]\n"} {
		must(t, os.WriteFile(name, []byte(bad), 0o600))
		if _, err := archive.Import(t.Context(), h.House, dir, jan.a, archive.ImportOptions{}); !errors.Is(err, archive.ErrManifest) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
