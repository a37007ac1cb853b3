package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
)

// Each issuer's tokens open accounts of its tenants, and of no other.
func TestTokensOpenTheirTenantAlone(t *testing.T) {
	s := openTowns(t)
	s.Grant("amt@musterstadt.example", s.anna)
	ours := s.ours.AccessToken("sub-1", resource, "mail.read", nil)
	theirs := s.theirs.AccessToken("sub-1", resource, "mail.read", nil)
	for _, c := range []struct {
		token, as string
		want      auth.AccountRef
	}{
		{ours, "", s.anna}, {ours, anna, s.anna}, {ours, "amt@musterstadt.example", s.anna},
		{theirs, "", s.dora}, {theirs, dora, s.dora}, {theirs, strings.ToUpper(dora), s.dora},
	} {
		p, err := s.Bearer(t.Context(), at(c.as, auth.MailRead), c.token)
		if err != nil {
			t.Fatalf("as %q: %v", c.as, err)
		}
		if p.Tenant != c.want.Tenant || p.Account != c.want.Account {
			t.Errorf("as %q the token opens %+v, want %v", c.as, p, c.want)
		}
	}
	for _, c := range [][2]string{
		{ours, dora}, {theirs, anna}, {theirs, "amt@musterstadt.example"}, {theirs, "nobody@nachbarstadt.example"}, {theirs, "nobody@nowhere.example"},
	} {
		_, err := s.Bearer(t.Context(), at(c[1], auth.MailRead), c[0])
		wantErr(t, err, auth.ErrDenied)
	}
}

// A second issuer mints whatever it likes, well signed with its own keys.
func TestHostileIssuer(t *testing.T) {
	s := openTowns(t)
	evil := s.theirs // bound to Nachbarstadt, and turned against Musterstadt
	operator := s.AddPersonIn(1, "chef@musterstadt.example")
	s.Bind(operator, s.ours.URL, "chef")
	lies := map[string]any{
		"email": anna, "email_verified": true, "preferred_username": anna, "upn": anna, "name": "Anna Muster", "tenant": "Musterstadt", "tid": 1,
		"groups": []string{"operators", "admins of Musterstadt", "privacy of Musterstadt"},
		"roles":  []string{"operators", "admins of Musterstadt", "admins of Nachbarstadt", "chiefs"},
	}
	with := func(more map[string]any) map[string]any {
		for k, v := range lies {
			if _, there := more[k]; !there {
				more[k] = v
			}
		}
		return more
	}
	for name, token := range map[string]string{
		"an operator's subject":        evil.AccessToken("chef", resource, "mail.read", with(map[string]any{})),
		"anna's address as subject":    evil.AccessToken(anna, resource, "mail.read", with(map[string]any{})),
		"the first issuer's name":      evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{"iss": s.ours.URL})),
		"the first issuer's, slashed":  evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{"iss": s.ours.URL + "/"})),
		"its own name, slashed":        evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{"iss": evil.URL + "/"})),
		"its own name, in other case":  evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{"iss": strings.ToUpper(evil.URL)})),
		"no issuer":                    evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{"iss": nil})),
		"its client for the audience":  evil.AccessToken("sub-1", "portal", "mail.read", with(map[string]any{})),
		"another resource":             evil.AccessToken("sub-1", "https://else.example", "mail.read", with(map[string]any{})),
		"the resource as its client":   evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{"client_id": resource})),
		"an ID token (nonce)":          evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{"nonce": "n"})),
		"an ID token (at_hash)":        evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{"at_hash": "n"})),
		"a logout token":               evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{"events": map[string]any{}})),
		"typ logout+jwt":               evil.Sign("logout+jwt", with(s.made(map[string]any{"iss": evil.URL, "sub": "sub-1", "aud": resource, "scope": "mail.read"}))),
		"a token for anna of evil sub": evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{"sub": "sub-1@" + s.ours.URL})),
	} {
		for _, as := range []string{"", anna, "chef@musterstadt.example"} {
			if p, err := s.Bearer(t.Context(), at(as, auth.MailRead), token); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%s, as %q: %+v, %v", name, as, p, err)
			}
		}
		if p, err := s.Operator(t.Context(), at("", 0), token); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s: operator %+v, %v", name, p, err)
		}
	}
	// What it may open is its own tenant's; the lies give no role that is not its own to give.
	token := evil.AccessToken("sub-1", resource, "mail.read", with(map[string]any{}))
	p, err := s.Bearer(t.Context(), at(dora, auth.MailRead), token)
	must(t, err)
	if p.Account != s.dora.Account || p.Tenant != 2 || p.Roles != auth.TenantAdmin {
		t.Errorf("its own person is %+v", p)
	}
	if _, err := s.Operator(t.Context(), at("", 0), token); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("its token as an operator's: %v", err)
	}
	// Nor at the portal: nothing is opened, and nobody linked.
	for name, change := range map[string]map[string]any{
		"an operator's subject": with(map[string]any{"sub": "chef"}), "anna's address": with(map[string]any{"sub": anna}),
		"somebody new": with(map[string]any{"sub": "sub-9"}),
	} {
		for _, opts := range []auth.StartOptions{{Tenant: "Nachbarstadt"}, {Address: dora}} {
			if f, err := s.signIn(t, evil, opts, change); !errors.Is(err, auth.ErrUnknownSubject) {
				t.Errorf("%s at the portal: %+v, %v", name, f, err)
			}
		}
	}
	_, err = s.signIn(t, evil, auth.StartOptions{Tenant: "Nachbarstadt"}, with(map[string]any{"iss": s.ours.URL}))
	wantErr(t, err, auth.ErrDenied)
	for _, ref := range []auth.AccountRef{s.anna, operator} {
		if list, _ := s.SessionsOf(t.Context(), ref); len(list) != 0 {
			t.Errorf("%v has sessions: %+v", ref, list)
		}
		if groups, _ := s.GroupsOf(t.Context(), ref); len(groups) != 0 {
			t.Errorf("%v is in %v", ref, groups)
		}
	}
}

