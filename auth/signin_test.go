package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
)

// The tenant's name, or the domain of an address, leads to the tenant's issuer; what
// is nobody's leads where people go whose tenant has none of its own.
func TestWhereSignInsGo(t *testing.T) {
	s := openTowns(t)
	for name, c := range map[string]struct {
		opts auth.StartOptions
		want *authtest.Issuer
	}{
		"nothing":             {auth.StartOptions{}, s.ours},
		"a tenant":            {auth.StartOptions{Tenant: "Nachbarstadt"}, s.theirs},
		"another":             {auth.StartOptions{Tenant: "Musterstadt"}, s.ours},
		"without an issuer":   {auth.StartOptions{Tenant: "Drittstadt"}, s.ours},
		"no tenant":           {auth.StartOptions{Tenant: "nachbarstadt"}, s.ours},
		"a long name":         {auth.StartOptions{Tenant: strings.Repeat("n", 5000)}, s.ours},
		"an address":          {auth.StartOptions{Address: dora}, s.theirs},
		"nobody's address":    {auth.StartOptions{Address: "nobody@Nachbarstadt.EXAMPLE."}, s.theirs},
		"U-labels":            {auth.StartOptions{Address: "x@müller.example"}, s.theirs},
		"an unknown domain":   {auth.StartOptions{Address: "x@nowhere.example"}, s.ours},
		"no address":          {auth.StartOptions{Address: "nachbarstadt.example"}, s.ours},
		"an unknown session":  {auth.StartOptions{Session: "x"}, s.ours},
		"the tenant is first": {auth.StartOptions{Tenant: "Nachbarstadt", Address: anna}, s.theirs},
	} {
		s.count.questions()
		to, _, err := s.rp.Start(t.Context(), "/", c.opts)
		must(t, err)
		if !strings.HasPrefix(to, c.want.URL+"/authorize?") {
			t.Errorf("%s leads to %s", name, to)
		}
		u, _ := url.Parse(to)
		want := portalA + "/login/callback"
		if c.want == s.theirs {
			want = portalA + "/oidc/callback/" + auth.ClientName(s.theirs.URL, "portal")
		}
		if got := u.Query().Get("redirect_uri"); got != want {
			t.Errorf("%s: the redirect URI is %s, want %s", name, got, want)
		}
		if got := u.Query().Get("login_hint"); got != c.opts.Address {
			t.Errorf("%s: the hint is %q", name, got)
		}
		if asked := s.count.questions(); len(asked) != 0 {
			t.Errorf("%s: asks the store %v", name, asked)
		}
	}
	if several, err := s.rp.Several(t.Context()); err != nil || !several {
		t.Errorf("there are several issuers, said is %v, %v", several, err)
	}
	// Who has signed in signs in there again.
	f, err := s.signIn(t, s.theirs, auth.StartOptions{Tenant: "Nachbarstadt"}, nil)
	must(t, err)
	if f.Principal.Tenant != 2 || f.Principal.Account != s.dora.Account || f.Session.Issuer != s.theirs.URL {
		t.Fatalf("signed in as %+v", f.Principal)
	}
	again, err := s.signIn(t, s.theirs, auth.StartOptions{Session: f.CookieValue, Fresh: true}, nil)
	must(t, err)
	if again.Principal.Account != s.dora.Account {
		t.Errorf("signed in again as %+v", again.Principal)
	}
}

// Who is a person of two tenants at one issuer signs in as the one whose tenant is
// named, and stays so when the session is renewed.
func TestSignInOfOneOfTwo(t *testing.T) {
	s := openTowns(t)
	s.bind(auth.IssuerBinding{Tenant: 3, Installation: true})
	double := s.AddPersonIn(3, "anna@drittstadt.example")
	s.Bind(double, s.ours.URL, "sub-1")
	for _, c := range []struct {
		opts auth.StartOptions
		want auth.AccountRef
	}{
		{auth.StartOptions{Tenant: "Drittstadt"}, double}, {auth.StartOptions{Address: "x@drittstadt.example"}, double},
		{auth.StartOptions{Tenant: "Musterstadt"}, s.anna}, {auth.StartOptions{Address: anna}, s.anna},
	} {
		f, err := s.signIn(t, s.ours, c.opts, nil)
		must(t, err)
		again, err := s.signIn(t, s.ours, auth.StartOptions{Session: f.CookieValue}, nil)
		must(t, err)
		for _, p := range []*auth.Principal{f.Principal, again.Principal} {
			if p.Account != c.want.Account {
				t.Errorf("%+v signs in as %+v", c.opts, p)
			}
		}
	}
	for _, opts := range []auth.StartOptions{{}, {Tenant: "Nirgendwo"}, {Address: "x@nowhere.example"}} {
		_, err := s.signIn(t, s.ours, opts, nil)
		wantErr(t, err, auth.ErrUnknownSubject)
	}
	// Where the one tenant that is named does not know them, the other one's is found.
	s.Bind(s.anna, s.ours.URL, "sub-5")
	f, err := s.signIn(t, s.ours, auth.StartOptions{Tenant: "Drittstadt"}, map[string]any{"sub": "sub-5"})
	must(t, err)
	if f.Principal.Account != s.anna.Account {
		t.Errorf("signed in as %+v", f.Principal)
	}
}

