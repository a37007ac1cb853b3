package system

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

// A davUser asks the DAV origin as one person. Paths are absolute and decoded.
type davUser struct {
	origin string // "http://127.0.0.3:port"
	harness.Account
	client *http.Client
}

// A davAnswer was read to its end.
type davAnswer struct {
	Status int
	Header http.Header
	Body   string
}

func davUserOf(t *testing.T, d *harness.Demo, a harness.Account) *davUser {
	t.Helper()
	u := &davUser{origin: d.HTTP, Account: a, client: &http.Client{
		Timeout:       3 * time.Minute,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(u.client.CloseIdleConnections)
	return u
}

// url encodes a path.
func (u *davUser) url(path string) string { return u.origin + (&url.URL{Path: path}).EscapedPath() }

// send sends a body as it comes; fields are names and values in turn.
func (u *davUser) send(ctx context.Context, method, path string, body io.Reader, fields ...string) (davAnswer, error) {
	req, err := http.NewRequestWithContext(ctx, method, u.url(path), body)
	if err != nil {
		return davAnswer{}, err
	}
	req.SetBasicAuth(u.Address, u.AppPassword)
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := u.client.Do(req)
	if err != nil {
		return davAnswer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return davAnswer{res.StatusCode, res.Header, string(text)}, err
}

// try is send of a text that may fail.
func (u *davUser) try(ctx context.Context, method, path, body string, fields ...string) (davAnswer, error) {
	return u.send(ctx, method, path, strings.NewReader(body), fields...)
}

// do is try where an error of the network ends the test.
func (u *davUser) do(t *testing.T, method, path, body string, fields ...string) davAnswer {
	t.Helper()
	a, err := u.try(t.Context(), method, path, body, fields...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// want is do where another status ends the test.
func (u *davUser) want(t *testing.T, status int, method, path, body string, fields ...string) davAnswer {
	t.Helper()
	a := u.do(t, method, path, body, fields...)
	if a.Status != status {
		t.Fatalf("%s %s as %s: %d, want %d\n%.1000s", method, path, u.Address, a.Status, status, a.Body)
	}
	return a
}

// drive, calendars and books are the person's homes.
func (u *davUser) drive() string     { return "/files/" + u.Address + "/" }
func (u *davUser) calendars() string { return "/calendars/" + u.Address + "/" }
func (u *davUser) books() string     { return "/addressbooks/" + u.Address + "/" }

// A davMember is one response of a multistatus.
type davMember struct {
	Path   string // decoded, without the slash of a collection
	Status int    // 0: it has properties
	Folder bool
	ETag   string
	Token  string // its DAV:sync-token
}

const davProperties = `<prop><resourcetype/><getetag/><sync-token/></prop>`

// propfind lists a collection, itself first.
func (u *davUser) propfind(t *testing.T, path, depth string) []davMember {
	t.Helper()
	a := u.want(t, http.StatusMultiStatus, "PROPFIND", path, `<propfind xmlns="DAV:">`+davProperties+`</propfind>`, "Depth", depth)
	list, _ := davMembers(t, a.Body)
	return list
}

func syncBody(token string) string {
	return `<sync-collection xmlns="DAV:"><sync-token>` + token + `</sync-token><sync-level>infinite</sync-level>` +
		davProperties + `</sync-collection>`
}

// sync asks for the changes since a token.
func (u *davUser) sync(t *testing.T, path, token string) (list []davMember, next string) {
	t.Helper()
	return davMembers(t, u.want(t, http.StatusMultiStatus, "REPORT", path, syncBody(token), "Depth", "0").Body)
}

func davMembers(t *testing.T, text string) (list []davMember, token string) {
	t.Helper()
	var w struct {
		Responses []struct {
			Href     string `xml:"DAV: href"`
			Status   string `xml:"DAV: status"`
			Propstat []struct {
				Status string `xml:"DAV: status"`
				Prop   struct {
					Type struct {
						Collection *struct{} `xml:"DAV: collection"`
					} `xml:"DAV: resourcetype"`
					ETag  string `xml:"DAV: getetag"`
					Token string `xml:"DAV: sync-token"`
				} `xml:"DAV: prop"`
			} `xml:"DAV: propstat"`
		} `xml:"DAV: response"`
		Token string `xml:"DAV: sync-token"`
	}
	if err := xml.Unmarshal([]byte(text), &w); err != nil {
		t.Fatalf("no multistatus: %v\n%.1000s", err, text)
	}
	for _, r := range w.Responses {
		path, err := url.PathUnescape(r.Href)
		if err != nil {
			t.Fatalf("href %q: %v", r.Href, err)
		}
		m := davMember{Path: strings.TrimSuffix(path, "/")}
		if r.Status != "" {
			if _, err := fmt.Sscanf(r.Status, "HTTP/1.1 %d", &m.Status); err != nil {
				t.Fatalf("status %q: %v", r.Status, err)
			}
		}
		for _, p := range r.Propstat {
			if strings.Contains(p.Status, " 200 ") {
				m.Folder, m.ETag, m.Token = p.Prop.Type.Collection != nil, p.Prop.ETag, p.Prop.Token
			}
		}
		list = append(list, m)
	}
	return list, w.Token
}

// tokenOf is the sync-token of a collection.
func (u *davUser) tokenOf(t *testing.T, path string) string {
	t.Helper()
	token := u.propfind(t, path, "0")[0].Token
	if token == "" {
		t.Fatalf("%s has no sync-token", path)
	}
	return token
}

// tree lists all below a drive's folder, or the members of a calendar or address
// book.
func (u *davUser) tree(t *testing.T, path string) map[string]davMember {
	t.Helper()
	out := map[string]davMember{}
	var walk func(string)
	walk = func(at string) {
		for _, m := range u.propfind(t, at, "1")[1:] {
			out[m.Path] = m
			if m.Folder {
				walk(m.Path + "/")
			}
		}
	}
	walk(path)
	return out
}

// nothingLeft wants the spool empty and, on a directory, nothing but whole objects
// where the sweep looks for those that no row names.
func nothingLeft(t *testing.T, d *harness.Demo) {
	t.Helper()
	left := func() (list []string) {
		for _, folder := range []string{"spool", "blobs/.tmp"} {
			entries, err := os.ReadDir(filepath.Join(d.Data, folder))
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			for _, e := range entries {
				list = append(list, folder+"/"+e.Name())
			}
		}
		return list
	}
	for end := time.Now().Add(time.Minute); len(left()) > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("left behind: %v", left())
			return
		}
	}
	blobs := filepath.Join(d.Data, "blobs")
	err := filepath.WalkDir(blobs, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(blobs, path)
		if rel = filepath.ToSlash(rel); rel == "0/00000000/mark" {
			return nil // says whose all others are (docs/decisions/0013)
		}
		parts := strings.Split(rel, "/")
		if len(parts) != 3 || len(parts[1]) != len("20261122") || len(parts[2]) != 32 {
			t.Errorf("%s is no object that the sweep would find", rel)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
}
