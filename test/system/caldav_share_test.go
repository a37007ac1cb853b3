package system

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fachwerk/test/system/harness"
)

// A calendarShare is one person's calendars, as a client is told of them.
type calendarShare struct {
	t              *testing.T
	root           *url.URL // the server, where clients begin
	user, password string
	client         *http.Client
}

// calendarsOf are a person's calendars by the address that the demo tells scripts.
func calendarsOf(t *testing.T, d *harness.Demo, a harness.Account) *calendarShare {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.Data, "ready.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		CalDAV string `json:"caldav"`
	}
	if err := json.Unmarshal(text, &state); err != nil || state.CalDAV == "" {
		t.Fatalf("the demo's JSON has no caldav: %v", err)
	}
	at, err := url.Parse(state.CalDAV)
	if err != nil {
		t.Fatal(err)
	}
	s := &calendarShare{t: t, root: &url.URL{Scheme: at.Scheme, Host: at.Host, Path: "/"}, user: a.Address, password: a.AppPassword}
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: d.TLS(t)}}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// home is the path of the person's calendars.
func (s *calendarShare) home() string { return "/calendars/" + s.user + "/" }

// want sends a request and answers what came with the status that must.
func (s *calendarShare) want(status int, method, path, body string, fields ...string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.root.ResolveReference(&url.URL{Path: path}).String(), strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth(s.user, s.password)
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		s.t.Fatalf("%s %s: %s, want %d\n%.2000s", method, path, res.Status, status, text)
	}
	return string(text)
}

var anHref = regexp.MustCompile(`<D:href>([^<]*)</D:href>`)

// list answers the hrefs of a collection's members.
func (s *calendarShare) list(path string) []string {
	s.t.Helper()
	text := s.want(http.StatusMultiStatus, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`, "Depth", "1")
	var hrefs []string
	for _, m := range anHref.FindAllStringSubmatch(text, -1) {
		if href, err := url.PathUnescape(m[1]); err == nil && href != path {
			hrefs = append(hrefs, href)
		}
	}
	slices.Sort(hrefs)
	return hrefs
}

// having finds the member of a collection whose text has that in it, "" for none.
func (s *calendarShare) having(path, what string) (href, text string) {
	s.t.Helper()
	for _, href := range s.list(path) {
		if text := s.want(http.StatusOK, "GET", href, ""); strings.Contains(text, what) {
			return href, text
		}
	}
	return "", ""
}

// calendarEvent is an event of one hour.
func calendarEvent(uid, start, summary string) string {
	return strings.ReplaceAll(fmt.Sprintf(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//musterstadt.example//Test//DE
BEGIN:VEVENT
UID:%s
DTSTAMP:20261101T080000Z
DTSTART;TZID=Europe/Berlin:%s
DURATION:PT1H
SUMMARY:%s
END:VEVENT
END:VCALENDAR
`, uid, start, summary), "\n", "\r\n")
}
