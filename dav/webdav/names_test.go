package webdav_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"fachwerk/files"
	"fachwerk/internal/resource"
)

// Composed or decomposed, it is one file; it is listed composed.
func TestNamesInBothNormalForms(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.anna
		const nfc, nfd = "%C3%9Cbersicht.odt", "U%CC%88bersicht.odt"
		s.want(http.StatusCreated, http.MethodPut, nfd, "erste")
		if _, got := s.want(http.StatusOK, http.MethodGet, nfc, ""); got != "erste" {
			t.Errorf("by its composed name it is %q", got)
		}
		s.want(http.StatusPreconditionFailed, http.MethodPut, nfc, "zweite", "If-None-Match", "*")
		s.want(http.StatusNoContent, http.MethodPut, nfc, "zweite")
		s.want(http.StatusMethodNotAllowed, "MKCOL", nfd, "")
		if _, got := s.want(http.StatusOK, http.MethodGet, nfd, ""); got != "zweite" {
			t.Errorf("by its decomposed name it is %q", got)
		}
		_, list := s.want(http.StatusMultiStatus, "PROPFIND", "", "", "Depth", "1")
		if strings.Count(list, "bersicht.odt</D:href>") != 1 || !strings.Contains(list, nfc) {
			t.Errorf("listed: %s", list)
		}
		// Destinations likewise, and folders on the way.
		s.want(http.StatusCreated, "MKCOL", "A%CC%88mter", "")
		s.want(http.StatusCreated, "MOVE", nfd, "", "Destination", s.url("%C3%84mter/"+nfd))
		s.want(http.StatusOK, http.MethodGet, "A%CC%88mter/"+nfc, "")
	})
}

// Names are kept as they are, but for their form: case counts, and Windows' rules
// are not ours.
func TestNamesAreKept(t *testing.T) {
	each(t, namesAreKept)
}

func namesAreKept(t *testing.T, w *world) {
	s := w.anna
	names := []string{
		"Plan.pdf", "plan.pdf", "CON", "nul.txt", "a:b", `a\b`, "<a>", `"a"`, "a|b", "a?b", "a*b", "Ende.", "Ende ", " Anfang",
		"100%", "%2F", "%", "a+b", "a&b", "a;b=c", "#1", "a'b", "日本語", "🗂️", "~", "...", ".a", "\u202atext", strings.Repeat("ü", 127),
	}
	for _, name := range names {
		s.want(http.StatusCreated, http.MethodPut, url.PathEscape(name), "Inhalt von "+name)
	}
	_, list := s.want(http.StatusMultiStatus, "PROPFIND", "", "", "Depth", "1")
	listed := map[string]bool{}
	for _, href := range hrefs(t, list) {
		name, err := url.PathUnescape(href[strings.LastIndex(href, "/")+1:])
		if err != nil {
			t.Errorf("%s: %v", href, err)
		}
		listed[name] = true
	}
	for _, name := range names {
		if !listed[name] {
			t.Errorf("%q is not listed", name)
		}
		if _, got := s.want(http.StatusOK, http.MethodGet, url.PathEscape(name), ""); got != "Inhalt von "+name {
			t.Errorf("%q holds %q", name, got)
		}
	}
}

// What cannot be a name is refused with a sentence, wherever it stands.
func TestNamesRefusedOverHTTP(t *testing.T) {
	w := open(t)
	s := w.anna
	s.want(http.StatusCreated, http.MethodPut, "da.txt", "da")
	for _, path := range []string{
		"a%00b", "a%0Ab", "a%1Fb", "a%7Fb", "a%C2%85b", "a%2Fb", "%FF", "a%C3",
		strings.Repeat("a", 256), strings.Repeat("%C3%BC", 128), "..%2Fb", "%2E%2E%2Fb",
	} {
		for _, c := range []struct{ method, path, destination string }{
			{http.MethodPut, path, ""}, {"MKCOL", path, ""}, {"COPY", "da.txt", path}, {"MOVE", "da.txt", path},
		} {
			var fields []string
			if c.destination != "" {
				fields = []string{"Destination", s.url(c.destination)}
			}
			res, why := s.do(c.method, c.path, "", fields...)
			switch {
			case len(why) < 10:
				t.Errorf("%s %.40s %.40s: no sentence", c.method, c.path, c.destination)
			case res.StatusCode == http.StatusRequestURITooLong && len(path) > 255:
			case res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusForbidden:
				t.Errorf("%s %.40s %.40s: %s %q", c.method, c.path, c.destination, res.Status, why)
			}
		}
	}
	if _, got := s.want(http.StatusOK, http.MethodGet, "da.txt", ""); got != "da" {
		t.Errorf("da.txt holds %q", got)
	}
	// A long path is refused, too.
	deep := ""
	for range 20 {
		deep += strings.Repeat("d", 200) + "/"
		s.want(http.StatusCreated, "MKCOL", deep, "")
	}
	if res, why := s.do("MKCOL", deep+strings.Repeat("d", 200), ""); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a path of 4,220 bytes: %s %q", res.Status, why)
	}
}

// A folder of many pages lists each name once, in whatever order an engine's own idea of
// text would have them; mixed scripts and cases are where that shows.
func TestLargeFolderListsEachOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.anna
		c, err := files.New(w.env.Service).Drive(t.Context(), s.client.Account)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for i := range 800 {
			prefix := []string{"a", "A", "ä", "Ä", "_", "-", " ", "z", "Z", "日", "🗂", "1", "10", "é"}[i%14]
			want[fmt.Sprintf("%s%d.txt", prefix, i)] = true
		}
		var all errgroup.Group
		all.SetLimit(16)
		for name := range want {
			all.Go(func() error {
				d, err := files.New(w.env.Service).Receive(t.Context(), s.client.Account, files.Upload{Body: strings.NewReader(name), Size: -1})
				if err == nil {
					_, err = w.env.Put(t.Context(), resource.Place{Collection: c, Parent: resource.Root, Name: name}, d, resource.Guard{})
				}
				return err
			})
		}
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		_, list := s.want(http.StatusMultiStatus, "PROPFIND", "", "", "Depth", "1")
		seen := map[string]bool{}
		for _, href := range hrefs(t, list)[1:] {
			name, err := url.PathUnescape(href[strings.LastIndex(href, "/")+1:])
			if err != nil || seen[name] || !want[name] {
				t.Errorf("%s: twice %v, wanted %v, %v", href, seen[name], want[name], err)
			}
			seen[name] = true
		}
		if len(seen) != len(want) {
			t.Errorf("%d of %d are listed", len(seen), len(want))
		}
	})
}
