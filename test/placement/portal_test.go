package placement

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// A browser keeps cookies and goes where it is led.
type browser struct {
	t *testing.T
	c *http.Client
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t, &http.Client{Jar: jar, Timeout: patience}}
}

func (b *browser) read(res *http.Response, err error) (status int, page string) {
	b.t.Helper()
	must(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(b.t, err)
	return res.StatusCode, string(text)
}

func (b *browser) get(at string) (int, string) { b.t.Helper(); return b.read(b.c.Get(at)) }

func (b *browser) post(at string, form url.Values) (int, string) {
	b.t.Helper()
	return b.read(b.c.PostForm(at, form))
}

var inputs = regexp.MustCompile(`<input[^>]*>`)

func attribute(tag, name string) string {
	_, rest, _ := strings.Cut(tag, " "+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(value)
}

// fields are the hidden ones of a page's forms.
func fields(page string) url.Values {
	form := url.Values{}
	for _, in := range inputs.FindAllString(page, -1) {
		if strings.Contains(in, `type="hidden"`) {
			form.Set(attribute(in, "name"), attribute(in, "value"))
		}
	}
	return form
}

// enter signs somebody in at the portal and gives the page where that ends.
func (h *house) enter(b *browser, who string) (int, string) {
	b.t.Helper()
	_, page := b.get("http://" + h.listen["portal"] + "/login?return=/devices")
	form := fields(page)
	form.Set("address", who)
	form.Set("password", word)
	return b.post("http://"+h.listen["issuer"]+"/login", form)
}

func (h *house) signIn(t *testing.T, b *browser, who string) (token string) {
	t.Helper()
	status, page := h.enter(b, who)
	if token = fields(page).Get("token"); token == "" {
		t.Fatalf("%s cannot sign in at the portal: %d %s", who, status, page)
	}
	return token
}

// sentence is what people are told, in both languages.
var sentence = []string{"Es kann gerade nichts gespeichert werden", "Nothing can be saved right now"}

func told(page string) bool {
	page = html.UnescapeString(page)
	return strings.Contains(page, sentence[0]) || strings.Contains(page, sentence[1])
}

// walkPortal: who is signed in reads on; nothing is kept, no new sign-in either, whose
// session would lie with the tenant's data.
func (h *house) walkPortal(t *testing.T, b *browser, token string) {
	portal := "http://" + h.listen["portal"]
	for _, at := range []string{"/devices", "/data", "/trash", "/manage/people", "/manage/shared", "/manage/data"} {
		if status, page := b.get(portal + at); status != http.StatusOK {
			t.Errorf("%s: %d %s", at, status, page)
		}
	}
	_, page := b.get(portal + "/trash")
	id := regexp.MustCompile(`drive=[^&]*&amp;id=(\d+)`).FindStringSubmatch(page)
	_, page = b.get(portal + "/manage/people")
	person := regexp.MustCompile(`/manage/people/(\d+)`).FindStringSubmatch(page)
	_, page = b.get(portal + "/manage/shared")
	shared := regexp.MustCompile(`/manage/shared/(\d+)`).FindStringSubmatch(page)
	if id == nil || person == nil || shared == nil {
		t.Fatalf("no item in the trash, no person or no shared account: %v %v %v", id, person, shared)
	}
	person[1], shared[1] = "/manage/people/"+person[1], "/manage/shared/"+shared[1]
	for at, form := range map[string]url.Values{
		"/devices":       {"name": {secret}, "for": {"suite"}},
		"/apple-profile": {"name": {secret}, "for": {"suite"}},
		"/trash/restore": {"drive": {anna}, "id": {id[1]}}, "/trash/remove": {"drive": {anna}, "id": {id[1]}}, "/trash/empty": {"drive": {anna}},
		"/manage/people/new": {"kind": {"person"}, "name": {secret}, "local": {"neu"}, "domain": {ourDomain}},
		person[1] + "/edit":  {"name": {secret}, "quota": {"1"}}, person[1] + "/aliases": {"local": {"leitung"}, "domain": {ourDomain}},
		shared[1] + "/grants": {"to": {"person"}, "who": {jan}, "read": {"1"}},
	} {
		form.Set("token", token)
		h.step(t, at, func(t *testing.T) {
			status, page := b.post(portal+at, form)
			if status != http.StatusServiceUnavailable || !told(page) {
				t.Errorf("%s: %d %s", at, status, text(page))
			}
			if strings.Contains(page, "form token") {
				t.Errorf("%s was not tried: %s", at, page)
			}
		})
	}
	for _, at := range []string{"/data/reports", "/manage/data/reports"} {
		h.step(t, at, func(t *testing.T) {
			if status, page := b.post(portal+at, url.Values{"token": {token}}); status != http.StatusOK || !strings.Contains(page, "konnte nicht aufbewahrt werden") && !strings.Contains(page, "could not be kept") {
				t.Errorf("%s: %d %s", at, status, text(page))
			}
		})
	}
	h.step(t, "a new sign-in", func(t *testing.T) {
		if status, page := h.enter(newBrowser(t), jan); status != http.StatusServiceUnavailable || !told(page) {
			t.Errorf("a new sign-in: %d %s", status, text(page))
		}
	})
}

var tags = regexp.MustCompile(`(?s)<style.*?</style>|<[^>]*>|\s+`)

func text(page string) string {
	page = tags.ReplaceAllString(page, " ")
	return fmt.Sprintf("%.600s", strings.Join(strings.Fields(page), " "))
}
