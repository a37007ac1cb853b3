package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
	"fachwerk/internal/testenv/browser"

	"golang.org/x/oauth2"
)

// startProvider runs npm oidc-provider with these clients and gives its issuer.
func startProvider(t *testing.T, clients []map[string]any) string {
	t.Helper()
	p := browser.NewProvider(t, "127.0.0.2", resource)
	p.Clients = clients
	p.Start(t)
	return p.Issuer()
}

// outside is a portal with a provider that is not ours.
type outside struct {
	t      *testing.T
	rp     *auth.RelyingParty
	portal string
	last   error
	done   *auth.Finished
	client *http.Client
	state  string
}

func (o *outside) page(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/callback":
		o.done, o.last = o.rp.Finish(r.Context(), "", r.URL.Query(), o.state, "", r.UserAgent())
	case "/backchannel":
		o.rp.BackChannel().ServeHTTP(w, r)
	default:
		_, _ = io.WriteString(w, "at "+r.URL.Path)
	}
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formHidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)
)

// get follows redirects and fills in every form it meets: the login, and the
// question whether to sign out.
func (o *outside) get(address, login string) (end *url.URL, forms int) {
	o.t.Helper()
	resp, err := o.client.Get(address)
	for {
		if err != nil {
			o.t.Fatal(err)
		}
		body, err2 := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err2 != nil {
			o.t.Fatal(err2)
		}
		to := formAction.FindSubmatch(body)
		if to == nil {
			return resp.Request.URL, forms
		}
		if forms++; forms > 5 {
			o.t.Fatalf("there is no end of forms: %s", body)
		}
		values := url.Values{}
		for _, m := range formHidden.FindAllSubmatch(body, -1) {
			values.Set(html.UnescapeString(string(m[1])), html.UnescapeString(string(m[2])))
		}
		if values.Get("prompt") == "login" {
			values.Set("login", login)
			values.Set("password", "any")
		} else {
			values.Set("logout", "yes")
		}
		resp, err = o.client.PostForm(html.UnescapeString(string(to[1])), values)
	}
}

func (o *outside) signIn(login string, opts auth.StartOptions) (forms int) {
	o.t.Helper()
	opts.StateCookie = o.state
	to, state, err := o.rp.Start(o.t.Context(), "/", opts)
	if err != nil {
		o.t.Fatal(err)
	}
	o.state, o.done, o.last = state, nil, errors.New("the login did not come back")
	_, forms = o.get(to, login)
	return forms
}

func newOutside(t *testing.T, m *authtest.Memory, alg, secret string) (*outside, string) {
	t.Helper()
	o := &outside{t: t}
	server := httptest.NewServer(http.HandlerFunc(o.page))
	t.Cleanup(server.Close)
	o.portal = server.URL
	method := "client_secret_basic"
	if secret == "" {
		method = "none"
	}
	client := map[string]any{
		"client_id": "portal", "redirect_uris": []string{o.portal + "/callback"}, "token_endpoint_auth_method": method,
		"post_logout_redirect_uris": []string{o.portal + "/bye"}, "id_token_signed_response_alg": alg,
		"backchannel_logout_uri": o.portal + "/backchannel", "backchannel_logout_session_required": true,
	}
	if secret != "" {
		client["client_secret"] = secret
	}
	issuer := startProvider(t, []map[string]any{client})
	var err error
	o.rp, err = auth.NewRelyingParty(auth.RPConfig{
		Issuer: issuer, ClientID: "portal", ClientSecret: secret, RedirectURI: o.portal + "/callback",
		PostLogoutRedirectURI: o.portal + "/bye", People: m, Sessions: m, Tickets: m,
	})
	if err != nil {
		t.Fatal(err)
	}
	o.forget()
	return o, issuer
}

// forget makes the browser a new one.
func (o *outside) forget() {
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	o.client = &http.Client{Jar: jar, Timeout: time.Minute}
}