// An issuer's document that claims to be another's is not believed, nor one that
// sends elsewhere.
func TestHostileDiscovery(t *testing.T) {
	s := openTowns(t)
	var answer func(http.ResponseWriter, *http.Request)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r) }))
	t.Cleanup(evil.Close)
	b := s.own()
	b.Tenant, b.URL = 3, evil.URL
	s.bind(b)
	for name, how := range map[string]func(http.ResponseWriter, *http.Request){
		"the first issuer's document": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"issuer":"` + s.ours.URL + `","authorization_endpoint":"` + s.ours.URL + `/authorize","token_endpoint":"` + s.ours.URL + `/token","jwks_uri":"` + s.ours.URL + `/keys"}`))
		},
		"a redirect to the first issuer": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, s.ours.URL+r.URL.Path, http.StatusFound)
		},
	} {
		answer = how
		if to, _, err := s.rp.Start(t.Context(), "/", auth.StartOptions{Tenant: "Drittstadt"}); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("%s: a sign-in begins at %s, %v", name, to, err)
		}
		token := s.ours.AccessToken("sub-1", resource, "mail.read", map[string]any{"iss": evil.URL})
		if p, err := s.Bearer(t.Context(), at("", auth.MailRead), token); err == nil {
			t.Errorf("%s: a token opens %+v", name, p)
		}
		s.later(2 * time.Minute) // past the pause
	}
	// Its keys behind a redirect are not fetched.
	emil := s.AddPersonIn(3, "emil@drittstadt.example")
	s.Bind(emil, evil.URL, "sub-1")
	answer = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/k" {
			http.Redirect(w, r, s.ours.URL+"/keys", http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(`{"issuer":"` + evil.URL + `","authorization_endpoint":"` + evil.URL + `/a","token_endpoint":"` + evil.URL + `/t","jwks_uri":"` + evil.URL + `/k"}`))
	}
	if p, err := s.Bearer(t.Context(), at("", auth.MailRead), s.ours.AccessToken("sub-1", resource, "mail.read", s.made(map[string]any{"iss": evil.URL}))); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("keys behind a redirect: %+v, %v", p, err)
	}
	s.later(2 * time.Hour)
	// With the first issuer's keys for its own, its tokens are the first issuer's to
	// sign: those have another name in them.
	answer = func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"issuer":"` + evil.URL + `","authorization_endpoint":"` + evil.URL + `/a","token_endpoint":"` + evil.URL + `/t","jwks_uri":"` + s.ours.URL + `/keys"}`))
	}
	if p, err := s.Bearer(t.Context(), at("", auth.MailRead), s.ours.AccessToken("sub-1", resource, "mail.read", s.made(nil))); err != nil || p.Tenant != 1 {
		t.Errorf("the first issuer's token opens %+v, %v", p, err)
	}
}

