package portaltest

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// visitor is a browser without a screen: it keeps cookies, follows redirects and
// sends forms.
type visitor struct {
	t    *testing.T
	h    *house
	http *http.Client
}

type answer struct {
	*http.Response
	body string
}

func newVisitor(t *testing.T, h *house) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &visitor{t, h, &http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

// stop is the same browser, following no redirect.
func (v *visitor) stop() *visitor {
	c := *v.http
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{v.t, v.h, &c}
}

func (v *visitor) url(path string) string {
	if strings.HasPrefix(path, "/") {
		return v.h.portal + path
	}
	return path
}

func (v *visitor) do(r *http.Request) answer {
	v.t.Helper()
	resp, err := v.http.Do(r)
	must(v.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	must(v.t, err)
	return answer{resp, string(b)}
}

func (v *visitor) request(method, path string, form url.Values) *http.Request {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url(path), strings.NewReader(form.Encode()))
	must(v.t, err)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func (v *visitor) get(path string) answer {
	v.t.Helper()
	return v.do(v.request(http.MethodGet, path, nil))
}

// post sends a form with the token of a page of this session, and others that a
// test names.
func (v *visitor) post(path string, form url.Values) answer {
	v.t.Helper()
	form = maps.Clone(form)
	if form == nil {
		form = url.Values{}
	}
	if !form.Has("token") {
		form.Set("token", v.token())
	}
	return v.do(v.request(http.MethodPost, path, form))
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([a-z]+)" value="([^"]*)">`)

func (v *visitor) token() string {
	v.t.Helper()
	for _, m := range hidden.FindAllStringSubmatch(v.get("/devices").body, -1) {
		if m[1] == "token" {
			return html.UnescapeString(m[2])
		}
	}
	v.t.Fatal("the page has no form")
	return ""
}

// login fills in the provider's page.
func (v *visitor) login(page answer, address string) answer {
	v.t.Helper()
	if !strings.Contains(page.body, `type="password"`) {
		v.t.Fatalf("no password is asked for: %s %s", page.Request.URL, page.body)
	}
	form := url.Values{"address": {address}, "password": {password}}
	for _, m := range hidden.FindAllStringSubmatch(page.body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	return v.do(v.request(http.MethodPost, v.h.issuer+"/login", form))
}

func (v *visitor) signIn(address string) {
	v.t.Helper()
	if end := v.login(v.get("/login?return=/"), address); end.Request.URL.Path != "/" || !strings.Contains(end.body, address) {
		v.t.Fatalf("signing in ended at %s: %s", end.Request.URL, end.body)
	}
}

// onward follows a page that goes on.
func (v *visitor) onward(a answer) string {
	v.t.Helper()
	target, ok := strings.CutPrefix(a.Header.Get("Refresh"), "0;url=")
	if a.StatusCode != http.StatusOK || !ok || !strings.Contains(a.body, `href="`+html.EscapeString(target)+`"`) {
		v.t.Fatalf("no page that goes on: %d %q %s", a.StatusCode, a.Header.Get("Refresh"), a.body)
	}
	return target
}
