package portaltest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/files"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
	"fachwerk/portal"
)

// trash is the portal's view of the real drives.
type trash struct {
	*files.Service
	people auth.People
}

// principal is the person as the portal knows them.
func (x trash) principal(ctx context.Context, ref auth.AccountRef) (*auth.Principal, error) {
	who, err := x.people.PersonByRef(ctx, ref)
	return &auth.Principal{Tenant: ref.Tenant, Account: ref.Account, Address: who.Address, DisplayName: who.DisplayName, Scopes: auth.AllScopes, Method: auth.BySession}, err
}

// told says an error of drives in the portal's words.
func told(err error) error {
	for from, to := range map[error]error{
		resource.ErrNotFound: auth.ErrNotFound, resource.ErrDenied: portal.ErrReadOnly, resource.ErrLocked: portal.ErrBusy,
		resource.ErrChanged: portal.ErrBusy, resource.ErrTemporary: auth.ErrUnavailable,
	} {
		if errors.Is(err, from) {
			return fmt.Errorf("%w: %w", to, err)
		}
	}
	return err
}

func (x trash) List(ctx context.Context, person auth.AccountRef) (out []portal.TrashDrive, err error) {
	p, err := x.principal(ctx, person)
	if err != nil {
		return nil, err
	}
	list, err := x.Service.Trash(ctx, p)
	for _, d := range list {
		made := portal.TrashDrive{Address: d.Address, Name: d.DisplayName, Own: d.Own, ReadOnly: !d.MayWrite}
		for _, e := range d.Entries {
			made.Files = append(made.Files, portal.TrashFile{
				ID: e.ID, Name: e.Name, Folder: e.Folder, Deleted: e.Deleted, Expires: e.Expires, Size: e.Size,
				Place: strings.Join(e.Path[:max(len(e.Path)-1, 0)], "/"),
			})
		}
		out = append(out, made)
	}
	return out, told(err)
}

func (x trash) Restore(ctx context.Context, person auth.AccountRef, drive string, id int64) (string, error) {
	p, err := x.principal(ctx, person)
	if err != nil {
		return "", err
	}
	path, err := x.Service.Restore(ctx, p, drive, id)
	return strings.Join(path, "/"), told(err)
}

func (x trash) Remove(ctx context.Context, person auth.AccountRef, drive string, id int64) error {
	p, err := x.principal(ctx, person)
	if err != nil {
		return err
	}
	return told(x.RemoveTrashed(ctx, p, drive, id))
}

func (x trash) Empty(ctx context.Context, person auth.AccountRef, drive string) error {
	p, err := x.principal(ctx, person)
	if err != nil {
		return err
	}
	return told(x.EmptyTrash(ctx, p, drive))
}

const office = "buergeramt@musterstadt.example"

// drive is a drive that a test fills, as somebody who may write to it.
type drive struct {
	h *house
	c resource.Collection
}

// drive opens the drive of an account for a person.
func (h *house) drive(t *testing.T, ref auth.AccountRef, address string) drive {
	t.Helper()
	p, err := h.trash().principal(t.Context(), ref)
	must(t, err)
	a, err := h.resources.Account(t.Context(), p, address)
	must(t, err)
	c, err := h.files.Drive(t.Context(), a)
	must(t, err)
	return drive{h, c}
}

// folder makes one, by names from the root down, and answers its ID.
func (d drive) folder(t *testing.T, parent int64, name string) resource.Item {
	t.Helper()
	i, err := d.h.resources.MakeFolder(t.Context(), resource.Place{Collection: d.c, Parent: parent, Name: name}, nil, resource.Guard{})
	must(t, err)
	return i
}

func (d drive) file(t *testing.T, parent int64, name, text string) resource.Item {
	t.Helper()
	draft, err := d.h.files.Receive(t.Context(), d.c.Account, files.Upload{Body: strings.NewReader(text), Size: int64(len(text))})
	must(t, err)
	put, err := d.h.resources.Put(t.Context(), resource.Place{Collection: d.c, Parent: parent, Name: name}, draft, resource.Guard{})
	must(t, err)
	return put.Item
}

func (d drive) delete(t *testing.T, i resource.Item) {
	t.Helper()
	must(t, d.h.files.Gone(t.Context(), d.c, i, false, resource.Guard{}))
}

// there answers what lies at a path, the zero Item for nothing.
func (d drive) there(t *testing.T, names ...string) resource.Item {
	t.Helper()
	found, err := d.h.resources.Walk(t.Context(), d.c, resource.Root, names)
	must(t, err)
	if len(found) < len(names) {
		return resource.Item{}
	}
	return found[len(found)-1]
}