// The directory is asked again: a new issuer is known within seconds, one that was
// unbound is refused and its sessions end; while it is away, what it said holds.
func TestIssuersComeAndGo(t *testing.T) {
	s := openTowns(t)
	third := authtest.NewIssuer(t)
	emil := s.AddPersonIn(3, "emil@drittstadt.example")
	s.Bind(emil, third.URL, "sub-1")
	token := third.AccessToken("sub-1", resource, "mail.read", nil)
	_, err := s.Bearer(t.Context(), at("", auth.MailRead), token)
	wantErr(t, err, auth.ErrDenied)
	b := s.own()
	b.Tenant, b.URL = 3, third.URL
	s.bind(b)
	s.later(5 * time.Second)
	p, err := s.Bearer(t.Context(), at("emil@drittstadt.example", auth.MailRead), token)
	must(t, err)
	if p.Account != emil.Account {
		t.Errorf("the new issuer's token opens %+v", p)
	}
	f, err := s.signIn(t, third, auth.StartOptions{Tenant: "Drittstadt"}, nil)
	must(t, err)
	if _, _, err := s.rp.Lookup(t.Context(), f.CookieValue); err != nil {
		t.Fatal(err)
	}

	s.directory.away.Store(true)
	s.later(5 * time.Second)
	if _, err := s.Bearer(t.Context(), at("", auth.MailRead), token); err != nil {
		t.Errorf("with the directory away: %v", err)
	}
	s.directory.away.Store(false)
	fetches := third.KeyFetches.Load()
	s.bind() // unbound
	s.later(5 * time.Second)
	_, err = s.Bearer(t.Context(), at("", auth.MailRead), token)
	wantErr(t, err, auth.ErrDenied)
	_, _, err = s.rp.Lookup(t.Context(), f.CookieValue)
	wantErr(t, err, auth.ErrNotFound)
	if n := third.KeyFetches.Load(); n != fetches {
		t.Errorf("an issuer that is not bound was asked for keys")
	}
	if list, _ := s.SessionsOf(t.Context(), emil); len(list) != 0 {
		t.Errorf("the session is still kept: %+v", list)
	}
}

// One binding that cannot be used bars nobody else.
func TestBadBindings(t *testing.T) {
	s := openTowns(t)
	plain, both, none := s.own(), s.own(), s.own()
	plain.Tenant, plain.URL = 3, "http://login.drittstadt.example"
	both.Tenant, both.Audience = 3, "portal" // its client id
	none.Tenant, none.Audience, none.ClientID = 3, "", ""
	s.bind(plain, both, none)
	s.AddPersonIn(3, "emil@drittstadt.example")
	for _, token := range []string{
		s.ours.AccessToken("sub-1", resource, "mail.read", nil), s.theirs.AccessToken("sub-1", resource, "mail.read", nil),
	} {
		if _, err := s.Bearer(t.Context(), at("", auth.MailRead), token); err != nil {
			t.Error(err)
		}
	}
	_, err := s.Bearer(t.Context(), at("", auth.MailRead), s.theirs.AccessToken("sub-1", "portal", "mail.read", nil))
	wantErr(t, err, auth.ErrDenied)
}

