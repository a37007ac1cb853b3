package importer

import (
	"context"
	"crypto/sha1" //nolint:gosec // what servers send
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/webdav"

	"fachwerk/internal/importing"
)

// serve has a WebDAV server give the desk's folder; before may answer in its place.
func (d *desk) serve(before func(w http.ResponseWriter, r *http.Request) bool) *Server {
	d.t.Helper()
	h := &webdav.Handler{FileSystem: webdav.Dir(d.folder), LockSystem: webdav.NewMemLS()}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before == nil || !before(w, r) {
			h.ServeHTTP(w, r)
		}
	}))
	d.t.Cleanup(s.Close)
	c, err := importing.NewClient(importing.Server{URL: s.URL, User: "anna", Password: "geheim"})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { c.Close() })
	return &Server{Client: c, User: "anna"}
}

func (d *desk) from(s *Server) (*importing.Report, error) {
	d.t.Helper()
	im := importing.New(d.Service, d.Store(), NewDomain(d.files), d.account, s, importing.Options{})
	plan, err := im.Plan(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return im.Run(d.t.Context(), plan)
}

// Transfers that break off, a server that is busy, a lying checksum and a file that
// goes between list and reading: what can be had comes whole, the rest is listed.
func TestAServerThatFails(t *testing.T) {
	d := newDesk(t)
	when := time.Unix(1_500_000_000, 0)
	text := strings.Repeat("Zeile\n", 100_000)
	for _, name := range []string{"bricht ab", "beschäftigt", "falsche Summe", "richtige Summe", "weg", "verboten/x", "gut"} {
		d.write(name, text, when)
	}
	var mu sync.Mutex
	asked := map[string]int{}
	s := d.serve(func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		asked[r.Method+r.URL.Path]++
		n := asked[r.Method+r.URL.Path]
		mu.Unlock()
		switch {
		case r.Method == "PROPFIND" && r.URL.Path == "/verboten/":
			w.WriteHeader(http.StatusForbidden)
		case r.Method != http.MethodGet:
			return false
		case r.URL.Path == "/bricht ab" && n < 3:
			w.Header().Set("Content-Length", fmt.Sprint(len(text)))
			fmt.Fprint(w, text[:1000*n])
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/beschäftigt" && n < 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/weg":
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Path == "/falsche Summe":
			w.Header().Set("OC-Checksum", "SHA1:"+strings.Repeat("00", 20))
			return false
		case r.URL.Path == "/richtige Summe":
			w.Header().Set("OC-Checksum", fmt.Sprintf("SHA1:%x", sha1.Sum([]byte(text)))) //nolint:gosec // the same
			return false
		default:
			return false
		}
		return true
	})
	r, err := d.from(s)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]importing.Code{}
	for _, f := range r.Failures {
		got[f.Name] = f.Code
	}
	if len(got) != 3 || got["weg"] != importing.AtSource || got["falsche Summe"] != importing.AtSource || got["verboten"] != importing.AtSource {
		t.Errorf("failures: %+v", r.Failures)
	}
	if c := r.Collections[0]; c.Imported != 5 || c.Verified != 5 {
		t.Errorf("%+v", c)
	}
	for _, name := range []string{"bricht ab", "beschäftigt", "richtige Summe", "gut"} {
		if c, i := d.find(name); i.ID == 0 || d.Body(t, c, i) != text || !i.Modified.Equal(when) {
			t.Errorf("%s is not whole, or of %v", name, i.Modified)
		}
	}
	for _, name := range []string{"falsche Summe", "weg", "verboten/x"} {
		if _, i := d.find(name); i.ID != 0 {
			t.Errorf("%s is here", name)
		}
	}
	d.Sound(t)
}

// A server that goes away ends the import; the next one goes on where it ended.
func TestAServerThatGoesAway(t *testing.T) {
	d := newDesk(t)
	const n = 30
	for i := range n {
		d.write(fmt.Sprintf("%02d.txt", i), strings.Repeat("x", i), time.Unix(1_500_000_000, 0))
	}
	var given atomic.Int32
	var away atomic.Bool
	away.Store(true)
	s := d.serve(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && given.Add(1) > 10 && away.Load() {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	if _, err := d.from(s); err == nil {
		t.Fatal("the source is away, and nobody tells")
	}
	away.Store(false)
	r, err := d.from(s)
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Collections[0]; !r.Complete() || c.Verified != n || c.Present != 10 || c.Imported != n-10 {
		t.Errorf("%+v %+v", c, r.Failures)
	}
	d.Sound(t)
}

// A tree that leads in a circle, or goes down without end, ends.
func TestATreeWithoutEnd(t *testing.T) {
	d := newDesk(t)
	s := d.serve(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "PROPFIND" {
			return false
		}
		at := strings.TrimSuffix(r.URL.Path, "/") + "/"
		w.WriteHeader(http.StatusMultiStatus)
		fmt.Fprint(w, `<multistatus xmlns="DAV:">`)
		hrefs := []string{at, at + "tiefer/", "/", at + "../"}
		if r.Header.Get("Depth") == "0" {
			hrefs = hrefs[:1]
		}
		for _, href := range hrefs {
			fmt.Fprintf(w, `<response><href>%s</href><propstat><prop><resourcetype><collection/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat></response>`, href)
		}
		fmt.Fprint(w, `</multistatus>`)
		return true
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	list, err := s.Collections(ctx)
	if err != nil {
		t.Fatal(err)
	}
	entries, failures, err := s.List(ctx, &list[0])
	if err != nil || len(entries) == 0 || len(entries) > 2*maxDepth || len(failures) == 0 {
		t.Errorf("%d entries, %d failures, %v", len(entries), len(failures), err)
	}
}

// A folder that is exchanged for a link while it is read leads nowhere.
func TestALinkInPlaceOfAFile(t *testing.T) {
	d := newDesk(t)
	d.write("Ordner/passwd", "harmlos", time.Unix(1_500_000_000, 0))
	f, err := OpenFolder(d.folder)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := f.Collections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, _, err := f.List(t.Context(), &c[0])
	if err != nil || len(entries) != 2 {
		t.Fatalf("%+v %v", entries, err)
	}
	folder := filepath.Join(d.folder, "Ordner")
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", folder); err != nil {
		t.Fatal(err)
	}
	if content, err := f.Open(t.Context(), &c[0], &entries[1]); err == nil {
		content.Body.Close()
		t.Error("a link out of the folder was followed")
	}
}
