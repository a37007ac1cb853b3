package replicas

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A dav asks one replica's DAV origin as one person.
type dav struct {
	origin string
	who    harness.Account
	client *http.Client
}

func davOf(t testing.TB, r *replica, who harness.Account) *dav {
	t.Helper()
	d := &dav{origin: r.HTTP, who: who, client: &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	t.Cleanup(d.client.CloseIdleConnections)
	return d
}

// answer was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

func (d *dav) try(method, path, body string, fields ...string) (answer, error) {
	req, err := http.NewRequest(method, d.origin+(&url.URL{Path: path}).EscapedPath(), strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	// The name that is asked for is the public one, whoever answers.
	req.SetBasicAuth(d.who.Address, d.who.AppPassword)
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := d.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(text)}, err
}

// want ends the test on another status.
func (d *dav) want(t testing.TB, status int, method, path, body string, fields ...string) answer {
	t.Helper()
	a, err := d.try(method, path, body, fields...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	if a.status != status {
		t.Fatalf("%s %s: %d, want %d\n%.1000s", method, path, a.status, status, a.body)
	}
	return a
}

func (d *dav) drive() string     { return "/files/" + d.who.Address + "/" }
func (d *dav) calendars() string { return "/calendars/" + d.who.Address + "/" }

// token is the sync-token of a collection.
func (d *dav) token(t testing.TB, path string) string {
	t.Helper()
	a := d.want(t, http.StatusMultiStatus, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`, "Depth", "0")
	_, rest, _ := strings.Cut(a.body, "sync-token>")
	token, _, ok := strings.Cut(rest, "<")
	if !ok || token == "" {
		t.Fatalf("%s has no sync-token: %s", path, a.body)
	}
	return token
}

// changed are the paths that changed since a token, with "gone" for those that went.
func (d *dav) changed(t testing.TB, path, token string) map[string]string {
	t.Helper()
	a := d.want(t, http.StatusMultiStatus, "REPORT", path, `<sync-collection xmlns="DAV:"><sync-token>`+token+
		`</sync-token><sync-level>infinite</sync-level><prop><getetag/></prop></sync-collection>`, "Depth", "0")
	return multistatus(t, a.body)
}

// members are the paths of a collection's members with their ETags.
func (d *dav) members(t testing.TB, path string) map[string]string {
	t.Helper()
	a := d.want(t, http.StatusMultiStatus, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`, "Depth", "1")
	list := multistatus(t, a.body)
	delete(list, path)
	return list
}

func multistatus(t testing.TB, text string) map[string]string {
	t.Helper()
	var w struct {
		Responses []struct {
			Href     string `xml:"DAV: href"`
			Status   string `xml:"DAV: status"`
			Propstat []struct {
				ETag string `xml:"DAV: prop>getetag"`
			} `xml:"DAV: propstat"`
		} `xml:"DAV: response"`
	}
	if err := xml.Unmarshal([]byte(text), &w); err != nil {
		t.Fatalf("no multistatus: %v\n%.500s", err, text)
	}
	out := map[string]string{}
	for _, r := range w.Responses {
		path, err := url.PathUnescape(r.Href)
		must(t, err)
		out[path] = "gone"
		if !strings.Contains(r.Status, " 404 ") && len(r.Propstat) > 0 {
			out[path] = r.Propstat[0].ETag
		}
	}
	return out
}