// An answer counts at the redirect URI of the issuer that was asked, and nowhere else.
func TestStatesBelongToTheirIssuer(t *testing.T) {
	s := openTowns(t)
	theirs := auth.ClientName(s.theirs.URL, "portal")
	third := s.own() // another client at the same issuer
	third.Tenant, third.ClientID = 3, "portal of Drittstadt"
	s.bind(third)
	finish := func(begunAt, name string, more url.Values) error {
		to, state, err := s.rp.Start(t.Context(), "/", auth.StartOptions{Tenant: begunAt})
		must(t, err)
		u, _ := url.Parse(to)
		for _, i := range []*authtest.Issuer{s.ours, s.theirs} {
			i.Token = answering(i, s.now(), u.Query().Get("nonce"), nil)
		}
		params := url.Values{"state": {u.Query().Get("state")}, "code": {"code"}}
		for k, v := range more {
			params[k] = v
		}
		f, err := s.rp.Finish(t.Context(), name, params, state, "", "")
		if err == nil && (f.Principal.Tenant == 1) != (begunAt == "Musterstadt") {
			t.Errorf("begun at %s, opened %+v", begunAt, f.Principal)
		}
		return err
	}
	for _, c := range []struct {
		begun, name string
		more        url.Values
		want        error
	}{
		{"Musterstadt", "", nil, nil},
		{"Nachbarstadt", theirs, nil, nil},
		{"Musterstadt", theirs, nil, auth.ErrState},
		{"Nachbarstadt", "", nil, auth.ErrState},
		{"Drittstadt", theirs, nil, auth.ErrState},
		{"Nachbarstadt", "unknown", nil, auth.ErrState},
		// RFC 9207: who is named must be who was asked.
		{"Nachbarstadt", theirs, url.Values{"iss": {s.theirs.URL}}, nil},
		{"Nachbarstadt", theirs, url.Values{"iss": {s.ours.URL}}, auth.ErrDenied},
		{"Nachbarstadt", theirs, url.Values{"iss": {s.theirs.URL, s.ours.URL}}, auth.ErrDenied},
		{"Nachbarstadt", theirs, url.Values{"iss": {s.theirs.URL + "/"}}, auth.ErrDenied},
		{"Musterstadt", "", url.Values{"iss": {s.theirs.URL}}, auth.ErrDenied},
	} {
		if err := finish(c.begun, c.name, c.more); !errors.Is(err, c.want) {
			t.Errorf("begun at %s, answered at %q with %v: %v, want %v", c.begun, c.name, c.more, err, c.want)
		}
	}
}