// office makes a function mailbox with a drive that Anna may write to and Bert read.
func (h *house) office(t *testing.T) drive {
	t.Helper()
	a, err := h.CreateAccount(t.Context(), store.NewAccount{Tenant: h.Tenant.ID, Kind: store.Function, Address: office, DisplayName: "Bürgeramt"})
	must(t, err)
	must(t, h.AddGrant(t.Context(), a.Key, store.Key{Tenant: h.anna.Tenant, Account: h.anna.Account}, store.RightRead|store.RightWrite))
	must(t, h.AddGrant(t.Context(), a.Key, store.Key{Tenant: h.bert.Tenant, Account: h.bert.Account}, store.RightRead))
	return h.drive(t, h.anna, office)
}

// throwAway fills Anna's trash and the office's.
func (h *house) throwAway(t *testing.T) {
	t.Helper()
	own := h.drive(t, h.anna, anna)
	plans := own.folder(t, resource.Root, "Pläne")
	own.delete(t, own.file(t, plans.ID, "Marktplatz <Entwurf> & Skizze.odt", strings.Repeat("Skizze ", 9000)))
	own.delete(t, own.file(t, resource.Root, "Telefonliste.ods", strings.Repeat("Telefon ", 300)))
	old := own.folder(t, resource.Root, "Alte Fotos vom Sommerfest 2019 im Stadtpark, unsortiert und ohne Namen")
	own.file(t, old.ID, "IMG_0001.jpg", "Foto")
	own.delete(t, old)
	shared := h.office(t)
	shared.delete(t, shared.file(t, resource.Root, "Aushang.pdf", "Aushang"))
}

var trashID = regexp.MustCompile(`/trash/remove\?drive=([^&"]*)&amp;id=([0-9]+)" aria-label="Endgültig löschen: „([^“]*)“`)

// trashed finds a file on the trash page by the beginning of its name.
func (a answer) trashed(t *testing.T, name string) url.Values {
	t.Helper()
	for _, m := range trashID.FindAllStringSubmatch(a.body, -1) {
		if address, err := url.QueryUnescape(m[1]); err == nil && strings.HasPrefix(m[3], name) {
			return url.Values{"drive": {address}, "id": {m[2]}}
		}
	}
	t.Fatalf("%s is not in the trash: %s", name, a.body)
	return nil
}

func TestTrashIsListedRestoredAndRemoved(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	v.get("/trash").holds(t, "at first", "Der Papierkorb ist leer")
	h.throwAway(t)
	page := v.get("/trash")
	page.holds(t, "the trash", "Eigene Dateien", "Marktplatz <Entwurf> & Skizze.odt", "Pläne", "63,0\u00a0kB", "Bürgeramt", "Aushang.pdf", "3 Einträge ·", "1 Eintrag, 7\u00a0B", "Telefonliste.ods", "oberster Ebene")
	if strings.Contains(page.body, "<Entwurf>") || strings.Contains(page.body, "IMG_0001") {
		t.Error("a name is not escaped, or what is inside a folder is listed")
	}
	own := h.drive(t, h.anna, anna)

	done := v.post("/trash/restore", page.trashed(t, "Marktplatz"))
	done.holds(t, "the answer", "Wiederhergestellt:", "Pläne/Marktplatz <Entwurf> & Skizze.odt", "2 Einträge")
	if i := own.there(t, "Pläne", "Marktplatz <Entwurf> & Skizze.odt"); i.Size != 63000 {
		t.Errorf("what is there again: %+v", i)
	}
	if again := v.post("/trash/restore", page.trashed(t, "Marktplatz")); again.StatusCode != http.StatusNotFound {
		t.Errorf("a second time: %d", again.StatusCode)
	}
	if end := v.get("/trash/restore"); end.StatusCode != http.StatusOK || end.Request.URL.Path != "/trash" {
		t.Errorf("reloading ends at %s with %d", end.Request.URL, end.StatusCode)
	}

	ask := page.trashed(t, "Telefonliste")
	v.get("/trash/remove?"+ask.Encode()).holds(t, "the question", "Endgültig löschen?", "Telefonliste.ods", "Abbrechen")
	if gone := v.get("/trash"); !strings.Contains(gone.body, "Telefonliste") {
		t.Error("asking alone has removed it")
	}
	end := v.post("/trash/remove", ask)
	end.holds(t, "after removing", "Endgültig gelöscht.")
	if strings.Contains(end.body, "Telefonliste") || own.there(t, "Telefonliste.ods").ID != 0 {
		t.Error("it is still there")
	}
	for path, want := range map[string]int{"/trash/remove?" + ask.Encode(): 404, "/trash/empty?drive=nobody": 404, "/trash/remove": 404, "/trash/empty": 404} {
		if a := v.get(path); a.StatusCode != want {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}

	v.get("/trash/empty?drive="+url.QueryEscape(anna)).holds(t, "the question", "Papierkorb leeren?", "1 Eintrag", anna)
	v.post("/trash/empty", url.Values{"drive": {anna}}).holds(t, "after emptying", "Der Papierkorb wurde geleert.", "Aushang.pdf", "Hier ist nichts gelöscht")
	v.post("/trash/restore", v.get("/trash").trashed(t, "Aushang")).holds(t, "the office's", "Wiederhergestellt:", "Der Papierkorb ist leer")
}

// Who may read a drive sees its trash; who may not, or is nobody, learns nothing.
func TestTrashOfOthers(t *testing.T) {
	h := newHouse(t)
	h.throwAway(t)
	v, w := newVisitor(t, h), newVisitor(t, h)
	v.signIn(anna)
	w.signIn(bert)
	page := v.get("/trash")
	theirs := w.get("/trash")
	theirs.holds(t, "Bert's", "Aushang.pdf", "Sie dürfen hier lesen")
	if strings.Contains(theirs.body, "Telefonliste") || strings.Contains(theirs.body, "/trash/remove") || strings.Contains(theirs.body, `action="/trash/restore"`) {
		t.Errorf("Bert sees too much: %s", theirs.body)
	}
	for name, want := range map[string]int{"Aushang": http.StatusForbidden, "Telefonliste": http.StatusNotFound} {
		file := page.trashed(t, name)
		for _, path := range []string{"/trash/restore", "/trash/remove", "/trash/empty"} {
			if a := w.post(path, file); a.StatusCode != want {
				t.Errorf("%s, %s: %d, want %d", name, path, a.StatusCode, want)
			}
		}
		if a := w.get("/trash/remove?" + file.Encode()); a.StatusCode != want {
			t.Errorf("%s, the question: %d, want %d", name, a.StatusCode, want)
		}
	}
	for _, odd := range []url.Values{{}, {"drive": {anna}, "id": {"x"}}, {"drive": {anna}, "id": {"999999"}}, {"drive": {"niemand@musterstadt.example"}, "id": {"1"}}} {
		for _, path := range []string{"/trash/restore", "/trash/remove"} {
			if a := v.post(path, odd); a.StatusCode != http.StatusNotFound {
				t.Errorf("%s %v: %d", path, odd, a.StatusCode)
			}
		}
	}
	if a := newVisitor(t, h).stop().get("/trash"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("nobody: %d", a.StatusCode)
	}
	for _, path := range []string{"/trash/restore", "/trash/remove", "/trash/empty"} {
		form := page.trashed(t, "Telefonliste")
		form.Set("token", w.token())
		if a := v.post(path, form); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s with another's token: %d", path, a.StatusCode)
		}
	}
	if n := len(trashID.FindAllString(v.get("/trash").body, -1)); n != 4 {
		t.Errorf("%d files are left in the trash", n)
	}
}