// The portal is an ordinary relying party: with a provider that nobody here
// wrote it signs people in, follows key rotation, and signs out both ways.
func TestIndependentProvider(t *testing.T) {
	for _, c := range []struct{ alg, secret string }{{"RS256", "the portal's secret"}, {"ES256", ""}} {
		t.Run(c.alg, func(t *testing.T) {
			m := authtest.NewMemory()
			ref := m.AddPerson(anna)
			o, issuer := newOutside(t, m, c.alg, c.secret)
			m.Bind(ref, issuer, "sub-of-anna")
			lookup := func(f *auth.Finished) error {
				_, _, err := o.rp.Lookup(t.Context(), f.CookieValue)
				return err
			}
			rotate := func() {
				resp, err := http.Post(issuer+"/test/rotate", "", nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatal(resp, err)
				}
				resp.Body.Close()
			}

			if forms := o.signIn("sub-of-anna", auth.StartOptions{}); forms != 1 || o.last != nil {
				t.Fatalf("%d forms, %v", forms, o.last)
			}
			first := o.done
			if p := first.Principal; p.Account != ref.Account || time.Since(p.AuthTime) > time.Minute || first.Session.SID == "" {
				t.Errorf("%+v, %+v", p, first.Session)
			}
			rotate()
			if forms := o.signIn("", auth.StartOptions{}); forms != 0 || o.last != nil {
				t.Fatalf("after a rotation: %d forms, %v", forms, o.last)
			}
			if forms := o.signIn("sub-of-anna", auth.StartOptions{Fresh: true}); forms != 1 || o.last != nil {
				t.Fatalf("a fresh sign-in: %d forms, %v", forms, o.last)
			}
			second := o.done

			// RP-initiated logout; the provider tells the portal by back channel,
			// and that ends the browser's other portal sessions too.
			to, err := o.rp.Logout(t.Context(), second.CookieValue)
			if err != nil || !strings.HasPrefix(to, issuer) {
				t.Fatalf("%q, %v", to, err)
			}
			wantErr(t, lookup(second), auth.ErrNotFound)
			if end, _ := o.get(to, ""); end.String() != o.portal+"/bye" {
				t.Errorf("the logout ends at %s", end)
			}
			wantErr(t, lookup(first), auth.ErrNotFound)

			// Back-channel logout from elsewhere: the person signs out at the provider.
			o.signIn("sub-of-anna", auth.StartOptions{})
			if o.last != nil {
				t.Fatal(o.last)
			}
			third := o.done
			rotate()
			o.get(issuer+"/session/end", "")
			wantErr(t, lookup(third), auth.ErrNotFound)

			// A stranger to the house gets no account.
			o.forget()
			o.signIn("sub-of-nobody", auth.StartOptions{})
			wantErr(t, o.last, auth.ErrUnknownSubject)
			// Nor does one who calls themselves by Anna's address.
			o.forget()
			o.signIn(anna, auth.StartOptions{})
			wantErr(t, o.last, auth.ErrUnknownSubject)
		})
	}
}

// Its access tokens open the mailbox as well.
func TestIndependentProvidersTokens(t *testing.T) {
	m := authtest.NewMemory()
	ref := m.AddPerson(anna)
	var answer url.Values
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { answer = r.URL.Query() }))
	t.Cleanup(app.Close)
	redirect := app.URL + "/cb"
	issuer := startProvider(t, []map[string]any{{
		"client_id": "mail", "redirect_uris": []string{redirect}, "token_endpoint_auth_method": "none",
	}})
	m.Bind(ref, issuer, "sub-of-anna")
	h := openOn(t, m, ref, func(c *auth.Config) { c.Issuers = []auth.BearerIssuer{{URL: issuer, Audience: resource}} })

	o := &outside{t: t}
	o.forget()
	verifier := oauth2.GenerateVerifier()
	o.get(issuer+"/auth?"+url.Values{
		"client_id": {"mail"}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid mail.read"}, "state": {"x"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}.Encode(), "sub-of-anna")
	if answer.Get("code") == "" {
		t.Fatalf("no code: %v", answer)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier}, "client_id": {"mail"}}
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, issuer+"/token", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var tokens map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&tokens); err != nil || tokens["access_token"] == nil {
		t.Fatal(tokens, err)
	}
	p, err := h.Bearer(t.Context(), at(anna, auth.MailRead), tokens["access_token"].(string))
	if err != nil || p.Scopes != auth.MailRead {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = h.Bearer(t.Context(), at(anna, auth.MailRead), tokens["id_token"].(string))
	wantErr(t, err, auth.ErrDenied)
}
