package portaltest

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fachwerk/auth"
	"fachwerk/auth/idp"

	"golang.org/x/oauth2"
)

// letIn lets a mail program in at the provider, in a browser, and gives its refresh token.
func (h *house) letIn(t *testing.T, v *visitor, address string) (refresh string) {
	t.Helper()
	const redirect = "http://127.0.0.1:4711/"
	verifier := oauth2.GenerateVerifier()
	page := v.get(h.issuer + "/authorize?" + url.Values{
		"client_id": {"mail"}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid offline_access mail.read files"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}.Encode())
	if page.Request.URL.Path == "/login" {
		page = v.login(page, address)
	}
	form := url.Values{"answer": {"allow"}}
	for _, m := range hidden.FindAllStringSubmatch(page.body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	to, err := url.Parse(v.stop().do(v.request(http.MethodPost, h.issuer+"/consent", form)).Header.Get("Location"))
	must(t, err)
	status, answer := h.tokens(t, url.Values{
		"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier},
	})
	if status != http.StatusOK || answer == "" {
		t.Fatalf("no tokens: %d", status)
	}
	return answer
}

// tokens asks the provider's token endpoint; refresh is the next refresh token.
func (h *house) tokens(t *testing.T, form url.Values) (status int, refresh string) {
	t.Helper()
	form.Set("client_id", "mail")
	resp, err := http.PostForm(h.issuer+"/oauth/token", form)
	must(t, err)
	defer resp.Body.Close()
	var answer struct {
		Refresh string `json:"refresh_token"`
	}
	must(t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp.StatusCode, answer.Refresh
}

func (h *house) refresh(t *testing.T, token string) (status int, next string) {
	t.Helper()
	return h.tokens(t, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// Programs that were let in by a token are on the page of devices, and end there.
func TestProgramsOnThePageOfDevices(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	if page := v.get("/devices"); strings.Contains(page.body, "/programs/") {
		t.Errorf("programs before any was let in: %s", page.body)
	}
	one, two := h.letIn(t, v, anna), h.letIn(t, v, anna)
	programs, err := h.programs(t)
	must(t, err)
	page := v.get("/devices")
	for _, want := range []string{"/programs/" + programs[0].ID + "/end", "/programs/" + programs[1].ID + "/end", "(Netzadresse 127.0.0.1)", "<dd>mail</dd>"} {
		if len(programs) != 2 || !strings.Contains(page.body, want) {
			t.Fatalf("the page lacks %q: %+v %s", want, programs, page.body)
		}
	}
	// Nobody else's.
	other := newVisitor(t, h)
	other.signIn(bert)
	other.post("/programs/"+programs[0].ID+"/end", nil)
	if page := other.get("/devices"); strings.Contains(page.body, "/programs/") {
		t.Error("Bert sees programs of Anna's")
	}
	if list, err := h.programs(t); err != nil || len(list) != 2 {
		t.Fatalf("Bert ended one of Anna's: %+v, %v", list, err)
	}
	status, two := h.refresh(t, two) // is the last used then
	if status != http.StatusOK {
		t.Fatal(status)
	}
	end := v.post("/programs/"+programs[1].ID+"/end", nil)
	if end.Request.URL.RawQuery != "done=program" || !strings.Contains(end.body, `role="status"`) {
		t.Errorf("ended at %s", end.Request.URL)
	}
	if end = v.post("/programs/"+programs[1].ID+"/end", nil); end.StatusCode != http.StatusOK {
		t.Errorf("a second time: %d", end.StatusCode)
	}
	if list, err := h.programs(t); err != nil || len(list) != 1 {
		t.Fatalf("left are %+v, %v", list, err)
	}
	good := 0
	for _, token := range []string{one, two} {
		if status, _ := h.refresh(t, token); status == http.StatusOK {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d programs go on, want the other one", good)
	}
}

// Signing out everywhere else leaves this browser alone: no other, no program, and
// nobody signed in at the provider.
func TestSignOutEverywhereElse(t *testing.T) {
	h := newHouse(t)
	v, other := newVisitor(t, h), newVisitor(t, h)
	v.signIn(anna)
	other.signIn(anna)
	token := h.letIn(t, other, anna)
	berts := newVisitor(t, h)
	berts.signIn(bert)
	if end := v.post("/sessions/end", url.Values{"token": {"x"}}); end.StatusCode != http.StatusForbidden {
		t.Errorf("by a forged form: %d", end.StatusCode)
	}
	if end := v.post("/sessions/end", nil); end.Request.URL.RawQuery != "done=all" || !strings.Contains(end.body, `role="status"`) {
		t.Errorf("ended at %s: %d", end.Request.URL, end.StatusCode)
	}
	if status, _ := h.refresh(t, token); status == http.StatusOK {
		t.Error("the program goes on")
	}
	if page := other.get("/devices"); page.Request.URL.Path == "/devices" || !strings.Contains(page.body, `type="password"`) {
		t.Errorf("the other browser is at %s", page.Request.URL)
	}
	if page := berts.get("/devices"); page.Request.URL.Path != "/devices" {
		t.Errorf("Bert is at %s", page.Request.URL)
	}
	if list, err := h.SessionsOf(t.Context(), h.anna); err != nil || len(list) != 1 {
		t.Errorf("%d sessions are left, %v", len(list), err)
	}
}

// programs are Anna's.
func (h *house) programs(t *testing.T) ([]auth.Program, error) {
	t.Helper()
	return idp.Programs{Tickets: h}.Programs(t.Context(), h.anna)
}
