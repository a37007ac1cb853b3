package crossing

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fachwerk/internal/app"
	"fachwerk/internal/testenv/browser"
	"fachwerk/internal/testenv/towns"
)

// A reader is a browser whose answers are written down whole, fields of the head too.
type reader struct {
	*browser.Browser
	t *testing.T
}

func newReader(t *testing.T, follow bool) *reader {
	t.Helper()
	r := &reader{browser.New(t), t}
	r.Transport = client.Transport
	if !follow {
		r.CheckRedirect = client.CheckRedirect
	}
	return r
}

func (r *reader) get(at string) string {
	r.t.Helper()
	res, err := r.Client.Get(at)
	must(r.t, err)
	return written(r.t, res)
}

func (r *reader) post(at string, form url.Values) string {
	r.t.Helper()
	res, err := r.PostForm(at, form)
	must(r.t, err)
	return written(r.t, res)
}

// signIn signs somebody in at the portal, and answers a form token of theirs.
func (h *house) signIn(t *testing.T, r *reader, who string) (token string) {
	t.Helper()
	town := map[bool]string{true: theirTown, false: ourTown}[strings.HasSuffix(who, theirDomain)]
	end := r.SignIn(h.URL("portal")+"/login?return=/devices&tenant="+town, who, towns.Word)
	if token = end.Field("token"); token == "" {
		t.Fatalf("%s cannot sign in at the portal: %s", who, end.Text)
	}
	return token
}

// provider tries a password on a fresh page of the embedded provider.
func (h *house) provider(t *testing.T, who, password string) string {
	t.Helper()
	r := newReader(t, true)
	form := r.Get(h.URL("portal") + "/login?return=/devices").Forms()[0].Fields
	form.Set("address", who)
	form.Set("password", password)
	page := r.post(h.URL("issuer")+"/login", form)
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
	h.With(t, func(ctx context.Context, in *app.Installation) {
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

// accountIDs are those of everybody whom this test names; theirIDs as they are written.
func (h *house) accountIDs(t *testing.T) (list []int64) {
	t.Helper()
	h.With(t, func(ctx context.Context, in *app.Installation) {
		for _, address := range []string{anna, jan, office, beate, ben, bureau, team, room} {
			a, err := in.Account(ctx, address)
			must(t, err)
			n, err := strconv.ParseInt(a.ID, 10, 64)
			must(t, err)
			list = append(list, n)
		}
	})
	return list
}

func (h *house) theirIDs(t *testing.T) (list []string) {
	t.Helper()
	for _, id := range h.accountIDs(t)[3:] {
		list = append(list, fmt.Sprint(id))
	}
	return list
}

// unlike is a number or hex text of the same length that names nothing.
func unlike(id string) string { return id[:len(id)-1] + string('0'+(id[len(id)-1]-'0'+5)%10) }

func (h *house) walkPortal(t *testing.T) {
	portal := h.URL("portal")
	theirsB := newReader(t, true)
	h.signIn(t, theirsB, beate)
	devices := theirsB.Get(portal + "/devices")
	page, theirToken := devices.Text, devices.Field("token")
	session := regexp.MustCompile(`/sessions/([^/"]+)/end`).FindStringSubmatch(page)
	if session == nil {
		t.Fatalf("no session on %s", page)
	}
	theirsB.post(portal+"/data/reports", url.Values{"token": {theirToken}})
	theirsB.post(portal+"/manage/data/reports", url.Values{"token": {theirToken}})
	form := url.Values{"token": {theirToken}, "name": {secret}, "for": {"suite"}}
	profile := regexp.MustCompile(`/apple-profile/([0-9A-Z]{20,})`).FindStringSubmatch(theirsB.post(portal+"/apple-profile", form))
	if profile == nil {
		t.Fatal("beate gets no profile")
	}
	n := h.numbers(t, session[1])
	b := newReader(t, true)
	token := h.signIn(t, b, anna)
	b.CheckRedirect = client.CheckRedirect
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
				return location(newReader(t, false).post(portal+"/login", url.Values{"address": {n}, "return": {"/devices"}}), n)
			},
		} {
			h.same(t, "portal: "+what, p, func(_ *testing.T, name string) string {
				answer := ask(name)
				local, _, _ := strings.Cut(name, "@")
				return strings.ReplaceAll(answer, `value="`+local+`"`, `value="LOCAL"`)
			})
		}
	}
	reports := pair{"report 1", "report 7"}
	report := func(at, name string) string {
		number := strings.TrimPrefix(name, "report ")
		return strings.ReplaceAll(b.get(portal+at+number+"/json"), "reports%2f"+number, "reports%2fNUMBER")
	}
	for what, c := range map[string]struct {
		p   pair
		ask func(id string) string
	}{
		"an app password": {n.passwords, func(id string) string { return b.post(portal+"/devices/"+id+"/end", url.Values{"token": {token}}) }},
		"a session":       {n.sessions, func(id string) string { return b.post(portal+"/sessions/"+id+"/end", url.Values{"token": {token}}) }},
		"a profile":       {pair{profile[1], strings.Repeat("A", len(profile[1]))}, func(id string) string { return b.get(portal + "/apple-profile/" + id) }},
		"a form token": {pair{form.Get("token"), strings.Repeat("A", len(form.Get("token")))}, func(token string) string {
			return b.post(portal+"/devices", url.Values{"token": {token}, "name": {"x"}, "for": {"suite"}})
		}},
		"a report":                 {reports, func(n string) string { return report("/data/reports/", n) }},
		"a report of the tenant's": {reports, func(n string) string { return report("/manage/data/reports/", n) }},
		"a domain": {pair{theirDomain, "keine-stadt.example"}, func(d string) string {
			return b.post(portal+"/manage/people/"+own+"/aliases", url.Values{"token": {token}, "local": {"x"}, "domain": {d}})
		}},
		"a tenant's logo": {pair{"0123456789abcdef", "fedcba9876543210"}, func(n string) string { return b.get(portal + "/logo/" + n) }},
		"a tenant's sign-in": {pair{theirTown, "Keinestadts"}, func(n string) string {
			return location(newReader(t, false).get(portal+"/login?return=/devices&tenant="+n), n)
		}},
	} {
		h.same(t, "portal: "+what, c.p, func(_ *testing.T, id string) string { return c.ask(id) })
	}
	for _, at := range []string{"/data/reports/1/json", "/manage/data/reports/1/json"} { // beate has made these; anna has none
		if got := b.get(portal + at); !strings.HasPrefix(got, "404") {
			t.Errorf("anna gets %s: %s", at, got)
		}
	}
	if got := theirsB.get(portal + "/apple-profile/" + profile[1]); !strings.HasPrefix(got, "200") {
		t.Errorf("beate's own profile: %s", got)
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
	h.With(t, func(ctx context.Context, in *app.Installation) {
		a, err := in.Account(ctx, jan)
		must(t, err)
		o, err := in.Account(ctx, office)
		must(t, err)
		person, shared = a.ID, o.ID
	})
	return person, shared
}
