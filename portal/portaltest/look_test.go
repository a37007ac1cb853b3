package portaltest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fachwerk/internal/store"
)

// picture is a small PNG.
func picture(t *testing.T) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, 120, 40))
	for x := range 120 {
		for y := range 40 {
			m.Set(x, y, color.RGBA{uint8(40 + x), 90, 140, 255})
		}
	}
	var b bytes.Buffer
	must(t, png.Encode(&b, m))
	return b.Bytes()
}

// upload sends a file by the form of the logo.
func (v *visitor) upload(content []byte, token string) answer {
	v.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	must(v.t, w.WriteField("token", token))
	f, err := w.CreateFormFile("image", "logo.png")
	must(v.t, err)
	_, err = f.Write(content)
	must(v.t, err)
	must(v.t, w.Close())
	r, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.url("/manage/logo"), &b)
	must(v.t, err)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return v.do(r)
}

var logoAddress = regexp.MustCompile(`src="(/logo/[0-9a-f]+)"`)

// The tenant's name, help and logo are on every page of its people, and on no other's.
func TestTheTenantsLook(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	v, w := newVisitor(t, h), newVisitor(t, h)
	v.signIn(anna)
	w.signIn(bert)
	v.get("/").holds(t, "before", "musterstadt", "/static/logo.svg")
	for field, c := range map[string]struct{ value, says string }{
		"address": {"javascript:alert(1)", "mit https:// beginnt"}, "display": {strings.Repeat("x", 501), "kürzer"}, "contact": {"a\nb", "kürzer"},
	} {
		got := v.post("/manage/settings", url.Values{field: {c.value}})
		if got.StatusCode != http.StatusUnprocessableEntity || strings.Count(got.body, c.says) < 2 {
			t.Errorf("%s: %d", field, got.StatusCode)
		}
	}
	v.post("/manage/settings", url.Values{
		"display": {"Stadt Musterstadt <am See>"}, "contact": {"IT-Service, Telefon 1234"}, "address": {"hilfe@musterstadt.example"}, "language": {"de"},
	}).holds(t, "the settings", "gespeichert", "Stadt Musterstadt <am See>")
	page := v.get("/trash")
	page.holds(t, "another page", "Stadt Musterstadt <am See>", `<a href="mailto:hilfe@musterstadt.example">IT-Service, Telefon 1234</a>`)
	if strings.Contains(page.body, "<am See>") {
		t.Error("the name is not escaped")
	}

	for name, bad := range map[string][]byte{
		"SVG": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "HTML": []byte("<html><script>alert(1)</script>"),
		"nothing": nil, "too large": append(picture(t), make([]byte, 65<<10)...), "text": []byte("Logo"),
	} {
		if got := v.upload(bad, v.token()); got.StatusCode != http.StatusUnprocessableEntity || strings.Count(got.body, "höchstens 64 kB") < 3 {
			t.Errorf("%s: %d", name, got.StatusCode)
		}
	}
	if got := v.upload(picture(t), ""); got.StatusCode != http.StatusForbidden {
		t.Errorf("without a token: %d", got.StatusCode)
	}
	v.upload(picture(t), v.token()).holds(t, "after the upload", "Das Logo ist gespeichert")
	m := logoAddress.FindStringSubmatch(w.get("/").body)
	if m == nil {
		t.Fatal("Bert's page has no logo")
	}
	got := w.get(m[1])
	if got.body != string(picture(t)) || got.Header.Get("Content-Type") != "image/png" {
		t.Errorf("the logo: %d %v", got.StatusCode, got.Header)
	}
	for header, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=604800, immutable",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got.Header.Get(header) != want {
			t.Errorf("the logo's %s is %q", header, got.Header.Get(header))
		}
	}
	if out := newVisitor(t, h).get(m[1]); out.StatusCode != http.StatusNotFound {
		t.Errorf("the logo for nobody: %d", out.StatusCode)
	}
	if other := w.get("/logo/0123456789abcdef"); other.StatusCode != http.StatusNotFound || other.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("another logo: %d", other.StatusCode)
	}
	v.post("/manage/logo", url.Values{"remove": {"1"}}).holds(t, "after the removal", "Das Logo ist entfernt")
	if logoAddress.MatchString(v.get("/").body) {
		t.Error("the logo is still shown")
	}
}

// A person's choice counts most, then the browser, then the tenant.
func TestLanguages(t *testing.T) {
	h := newHouse(t)
	_, err := h.UpdateTenant(t.Context(), h.Tenant.ID, store.TenantSet{Settings: &store.TenantSettings{Language: "en"}})
	must(t, err)
	v := newVisitor(t, h)
	v.signIn(anna)
	is := func(what, browser, want string) {
		t.Helper()
		r := v.request(http.MethodGet, "/data", nil)
		r.Header.Set("Accept-Language", browser)
		if got := v.do(r).Header.Get("Content-Language"); got != want {
			t.Errorf("%s: %s, not %s", what, got, want)
		}
	}
	is("the tenant's", "fr", "en")
	is("the browser's", "de-DE,de;q=0.9", "de")
	if a := v.get("/language/de?return=/data%3Fx"); a.StatusCode != http.StatusOK || a.Request.URL.RequestURI() != "/data?x" {
		t.Errorf("after the choice: %s", a.Request.URL)
	}
	is("the person's", "en", "de")
	for _, bad := range []string{"//evil.example/", "https://evil.example/", `/\evil.example`, "/%0d%0aSet-Cookie: x", ""} {
		if a := v.stop().get("/language/en?return=" + url.QueryEscape(bad)); bad != "/%0d%0aSet-Cookie: x" && a.Header.Get("Location") != "/" {
			t.Errorf("%q leads to %q", bad, a.Header.Get("Location"))
		}
	}
	if a := v.get("/language/fr"); a.StatusCode != http.StatusNotFound {
		t.Errorf("another language: %d", a.StatusCode)
	}
}
