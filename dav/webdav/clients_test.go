package webdav_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

const lockBody = `<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>
<D:locktype><D:write/></D:locktype><D:owner><D:href>OWNER</D:href></D:owner></D:lockinfo>`

// Windows' redirector, as its requests are known: it asks the root of the server
// first, creates empty, locks, fills, and sets times of its own.
func TestWindowsExplorer(t *testing.T) {
	w := open(t)
	s := w.anna
	agent := []string{"User-Agent", "Microsoft-WebDAV-MiniRedir/10.0.22631", "Translate", "f"}
	with := func(more ...string) []string { return append(append([]string(nil), agent...), more...) }
	res, _ := s.want(http.StatusOK, http.MethodOptions, "", "", agent...)
	if res.Header.Get("MS-Author-Via") != "DAV" || !strings.Contains(res.Header.Get("DAV"), "2") {
		t.Errorf("Windows takes this for no drive: %v", res.Header)
	}
	s.want(http.StatusMultiStatus, "PROPFIND", "", "", with("Depth", "0")...)
	_, list := s.want(http.StatusMultiStatus, "PROPFIND", "", "", with("Depth", "1")...)
	// It walks down from the server's root, and writes folders without their slash.
	for _, path := range []string{"/", "/files", "/files/" + s.user, "/files/" + strings.Replace(s.user, "@", "%40", 1)} {
		for _, depth := range []string{"0", "1"} {
			s.client.Want(t, http.StatusMultiStatus, "PROPFIND", path, "", with("Depth", depth)...)
		}
	}
	if !strings.Contains(list, "<D:collection/>") {
		t.Errorf("the root is no folder: %s", list)
	}
	s.want(http.StatusNotFound, "PROPFIND", "Bericht.docx", "", with("Depth", "0")...)
	s.want(http.StatusNotFound, "PROPFIND", "desktop.ini", "", with("Depth", "0")...)
	s.want(http.StatusCreated, http.MethodPut, "Bericht.docx", "", agent...)
	res, _ = s.want(http.StatusOK, "LOCK", "Bericht.docx", strings.Replace(lockBody, "OWNER", "MUSTERSTADT\\anna", 1),
		with("Timeout", "Second-3600", "Content-Type", `text/xml; charset="utf-8"`)...)
	token := res.Header.Get("Lock-Token")
	times := `<Z:Win32CreationTime>Sun, 22 Nov 2026 09:00:00 GMT</Z:Win32CreationTime>
<Z:Win32LastAccessTime>Sun, 22 Nov 2026 09:00:00 GMT</Z:Win32LastAccessTime>
<Z:Win32LastModifiedTime>Sun, 22 Nov 2026 09:00:00 GMT</Z:Win32LastModifiedTime>
<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes>`
	_, answer := s.want(http.StatusMultiStatus, "PROPPATCH", "Bericht.docx",
		`<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:" xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop>`+
			times+`</D:prop></D:set></D:propertyupdate>`, with("If", "("+token+")")...)
	if strings.Count(answer, "200 OK") != 1 || strings.Contains(answer, "403") {
		t.Errorf("Windows' times: %s", answer)
	}
	s.want(http.StatusOK, http.MethodHead, "Bericht.docx", "", agent...)
	s.want(http.StatusLocked, http.MethodPut, "Bericht.docx", "ohne Sperre", agent...)
	s.want(http.StatusNoContent, http.MethodPut, "Bericht.docx", "Inhalt", with("If", "("+token+")")...)
	_, answer = s.want(http.StatusMultiStatus, "PROPFIND", "Bericht.docx", "", with("Depth", "0")...)
	if !strings.Contains(answer, "Win32FileAttributes") || !strings.Contains(answer, "00000020") {
		t.Errorf("Windows' times did not stay with the file: %s", answer)
	}
	s.want(http.StatusNoContent, "UNLOCK", "Bericht.docx", "", with("Lock-Token", token)...)
	s.want(http.StatusCreated, "MKCOL", "Neuer%20Ordner", "", agent...)
	s.want(http.StatusCreated, "MOVE", "Neuer%20Ordner", "", with("Destination", s.url("Akten"), "Overwrite", "F")...)
	s.want(http.StatusNoContent, http.MethodDelete, "Bericht.docx", "", agent...)
	w.clean()
}

