package issuers

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"fachwerk/internal/testenv/browser"
	"fachwerk/internal/testenv/pen"
	"fachwerk/test/system/harness"
)

const (
	eve    = "eve@evilstadt.example"
	evilDo = "amt@evilstadt.example"
)

// evil is the hostile issuer: Evilstadt's own.
type evil struct {
	*house
	*pen.Pen
	bound boundIssuer
	annas string // her subject at the embedded provider
	says  map[string]any
}

func openEvil(t *testing.T, engines harness.Engines) *evil {
	t.Helper()
	e := &evil{house: start(t, engines), Pen: pen.New(t), says: map[string]any{}}
	e.bound = e.town(t, "Evilstadt", "evilstadt.example", e.URL, "chiefs")
	e.Command(t, "account", "add", eve, "--issuer", e.URL, "--subject", "eve")
	token, _ := e.embedded(t, e.Anna())
	e.annas = subject(t, token)
	e.Authorize = e.onward
	return e
}

// subject reads who a token is of.
func subject(t *testing.T, token string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	must(t, err)
	var claims struct{ Sub string }
	must(t, json.Unmarshal(payload, &claims))
	if claims.Sub == "" {
		t.Fatalf("no subject in %s", payload)
	}
	return claims.Sub
}

// lies are what it says of everybody: anna's names, all groups, all roles.
func (e *evil) lies() map[string]any {
	return map[string]any{
		"email": e.Anna().Address, "email_verified": true, "preferred_username": e.Anna().Address, "upn": e.Anna().Address, "name": "Anna",
		"groups": []string{"operators", "admins of " + e.first, "Bauamt"}, "roles": []string{"operators"}, "tenant": e.first,
	}
}

// onward takes every browser straight back to the portal, with an ID token waiting.
func (e *evil) onward(q url.Values) string {
	e.Answer = func() map[string]any {
		now := time.Now()
		claims := map[string]any{
			"iss": e.URL, "sub": "eve", "aud": "portal", "nonce": q.Get("nonce"), "sid": "s",
			"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix(),
		}
		maps.Copy(claims, e.lies())
		maps.Copy(claims, e.says)
		return map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": e.Sign("JWT", claims)}
	}
	return q.Get("redirect_uri") + "?" + url.Values{"state": {q.Get("state")}, "code": {"c"}}.Encode()
}

func TestHostileIssuer(t *testing.T) { harness.Each(t, testHostileIssuer) }

