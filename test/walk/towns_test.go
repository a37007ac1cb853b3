package walk

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"fachwerk/internal/testenv/browser"
	"fachwerk/internal/testenv/parts"
)

// A person's programs sign in with app passwords: one for mail, calendars and contacts,
// and one for files.
type person struct {
	*house
	town, name, address, password, files string
	browser                              *browser.Browser // signed in at the portal
}

// settle makes a town with an office and a person, who cannot sign in yet.
func (h *house) settle(t *testing.T, town, site, name string) person {
	t.Helper()
	domain := strings.ToLower(town) + ".example"
	p := person{house: h, town: town, name: name, address: strings.ToLower(strings.ReplaceAll(name, " ", ".")) + "@" + domain}
	h.command(t, "tenant", "create", town, "--site", site, "--domain", domain, "--language", "de")
	h.command(t, "account", "add", p.address, "--name", name)
	h.command(t, "account", "add", "amt@"+domain, "--kind", "function")
	return p
}

// musterstadt's people sign in at the installation's provider.
func (h *house) musterstadt(t *testing.T) person {
	t.Helper()
	anna := h.settle(t, "Musterstadt", "nord", "Anna Schmidt")
	h.command(t, "grant", "add", "amt@musterstadt.example", anna.address, "read,write,manage,send-as")
	word := rand.Text()
	if out, status := h.try(t, word, "password", "set", anna.address); status != 0 {
		t.Fatalf("password set: %s", out)
	}
	anna.signIn(t, 0, ownIssuer, false, "password", map[string]string{"address": anna.address, "password": word})
	return anna
}

// neustadt's sign in at a provider of their own, npm oidc-provider, and at no other. Its
// groups open the office and make administrators.
func (h *house) neustadt(t *testing.T) person {
	t.Helper()
	const resource, secret = "urn:neustadt:mail", "a secret of the portal"
	provider := browser.NewProvider(t, h.address(51), resource)
	provider.Groups = map[string][]string{"jan": {"Rathaus", "mail-admins"}}
	must(t, os.WriteFile(filepath.Join(h.dir, "secrets", "neustadt"), []byte(secret+"\n"), 0o600))
	jan := h.settle(t, "Neustadt", "sued", "Jan Weber")
	h.command(t, "grant", "group", "add", "amt@neustadt.example", "Rathaus", "read,write,manage,send-as")
	var there struct {
		Redirect    string `json:"redirect_uri"`
		Back        string `json:"post_logout_redirect_uri"`
		BackChannel string `json:"back_channel_logout_uri"`
	}
	must(t, json.Unmarshal([]byte(h.command(t, "issuer", "bind", provider.Issuer(), "--tenant", "Neustadt", "--client-id", "fachwerk",
		"--client-secret-file", filepath.Join("secrets", "neustadt"), "--audience", resource, "--admin-group", "mail-admins", "--json")), &there))
	h.command(t, "issuer", "unbind", ownIssuer, "--tenant", "Neustadt")
	h.command(t, "account", "bind", jan.address, "--issuer", provider.Issuer(), "--subject", "jan")
	program := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(program.Close)
	provider.Clients = []map[string]any{
		{"client_id": "fachwerk", "client_secret": secret, "redirect_uris": []string{there.Redirect}, "id_token_signed_response_alg": "ES256",
			"post_logout_redirect_uris": []string{there.Back}, "backchannel_logout_uri": there.BackChannel, "backchannel_logout_session_required": true},
		{"client_id": "mail", "redirect_uris": []string{program.URL + "/cb"}, "token_endpoint_auth_method": "none"},
	}
	provider.Start(t)
	login := map[string]string{"login": "jan", "password": "any"}
	jan.signIn(t, 1, provider.Issuer(), true, "login", login)
	access, _ := browser.MailProgram{Authorize: provider.Issuer() + "/auth", Token: provider.Issuer() + "/token", Client: "mail",
		Redirect: program.URL + "/cb", Scope: "openid mail.read mail.send calendar contacts files"}.Tokens(t, "login", login)
	jan.byToken(t, access)
	return jan
}

// signIn has a person sign in at the portal by a server, where they are led to their
// town's provider, and make the app passwords that their programs use from now on. The
// other server knows them too.
func (p *person) signIn(t *testing.T, replica int, issuer string, admin bool, field string, login map[string]string) {
	t.Helper()
	b := browser.New(t)
	p.browser = b
	lead := func(replica int) {
		b.Transport = &http.Transport{Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme == "http" { // the town's own provider
				return nil, nil
			}
			return &url.URL{Scheme: "http", Host: p.names[replica]}, nil
		}, TLSClientConfig: p.believing(""), DisableKeepAlives: true}
	}
	lead(replica)
	var begin browser.Page
	parts.Eventually(t, p.address+" is led to "+issuer, func() error {
		begin = b.Get(portal + "/login?return=/devices")
		if strings.HasPrefix(begin.URL.String(), portal) { // whose people have several providers
			begin = b.Fill(begin, "address", map[string]string{"address": p.address})
		}
		if !strings.HasPrefix(begin.URL.String(), issuer) {
			return fmt.Errorf("they are at %s", begin.URL)
		}
		return nil
	})
	devices := b.Fill(begin, field, login)
	if devices.URL.String() != portal+"/devices" || devices.Status != http.StatusOK {
		t.Fatalf("%s's sign-in ends at %s with %d\n%s", p.address, devices.URL, devices.Status, devices.Text)
	}
	p.password, p.files = p.appPassword(t, b, devices, "suite"), p.appPassword(t, b, devices, "files")
	lead(1 - replica)
	if !b.SignedIn(portal) {
		t.Errorf("the other server does not know %s", p.address)
	}
	if got := b.Get(portal+"/manage/people").Status == http.StatusOK; got != admin {
		t.Errorf("%s administers %s: %v, want %v", p.address, p.town, got, admin)
	}
}

// appPassword makes one on the page of devices.
func (p *person) appPassword(t *testing.T, b *browser.Browser, devices browser.Page, what string) string {
	t.Helper()
	made := b.Fill(devices, "for", map[string]string{"name": what, "for": what})
	_, rest, _ := strings.Cut(made.Text, `id="secret"`)
	_, rest, _ = strings.Cut(rest, ">")
	secret, _, _ := strings.Cut(rest, "<")
	if secret = strings.TrimSpace(secret); secret == "" {
		t.Fatalf("the portal shows %s no app password (%d)\n%s", p.address, made.Status, made.Text)
	}
	return secret
}

// byToken opens the person's mailboxes by a token of their provider, on both servers,
// and the office's, which a group of the token's opens.
func (p person) byToken(t *testing.T, token string) {
	t.Helper()
	for i, r := range p.replicas {
		c, err := imapclient.DialTLS(r+":20993", &imapclient.Options{TLSConfig: p.believing(mailHost)})
		must(t, err)
		must(t, c.Authenticate(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: p.address, Token: token})))
		_, err = c.Select("INBOX", nil).Wait()
		must(t, err)
		list, err := c.List("", "Other Users/*", nil).Collect()
		must(t, err)
		if len(list) == 0 {
			t.Errorf("server %d shows no mailbox of the office's", i)
		}
		must(t, c.Logout().Wait())
	}
	for _, other := range []string{"anna.schmidt@musterstadt.example", "amt@musterstadt.example"} {
		c, err := imapclient.DialTLS(p.replicas[0]+":20993", &imapclient.Options{TLSConfig: p.believing(mailHost)})
		must(t, err)
		if c.Authenticate(sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: other, Token: token})) == nil {
			t.Errorf("the token opens %s", other)
		}
		c.Close()
	}
}
