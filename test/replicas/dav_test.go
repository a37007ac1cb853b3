package replicas

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fachwerk/internal/testenv/samples"
)

// Files, calendars and locks are the same on both.
func TestDAV(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		h := start(t, w, options{})
		t.Run("files", h.files)
		t.Run("locks", h.locks)
		t.Run("calendars", h.events)
		h.demo.Check(t)
	})
}

func (h *house) files(t *testing.T) {
	a, b := h.both()
	one, two := davOf(t, a, a.Anna()), davOf(t, b, a.Anna())
	dir := one.drive() + "Amt/"
	one.want(t, http.StatusCreated, "MKCOL", dir, "")
	token := two.token(t, one.drive()) // a drive is one collection
	for n := range 20 {
		from, to := one, two
		if n%2 == 1 {
			from, to = two, one
		}
		path, text := fmt.Sprintf("%sAkte %d.txt", dir, n), strings.Repeat(fmt.Sprintf("Seite %d\n", n), 1+n*2000)
		etag := from.want(t, http.StatusCreated, "PUT", path, text).header.Get("ETag")
		got := to.want(t, http.StatusOK, "GET", path, "")
		if got.body != text || got.header.Get("ETag") != etag {
			t.Fatalf("%s: %d bytes with ETag %s, want %d with %s", path, len(got.body), got.header.Get("ETag"), len(text), etag)
		}
		to.want(t, http.StatusNotModified, "GET", path, "", "If-None-Match", etag)
		// The ETag of the other one decides who wins.
		next := to.want(t, http.StatusNoContent, "PUT", path, text+"Nachtrag", "If-Match", etag).header.Get("ETag")
		from.want(t, http.StatusPreconditionFailed, "PUT", path, text, "If-Match", etag)
		// A token of one replica is the other's too.
		changed := from.changed(t, one.drive(), token)
		if changed[path] != next {
			t.Fatalf("sync on the other replica tells %v of %s, want %s", changed, path, next)
		}
		token = to.token(t, one.drive())
	}
	gone := dir + "Akte 3.txt"
	two.want(t, http.StatusNoContent, "DELETE", gone, "")
	one.want(t, http.StatusNotFound, "GET", gone, "")
	if changed := one.changed(t, one.drive(), token); changed[gone] != "gone" {
		t.Errorf("sync tells %v of a file deleted on the other replica", changed)
	}
}

const lockBody = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`

func (h *house) locks(t *testing.T) {
	a, b := h.both()
	one, two := davOf(t, a, a.Anna()), davOf(t, b, a.Anna())
	path := one.drive() + "Satzung.txt"
	one.want(t, http.StatusCreated, "PUT", path, "Erster Entwurf")
	lock := one.want(t, http.StatusOK, "LOCK", path, lockBody, "Timeout", "Second-600").header.Get("Lock-Token")
	two.want(t, http.StatusLocked, "PUT", path, "Zweiter Entwurf")
	two.want(t, http.StatusLocked, "LOCK", path, lockBody)
	two.want(t, http.StatusLocked, "DELETE", path, "")
	two.want(t, http.StatusNoContent, "PUT", path, "Zweiter Entwurf", "If", "("+lock+")")
	two.want(t, http.StatusOK, "LOCK", path, "", "If", "("+lock+")", "Timeout", "Second-1200") // refreshed elsewhere
	two.want(t, http.StatusNoContent, "UNLOCK", path, "", "Lock-Token", lock)
	one.want(t, http.StatusNoContent, "PUT", path, "Dritter Entwurf")
	if got := two.want(t, http.StatusOK, "GET", path, "").body; got != "Dritter Entwurf" {
		t.Errorf("read %q", got)
	}
}

func (h *house) events(t *testing.T) {
	a, b := h.both()
	one, two := davOf(t, a, a.Jan()), davOf(t, b, a.Jan())
	calendar := one.calendars() + "dienst/"
	one.want(t, http.StatusCreated, "MKCALENDAR", calendar, "")
	token := two.token(t, calendar)
	at := calendar + "sitzung.ics"
	etag := two.want(t, http.StatusCreated, "PUT", at, samples.Event("sitzung", "Ausschuss")).header.Get("ETag")
	if changed := one.changed(t, calendar, token); changed[at] != etag {
		t.Errorf("sync tells %v of an event made on the other replica with ETag %s", changed, etag)
	}
	// A UID is one object in its calendar, whoever is asked (RFC 4791 section 5.3.2.1).
	one.want(t, http.StatusForbidden, "PUT", calendar+"zweite.ics", samples.Event("sitzung", "Doppelt"))
	one.want(t, http.StatusNoContent, "PUT", at, samples.Event("sitzung", "Ausschuss, verlegt"), "If-Match", etag)
	if got := two.want(t, http.StatusOK, "GET", at, "").body; !strings.Contains(got, "verlegt") {
		t.Errorf("the other replica answers the old event:\n%s", got)
	}
	report := `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/></D:prop><C:filter>` +
		`<C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20261201T000000Z" end="20261202T000000Z"/>` +
		`</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`
	if found := multistatus(t, two.want(t, http.StatusMultiStatus, "REPORT", calendar, report, "Depth", "1").body); len(found) != 1 {
		t.Errorf("calendar-query finds %v", found)
	}
	two.want(t, http.StatusNoContent, "DELETE", at, "")
	one.want(t, http.StatusNotFound, "GET", at, "")
}