func testHostileIssuer(t *testing.T, engines harness.Engines) {
	e := openEvil(t, engines)
	// There is a group that evil names, with rights on a function mailbox of the demo's
	// tenant.
	e.Command(t, "grant", "group", "add", harness.Office, "Bauamt", "read,write,manage,send-as")
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
		return e.Access(sub, claims)
	}
	good := with("eve", nil)
	// That the doors open at all, else all that follows says nothing.
	harness.Eventually(t, time.Minute, "the new issuer is known", func() bool { return doors[0].open(t, e.house, eve, good) })
	if got := opened(t, e.house, eve, good); len(got) != len(doors) {
		t.Fatalf("eve's own token opens %v only", got)
	}
	e.Rotate()
	if got := opened(t, e.house, eve, with("eve", nil)); len(got) != len(doors) {
		t.Errorf("after new keys eve's token opens %v only", got)
	}
	lies := map[string]string{
		"eve's own":                good,
		"anna's subject":           with(e.annas, nil),
		"anna's address":           with(e.Anna().Address, nil),
		"the embedded's name":      with(e.annas, map[string]any{"iss": e.Issuer}),
		"its own name, slashed":    with("eve", map[string]any{"iss": e.URL + "/"}),
		"its own name, in capital": with("eve", map[string]any{"iss": strings.Replace(e.URL, "http", "HTTP", 1)}),
		"for its client":           with("eve", map[string]any{"aud": "portal"}),
		"for the portal's client":  with("eve", map[string]any{"aud": "fachwerk-portal"}),
		"an ID token":              with("eve", map[string]any{"nonce": "n"}),
		"a logout token":           with("eve", map[string]any{"events": map[string]any{}}),
		"nobody's subject":         with("sub-9", nil),
	}
	for name, token := range lies {
		for _, as := range []string{e.Anna().Address, e.Jan().Address, harness.Office, "nobody@nowhere.example"} {
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

// signIns has it name everybody at the portal.
func (e *evil) signIns(t *testing.T) {
	try := func(says map[string]any) browser.Page {
		t.Helper()
		e.says = says
		defer func() { e.says = map[string]any{} }()
		b := browser.New(t)
		p := b.Get(e.login("Evilstadt"))
		if says["sub"] != nil && b.SignedIn(e.Portal) {
			t.Errorf("signed in as %v: %s", says, p.Text)
		}
		return p
	}
	if p := try(nil); p.Status != http.StatusOK || p.URL.Path != "/devices" {
		t.Fatalf("eve's own sign-in ends with %d at %s\n%s", p.Status, p.URL, p.Text)
	}
	for _, sub := range []string{e.annas, e.Anna().Address, "somebody new", "EVE", "eve "} {
		if p := try(map[string]any{"sub": sub}); p.URL.Path == "/devices" {
			t.Errorf("%q signs in", sub)
		}
	}
	for name, says := range map[string]map[string]any{
		"the embedded's name": {"iss": e.Issuer}, "another nonce": {"nonce": "n"}, "another client": {"aud": "fachwerk-portal"},
	} {
		if p := try(says); p.URL.Path == "/devices" {
			t.Errorf("with %s: signed in", name)
		}
	}
	// Nobody was linked, made or put into a group.
	for _, who := range []string{e.Anna().Address, e.Jan().Address} {
		if groups := e.groups(t, who); len(groups) != 0 {
			t.Errorf("%s is in %v", who, groups)
		}
	}
	var list []struct{ Address string }
	must(t, json.Unmarshal([]byte(e.Command(t, "account", "list", "--tenant", "Evilstadt", "--json")), &list))
	if len(list) != 1 || list[0].Address != eve {
		t.Errorf("Evilstadt has the accounts %v", list)
	}
	// An invitation of the other tenant's person leads past it.
	p := browser.New(t).Get(e.Portal + "/login?invitation=" + strings.Repeat("x", 43))
	if p.URL.Path != "/login" || p.Status == http.StatusOK {
		t.Errorf("an invitation that nobody made leads to %s (%d)", p.URL, p.Status)
	}
}

// mixUp has it play the embedded provider's answers off against its own
// (RFC 9207, RFC 9700 4.4).
func (e *evil) mixUp(t *testing.T) {
	answer := e.Authorize
	defer func() { e.Authorize = answer }()
	for name, onward := range map[string]func(url.Values) string{
		"to the other redirect URI": func(q url.Values) string {
			q.Set("redirect_uri", e.Portal+"/login/callback")
			return e.onward(q)
		},
		"with the other's iss": func(q url.Values) string { return e.onward(q) + "&iss=" + url.QueryEscape(e.Issuer) },
		"with both iss": func(q url.Values) string {
			return e.onward(q) + "&iss=" + url.QueryEscape(e.URL) + "&iss=" + url.QueryEscape(e.Issuer)
		},
		"through the other's login": func(q url.Values) string { // the honest provider answers at its own redirect URI, with evil's state
			e.onward(q)
			q.Set("client_id", "fachwerk-portal")
			q.Set("redirect_uri", e.Portal+"/login/callback")
			return e.Issuer + "/authorize?" + q.Encode()
		},
	} {
		e.Authorize = onward
		b := browser.New(t)
		p := b.Get(e.login("Evilstadt"))
		if strings.HasPrefix(p.URL.String(), e.Issuer) { // anna types her password
			p = b.Fill(p, "password", map[string]string{"address": e.Anna().Address, "password": e.Anna().Password})
		}
		if p.URL.Path == "/devices" || b.SignedIn(e.Portal) {
			t.Errorf("%s: signed in, at %s", name, p.URL)
		}
		if !strings.HasPrefix(p.URL.String(), e.Portal) {
			t.Errorf("%s: it ended at %s, not at the portal", name, p.URL)
		}
	}
}

// logout has it end sessions: its own, and nobody else's.
func (e *evil) logout(t *testing.T) {
	annas := browser.New(t)
	p := annas.Fill(annas.Get(e.login(e.first)), "password", map[string]string{"address": e.Anna().Address, "password": e.Anna().Password})
	if p.URL.Path != "/devices" {
		t.Fatalf("anna's sign-in ends at %s", p.URL)
	}
	eves := browser.New(t)
	if p := eves.Get(e.login("Evilstadt")); p.URL.Path != "/devices" {
		t.Fatalf("eve's sign-in ends at %s", p.URL)
	}
	theirs := e.bound.BackChannel
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
	for _, to := range []string{theirs, e.Portal + "/logout/back-channel"} {
		for _, c := range [][2]string{{e.Issuer, "fachwerk-portal"}, {e.Issuer, "portal"}, {e.URL, "fachwerk-portal"}} {
			if code := post(to, c[0], c[1], e.annas, "a"); code != http.StatusBadRequest {
				t.Errorf("a logout token of %v at %s: %d", c, to, code)
			}
		}
	}
	post(theirs, e.URL, "portal", e.annas, "b") // well made, of nobody
	if !annas.SignedIn(e.Portal) || !eves.SignedIn(e.Portal) {
		t.Fatal("a session has ended")
	}
	if code := post(theirs, e.URL, "portal", "eve", "c"); code != http.StatusOK || eves.SignedIn(e.Portal) || !annas.SignedIn(e.Portal) {
		t.Errorf("its own person's logout: %d", code)
	}
}

// ownGroups has it do what it may: say of its own people in which groups they are.
func (e *evil) ownGroups(t *testing.T) {
	e.Command(t, "account", "add", evilDo, "--kind", "function")
	e.Command(t, "grant", "group", "add", evilDo, "Team", "read")
	token := func(at time.Time, groups ...string) string {
		return e.Access("eve", map[string]any{"groups": groups, "iat": at.Unix()})
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
	b := browser.New(t)
	if p := b.Get(e.login("Evilstadt")); p.URL.Path != "/devices" {
		t.Fatalf("eve's sign-in ends at %s", p.URL)
	}
	token := e.Access("eve", nil)
	open := imapclient.New(dial(t, e.house, e.IMAPS), nil)
	defer open.Close()
	must(t, open.Authenticate(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: eve, Token: token})))
	e.Command(t, "issuer", "unbind", e.URL, "--tenant", "Evilstadt")
	select {
	case <-open.Closed():
	case <-time.After(time.Minute):
		t.Error("a connection of its token stays open")
	}
	harness.Eventually(t, time.Minute, "its tokens open nothing", func() bool { return len(opened(t, e.house, eve, token)) == 0 })
	harness.Eventually(t, time.Minute, "its sessions end", func() bool { return !b.SignedIn(e.Portal) })
	// Whom it sent now goes where people go whose tenant has no issuer of its own.
	harness.Eventually(t, time.Minute, "nobody is led there any more", func() bool {
		return strings.HasPrefix(browser.New(t).Get(e.Portal+"/login?tenant=Evilstadt").URL.String(), e.Issuer)
	})
}
