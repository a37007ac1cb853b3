package webdav_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

const trashProps = `<propfind xmlns="DAV:" xmlns:nc="http://nextcloud.org/ns" xmlns:f="urn:fachwerk:dav"><prop>
<f:deletion-time/><f:expiry-time/><f:original-location/><nc:trashbin-filename/><nc:trashbin-original-location/>
<nc:trashbin-deletion-time/><resourcetype/></prop></propfind>`

// Deleted files wait in the trash, say where they lay, and come back by MOVE.
func TestTrash(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, bin := w.anna, w.trash
		s.want(http.StatusCreated, "MKCOL", "Amt", "")
		s.want(http.StatusCreated, "MKCOL", "Amt/Akten", "")
		s.want(http.StatusCreated, http.MethodPut, "Amt/Akten/Vorgang.txt", "Vorgang")
		s.want(http.StatusCreated, http.MethodPut, "Amt/Plan.txt", "Plan")
		s.want(http.StatusNoContent, http.MethodDelete, "Amt/Plan.txt", "")
		s.want(http.StatusNoContent, http.MethodDelete, "Amt/Akten", "")
		s.want(http.StatusNotFound, http.MethodGet, "Amt/Akten/Vorgang.txt", "")

		_, list := bin.want(http.StatusMultiStatus, "PROPFIND", "", trashProps, "Depth", "1")
		for _, want := range []string{
			">Amt/Plan.txt</", ">Amt/Akten</", "trashbin-filename>Plan.txt<", "trashbin-original-location>Amt/Akten<",
			">" + time.Now().UTC().Format("2006-01-02T"), ">" + time.Now().UTC().AddDate(0, 0, 30).Format("2006-01-02T"),
		} {
			if !strings.Contains(list, want) {
				t.Errorf("the trash does not say %s: %s", want, list)
			}
		}
		if n := len(hrefs(t, list)); n != 3 { // itself and two
			t.Errorf("the trash lists %d: %s", n, list)
		}
		// What is in it can be read, below a deleted folder, too.
		akten, plan := find(t, list, "Akten"), find(t, list, "Plan.txt")
		if _, got := bin.want(http.StatusOK, http.MethodGet, akten+"Vorgang.txt", ""); got != "Vorgang" {
			t.Errorf("in the trash it is %q", got)
		}
		// Back to where it was, and elsewhere.
		bin.want(http.StatusCreated, "MOVE", plan, "", "Destination", s.url("Amt/Plan.txt"))
		bin.want(http.StatusCreated, "MOVE", akten, "", "Destination", s.url("Akten%20von%20fr%C3%BCher/"))
		if _, got := s.want(http.StatusOK, http.MethodGet, "Amt/Plan.txt", ""); got != "Plan" {
			t.Errorf("restored as %q", got)
		}
		s.want(http.StatusOK, http.MethodGet, "Akten%20von%20fr%C3%BCher/Vorgang.txt", "")
		_, list = bin.want(http.StatusMultiStatus, "PROPFIND", "", trashProps, "Depth", "1")
		if n := len(hrefs(t, list)); n != 1 {
			t.Errorf("after restoring, the trash lists %d: %s", n, list)
		}
		w.clean()
	})
}

// What COPY and MOVE overwrite goes into the trash, too; two of one name both stay.
func TestOverwrittenGoesToTheTrash(t *testing.T) {
	w := open(t)
	s := w.anna
	for i := range 2 {
		status := []int{http.StatusCreated, http.StatusNoContent}[i]
		s.want(http.StatusCreated, http.MethodPut, "neu.txt", "neu")
		s.want(status, "MOVE", "neu.txt", "", "Destination", s.url("Bericht.txt"))
	}
	s.want(http.StatusCreated, http.MethodPut, "noch neuer.txt", "noch neuer")
	s.want(http.StatusNoContent, "COPY", "noch%20neuer.txt", "", "Destination", s.url("Bericht.txt"))
	_, list := w.trash.want(http.StatusMultiStatus, "PROPFIND", "", trashProps, "Depth", "1")
	if n := strings.Count(list, "trashbin-filename>Bericht.txt<"); n != 2 {
		t.Errorf("%d of two overwritten files are in the trash: %s", n, list)
	}
}

