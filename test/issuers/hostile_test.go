package issuers

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
	"fachwerk/auth/idp"
	"fachwerk/internal/store"
	"fachwerk/test/system/harness"
)

const (
	eve    = "eve@evilstadt.example"
	evilDo = "amt@evilstadt.example"
)

// evil is the hostile issuer: Evilstadt's own.
type evil struct {
	*house
	*authtest.Issuer
	town      store.Tenant
	eve       store.Account
	anna, jan store.Account // of the demo's tenant
	says      map[string]any
}

func openEvil(t *testing.T) *evil {
	t.Helper()
	e := &evil{house: start(t), Issuer: authtest.NewIssuer(t), says: map[string]any{}}
	e.town = e.house.town(t, "Evilstadt", "evilstadt.example", store.Issuer{URL: e.Issuer.URL, ClientID: "portal", Secret: "a secret", AdminGroup: "chiefs"})
	e.eve = e.person(t, e.town, eve, e.Issuer.URL, "eve")
	var err error
	e.anna, err = e.store.Resolve(t.Context(), e.Anna().Address)
	must(t, err)
	e.jan, err = e.store.Resolve(t.Context(), e.Jan().Address)
	must(t, err)
	e.Authorize = e.onward
	return e
}

// lies are what it says of everybody: anna's names, all groups, all roles.
func (e *evil) lies() map[string]any {
	return map[string]any{
		"email": e.anna.Address, "email_verified": true, "preferred_username": e.anna.Address, "upn": e.anna.Address, "name": "Anna",
		"groups": []string{"operators", "admins of Musterstadt", "admins of Demo", "Bauamt"}, "roles": []string{"operators"}, "tenant": e.anna.Tenant,
	}
}

// onward takes every browser straight back to the portal, with an ID token waiting.
func (e *evil) onward(q url.Values) string {
	e.Token = func(url.Values) map[string]any {
		now := time.Now()
		claims := map[string]any{
			"iss": e.Issuer.URL, "sub": "eve", "aud": "portal", "nonce": q.Get("nonce"), "sid": "s",
			"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix(),
		}
		maps.Copy(claims, e.lies())
		maps.Copy(claims, e.says)
		return map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": e.Sign("JWT", claims)}
	}
	return q.Get("redirect_uri") + "?" + url.Values{"state": {q.Get("state")}, "code": {"c"}}.Encode()
}

// sessions counts those of the demo's people at the portal.
func (e *evil) sessions(t *testing.T) (n int) {
	t.Helper()
	for _, a := range []store.Account{e.anna, e.jan} {
		list, err := e.store.SessionsOf(t.Context(), ref(a))
		must(t, err)
		n += len(list)
	}
	return n
}

func TestHostileIssuer(t *testing.T) {
	e := openEvil(t)
	// The store has a group that evil names, with rights on a function mailbox of the
	// demo's tenant.
	office, err := e.store.Resolve(t.Context(), harness.Office)
	must(t, err)
	must(t, e.store.AddGroupGrant(t.Context(), office.Key, "Bauamt", store.AllRights))
	t.Run("its tokens", e.tokens)
	t.Run("its sign-ins", e.signIns)
	t.Run("mixed up", e.mixUp)
	t.Run("its logout tokens", e.logout)
	t.Run("groups of its own tenant", e.ownGroups)
	t.Run("unbound", e.unbound)
	e.Check(t)
}

// tokens tries every lie at every door.
func (e *evil) tokens(t *testing.T) {
	with := func(sub string, more map[string]any) string {
		claims := e.lies()
		maps.Copy(claims, more)
		return e.AccessToken(sub, audience, auth.AllScopes.String(), claims)
	}
	annas := idp.Subject(ref(e.anna)) // as the embedded provider calls her
	good := with("eve", nil)
	// That the doors open at all, else all that follows says nothing.
	harness.Eventually(t, time.Minute, "the new issuer is known", func() bool { return doors[0].open(t, e.house, eve, good) })
	if got := opened(t, e.house, eve, good); len(got) != len(doors) {
		t.Fatalf("eve's own token opens %v only", got)
	}
	e.Rotate("RS256")
	if got := opened(t, e.house, eve, with("eve", nil)); len(got) != len(doors) {
		t.Errorf("after new keys eve's token opens %v only", got)
	}
	lies := map[string]string{
		"eve's own":                good,
		"anna's subject":           with(annas, nil),
		"anna's address":           with(e.anna.Address, nil),
		"the embedded's name":      with(annas, map[string]any{"iss": e.Issuer0()}),
		"its own name, slashed":    with("eve", map[string]any{"iss": e.Issuer.URL + "/"}),
		"its own name, in capital": with("eve", map[string]any{"iss": strings.Replace(e.Issuer.URL, "http", "HTTP", 1)}),
		"for its client":           with("eve", map[string]any{"aud": "portal"}),
		"for the portal's client":  with("eve", map[string]any{"aud": "fachwerk-portal"}),
		"an ID token":              with("eve", map[string]any{"nonce": "n"}),
		"a logout token":           with("eve", map[string]any{"events": map[string]any{}}),
		"nobody's subject":         with("sub-9", nil),
	}
	for name, token := range lies {
		for _, as := range []string{e.anna.Address, e.jan.Address, harness.Office, "nobody@nowhere.example"} {
			if got := opened(t, e.house, as, token); len(got) != 0 {
				t.Errorf("%s: as %s it opens %v", name, as, got)
			}
		}
		if token == good {
			continue
		}
		if got := opened(t, e.house, eve, token); len(got) != 0 {
			t.Errorf("%s: as eve it opens %v", name, got)
		}
	}
}

