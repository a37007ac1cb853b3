package browser

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// patience is how long an answer may take, also on a machine that is busy with much
// else.
const patience = 2 * time.Minute

// A Browser is one person's. Whatever cannot be done ends its test.
type Browser struct {
	http.Client // its Jar and Transport may be changed
	t           testing.TB
}

// New is a browser without cookies.
func New(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &Browser{t: t, Client: http.Client{Jar: jar, Timeout: patience}}
}

// A Page is what a browser shows after all redirects.
type Page struct {
	Status int
	URL    *url.URL // where it is
	Text   string
}

// Get opens an address.
func (b *Browser) Get(address string) Page {
	b.t.Helper()
	return b.read(b.Client.Get(address))
}

// Post sends a form to an address.
func (b *Browser) Post(address string, form url.Values) Page {
	b.t.Helper()
	return b.read(b.PostForm(address, form))
}

// Step asks for an address without following; to is where the answer leads.
func (b *Browser) Step(address string) (to string) {
	b.t.Helper()
	once := b.Client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := once.Get(address)
	must(b.t, err)
	res.Body.Close()
	at, err := res.Location()
	if err != nil {
		b.t.Fatalf("%s answers %d and leads nowhere", address, res.StatusCode)
	}
	return at.String()
}

func (b *Browser) read(res *http.Response, err error) Page {
	b.t.Helper()
	must(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(b.t, err)
	if _, onward, ok := strings.Cut(res.Header.Get("Refresh"), "0;url="); ok {
		return b.Get(onward)
	}
	return Page{res.StatusCode, res.Request.URL, string(text)}
}

// Fill sends the first form of a page that has a field of that name; values replace
// what the page has in its fields.
func (b *Browser) Fill(p Page, field string, values map[string]string) Page {
	b.t.Helper()
	return b.send(p, "a field "+field, values, func(f Form) bool { return f.Fields.Has(field) })
}

// Submit is Fill for the first form whose action contains a text.
func (b *Browser) Submit(p Page, action string, values map[string]string) Page {
	b.t.Helper()
	return b.send(p, "the action "+action, values, func(f Form) bool { return strings.Contains(f.Action, action) })
}

func (b *Browser) send(p Page, what string, values map[string]string, wanted func(Form) bool) Page {
	b.t.Helper()
	for _, f := range p.Forms() {
		if !wanted(f) {
			continue
		}
		for k, v := range values {
			f.Fields.Set(k, v)
		}
		to, err := p.URL.Parse(f.Action)
		must(b.t, err)
		return b.Post(to.String(), f.Fields)
	}
	b.t.Fatalf("%s (%d) has no form with %s:\n%s", p.URL, p.Status, what, p.Text)
	return Page{}
}

// SignIn begins at an address, which leads to the embedded provider's form, and gives
// it somebody's address and password.
func (b *Browser) SignIn(begin, address, password string) Page {
	b.t.Helper()
	return b.Fill(b.Get(begin), "password", map[string]string{"address": address, "password": password})
}

// SignedIn reports whether the portal at an origin knows the browser.
func (b *Browser) SignedIn(portal string) bool {
	b.t.Helper()
	return strings.Contains(b.Get(portal+"/").Text, `action="/logout"`)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// attribute is one of a tag as pages of this project and of oidc-provider write it.
func attribute(tag, name string) string {
	_, rest, _ := strings.Cut(tag, " "+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(value)
}