// By-products of programs go for good; so does what is deleted in the trash.
func TestGoneForGood(t *testing.T) {
	w := open(t)
	s, bin := w.anna, w.trash
	for _, name := range []string{"._Plan.pdf", ".DS_Store", "~$Bericht.docx", ".~lock.Bericht.odt%23", "desktop.ini", "Thumbs.db"} {
		s.want(http.StatusCreated, http.MethodPut, name, "x")
		s.want(http.StatusNoContent, http.MethodDelete, name, "")
	}
	_, list := bin.want(http.StatusMultiStatus, "PROPFIND", "", trashProps, "Depth", "1")
	if n := len(hrefs(t, list)); n != 1 {
		t.Errorf("by-products are in the trash: %s", list)
	}
	for _, name := range []string{"a.txt", "b.txt", "c.txt"} {
		s.want(http.StatusCreated, http.MethodPut, name, name)
		s.want(http.StatusNoContent, http.MethodDelete, name, "")
	}
	_, list = bin.want(http.StatusMultiStatus, "PROPFIND", "", trashProps, "Depth", "1")
	bin.want(http.StatusNoContent, http.MethodDelete, find(t, list, "a.txt"), "")
	_, list = bin.want(http.StatusMultiStatus, "PROPFIND", "", trashProps, "Depth", "1")
	if n := len(hrefs(t, list)); n != 3 {
		t.Errorf("of three files in the trash one was deleted: %s", list)
	}
	w.clean()
}

// Nothing can be put into the trash, and neither it nor a drive can be deleted.
func TestTrashTakesNothing(t *testing.T) {
	w := open(t)
	s, bin := w.anna, w.trash
	s.want(http.StatusCreated, http.MethodPut, "da.txt", "da")
	for _, c := range []struct {
		share        *share
		method, path string
		fields       []string
	}{
		{bin, http.MethodPut, "neu.txt", nil},
		{bin, "MKCOL", "Neu", nil},
		{s, "MOVE", "da.txt", []string{"Destination", bin.url("da.txt")}},
		{s, "COPY", "da.txt", []string{"Destination", bin.url("da.txt")}},
		{s, http.MethodDelete, "", nil},
		{bin, http.MethodDelete, "", nil},
	} {
		if res, why := c.share.do(c.method, c.path, "", c.fields...); res.StatusCode != http.StatusForbidden || len(why) < 20 {
			t.Errorf("%s %s: %s %q, want 403 with a sentence", c.method, c.path, res.Status, why)
		}
	}
	s.want(http.StatusOK, http.MethodGet, "da.txt", "")
	w.clean()
}

// The trash has no changes of its own to tell, and says so.
func TestTrashHasNoSync(t *testing.T) {
	w := open(t)
	w.anna.want(http.StatusCreated, http.MethodPut, "da.txt", "da")
	_, list := w.trash.want(http.StatusMultiStatus, "PROPFIND", "",
		`<propfind xmlns="DAV:" xmlns:oc="http://owncloud.org/ns"><prop><sync-token/><oc:size/><supported-report-set/></prop></propfind>`, "Depth", "0")
	if strings.Contains(list, "urn:fachwerk:sync") || strings.Contains(list, "sync-collection") || strings.Contains(list, "<oc:size>") {
		t.Errorf("the trash tells of the drive: %s", list)
	}
	_, why := w.trash.want(http.StatusForbidden, "REPORT", "", `<D:sync-collection xmlns:D="DAV:"><D:sync-token/>`+
		`<D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`, "Depth", "0")
	if !strings.Contains(why, "supported-report") {
		t.Errorf("sync of the trash: %s", why)
	}
}