// Roles come from the groups of the issuer configured for them.
func TestRoles(t *testing.T) {
	s := openTowns(t)
	every := []string{"operators", "admins of Musterstadt", "privacy of Musterstadt", "admins of Nachbarstadt", "admins of {tenant}", "chiefs", "officers"}
	for name, c := range map[string]struct {
		at     *authtest.Issuer
		claims map[string]any
		want   auth.Roles
	}{
		"all, by the installation's": {s.ours, map[string]any{"groups": every, "roles": every}, auth.Operator | auth.TenantAdmin | auth.Privacy},
		"none":                       {s.ours, nil, 0},
		"empty":                      {s.ours, map[string]any{"groups": []string{}}, 0},
		"another claim":              {s.ours, map[string]any{"roles": every}, 0},
		"another tenant's":           {s.ours, map[string]any{"groups": []string{"admins of Nachbarstadt", "chiefs", "admins of {tenant}", ""}}, 0},
		"one, as text":               {s.ours, map[string]any{"groups": "privacy of Musterstadt"}, auth.Privacy},
		"no list of texts":           {s.ours, map[string]any{"groups": []any{"operators", 1}}, 0},
		"an object":                  {s.ours, map[string]any{"groups": map[string]any{"operators": true}}, 0},
		"all, by a tenant's own":     {s.theirs, map[string]any{"groups": every, "roles": every}, auth.TenantAdmin | auth.Privacy},
		"in a claim not its own":     {s.theirs, map[string]any{"groups": every}, 0},
	} {
		s.later(2 * time.Second) // than what was said before
		p, err := s.Bearer(t.Context(), at("", auth.MailRead), c.at.AccessToken("sub-1", resource, "mail.read", s.made(c.claims)))
		must(t, err)
		if p.Roles != c.want {
			t.Errorf("%s: a token gives %b, want %b", name, p.Roles, c.want)
		}
		opts := auth.StartOptions{Tenant: "Musterstadt"}
		if c.at == s.theirs {
			opts.Tenant = "Nachbarstadt"
		}
		f, err := s.signIn(t, c.at, opts, c.claims)
		must(t, err)
		p, _, err = s.rp.Lookup(t.Context(), f.CookieValue)
		must(t, err)
		if f.Principal.Roles != c.want || p.Roles != c.want || p.Renew {
			t.Errorf("%s: a session has %b, then %b, want %b", name, f.Principal.Roles, p.Roles, c.want)
		}
	}
	// A member of a member, as Keycloak has its roles.
	b := s.own()
	b.GroupsClaim = "realm_access.roles"
	s.SetBindings(auth.Bindings{Issuers: []auth.IssuerBinding{b}, Tenants: map[int64]string{2: "Nachbarstadt"}})
	s.later(5 * time.Second)
	p, err := s.Bearer(t.Context(), at("", auth.MailRead), s.theirs.AccessToken("sub-1", resource, "mail.read", s.made(map[string]any{"realm_access": map[string]any{"roles": []string{"chiefs"}}})))
	must(t, err)
	if p.Roles != auth.TenantAdmin {
		t.Errorf("nested groups give %b", p.Roles)
	}
	if !p.Has(auth.TenantAdmin) || p.Has(auth.Operator) || p.Has(auth.TenantAdmin|auth.Privacy) || (*auth.Principal)(nil).Has(auth.Privacy) {
		t.Error("Has is wrong")
	}
}

// A session's roles end by time, and at once when a newer token says so.
func TestRolesOfASessionEnd(t *testing.T) {
	s := openTowns(t)
	admin := map[string]any{"groups": []string{"admins of Musterstadt", "Bauamt"}}
	look := func(cookie string) *auth.Principal {
		t.Helper()
		p, _, err := s.rp.Lookup(t.Context(), cookie)
		must(t, err)
		return p
	}
	f, err := s.signIn(t, s.ours, auth.StartOptions{}, s.made(admin))
	must(t, err)
	s.later(auth.RolesRenew + time.Second)
	if p := look(f.CookieValue); !p.Has(auth.TenantAdmin) || !p.Renew {
		t.Errorf("after %v: %+v", auth.RolesRenew, p)
	}
	s.later(auth.RolesFor - auth.RolesRenew)
	if p := look(f.CookieValue); p.Roles != 0 || !p.Renew {
		t.Errorf("after %v: %+v", auth.RolesFor, p)
	}
	if f, err = s.signIn(t, s.ours, auth.StartOptions{Session: f.CookieValue}, s.made(admin)); err != nil {
		t.Fatal(err)
	}
	if p := look(f.CookieValue); !p.Has(auth.TenantAdmin) || p.Renew {
		t.Errorf("confirmed: %+v", p)
	}
	old := s.ours.AccessToken("sub-1", resource, "mail.read", s.made(admin))
	s.later(time.Minute)
	bearer := func(token string) *auth.Principal {
		t.Helper()
		p, err := s.Bearer(t.Context(), at("", auth.MailRead), token)
		must(t, err)
		return p
	}
	if p := bearer(old); !p.Has(auth.TenantAdmin) {
		t.Errorf("an hour's token: %+v", p)
	}
	// They leave the group, and a mail program gets a token of now.
	if p := bearer(s.ours.AccessToken("sub-1", resource, "mail.read", s.made(map[string]any{"groups": []string{"Bauamt"}}))); p.Roles != 0 {
		t.Errorf("the newer token: %+v", p)
	}
	s.later(10 * time.Second)
	if p := look(f.CookieValue); p.Roles != 0 {
		t.Errorf("the session after a newer word: %+v", p)
	}
	if p := bearer(old); p.Roles != 0 || len(p.Groups) != 1 {
		t.Errorf("the older token after a newer word: %+v", p)
	}
	if groups, _ := s.GroupsOf(t.Context(), s.anna); strings.Join(groups, ",") != "Bauamt" {
		t.Errorf("the store has %v", groups)
	}
	// A token without the claim says that there are none.
	s.later(time.Minute)
	bearer(s.ours.AccessToken("sub-1", resource, "mail.read", s.made(nil)))
	if groups, _ := s.GroupsOf(t.Context(), s.anna); len(groups) != 0 {
		t.Errorf("the store has %v", groups)
	}
	// The same word is written once.
	s.later(time.Minute)
	before := s.GroupWrites()
	token := s.ours.AccessToken("sub-1", resource, "mail.read", s.made(admin))
	for range 5 {
		bearer(token)
		s.later(30 * time.Second)
	}
	if n := s.GroupWrites() - before; n != 1 {
		t.Errorf("written %d times", n)
	}
}