// Where one issuer serves several tenants, the name that is typed decides between
// persons of the same subject, and nothing else does.
func TestOneIssuerForSeveralTenants(t *testing.T) {
	s := openTowns(t)
	s.bind(auth.IssuerBinding{Tenant: 3, Installation: true})
	emil := s.AddPersonIn(3, "emil@drittstadt.example")
	s.Bind(emil, s.ours.URL, "sub-3")
	double := s.AddPersonIn(3, "anna@drittstadt.example")
	s.Bind(double, s.ours.URL, "sub-1")
	bearer := func(sub, as string) (*auth.Principal, error) {
		return s.Bearer(t.Context(), at(as, auth.MailRead), s.ours.AccessToken(sub, resource, "mail.read", map[string]any{"groups": []string{"admins of Drittstadt"}}))
	}
	for _, c := range []struct {
		sub, as string
		want    int64
		roles   auth.Roles
	}{
		{"sub-3", "", emil.Account, auth.TenantAdmin}, {"sub-3", "emil@drittstadt.example", emil.Account, auth.TenantAdmin},
		{"sub-1", anna, s.anna.Account, 0}, {"sub-1", "anna@drittstadt.example", double.Account, auth.TenantAdmin},
	} {
		p, err := bearer(c.sub, c.as)
		if err != nil || p.Account != c.want || p.Roles != c.roles {
			t.Errorf("%s as %q opens %+v, %v", c.sub, c.as, p, err)
		}
	}
	// Who is bound to it in a tenant that it does not serve stays outside.
	s.Bind(s.dora, s.ours.URL, "sub-2")
	for _, as := range []string{"", anna, dora, "emil@drittstadt.example"} {
		_, err := bearer("sub-2", as)
		wantErr(t, err, auth.ErrDenied)
	}
	if p, err := bearer("sub-1", ""); err == nil {
		t.Errorf("one of two was opened: %+v", p)
	}
	for _, as := range []string{anna, dora, "nobody@musterstadt.example"} {
		_, err := bearer("sub-3", as)
		wantErr(t, err, auth.ErrDenied)
	}
}

// A wrong name costs the same questions whether it is nobody's, another's, another
// tenant's or no tenant's.
func TestWrongNamesCostTheSame(t *testing.T) {
	s := openTowns(t)
	s.bind(auth.IssuerBinding{Tenant: 3, Installation: true})
	emil := s.AddPersonIn(3, "emil@drittstadt.example")
	s.Bind(emil, s.ours.URL, "sub-3")
	disabled := s.AddPersonIn(2, "weg@nachbarstadt.example")
	s.Disable(disabled, true)
	_, _, err := s.NewAppPasswordByOperator(t.Context(), s.dora, "Telefon", auth.AllScopes, time.Time{})
	must(t, err)
	names := []string{
		"nobody@drittstadt.example", "nobody@nowhere.example", dora, "nobody@nachbarstadt.example", "weg@nachbarstadt.example", "no address", "x@xn--mller-kva.example",
	}
	same := func(what string, want []string, ask func(name string) error) {
		t.Helper()
		for _, name := range names {
			s.count.questions()
			if err := ask(name); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%s: %s: %v", what, name, err)
			}
			if got := s.count.questions(); !slices.Equal(got, want) {
				t.Errorf("%s: %s asks %v, want %v", what, name, got, want)
			}
		}
	}
	same("an app password", []string{"address", "app passwords"}, func(name string) error {
		_, err := s.Password(t.Context(), at(name, auth.MailRead), "0000-0000-0000-0000-0000-0000")
		return err
	})
	names = slices.DeleteFunc(names, func(n string) bool { return n == dora }) // whose token it is
	same("a token of one tenant's issuer", []string{"subject in a tenant", "may use"}, func(name string) error {
		_, err := s.Bearer(t.Context(), at(name, auth.MailRead), s.theirs.AccessToken("sub-1", resource, "mail.read", nil))
		return err
	})
	// Emil's token, for names of a tenant that his issuer serves too, or does not.
	names = append(names, anna, dora, "nobody@musterstadt.example")
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasSuffix(n, "@drittstadt.example") })
	same("a token of several tenants' issuer", []string{"subject in a tenant", "subject", "may use"}, func(name string) error {
		_, err := s.Bearer(t.Context(), at(name, auth.MailRead), s.ours.AccessToken("sub-3", resource, "mail.read", nil))
		return err
	})
}