// Issuer0 is the installation's own issuer.
func (e *evil) Issuer0() string { return e.Demo.Issuer }

// signIns has it name everybody at the portal.
func (e *evil) signIns(t *testing.T) {
	before := e.sessions(t)
	try := func(says map[string]any) page {
		t.Helper()
		e.says = says
		defer func() { e.says = map[string]any{} }()
		b := newBrowser(t)
		p := b.get(e.login("Evilstadt"))
		if says["sub"] != nil && b.signedIn(e.Portal) {
			t.Errorf("signed in as %v: %s", says, p.text)
		}
		return p
	}
	if p := try(nil); p.status != http.StatusOK || p.url.Path != "/devices" {
		t.Fatalf("eve's own sign-in ends with %d at %s\n%s", p.status, p.url, p.text)
	}
	for _, sub := range []string{idp.Subject(ref(e.anna)), e.anna.Address, "somebody new", "EVE", "eve "} {
		if p := try(map[string]any{"sub": sub}); p.url.Path == "/devices" {
			t.Errorf("%q signs in", sub)
		}
	}
	for name, says := range map[string]map[string]any{
		"the embedded's name": {"iss": e.Issuer0()}, "another nonce": {"nonce": "n"}, "another client": {"aud": "fachwerk-portal"},
	} {
		if p := try(says); p.url.Path == "/devices" {
			t.Errorf("with %s: signed in", name)
		}
	}
	if after := e.sessions(t); after != before {
		t.Errorf("people of the other tenant have %d sessions, had %d", after, before)
	}
	// Nobody was linked, made or put into a group.
	for _, a := range []store.Account{e.anna, e.jan} {
		if groups, err := e.store.GroupsOf(t.Context(), a.Key); err != nil || len(groups) != 0 {
			t.Errorf("%s is in %v, %v", a.Address, groups, err)
		}
	}
	for _, sub := range []string{idp.Subject(ref(e.anna)), e.anna.Address, "somebody new"} {
		if p, err := e.store.PersonBySubject(t.Context(), e.Issuer.URL, sub); err == nil {
			t.Errorf("%s is linked to %+v", sub, p)
		}
	}
	list, err := e.store.Accounts(t.Context(), e.town.ID)
	must(t, err)
	if len(list) != 1 {
		t.Errorf("Evilstadt has the accounts %+v", list)
	}
	// An invitation of the other tenant's person leads past it.
	p := newBrowser(t).get(e.Portal + "/login?invitation=" + strings.Repeat("x", 43))
	if p.url.Path != "/login" || p.status == http.StatusOK {
		t.Errorf("an invitation that nobody made leads to %s (%d)", p.url, p.status)
	}
}

// mixUp has it play the embedded provider's answers off against its own
// (RFC 9207, RFC 9700 4.4).
func (e *evil) mixUp(t *testing.T) {
	before := e.sessions(t)
	answer := e.Authorize
	defer func() { e.Authorize = answer }()
	for name, onward := range map[string]func(url.Values) string{
		"to the other redirect URI": func(q url.Values) string {
			q.Set("redirect_uri", e.Portal+"/login/callback")
			return e.onward(q)
		},
		"with the other's iss": func(q url.Values) string { return e.onward(q) + "&iss=" + url.QueryEscape(e.Issuer0()) },
		"with both iss": func(q url.Values) string {
			return e.onward(q) + "&iss=" + url.QueryEscape(e.Issuer.URL) + "&iss=" + url.QueryEscape(e.Issuer0())
		},
		"through the other's login": func(q url.Values) string { // the honest provider answers at its own redirect URI, with evil's state
			e.onward(q)
			q.Set("client_id", "fachwerk-portal")
			q.Set("redirect_uri", e.Portal+"/login/callback")
			return e.Issuer0() + "/authorize?" + q.Encode()
		},
	} {
		e.Authorize = onward
		b := newBrowser(t)
		p := b.get(e.login("Evilstadt"))
		if strings.HasPrefix(p.url.String(), e.Issuer0()) { // anna types her password
			p = b.fill(p, "password", map[string]string{"address": e.Anna().Address, "password": e.Anna().Password})
		}
		if p.url.Path == "/devices" || b.signedIn(e.Portal) {
			t.Errorf("%s: signed in, at %s", name, p.url)
		}
		if !strings.HasPrefix(p.url.String(), e.Portal) {
			t.Errorf("%s: it ended at %s, not at the portal", name, p.url)
		}
	}
	if after := e.sessions(t); after != before {
		t.Errorf("people of the other tenant have %d sessions, had %d", after, before)
	}
}