// Many groups, and long ones, are bounded; for roles all count.
func TestManyGroups(t *testing.T) {
	s := openTowns(t)
	groups := []string{"privacy of Musterstadt", strings.Repeat("x", 201), "", "\xff"}
	for n := range 500 {
		groups = append(groups, "g"+strings.Repeat("0", n%50)+time.Duration(n).String())
	}
	p, err := s.Bearer(t.Context(), at("", auth.MailRead), s.ours.AccessToken("sub-1", resource, "mail.read", map[string]any{"groups": groups}))
	must(t, err)
	kept, _ := s.GroupsOf(t.Context(), s.anna)
	if !p.Has(auth.Privacy) || len(kept) != 200 || len(p.Groups) < 400 {
		t.Errorf("roles %b, %d kept of %d", p.Roles, len(kept), len(p.Groups))
	}
}

func TestOperator(t *testing.T) {
	s := openTowns(t)
	group := map[string]any{"groups": []string{"operators"}}
	operator := func(token string) (*auth.Principal, error) { return s.Operator(t.Context(), at("", 0), token) }
	for _, sub := range []string{"sub-1", "a program"} { // a person here, and nobody
		p, err := operator(s.ours.AccessToken(sub, resource, "", group))
		if err != nil || !p.Has(auth.Operator) || p.Account != 0 || p.Tenant != 0 || p.Scopes != 0 || p.Roles != auth.Operator {
			t.Errorf("%s: %+v, %v", sub, p, err)
		}
	}
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"for mail":           {s.ours.AccessToken("a program", resource, "openid mail.read", group), auth.ErrScope},
		"for files, as scp":  {s.ours.AccessToken("a program", resource, "", map[string]any{"groups": []string{"operators"}, "scp": []string{"files"}}), auth.ErrScope},
		"a mail program's":   {s.ours.AccessToken("a program", resource, "openid", map[string]any{"groups": []string{"operators"}, "client_id": "mail"}), auth.ErrScope},
		"that, as azp":       {s.ours.AccessToken("a program", resource, "openid", map[string]any{"groups": []string{"operators"}, "azp": "mail"}), auth.ErrScope},
		"without the group":  {s.ours.AccessToken("a program", resource, "", nil), auth.ErrScope},
		"for a client":       {s.ours.AccessToken("a program", "portal", "", group), auth.ErrDenied},
		"of another issuer":  {s.theirs.AccessToken("a program", resource, "", map[string]any{"groups": []string{"operators"}, "roles": []string{"operators"}}), auth.ErrDenied},
		"signed by another":  {s.theirs.AccessToken("a program", resource, "", map[string]any{"iss": s.ours.URL, "groups": []string{"operators"}}), auth.ErrDenied},
		"an ID token":        {s.ours.AccessToken("a program", resource, "", map[string]any{"groups": []string{"operators"}, "nonce": "n"}), auth.ErrDenied},
		"in another claim":   {s.ours.AccessToken("a program", resource, "", map[string]any{"roles": []string{"operators"}}), auth.ErrScope},
		"expired":            {s.ours.AccessToken("a program", resource, "", map[string]any{"groups": []string{"operators"}, "exp": time.Now().Add(-time.Hour).Unix()}), auth.ErrDenied},
		"no token":           {"operators", auth.ErrDenied},
		"no token, in parts": {"a.b.c", auth.ErrDenied},
	} {
		if p, err := operator(c.token); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	token := s.ours.AccessToken("sub-1", resource, "", s.made(group))
	s.Disable(s.anna, true)
	_, err := operator(token)
	wantErr(t, err, auth.ErrDenied)
	s.Disable(s.anna, false)
	// Out of the group by a newer token, the older opens nothing any more.
	s.later(time.Minute)
	_, err = s.Bearer(t.Context(), at("", auth.MailRead), s.ours.AccessToken("sub-1", resource, "mail.read", s.made(nil)))
	must(t, err)
	s.later(time.Minute)
	_, err = operator(token)
	wantErr(t, err, auth.ErrScope)
}