// Restored where something lies by now: not with Overwrite: F; else what lies there goes
// into the trash in its place.
func TestRestoreOverAnother(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, bin := w.anna, w.trash
		s.want(http.StatusCreated, http.MethodPut, "Plan.txt", "alt")
		s.want(http.StatusNoContent, http.MethodDelete, "Plan.txt", "")
		s.want(http.StatusCreated, http.MethodPut, "Plan.txt", "neu")
		_, list := bin.want(http.StatusMultiStatus, "PROPFIND", "", trashProps, "Depth", "1")
		old := find(t, list, "Plan.txt")
		bin.want(http.StatusPreconditionFailed, "MOVE", old, "", "Destination", s.url("Plan.txt"), "Overwrite", "F")
		bin.want(http.StatusConflict, "MOVE", old, "", "Destination", s.url("fehlt/Plan.txt"))
		bin.want(http.StatusNoContent, "MOVE", old, "", "Destination", s.url("Plan.txt"))
		if _, got := s.want(http.StatusOK, http.MethodGet, "Plan.txt", ""); got != "alt" {
			t.Errorf("restored as %q", got)
		}
		_, list = bin.want(http.StatusMultiStatus, "PROPFIND", "", trashProps, "Depth", "1")
		if _, got := bin.want(http.StatusOK, http.MethodGet, find(t, list, "Plan.txt"), ""); got != "neu" {
			t.Errorf("the trash holds %q in its place", got)
		}
		// A copy out of the trash leaves it there.
		bin.want(http.StatusCreated, "COPY", find(t, list, "Plan.txt"), "", "Destination", s.url("Kopie.txt"))
		if _, got := s.want(http.StatusOK, http.MethodGet, "Kopie.txt", ""); got != "neu" {
			t.Errorf("copied as %q", got)
		}
		bin.want(http.StatusOK, http.MethodGet, find(t, list, "Plan.txt"), "")
		w.clean()
	})
}

// The trash of a drive that one may only read can be read, no more; nobody else's at all.
func TestTrashOfATeam(t *testing.T) {
	w := open(t)
	team := w.team()
	bin := &share{t: t, base: strings.Replace(team.base, "/files/", "/trash/", 1), user: team.user}
	team.as(w.anna).want(http.StatusCreated, http.MethodPut, "Dienstplan.txt", "Mo–Fr")
	team.as(w.anna).want(http.StatusNoContent, http.MethodDelete, "Dienstplan.txt", "")
	_, list := bin.as(w.jan).want(http.StatusMultiStatus, "PROPFIND", "", trashProps, "Depth", "1")
	path := find(t, list, "Dienstplan.txt")
	bin.as(w.jan).want(http.StatusOK, http.MethodGet, path, "")
	bin.as(w.jan).want(http.StatusForbidden, http.MethodDelete, path, "")
	bin.as(w.jan).want(http.StatusForbidden, "MOVE", path, "", "Destination", w.jan.url("meins.txt"))
	bin.as(w.eva).want(http.StatusNotFound, "PROPFIND", "", "", "Depth", "0")
	bin.as(w.eva).want(http.StatusNotFound, http.MethodGet, path, "")
	bin.as(w.anna).want(http.StatusCreated, "MOVE", path, "", "Destination", team.url("Dienstplan.txt"))
	w.clean()
}

// What is in the trash still takes room; deleted there, the room is free at once.
func TestTrashTakesRoom(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s, bin := w.anna, w.trash
		w.quota(1 << 20)
		s.want(http.StatusCreated, http.MethodPut, "a.bin", strings.Repeat("a", 700<<10))
		s.want(http.StatusNoContent, http.MethodDelete, "a.bin", "")
		s.want(http.StatusInsufficientStorage, http.MethodPut, "b.bin", strings.Repeat("b", 700<<10))
		_, list := bin.want(http.StatusMultiStatus, "PROPFIND", "", trashProps, "Depth", "1")
		bin.want(http.StatusNoContent, http.MethodDelete, find(t, list, "a.bin"), "")
		s.want(http.StatusCreated, http.MethodPut, "b.bin", strings.Repeat("b", 700<<10))
		w.clean()
	})
}
