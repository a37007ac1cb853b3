package placement

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fachwerk/internal/testenv/browser"
	"fachwerk/internal/testenv/towns"
)

// enter signs somebody in at the portal and gives the page where that ends.
func (h *house) enter(b *browser.Browser, who string) browser.Page {
	return b.SignIn(h.URL("portal")+"/login?return=/devices", who, towns.Word)
}

func (h *house) signIn(t *testing.T, b *browser.Browser, who string) (token string) {
	t.Helper()
	end := h.enter(b, who)
	if token = end.Field("token"); token == "" {
		t.Fatalf("%s cannot sign in at the portal: %d %s", who, end.Status, end.Text)
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
func (h *house) walkPortal(t *testing.T, b *browser.Browser, token string) {
	portal := h.URL("portal")
	for _, at := range []string{"/devices", "/data", "/trash", "/manage/people", "/manage/shared", "/manage/data"} {
		if page := b.Get(portal + at); page.Status != http.StatusOK {
			t.Errorf("%s: %d %s", at, page.Status, page.Text)
		}
	}
	page := b.Get(portal + "/trash").Text
	id := regexp.MustCompile(`drive=[^&]*&amp;id=(\d+)`).FindStringSubmatch(page)
	page = b.Get(portal + "/manage/people").Text
	person := regexp.MustCompile(`/manage/people/(\d+)`).FindStringSubmatch(page)
	page = b.Get(portal + "/manage/shared").Text
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
			page := b.Post(portal+at, form)
			if page.Status != http.StatusServiceUnavailable || !told(page.Text) {
				t.Errorf("%s: %d %s", at, page.Status, text(page.Text))
			}
			if strings.Contains(page.Text, "form token") {
				t.Errorf("%s was not tried: %s", at, page.Text)
			}
		})
	}
	for _, at := range []string{"/data/reports", "/manage/data/reports"} {
		h.step(t, at, func(t *testing.T) {
			page := b.Post(portal+at, url.Values{"token": {token}})
			if page.Status != http.StatusOK || !strings.Contains(page.Text, "konnte nicht aufbewahrt werden") && !strings.Contains(page.Text, "could not be kept") {
				t.Errorf("%s: %d %s", at, page.Status, text(page.Text))
			}
		})
	}
	h.step(t, "a new sign-in", func(t *testing.T) {
		// The embedded provider keeps what it knows of the person at their home too, and knows
		// of no placement.
		page := h.enter(browser.New(t), jan)
		if page.Status != http.StatusServiceUnavailable || !told(page.Text) && !strings.Contains(page.Text, "vorübergehend nicht möglich") && !strings.Contains(page.Text, "temporarily") {
			t.Errorf("a new sign-in: %d %s", page.Status, text(page.Text))
		}
	})
}

var tags = regexp.MustCompile(`(?s)<style.*?</style>|<[^>]*>|\s+`)

func text(page string) string {
	page = tags.ReplaceAllString(page, " ")
	return fmt.Sprintf("%.600s", strings.Join(strings.Fields(page), " "))
}