// An invitation binds who signs in with it, once, at its issuer.
func TestInvitation(t *testing.T) {
	s := openTowns(t)
	new := s.AddPersonIn(2, "neu@nachbarstadt.example")
	nine := map[string]any{"sub": "sub-9", "email": dora}
	code, err := s.rp.Invite(t.Context(), new, "")
	must(t, err)
	f, err := s.signIn(t, s.theirs, auth.StartOptions{Invitation: code}, nine)
	must(t, err)
	if f.Principal.Account != new.Account || f.Principal.Tenant != 2 {
		t.Fatalf("the invitation opens %+v", f.Principal)
	}
	if f, err = s.signIn(t, s.theirs, auth.StartOptions{Tenant: "Nachbarstadt"}, nine); err != nil || f.Principal.Account != new.Account {
		t.Errorf("the next sign-in: %+v, %v", f, err)
	}
	_, _, err = s.rp.Start(t.Context(), "/", auth.StartOptions{Invitation: code})
	wantErr(t, err, auth.ErrState)

	// Another one in the same account takes its place: nobody gets a second key.
	code, err = s.rp.Invite(t.Context(), new, "")
	must(t, err)
	again, err := s.signIn(t, s.theirs, auth.StartOptions{Invitation: code}, map[string]any{"sub": "sub-90"})
	must(t, err)
	_, err = s.signIn(t, s.theirs, auth.StartOptions{Tenant: "Nachbarstadt"}, nine)
	wantErr(t, err, auth.ErrUnknownSubject)
	for _, opened := range []*auth.Finished{f, again} {
		_, err := s.Session(t.Context(), opened.Session.ID)
		if stays := opened == again; stays != (err == nil) {
			t.Errorf("a session stays %v: %v", stays, err)
		}
	}
	code, err = s.rp.Invite(t.Context(), new, "") // back again, for what follows
	must(t, err)
	_, err = s.signIn(t, s.theirs, auth.StartOptions{Invitation: code}, nine)
	must(t, err)

	other := s.AddPersonIn(2, "andere@nachbarstadt.example")
	// Whoever is somebody else here already does not become two.
	code, err = s.rp.Invite(t.Context(), other, s.theirs.URL)
	must(t, err)
	_, err = s.signIn(t, s.theirs, auth.StartOptions{Invitation: code}, nine)
	wantErr(t, err, auth.ErrTaken)
	// Nor in another tenant of the same issuer, where its admin has made the link.
	s.bind(auth.IssuerBinding{Tenant: 3, Installation: true})
	s.later(time.Minute)
	bait := s.AddPersonIn(3, "koeder@drittstadt.example")
	code, err = s.rp.Invite(t.Context(), bait, s.ours.URL)
	must(t, err)
	_, err = s.signIn(t, s.ours, auth.StartOptions{Invitation: code}, nil)
	wantErr(t, err, auth.ErrTaken)
	if f, err := s.signIn(t, s.ours, auth.StartOptions{}, nil); err != nil || f.Principal.Account != s.anna.Account {
		t.Errorf("anna's sign-in was taken from her: %+v, %v", f, err)
	}
	s.bind()
	s.later(time.Minute)
	// Two browsers with one link: one of them.
	code, err = s.rp.Invite(t.Context(), other, "")
	must(t, err)
	first, state, err := s.rp.Start(t.Context(), "/", auth.StartOptions{Invitation: code})
	must(t, err)
	if _, err := s.signIn(t, s.theirs, auth.StartOptions{Invitation: code}, map[string]any{"sub": "sub-10"}); err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(first)
	s.theirs.Token = answering(s.theirs, s.now(), u.Query().Get("nonce"), map[string]any{"sub": "sub-11"})
	_, err = s.rp.Finish(t.Context(), auth.ClientName(s.theirs.URL, "portal"), url.Values{"state": {u.Query().Get("state")}, "code": {"c"}}, state, "", "")
	wantErr(t, err, auth.ErrState)

	// A newer one ends the older; time ends it; another tenant's issuer is none for it.
	last := s.AddPersonIn(2, "letzte@nachbarstadt.example")
	older, err := s.rp.Invite(t.Context(), last, "")
	must(t, err)
	newer, err := s.rp.Invite(t.Context(), last, "")
	must(t, err)
	for _, c := range []string{older, "unknown", strings.Repeat("x", 300)} {
		_, _, err = s.rp.Start(t.Context(), "/", auth.StartOptions{Invitation: c})
		wantErr(t, err, auth.ErrState)
	}
	s.later(auth.InvitationsFor)
	_, _, err = s.rp.Start(t.Context(), "/", auth.StartOptions{Invitation: newer})
	wantErr(t, err, auth.ErrState)
	_, err = s.rp.Invite(t.Context(), last, s.ours.URL)
	wantErr(t, err, auth.ErrNotFound)
	s.Disable(last, true)
	_, err = s.rp.Invite(t.Context(), last, "")
	wantErr(t, err, auth.ErrNotFound)
	_, err = s.rp.Invite(t.Context(), auth.AccountRef{Tenant: 2, Account: 5}, "")
	wantErr(t, err, auth.ErrNotFound)
}