// A Mac's Finder: locks what is not there yet, sends in chunks with the length
// beforehand, keeps a "._" companion of every file, asks for the room left.
func TestFinder(t *testing.T) {
	w := open(t)
	s := w.anna
	w.quota(1 << 30)
	agent := []string{"User-Agent", "WebDAVFS/3.0.0 (03008000) Darwin/24.0.0 (arm64)"}
	with := func(more ...string) []string { return append(append([]string(nil), agent...), more...) }
	s.want(http.StatusOK, http.MethodOptions, "", "", agent...)
	_, answer := s.want(http.StatusMultiStatus, "PROPFIND", "", `<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>
<D:quota-available-bytes/><D:quota-used-bytes/><D:quota/><D:quotaused/></D:prop></D:propfind>`, with("Depth", "0")...)
	if !strings.Contains(answer, "<D:quota-available-bytes>1073741824<") {
		t.Errorf("the room left: %s", answer)
	}
	for _, name := range []string{"Plan.pdf", "._Plan.pdf"} {
		s.want(http.StatusNotFound, "PROPFIND", name, "", with("Depth", "0")...)
		res, _ := s.want(http.StatusCreated, "LOCK", name, strings.Replace(lockBody, "OWNER", "http://www.apple.com/webdav_fs/", 1),
			with("Timeout", "Second-600", "Depth", "0")...)
		token := res.Header.Get("Lock-Token")
		req := s.request(http.MethodPut, name, io.NopCloser(strings.NewReader("Inhalt von "+name)),
			with("X-Expected-Entity-Length", "19", "If", "("+token+")")...)
		req.ContentLength = -1
		if name == "Plan.pdf" {
			req.Header.Set("X-Expected-Entity-Length", "19")
		} else {
			req.Header.Set("X-Expected-Entity-Length", "21")
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusNoContent {
			t.Errorf("%s in chunks: %s", name, res.Status)
		}
		s.want(http.StatusNoContent, "UNLOCK", name, "", with("Lock-Token", token)...)
		if _, got := s.want(http.StatusOK, http.MethodGet, name, "", agent...); got != "Inhalt von "+name {
			t.Errorf("%s holds %q", name, got)
		}
	}
	s.want(http.StatusCreated, http.MethodPut, ".DS_Store", "x", agent...)
	s.want(http.StatusNoContent, http.MethodDelete, "._Plan.pdf", "", agent...)
	w.clean()
}

// LibreOffice locks what it opens, tells another who has it, saves under its lock, and
// a lock file beside it comes and goes.
func TestLibreOffice(t *testing.T) {
	w := open(t)
	team := w.team()
	anna := team.as(w.anna)
	w.grantWrite(w.jan)
	jan := team.as(w.jan)
	anna.want(http.StatusCreated, http.MethodPut, "Bericht.odt", "erste Fassung")
	anna.want(http.StatusCreated, http.MethodPut, ".~lock.Bericht.odt%23", ",anna,")
	res, _ := anna.want(http.StatusOK, "LOCK", "Bericht.odt", strings.Replace(lockBody, "OWNER", "LibreOffice - Anna Beispiel", 1),
		"Timeout", "Second-180", "Depth", "infinity")
	token := res.Header.Get("Lock-Token")
	// Jan opens it: not to write, and he learns who has it.
	if _, why := jan.want(http.StatusLocked, "LOCK", "Bericht.odt", strings.Replace(lockBody, "OWNER", "Jan", 1)); why == "" {
		t.Error("423 without a word")
	}
	_, answer := jan.want(http.StatusMultiStatus, "PROPFIND", "Bericht.odt",
		`<propfind xmlns="DAV:"><prop><lockdiscovery/><supportedlock/></prop></propfind>`, "Depth", "0")
	if !strings.Contains(answer, "LibreOffice - Anna Beispiel") {
		t.Errorf("Jan does not learn who has it: %s", answer)
	}
	jan.want(http.StatusLocked, http.MethodPut, "Bericht.odt", "Jans Fassung")
	jan.want(http.StatusLocked, http.MethodPut, "Bericht.odt", "Jans Fassung", "If", "("+token+")") // it is not his
	anna.want(http.StatusOK, "LOCK", "Bericht.odt", "", "If", "("+token+")", "Timeout", "Second-180")
	anna.want(http.StatusNoContent, http.MethodPut, "Bericht.odt", "zweite Fassung", "If", "("+token+")")
	anna.want(http.StatusNoContent, "UNLOCK", "Bericht.odt", "", "Lock-Token", token)
	anna.want(http.StatusNoContent, http.MethodDelete, ".~lock.Bericht.odt%23", "")
	if _, got := jan.want(http.StatusOK, http.MethodGet, "Bericht.odt", ""); got != "zweite Fassung" {
		t.Errorf("Jan reads %q", got)
	}
	jan.want(http.StatusNoContent, http.MethodPut, "Bericht.odt", "Jans Fassung")
	w.clean()
}

// Who opens a folder in a browser is told what this place is for.
func TestBrowserGetsASentence(t *testing.T) {
	w := open(t)
	for _, path := range []string{"", "Amt/"} {
		if path != "" {
			w.anna.want(http.StatusCreated, "MKCOL", path, "")
		}
		res, text := w.anna.want(http.StatusMethodNotAllowed, http.MethodGet, path, "", "Accept", "text/html")
		if len(text) < 20 || res.Header.Get("Allow") == "" || strings.Contains(res.Header.Get("Allow"), "GET") {
			t.Errorf("%q: %q, Allow: %s", path, text, res.Header.Get("Allow"))
		}
	}
}
