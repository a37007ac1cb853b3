package thunderbird

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

// A dav is one person at the server, beside Thunderbird.
type dav struct {
	t      *testing.T
	origin string
	harness.Account
}

// do sends a request and answers the status and the body.
func (d *dav) do(method, path, body string) (int, string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.origin+(&url.URL{Path: path}).EscapedPath(), strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	req.SetBasicAuth(d.Address, d.AppPassword)
	if method == "PROPFIND" {
		req.Header.Set("Depth", "1")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, string(text)
}

// want is do with the status that must come.
func (d *dav) want(status int, method, path, body string) string {
	d.t.Helper()
	got, text := d.do(method, path, body)
	if got != status {
		d.t.Fatalf("%s %s: %d, want %d\n%.2000s", method, path, got, status, text)
	}
	return text
}

// get answers a resource's lines, unfolded, without the zones, which are long.
func (d *dav) get(path string) string {
	d.t.Helper()
	return plain(d.want(http.StatusOK, http.MethodGet, path, ""))
}

func plain(text string) string {
	return zone.ReplaceAllString(strings.ReplaceAll(text, "\r\n ", ""), "")
}

var zone = regexp.MustCompile(`(?s)BEGIN:VTIMEZONE\r\n.*?END:VTIMEZONE\r\n`)

var member = regexp.MustCompile(`<D:href>([^<]*[^/<])</D:href>`)

// with finds the members of a collection that contain a text.
func (d *dav) with(collection, text string) (paths, contents []string) {
	d.t.Helper()
	list := d.want(http.StatusMultiStatus, "PROPFIND", collection, `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`)
	for _, m := range member.FindAllStringSubmatch(list, -1) {
		path, err := url.PathUnescape(m[1])
		if err != nil {
			d.t.Fatal(err)
		}
		status, content := d.do(http.MethodGet, path, "")
		if content = plain(content); status == http.StatusOK && strings.Contains(content, text) { // it may just have gone
			paths, contents = append(paths, path), append(contents, content)
		}
	}
	return paths, contents
}

// arrives waits until exactly one member contains the text, and answers it.
func (d *dav) arrives(collection, text string) (path, content string) {
	d.t.Helper()
	harness.Eventually(d.t, 20*time.Second, text+" is in "+collection, func() bool {
		paths, contents := d.with(collection, text)
		if len(paths) != 1 {
			return false
		}
		path, content = paths[0], contents[0]
		return true
	})
	return path, content
}

// leaves waits until no member contains the text.
func (d *dav) leaves(collection, text string) {
	d.t.Helper()
	harness.Eventually(d.t, 20*time.Second, text+" is gone from "+collection, func() bool {
		paths, _ := d.with(collection, text)
		return len(paths) == 0
	})
}