// A logout token counts at its own issuer's address, for its own people.
func TestBackChannelOfSeveralIssuers(t *testing.T) {
	s := openTowns(t)
	a, err := s.signIn(t, s.ours, auth.StartOptions{}, nil)
	must(t, err)
	d, err := s.signIn(t, s.theirs, auth.StartOptions{Tenant: "Nachbarstadt"}, nil)
	must(t, err)
	theirs := auth.ClientName(s.theirs.URL, "portal")
	logout := func(by *authtest.Issuer, jti string, more map[string]any) string {
		claims := s.made(map[string]any{
			"iss": by.URL, "aud": "portal", "sub": "sub-1", "jti": jti,
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		})
		for k, v := range more {
			claims[k] = v
		}
		return by.Sign("logout+jwt", claims)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /logout/back-channel", s.rp.BackChannel())
	mux.Handle("POST /oidc/logout/{issuer}", s.rp.BackChannel())
	post := func(path, token string) int {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Code
	}
	alive := func(f *auth.Finished) bool {
		_, _, err := s.rp.Lookup(t.Context(), f.CookieValue)
		return err == nil
	}
	for name, c := range map[string][2]string{
		"at the other's address":     {"/logout/back-channel", logout(s.theirs, "1", nil)},
		"with the other's name":      {"/oidc/logout/" + theirs, logout(s.theirs, "2", map[string]any{"iss": s.ours.URL})},
		"the other's at its address": {"/oidc/logout/" + theirs, logout(s.ours, "3", nil)},
		"at no one's":                {"/oidc/logout/unknown", logout(s.theirs, "4", nil)},
		"for another client":         {"/oidc/logout/" + theirs, logout(s.theirs, "5", map[string]any{"aud": "else"})},
	} {
		if code := post(c[0], c[1]); code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, code)
		}
	}
	if !alive(a) || !alive(d) {
		t.Fatal("a session has ended")
	}
	token := logout(s.theirs, "6", nil)
	if code := post("/oidc/logout/"+theirs, token); code != http.StatusOK || alive(d) || !alive(a) {
		t.Errorf("answered %d; the sessions are alive: %v, %v", code, alive(d), alive(a))
	}
	if code := post("/oidc/logout/"+theirs, token); code != http.StatusBadRequest {
		t.Errorf("a second time: %d", code)
	}
}
