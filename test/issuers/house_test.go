package issuers

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// audience is the name of the services at every issuer.
const audience = "urn:fachwerk:services"

const (
	allScopes    = "mail.read mail.send calendar contacts files"
	clientSecret = "a secret of the portal"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A house is a running server with the demo's tenant and others.
type house struct {
	*harness.Demo
	first string // the demo's tenant
	site  string
}

func start(t *testing.T, e harness.Engines) *house {
	t.Helper()
	h := &house{Demo: harness.Start(t, harness.Options{Engines: e, Env: []string{"FACHWERK_OIDC_OPERATOR_GROUP=operators", "FACHWERK_OIDC_ADMIN_GROUP=admins of {tenant}"}})}
	var tenants []struct{ Name, Site string }
	must(t, json.Unmarshal([]byte(h.Command(t, "tenant", "list", "--json")), &tenants))
	h.first, h.site = tenants[0].Name, tenants[0].Site
	return h
}

// A bound issuer is what the command line says of it.
type boundIssuer struct {
	Redirect    string `json:"redirect_uri"`
	BackChannel string `json:"back_channel_logout_uri"`
}

// town makes a tenant with an issuer of its own.
func (h *house) town(t *testing.T, name, domain, issuer, adminGroup string) (b boundIssuer) {
	t.Helper()
	h.Command(t, "tenant", "create", name, "--site", h.site)
	h.Command(t, "domain", "add", domain, "--tenant", name)
	out, errs, err := h.Try(t, clientSecret+"\n", "issuer", "bind", issuer, "--tenant", name, "--client-id", "portal",
		"--client-secret-file", "-", "--audience", audience, "--admin-group", adminGroup, "--json")
	if err != nil {
		t.Fatalf("issuer bind: %v\n%s%s", err, out, errs)
	}
	must(t, json.Unmarshal([]byte(out), &b))
	return b
}

// groups are those that the server knows a person to be in.
func (h *house) groups(t *testing.T, address string) (list []string) {
	t.Helper()
	must(t, json.Unmarshal([]byte(h.Command(t, "group", "list", address, "--json")), &list))
	return list
}

// login is where somebody of a tenant begins to sign in.
func (h *house) login(tenant string) string {
	return h.Portal + "/login?" + url.Values{"tenant": {tenant}, "return": {"/devices"}}.Encode()
}

// A browser keeps cookies, follows redirects and fills in forms.
type browser struct {
	t *testing.T
	c *http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t: t, c: &http.Client{Jar: jar, Timeout: time.Minute}}
}

// page is what a browser shows in the end.
type page struct {
	status int
	url    *url.URL
	text   string
}

func (b *browser) read(res *http.Response, err error) page {
	b.t.Helper()
	must(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(b.t, err)
	if _, onward, ok := strings.Cut(res.Header.Get("Refresh"), "0;url="); ok {
		return b.get(onward)
	}
	return page{res.StatusCode, res.Request.URL, string(text)}
}

func (b *browser) get(address string) page {
	b.t.Helper()
	return b.read(b.c.Get(address))
}

var (
	forms  = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	inputs = regexp.MustCompile(`<input[^>]*>`)
)

// fill sends the first form that has a field of that name.
func (b *browser) fill(p page, field string, values map[string]string) page {
	b.t.Helper()
	for _, f := range forms.FindAllStringSubmatch(p.text, -1) {
		if !strings.Contains(f[2], `name="`+field+`"`) {
			continue
		}
		form := url.Values{}
		for _, in := range inputs.FindAllString(f[2], -1) {
			form.Set(attribute(in, "name"), attribute(in, "value"))
		}
		for k, v := range values {
			form.Set(k, v)
		}
		to, err := p.url.Parse(html.UnescapeString(f[1]))
		must(b.t, err)
		return b.read(b.c.PostForm(to.String(), form))
	}
	b.t.Fatalf("%s has no form with %q:\n%s", p.url, field, p.text)
	return page{}
}

func attribute(tag, name string) string {
	_, rest, _ := strings.Cut(tag, " "+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(value)
}

// signedIn reports whether the portal knows the browser.
func (b *browser) signedIn(portal string) bool {
	b.t.Helper()
	return strings.Contains(b.get(portal+"/").text, `action="/logout"`)
}

// independent runs npm oidc-provider, at which the login name is the subject.
func independent(t *testing.T, o map[string]any) (issuer string) {
	t.Helper()
	folder := filepath.Join(harness.Root(), "test", "oidc")
	if _, err := fs.Stat(os.DirFS(folder), "node_modules/oidc-provider"); err != nil {
		need.Missing(t, "the independent OpenID provider is not there: run npm ci in test/oidc")
	}
	o["host"], o["hold"], o["resource"] = "127.0.0.2", true, audience
	options, err := json.Marshal(o)
	must(t, err)
	cmd := exec.Command(need.Program(t, "node"), "provider.mjs", string(options))
	cmd.Dir, cmd.Stderr = folder, t.Output()
	stdin, err := cmd.StdinPipe() // its end ends the program
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	})
	var ready struct{ Issuer string }
	if err := json.NewDecoder(stdout).Decode(&ready); err != nil {
		t.Fatal(fmt.Errorf("the provider does not start: %w", err))
	}
	return ready.Issuer
}
