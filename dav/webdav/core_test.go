package webdav_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// In a drive there are folders and files, and nothing that claims to be more.
func TestFoldersOnly(t *testing.T) {
	w := open(t)
	mkcol := func(types string) string {
		return `<D:mkcol xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><D:resourcetype>` + types +
			`</D:resourcetype><D:displayname>Amt</D:displayname></D:prop></D:set></D:mkcol>`
	}
	res, answer := w.anna.do("MKCOL", "Kalender", mkcol("<D:collection/><C:calendar/>"), "Content-Type", "application/xml")
	if res.StatusCode != http.StatusForbidden || !strings.Contains(answer, "valid-resourcetype") {
		t.Errorf("a calendar in a drive: %s %s", res.Status, answer)
	}
	w.anna.want(http.StatusNotFound, "PROPFIND", "Kalender", "", "Depth", "0")
	w.anna.want(http.StatusCreated, "MKCOL", "Amt", mkcol("<D:collection/>"), "Content-Type", "application/xml")
	_, answer = w.anna.want(http.StatusMultiStatus, "PROPFIND", "Amt", "", "Depth", "0")
	if !strings.Contains(answer, ">Amt</") {
		t.Errorf("its displayname: %s", answer)
	}
}

// A drive is synchronised from token to token: what was put, moved and deleted, each once.
func TestSyncOfADrive(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.anna
		s.want(http.StatusCreated, "MKCOL", "Amt", "")
		s.want(http.StatusCreated, http.MethodPut, "Amt/a.txt", "a")
		s.want(http.StatusCreated, http.MethodPut, "b.txt", "b")
		token, found := w.sync(s, "")
		if len(found) != 3 {
			t.Errorf("at first: %v", found)
		}
		s.want(http.StatusCreated, "MOVE", "Amt", "", "Destination", s.url("Akten"))
		s.want(http.StatusNoContent, http.MethodDelete, "b.txt", "")
		s.want(http.StatusCreated, http.MethodPut, "Akten/c.txt", "c")
		token, found = w.sync(s, token)
		want := map[string]bool{"Amt": false, "b.txt": false, "Akten/": true, "Akten/a.txt": true, "Akten/c.txt": true}
		for path, there := range want {
			got, ok := found[path]
			if !ok && path == "Amt" {
				got, ok = found["Amt/"]
			}
			if !ok || got != there {
				t.Errorf("%s: there %v, said %v; want %v: %v", path, got, ok, there, found)
			}
		}
		if _, found = w.sync(s, token); len(found) != 0 {
			t.Errorf("nothing happened, but: %v", found)
		}
		// The trash is a place of its own: nothing of it shows in the drive's changes.
		for path := range found {
			if strings.Contains(path, "trash") {
				t.Errorf("%s is reported", path)
			}
		}
	})
}

// The same with writers at one time: all that is acknowledged is there, once.
func TestManyWritersOneDrive(t *testing.T) {
	w := open(t)
	s := w.anna
	s.want(http.StatusCreated, "MKCOL", "Amt", "")
	const writers, each = 8, 15
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for j := range each {
				path := fmt.Sprintf("Amt/%d-%d.txt", i, j)
				if res, _, err := s.try(http.MethodPut, path, path); err != nil || res.StatusCode != http.StatusCreated {
					t.Errorf("%s: %v, %v", path, res, err)
				}
				if j%3 == 0 {
					if res, _, err := s.try(http.MethodDelete, path, ""); err != nil || res.StatusCode != http.StatusNoContent {
						t.Errorf("DELETE %s: %v, %v", path, res, err)
					}
				}
			}
		})
	}
	all.Wait()
	_, list := s.want(http.StatusMultiStatus, "PROPFIND", "Amt", "", "Depth", "1")
	if n := len(hrefs(t, list)) - 1; n != writers*each*2/3 {
		t.Errorf("%d files are there, want %d", n, writers*each*2/3)
	}
	w.clean()
}
