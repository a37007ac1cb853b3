package webdav_test

import (
	"crypto/sha1"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/dav/webdav"
	"fachwerk/files"
	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// A world is a server with three people.
type world struct {
	t              *testing.T
	env            *davtest.Env
	anna, jan, eva *share
	trash          *share // Anna's
	bauamt         store.Account
}

func openOn(t *testing.T, e storetest.Engines) *world {
	t.Helper()
	env := davtest.Open(t, e, func(r *resourcetest.Env) []dav.Head {
		s := files.New(r.Service)
		return []dav.Head{webdav.NewFiles(s), webdav.NewTrash(s)}
	})
	w := &world{t: t, env: env}
	for local, s := range map[string]**share{"anna": &w.anna, "jan": &w.jan, "eva": &w.eva} {
		c := env.Client(t, local)
		*s = &share{t: t, base: env.URL + "/files/" + c.Address + "/", client: c, user: c.Address}
	}
	w.trash = &share{t: t, base: env.URL + "/trash/" + w.anna.user + "/", client: w.anna.client, user: w.anna.user}
	return w
}

// open makes a world on the embedded engines.
func open(t *testing.T) *world {
	t.Helper()
	return openOn(t, storetest.Embedded)
}

// each runs a test on both pairs of engines.
func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) { f(t, openOn(t, e)) })
	}
}

// clean fails the test where the store contradicts itself.
func (w *world) clean() {
	w.t.Helper()
	w.env.Sound(w.t)
}

// quota is what Anna may keep.
func (w *world) quota(bytes int64) {
	w.t.Helper()
	if err := w.env.Store().SetQuota(w.t.Context(), w.anna.client.Account.Key, bytes, 0); err != nil {
		w.t.Fatal(err)
	}
}

// team is the drive of an office: Anna may write, Jan may read, Eva has no grant.
func (w *world) team() *share {
	w.t.Helper()
	w.bauamt = w.env.Shared(w.t, store.Team, "bauamt")
	w.env.Grant(w.t, w.bauamt, w.anna.client.Principal, resource.Read|resource.Write)
	w.env.Grant(w.t, w.bauamt, w.jan.client.Principal, resource.Read)
	return &share{t: w.t, base: w.env.URL + "/files/" + w.bauamt.Address + "/", user: w.bauamt.Address}
}

// grantWrite lets another write there, too.
func (w *world) grantWrite(s *share) {
	w.t.Helper()
	w.env.Grant(w.t, w.bauamt, s.client.Principal, resource.Read|resource.Write)
}

// sync answers what changed since a token, by path in the drive: there or removed.
func (w *world) sync(s *share, token string) (next string, found map[string]bool) {
	w.t.Helper()
	_, text := s.want(http.StatusMultiStatus, "REPORT", "", `<D:sync-collection xmlns:D="DAV:"><D:sync-token>`+token+
		`</D:sync-token><D:sync-level>infinite</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`, "Depth", "0")
	m := (&davtest.Answer{Status: http.StatusMultiStatus, Body: text}).Multistatus(w.t)
	found = map[string]bool{}
	for _, r := range m.Responses {
		path, err := url.PathUnescape(strings.TrimPrefix(r.Href, "/files/"+s.user+"/"))
		if _, twice := found[path]; err != nil || twice {
			w.t.Errorf("%s is reported twice, or as nobody can read: %v", r.Href, err)
		}
		found[path] = r.Status == 0
	}
	return m.SyncToken, found
}

// A share is a drive, or its trash, as one person asks for it.
type share struct {
	t      *testing.T
	base   string
	user   string // whose it is
	client *davtest.Client
}

// as is the same drive asked for by another.
func (s *share) as(who *share) *share {
	return &share{t: s.t, base: s.base, user: s.user, client: who.client}
}

// home is the list of drives.
func (s *share) home() *share {
	return &share{t: s.t, base: s.client.URL + "/files/", user: s.user, client: s.client}
}

// url is where a path, encoded, lies.
func (s *share) url(path string) string { return s.base + path }

// request makes one with a body that streams.
func (s *share) request(method, path string, body io.Reader, fields ...string) *http.Request {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url(path), body)
	if err != nil {
		s.t.Fatal(err)
	}
	req.SetBasicAuth(s.client.Address, s.client.Password)
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	return req
}

// try sends a request; it may be called from any goroutine.
func (s *share) try(method, path, body string, fields ...string) (*http.Response, string, error) {
	a, err := s.client.Try(method, strings.TrimPrefix(s.url(path), s.client.URL), body, fields...)
	if err != nil {
		return nil, "", err
	}
	return &http.Response{StatusCode: a.Status, Status: http.StatusText(a.Status), Header: a.Header}, a.Body, nil
}

func (s *share) do(method, path, body string, fields ...string) (*http.Response, string) {
	s.t.Helper()
	res, text, err := s.try(method, path, body, fields...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res, text
}

// want is do where another status ends the test.
func (s *share) want(status int, method, path, body string, fields ...string) (*http.Response, string) {
	s.t.Helper()
	res, text := s.do(method, path, body, fields...)
	if res.StatusCode != status {
		s.t.Fatalf("%s %s: %d, want %d\n%.2000s", method, path, res.StatusCode, status, text)
	}
	return res, text
}

// hrefs are those of a multistatus.
func hrefs(t *testing.T, text string) (list []string) {
	t.Helper()
	for _, r := range (&davtest.Answer{Body: text}).Multistatus(t).Responses {
		list = append(list, r.Href)
	}
	return list
}

// find is the path, below the trash, of what was deleted under a name.
func find(t *testing.T, list, name string) string {
	t.Helper()
	for _, r := range (&davtest.Answer{Body: list}).Multistatus(t).Responses {
		if r.Text(dav.NamespaceNC, "trashbin-filename") == name {
			return strings.Join(strings.SplitAfterN(r.Href, "/", 4)[3:], "")
		}
	}
	t.Fatalf("%s is not in the trash: %s", name, list)
	return ""
}

func sha1Of(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// checksum is oc:checksums with a digest of text.
func checksum(algorithm, text string) string {
	sum := sha1Of(text)
	if algorithm != "SHA1" {
		sum = sum[:32] // of no content at all
	}
	return `<oc:checksums><oc:checksum>` + algorithm + `:` + sum + `</oc:checksum></oc:checksums>`
}
