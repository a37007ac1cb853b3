package crossing

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fachwerk/internal/app"
)

// A browser keeps cookies; it follows where it is told to.
type browser struct {
	t *testing.T
	c *http.Client
}

func newBrowser(t *testing.T, follow bool) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	b := &browser{t, &http.Client{Jar: jar, Timeout: patience, Transport: client.Transport}}
	if !follow {
		b.c.CheckRedirect = client.CheckRedirect
	}
	return b
}

var inputs = regexp.MustCompile(`<input[^>]*>`)

func attribute(tag, name string) string {
	_, rest, _ := strings.Cut(tag, " "+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(value)
}

// fields are the hidden ones of a page's last form that has one of that name.
func fields(page string) url.Values {
	form := url.Values{}
	for _, in := range inputs.FindAllString(page, -1) {
		if strings.Contains(in, `type="hidden"`) {
			form.Set(attribute(in, "name"), attribute(in, "value"))
		}
	}
	return form
}

func (b *browser) get(at string) string {
	b.t.Helper()
	res, err := b.c.Get(at)
	must(b.t, err)
	return written(b.t, res)
}

func (b *browser) post(at string, form url.Values) string {
	b.t.Helper()
	res, err := b.c.PostForm(at, form)
	must(b.t, err)
	return written(b.t, res)
}

// signIn signs somebody in at the portal, and answers a form token of theirs.
func (h *house) signIn(t *testing.T, b *browser, who string) (token string) {
	t.Helper()
	form := fields(b.get("http://" + h.listen["portal"] + "/login?return=/devices"))
	form.Set("address", who)
	form.Set("password", webWord)
	page := b.post("http://"+h.listen["issuer"]+"/login", form)
	token = fields(page).Get("token")
	if token == "" {
		t.Fatalf("%s cannot sign in at the portal: %s", who, page)
	}
	return token
}

// provider tries a password on a fresh page of the embedded provider.
func (h *house) provider(t *testing.T, who, password string) string {
	t.Helper()
	b := newBrowser(t, true)
	form := fields(b.get("http://" + h.listen["portal"] + "/login?return=/devices"))
	form.Set("address", who)
	form.Set("password", password)
	page := b.post("http://"+h.listen["issuer"]+"/login", form)
	for key := range form { // those of this page alone
		if v := form.Get(key); len(v) > 8 && key != "address" {
			page = strings.ReplaceAll(page, v, strings.ToUpper(key))
		}
	}
	return page
}

// numbers are ids of theirs.
type numbers struct {
	accounts            []pair // at /manage
	passwords, sessions pair
}

func (h *house) numbers(t *testing.T, session string) (n numbers) {
	t.Helper()
	h.with(t, func(ctx context.Context, in *app.Installation) {
		for _, address := range []string{beate, ben, bureau, team, room} {
			a, err := in.Account(ctx, address)
			must(t, err)
			n.accounts = append(n.accounts, pair{a.ID, unlike(a.ID)})
		}
		list, err := in.AppPasswords(ctx, beate)
		must(t, err)
		id := fmt.Sprint(list[len(list)-1].ID)
		n.passwords = pair{id, unlike(id)}
	})
	n.sessions = pair{session, unlike(session)}
	return n
}

// unlike is a number or hex text of the same length that names nothing.
func unlike(id string) string { return id[:len(id)-1] + string('0'+(id[len(id)-1]-'0'+5)%10) }

func (h *house) walkPortal(t *testing.T) {
	portal := "http://" + h.listen["portal"]
	theirsB := newBrowser(t, true)
	h.signIn(t, theirsB, beate)
	page := theirsB.get(portal + "/devices")
	session := regexp.MustCompile(`/sessions/([^/"]+)/end`).FindStringSubmatch(page)
	if session == nil {
		t.Fatalf("no session on %s", page)
	}
	theirsB.post(portal+"/data/reports", url.Values{"token": {fields(page).Get("token")}})
	theirsB.post(portal+"/manage/data/reports", url.Values{"token": {fields(page).Get("token")}})
	n := h.numbers(t, session[1])
	b := newBrowser(t, true)
	token := h.signIn(t, b, anna)
	b.c.CheckRedirect = client.CheckRedirect
	if got := b.get(portal + "/manage/people"); !strings.HasPrefix(got, "200") || !strings.Contains(got, jan) || strings.Contains(got, theirDomain) {
		t.Fatalf("anna's people: %s", got)
	}
	own, shared := h.ownIDs(t)
	if got := b.get(portal + "/manage/people/" + own); !strings.HasPrefix(got, "200") {
		t.Fatalf("anna cannot see her colleague at /manage/people/%s: %s", own, got)
	}
	for i, p := range n.accounts {
		for _, section := range []string{"people", "shared"} {
			for _, path := range []string{"", "/edit", "/aliases", "/remove", "/grants"} {
				h.same(t, "portal GET /manage/"+section+path, p, func(_ *testing.T, id string) string { return b.get(portal + "/manage/" + section + "/" + id + path) })
			}
			for path, form := range map[string]url.Values{
				"/edit": {"name": {"x"}, "quota": {"1"}}, "/aliases": {"local": {"x"}, "domain": {ourDomain}}, "/aliases/remove": {"address": {alias}},
				"/disable": {}, "/enable": {}, "/remove": {}, "/login": {}, "/grants": {"to": {"person"}, "who": {anna}, "read": {"1"}}, "/grants/end": {"to": {"person"}, "who": {beate}},
			} {
				form.Set("token", token)
				h.same(t, fmt.Sprint("portal POST /manage/"+section+path, i), p, func(_ *testing.T, id string) string { return b.post(portal+"/manage/"+section+"/"+id+path, form) })
			}
		}
	}
	for _, p := range addresses() {
		for what, ask := range map[string]func(name string) string{
			"a grant to": func(n string) string {
				return b.post(portal+"/manage/shared/"+shared+"/grants", url.Values{"token": {token}, "to": {"person"}, "who": {n}, "read": {"1"}})
			},
			"the end of a grant to": func(n string) string {
				return b.post(portal+"/manage/shared/"+shared+"/grants/end", url.Values{"token": {token}, "to": {"person"}, "who": {n}})
			},
			"the removal of an alias": func(n string) string {
				return b.post(portal+"/manage/people/"+own+"/aliases/remove", url.Values{"token": {token}, "address": {n}})
			},
			"an alias": func(n string) string {
				local, domain, _ := strings.Cut(n, "@")
				return b.post(portal+"/manage/people/"+own+"/aliases", url.Values{"token": {token}, "local": {local}, "domain": {domain}})
			},
			"a new person": func(n string) string {
				local, domain, _ := strings.Cut(n, "@")
				return strings.ReplaceAll(b.post(portal+"/manage/people/new", url.Values{"token": {token}, "kind": {"person"}, "name": {"x"}, "local": {local}, "domain": {domain}}), local, "LOCAL")
			},
			"the trash of": func(n string) string {
				return b.post(portal+"/trash/restore", url.Values{"token": {token}, "drive": {n}, "id": {"1"}})
			},
			"emptying trash": func(n string) string {
				return b.post(portal+"/trash/empty", url.Values{"token": {token}, "drive": {n}})
			},
			"asking to": func(n string) string { return b.get(portal + "/trash/empty?drive=" + url.QueryEscape(n)) },
			"removing": func(n string) string {
				return b.post(portal+"/trash/remove", url.Values{"token": {token}, "drive": {n}, "id": {"1"}})
			},
			"autoconfig": func(n string) string {
				_, domain, _ := strings.Cut(n, "@")
				return strings.ReplaceAll(b.get(portal+"/mail/config-v1.1.xml?emailaddress="+url.QueryEscape(n)), domain, "DOMAIN")
			},
			"a sign-in": func(n string) string {
				return location(newBrowser(t, false).post(portal+"/login", url.Values{"address": {n}, "return": {"/devices"}}), n)
			},
		} {
			h.same(t, "portal: "+what, p, func(_ *testing.T, name string) string {
				answer := ask(name)
				local, _, _ := strings.Cut(name, "@")
				return strings.ReplaceAll(answer, `value="`+local+`"`, `value="LOCAL"`)
			})
		}
	}
	for what, c := range map[string]struct {
		p   pair
		ask func(id string) string
	}{
		"an app password": {n.passwords, func(id string) string { return b.post(portal+"/devices/"+id+"/end", url.Values{"token": {token}}) }},
		"a session":       {n.sessions, func(id string) string { return b.post(portal+"/sessions/"+id+"/end", url.Values{"token": {token}}) }},
		"a domain": {pair{theirDomain, "keine-stadt.example"}, func(d string) string {
			return b.post(portal+"/manage/people/"+own+"/aliases", url.Values{"token": {token}, "local": {"x"}, "domain": {d}})
		}},
		"a tenant's logo": {pair{"0123456789abcdef", "fedcba9876543210"}, func(n string) string { return b.get(portal + "/logo/" + n) }},
		"a tenant's sign-in": {pair{theirTown, "Keinestadts"}, func(n string) string {
			return location(newBrowser(t, false).get(portal+"/login?return=/devices&tenant="+n), n)
		}},
	} {
		h.same(t, "portal: "+what, c.p, func(_ *testing.T, id string) string { return c.ask(id) })
	}
	for _, at := range []string{"/data/reports/1/json", "/manage/data/reports/1/json"} { // beate has made these; anna has none
		if got := b.get(portal + at); !strings.HasPrefix(got, "404") {
			t.Errorf("anna gets %s: %s", at, got)
		}
	}
	if got := theirsB.get(portal + "/devices"); !strings.HasPrefix(got, "200") || !strings.Contains(got, "/end") {
		t.Errorf("beate's session has ended: %s", got)
	}
}

var passingQuery = regexp.MustCompile(`(state|nonce|code_challenge|session)=[^&"\s;]+`)

// location takes what is new in each sign-in out of an answer.
func location(answer, name string) string {
	answer = strings.ReplaceAll(answer, url.QueryEscape(name), "NAME")
	return regexp.MustCompile(`Set-Cookie: [^\n]*`).ReplaceAllString(passingQuery.ReplaceAllString(answer, "$1=NEW"), "Set-Cookie: NEW")
}

func (h *house) ownIDs(t *testing.T) (person, shared string) {
	t.Helper()
	h.with(t, func(ctx context.Context, in *app.Installation) {
		a, err := in.Account(ctx, jan)
		must(t, err)
		o, err := in.Account(ctx, office)
		must(t, err)
		person, shared = a.ID, o.ID
	})
	return person, shared
}

// accessToken is one of the embedded provider for the services.
func (h *house) accessToken(t *testing.T, who string) string {
	t.Helper()
	b := newBrowser(t, true)
	h.signIn(t, b, who)
	b.c.CheckRedirect = client.CheckRedirect
	verifier := strings.Repeat("v", 64)
	sum := sha256.Sum256([]byte(verifier))
	at := "http://" + h.listen["issuer"] + "/authorize?" + url.Values{
		"client_id": {"fachwerk-mail"}, "redirect_uri": {"http://127.0.0.1/"}, "response_type": {"code"}, "state": {"s"},
		"scope": {"openid mail.read mail.send"}, "code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode()
	code := ""
	for range 10 {
		res, err := b.c.Get(at)
		must(t, err)
		to, err := res.Location()
		text := written(t, res)
		if err != nil {
			t.Fatalf("%s answers %s", at, text)
		}
		if code = to.Query().Get("code"); code != "" {
			break
		}
		at = to.String()
	}
	res, err := http.PostForm("http://"+h.listen["issuer"]+"/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"fachwerk-mail"}, "redirect_uri": {"http://127.0.0.1/"}, "code_verifier": {verifier},
	})
	must(t, err)
	defer res.Body.Close()
	var got struct {
		Token string `json:"access_token"`
	}
	must(t, json.NewDecoder(res.Body).Decode(&got))
	if got.Token == "" {
		t.Fatalf("no access token: %s", res.Status)
	}
	return got.Token
}

// walkControl asks the control API as an admin of one's own tenant, who has no role of
// the installation's.
func (h *house) walkControl(t *testing.T) {
	admin := "http://" + h.listen["admin"]
	token := h.accessToken(t, anna)
	ask := func(method, path string) string {
		req, err := http.NewRequestWithContext(t.Context(), method, admin+path, strings.NewReader("{}"))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		must(t, err)
		return written(t, res)
	}
	if got := ask("GET", "/v1/tenants/"+ourTown); strings.HasPrefix(got, "2") {
		t.Errorf("an admin of a tenant may use the control API: %s", got)
	}
	towns := pair{theirTown, "Keinestadts."}
	for _, method := range []string{"GET", "PATCH", "DELETE", "POST", "PUT"} {
		for _, path := range []string{"", "/logo", "/where", "/domains", "/domains/" + theirDomain, "/issuers", "/issuers/x", "/accounts"} {
			h.same(t, "control API "+method+" "+path, towns, func(_ *testing.T, n string) string { return ask(method, "/v1/tenants/"+n+path) })
		}
		for _, p := range addresses() {
			for _, path := range []string{"", "/where", "/aliases", "/aliases/" + alias, "/subjects", "/invitations", "/groups", "/grants"} {
				h.same(t, "control API "+method+" account"+path, p, func(_ *testing.T, n string) string {
					return ask(method, "/v1/tenants/"+ourTown+"/accounts/"+n+path)
				})
			}
		}
	}
	// The doors that tokens open: her own, and nobody else's.
	xoauth2 := func(name string) string {
		return h.login(t, "AUTHENTICATE XOAUTH2 "+base64.StdEncoding.EncodeToString([]byte("user="+name+"\x01auth=Bearer "+token+"\x01\x01")))
	}
	if got := xoauth2(anna); !strings.HasPrefix(got, "a OK") {
		t.Fatalf("anna's token: %s", got)
	}
	// Of the same domain: which domains are served is no secret.
	for _, p := range addresses()[:len(theirs)] {
		h.same(t, "IMAP XOAUTH2", p, func(_ *testing.T, n string) string { return xoauth2(n) })
	}
}