// What tells strangers where to sign in tells them nothing of tenants.
func TestSASLNamesTheInstallationsIssuer(t *testing.T) {
	s := openTowns(t)
	for _, as := range []string{anna, dora, "nobody@nowhere.example"} {
		x, err := s.SASL("OAUTHBEARER", at("", auth.MailRead))
		must(t, err)
		challenge, _, err := x.Next(t.Context(), []byte("n,a="+as+",\x01auth=Bearer x.y.z\x01\x01"))
		must(t, err)
		if !strings.Contains(string(challenge), `"openid-configuration":"`+s.ours.URL+`/.well-known/openid-configuration"`) {
			t.Errorf("%s is told %s", as, challenge)
		}
	}
}

func TestProvidersAreChecked(t *testing.T) {
	m := authtest.NewMemory()
	good := auth.IssuerBinding{BearerIssuer: auth.BearerIssuer{URL: "https://login.example", Audience: resource}, ClientID: "portal"}
	if _, err := auth.NewProviders(auth.ProvidersConfig{Directory: m, Installation: good}); err != nil {
		t.Fatal(err)
	}
	plain, client, none := good, good, good
	plain.URL, client.Audience, none.ClientID, none.Audience = "http://login.example", "portal", "", ""
	for name, cfg := range map[string]auth.ProvidersConfig{
		"no directory": {Installation: good}, "plain": {Directory: m, Installation: plain},
		"client as resource": {Directory: m, Installation: client}, "nothing": {Directory: m, Installation: none},
	} {
		if _, err := auth.NewProviders(cfg); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	// The names of clients are opaque, differ, and can be part of a path.
	a, b, c := auth.ClientName("https://a.example", "portal"), auth.ClientName("https://b.example", "portal"), auth.ClientName("https://a.example", "other")
	if a == b || a == c || a != url.PathEscape(a) || len(a) < 16 || strings.Contains(a, "example") {
		t.Errorf("names %s %s %s", a, b, c)
	}
}

// Tenants' own issuers are asked by a client that leads nowhere inside unless it is told
// otherwise; the installation's is the operator's word.
func TestTenantsIssuersAreAskedOutside(t *testing.T) {
	s := openTowns(t)
	providers, err := auth.NewProviders(auth.ProvidersConfig{
		Installation: auth.IssuerBinding{BearerIssuer: auth.BearerIssuer{URL: s.ours.URL, Audience: resource}, ClientID: "portal"}, Directory: s.directory,
	})
	must(t, err)
	a := s.bearing(t, s.Memory, providers)
	_, err = a.Bearer(t.Context(), at("", auth.MailRead), s.ours.AccessToken("sub-1", resource, "mail.read", nil))
	must(t, err)
	_, err = a.Bearer(t.Context(), at("", auth.MailRead), s.theirs.AccessToken("sub-1", resource, "mail.read", nil))
	wantErr(t, err, auth.ErrUnavailable)
	if err == nil || !strings.Contains(err.Error(), "oidc.internal_networks") {
		t.Errorf("the error does not say why: %v", err)
	}
	if n := s.theirs.KeyFetches.Load(); n != 0 {
		t.Errorf("it was asked %d times", n)
	}
}
