package caldav_test

import (
	"encoding/xml"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
)

// corpus answers files below a folder of the corpus by path; false: there is none.
func corpus(t *testing.T, folder string, take func(path string) bool) (map[string][]byte, bool) {
	t.Helper()
	dir, ok := need.Corpus(t)
	if !ok {
		return nil, false
	}
	files := map[string][]byte{}
	root := filepath.Join(dir, folder)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !take(path) {
			return err
		}
		data, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, root)] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, true
}

var preconditionOf = regexp.MustCompile(`<C:([a-z-]+)`)

// Each calendar is stored and comes back byte for byte, by GET and by REPORT, or it is
// refused with a precondition and a sentence.
func TestCorpusObjects(t *testing.T) {
	files, ok := corpus(t, "ics", func(path string) bool {
		return !strings.HasPrefix(filepath.Base(path), "LICENSE") && !strings.HasSuffix(path, ".ref")
	})
	if !ok {
		files = map[string][]byte{
			"folded": []byte(event("f", "DTSTART:20260112T090000Z\nSUMMARY:"+strings.Repeat("lang ", 10)+"\n  weiter\n")),
			"LF":     []byte(strings.ReplaceAll(event("lf", "DTSTART:20260112T090000Z\nX-ODD;X=\"^n\":a\\b\n"), "\r\n", "\n")),
			"bad":    []byte("BEGIN:VEVENT\r\nEND:VEVENT\r\n"),
		}
	}
	d := open(t)
	d.Propfind(t, d.home, "1", "<D:displayname/>")
	stored, refusals := 0, map[string]int{}
	path := d.first() + "object.ics"
	for name, data := range files {
		began := time.Now()
		a := d.Do(t, "PUT", path, string(data), "Content-Type", "text/calendar")
		if a.Status == http.StatusForbidden {
			m := preconditionOf.FindStringSubmatch(a.Body)
			if m == nil || !strings.Contains(a.Body, "</error-description>") && !strings.Contains(a.Body, ".") {
				t.Errorf("%s: refused without a reason: %s", name, a.Body)
				continue
			}
			refusals[m[1]]++
			continue
		}
		if a.Status != http.StatusCreated {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
			continue
		}
		stored++
		if got := d.Want(t, http.StatusOK, "GET", path, ""); got.Body != string(data) {
			t.Errorf("%s does not come back by GET", name)
		}
		if got := d.Want(t, http.StatusMultiStatus, "REPORT", path, body("C:calendar-multiget", getData+"<D:href>"+path+"</D:href>"), "Depth", "0"); dataIn(t, got.Body) != xmlText(string(data)) {
			t.Errorf("%s does not come back by REPORT", name)
		}
		d.Want(t, http.StatusMultiStatus, "REPORT", d.first(), body("C:calendar-query",
			`<D:prop><C:calendar-data><C:expand start="20060101T000000Z" end="20070101T000000Z"/></C:calendar-data></D:prop>`+events(span("20060101T000000Z", "20070101T000000Z"))), "Depth", "1")
		d.Want(t, http.StatusNoContent, "DELETE", path, "")
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	t.Logf("%d stored; refused: %v", stored, refusals)
	if stored == 0 {
		t.Error("none was stored")
	}
	d.Sound(t)
}

// dataIn is the character data of the one calendar-data of an answer.
func dataIn(t *testing.T, answer string) string {
	t.Helper()
	var m struct {
		Data string `xml:"response>propstat>prop>calendar-data"`
	}
	if err := xml.Unmarshal([]byte(answer), &m); err != nil {
		t.Fatal(err)
	}
	return m.Data
}

// xmlText is text as XML can hold it: control characters cannot be written (XML 1.0
// section 2.2).
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff {
			return 0xfffd
		}
		return r
	}, s)
}

// Each body that real clients and testers send is answered, never by a fault.
func TestCorpusBodies(t *testing.T) {
	files, ok := corpus(t, "dav", func(path string) bool { return strings.HasSuffix(path, ".xml") })
	if !ok {
		files = map[string][]byte{"a.xml": []byte(body("C:calendar-query", getData+events("")))}
	}
	d := open(t)
	d.put(t, d.first(), "1", event("1", "DTSTART:20260112T090000Z\nRRULE:FREQ=DAILY\n"))
	methods := map[string]string{
		"propfind": "PROPFIND", "propertyupdate": "PROPPATCH", "mkcalendar": "MKCALENDAR", "mkcol": "MKCOL", "lockinfo": "LOCK", "acl": "ACL",
	}
	statuses := map[string]int{}
	n := 0
	for name, data := range files {
		root := rootOf(data)
		method := methods[root]
		if method == "" {
			method = "REPORT"
		}
		text := fill(string(data), d)
		for _, path := range []string{d.first(), d.first() + "1.ics", d.home, "/"} {
			if method == "MKCALENDAR" || method == "MKCOL" {
				path = fmt.Sprintf("%snew%d/", d.home, n)
			}
			n++
			a := d.Do(t, method, path, text, "Depth", "1", "Content-Type", "text/xml; charset=utf-8")
			statuses[fmt.Sprint(method, " ", a.Status)]++
			if a.Status >= 500 && a.Status != http.StatusInsufficientStorage {
				t.Errorf("%s: %s %s: %d %.500s", name, method, path, a.Status, a.Body)
			}
			if a.Status >= 400 && len(a.Body) == 0 {
				t.Errorf("%s: %s %s: %d without a word", name, method, path, a.Status)
			}
		}
	}
	t.Logf("%d requests: %v", n, statuses)
}

func rootOf(data []byte) string {
	d := xml.NewDecoder(strings.NewReader(string(data)))
	for {
		token, err := d.RawToken()
		if err != nil {
			return ""
		}
		if s, ok := token.(xml.StartElement); ok {
			return s.Name.Local
		}
	}
}

var placeholder = regexp.MustCompile(`\$[a-z0-9]+:|%\([a-z_]+\)s`)

// fill puts something that is there in place of the corpus's placeholders.
func fill(text string, d *desk) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		switch {
		case strings.Contains(p, "path") || strings.Contains(p, "href"):
			return strings.TrimSuffix(d.first(), "/")
		case strings.Contains(p, "user") || strings.Contains(p, "email"):
			return url.PathEscape(d.Address)
		}
		return "1"
	})
}