// logout has it end sessions: its own, and nobody else's.
func (e *evil) logout(t *testing.T) {
	annas := newBrowser(t)
	p := annas.fill(annas.get(e.login(e.first)), "password", map[string]string{"address": e.Anna().Address, "password": e.Anna().Password})
	if p.url.Path != "/devices" {
		t.Fatalf("anna's sign-in ends at %s", p.url)
	}
	eves := newBrowser(t)
	if p := eves.get(e.login("Evilstadt")); p.url.Path != "/devices" {
		t.Fatalf("eve's sign-in ends at %s", p.url)
	}
	theirs := e.Portal + "/oidc/logout/" + auth.ClientName(e.Issuer.URL, "portal")
	post := func(to, iss, aud, sub, jti string) int {
		now := time.Now()
		token := e.Sign("logout+jwt", map[string]any{
			"iss": iss, "aud": aud, "sub": sub, "jti": jti, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		})
		res, err := http.PostForm(to, url.Values{"logout_token": {token}})
		must(t, err)
		res.Body.Close()
		return res.StatusCode
	}
	subject := idp.Subject(ref(e.anna))
	for _, to := range []string{theirs, e.Portal + "/logout/back-channel"} {
		for _, c := range [][2]string{{e.Issuer0(), "fachwerk-portal"}, {e.Issuer0(), "portal"}, {e.Issuer.URL, "fachwerk-portal"}} {
			if code := post(to, c[0], c[1], subject, "a"); code != http.StatusBadRequest {
				t.Errorf("a logout token of %v at %s: %d", c, to, code)
			}
		}
	}
	post(theirs, e.Issuer.URL, "portal", subject, "b") // well made, of nobody
	if !annas.signedIn(e.Portal) || !eves.signedIn(e.Portal) {
		t.Fatal("a session has ended")
	}
	if code := post(theirs, e.Issuer.URL, "portal", "eve", "c"); code != http.StatusOK || eves.signedIn(e.Portal) || !annas.signedIn(e.Portal) {
		t.Errorf("its own person's logout: %d", code)
	}
}

// ownGroups has it do what it may: say of its own people in which groups they are.
func (e *evil) ownGroups(t *testing.T) {
	office, err := e.store.CreateAccount(t.Context(), store.NewAccount{Tenant: e.town.ID, Kind: store.Function, Address: evilDo, DisplayName: "Amt"})
	must(t, err)
	must(t, e.store.AddGroupGrant(t.Context(), office.Key, "Team", store.RightRead))
	token := func(at time.Time, groups ...string) string {
		return e.AccessToken("eve", audience, auth.AllScopes.String(), map[string]any{"groups": groups, "iat": at.Unix()})
	}
	now := time.Now() // later than all tokens before; clocks may differ by 30 seconds
	if doors[0].open(t, e.house, evilDo, token(now.Add(time.Second))) {
		t.Error("the function mailbox is open to nobody's group")
	}
	in := token(now.Add(2*time.Second), "Team")
	// The rights are in the store once the token has been seen; the next login has them.
	doors[0].open(t, e.house, eve, in)
	harness.Eventually(t, time.Minute, "the group's grant counts", func() bool { return doors[0].open(t, e.house, evilDo, in) })
	if doors[0].open(t, e.house, harness.Office, token(now.Add(3*time.Second), "Team", "Bauamt")) {
		t.Error("a group's grant counts in another tenant")
	}
	// Out of the group, and the older token takes nothing back.
	doors[0].open(t, e.house, eve, token(now.Add(4*time.Second)))
	harness.Eventually(t, time.Minute, "the group's grant ends", func() bool { return !doors[0].open(t, e.house, evilDo, in) })
}

// unbound ends it all.
func (e *evil) unbound(t *testing.T) {
	b := newBrowser(t)
	if p := b.get(e.login("Evilstadt")); p.url.Path != "/devices" {
		t.Fatalf("eve's sign-in ends at %s", p.url)
	}
	must(t, e.store.UnbindIssuer(t.Context(), e.town.ID, e.Issuer.URL))
	token := e.AccessToken("eve", audience, auth.AllScopes.String(), nil)
	harness.Eventually(t, time.Minute, "its tokens open nothing", func() bool { return len(opened(t, e.house, eve, token)) == 0 })
	harness.Eventually(t, time.Minute, "its sessions end", func() bool { return !b.signedIn(e.Portal) })
	// Whom it sent now goes where people go whose tenant has no issuer of its own.
	harness.Eventually(t, time.Minute, "nobody is led there any more", func() bool {
		return strings.HasPrefix(newBrowser(t).get(e.Portal+"/login?tenant=Evilstadt").url.String(), e.Issuer0())
	})
}