// A locked file is not written over, and the page says why; a name that is in use
// again is left to what has it.
func TestRestoreMeetsOthers(t *testing.T) {
	h := newHouse(t)
	h.throwAway(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	own := h.drive(t, h.anna, anna)
	own.file(t, resource.Root, "Telefonliste.ods", "neu")
	v.post("/trash/restore", v.get("/trash").trashed(t, "Telefonliste")).holds(t, "the answer", "Wiederhergestellt:", "Telefonliste")
	if i := own.there(t, "Telefonliste.ods"); i.Size != 3 {
		t.Errorf("the new file is %+v", i)
	}
	at := resource.Place{Collection: own.c, Parent: resource.Root, Name: "Pläne"}
	_, _, _, err := h.resources.Lock(t.Context(), at, resource.Lock{Infinite: true, Person: h.anna.Account, Timeout: time.Minute}, resource.Guard{})
	must(t, err)
	if a := v.post("/trash/restore", v.get("/trash").trashed(t, "Marktplatz")); a.StatusCode != http.StatusConflict || !strings.Contains(a.body, "Jemand anderes ist gerade an dieser Datei") {
		t.Errorf("into a locked folder: %d %s", a.StatusCode, a.body)
	}
	v.get("/trash").holds(t, "afterwards", "Marktplatz")
}

// The trash counts as files until it is gone.
func TestTrashCountsAsFiles(t *testing.T) {
	h := newHouse(t)
	h.throwAway(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	v.get("/data").holds(t, "the page", "4 Dateien", "zählt bei den Dateien mit")
	v.post("/trash/empty", url.Values{"drive": {anna}})
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		err := h.MaintainOnce(t.Context())
		must(t, err)
		if page := v.get("/data"); strings.Contains(page.body, "<dd>1 Datei <small>7") { // the office's
			return
		} else if time.Now().After(end) {
			t.Fatalf("after emptying: %s", page.body)
		}
	}
}

// A long trash is shown in part, and says so.
func TestLongTrash(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	own := h.drive(t, h.anna, anna)
	for i := range 203 {
		own.delete(t, own.file(t, resource.Root, "Datei "+formatInt(int64(i)), "x"))
	}
	page := v.get("/trash")
	page.holds(t, "the page", "203 Einträge", "https://dav.musterstadt.example/trash/"+anna+"/")
	if n := len(trashID.FindAllString(page.body, -1)); n != 200 {
		t.Errorf("%d are shown", n)
	}
}
