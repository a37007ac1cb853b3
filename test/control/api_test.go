package control

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// api is the operator's program: it knows addresses and the API alone.
type api struct {
	h   *house
	ids map[string]string // of tenants by name and domain, of accounts by address: their paths
}

// send sends a request with a token and gives what came back.
func (h *house) send(t testing.TB, method, path, token string, body any) (int, []byte) {
	t.Helper()
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		must(t, err)
		text = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+h.admin+path, text)
	must(t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, answer
}

func (h *house) operatorToken(t testing.TB) string {
	return h.token(t, "a program of the operator", map[string]any{"groups": []string{"operators"}, "scope": "openid"})
}

// ok sends one as the operator and wants it to succeed.
func (a *api) ok(t *testing.T, method, path string, body, into any) {
	t.Helper()
	status, text := a.h.send(t, method, path, a.h.operatorToken(t), body)
	if status >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	if into != nil {
		must(t, json.Unmarshal(text, into))
	}
}

func (a *api) town(t *testing.T, name, site, domain string) {
	var made struct{ ID string }
	a.ok(t, "POST", "/v1/tenants", map[string]any{
		"name": name, "site": site, "domain": domain, "settings": map[string]string{"language": "de", "contact": "IT-Service"},
	}, &made)
	a.ids[name], a.ids[domain] = "/v1/tenants/"+made.ID, "/v1/tenants/"+made.ID
}

func (a *api) account(t *testing.T, address string, body map[string]string) {
	t.Helper()
	_, domain, _ := strings.Cut(address, "@")
	var made struct{ ID string }
	body["address"] = address
	a.ok(t, "POST", a.ids[domain]+"/accounts", body, &made)
	a.ids[address] = a.ids[domain] + "/accounts/" + made.ID
}

func (a *api) person(t *testing.T, address, sub string) {
	a.account(t, address, map[string]string{"kind": "person"})
	a.ok(t, "POST", a.ids[address]+"/subjects", map[string]string{"issuer": a.h.URL, "subject": sub}, nil)
}

func (a *api) shared(t *testing.T, address string) {
	a.account(t, address, map[string]string{"kind": "function", "name": "Bürgeramt"})
}

func (a *api) grant(t *testing.T, shared, person, rights string) {
	a.ok(t, "POST", a.ids[shared]+"/grants", map[string]string{"person": person, "rights": rights}, nil)
}

func (a *api) grantGroup(t *testing.T, shared, group, rights string) {
	a.ok(t, "POST", a.ids[shared]+"/grants", map[string]string{"group": group, "rights": rights}, nil)
}

func (a *api) sitesOf(t *testing.T, town string) (list []string) {
	var rows struct{ Items []struct{ Kind, Site string } }
	a.ok(t, "GET", a.ids[town]+"/where", nil, &rows)
	for _, r := range rows.Items {
		if !listed(r.Kind) {
			list = append(list, r.Site)
		}
	}
	return distinct(list)
}

func (a *api) remove(t *testing.T, town string) {
	if status, text := a.h.send(t, "DELETE", a.ids[town], a.h.operatorToken(t), nil); status != http.StatusConflict {
		t.Errorf("not confirmed, it is answered %d %s", status, text)
	}
	a.ok(t, "DELETE", a.ids[town]+"?confirm="+url.QueryEscape(town), nil, nil)
}

func (a *api) towns(t *testing.T) (list []string) {
	var all struct{ Items []struct{ Name string } }
	a.ok(t, "GET", "/v1/tenants", nil, &all)
	for _, one := range all.Items {
		list = append(list, one.Name)
	}
	return list
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// Nobody but operators comes in, whatever their token says.
func TestControlAPIKeepsItsDoor(t *testing.T) {
	h := start(t)
	by := &api{h: h, ids: map[string]string{}}
	by.town(t, "Nordstadt", "nord", "nordstadt.example")
	by.person(t, "anna@nordstadt.example", "1")
	stranger := newIssuer(t)
	ops := map[string]any{"groups": []string{"operators"}, "scope": "openid"}
	with := func(claim string, value any) map[string]any {
		c := maps.Clone(ops)
		c[claim] = value
		return c
	}
	hour := time.Now().Add(-time.Hour).Unix()
	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"none":                   {"", 401},
		"no token":               {"x", 401},
		"operator":               {h.token(t, "0", ops), 200},
		"operator and a person":  {h.token(t, "1", ops), 200},
		"person":                 {h.token(t, "1", map[string]any{"scope": "openid"}), 403},
		"other groups":           {h.token(t, "1", map[string]any{"groups": []string{"operators2", "Operators"}, "scope": "openid"}), 403},
		"roles instead":          {h.token(t, "1", map[string]any{"roles": []string{"operators"}, "scope": "openid"}), 403},
		"a mail program's scope": {h.token(t, "0", with("scope", "openid mail.read")), 403},
		"another's scope as scp": {h.token(t, "0", with("scp", []string{"mail.send"})), 403},
		"a mail program":         {h.token(t, "0", with("client_id", "fachwerk-mail")), 403},
		"a mail program as azp":  {h.token(t, "0", with("azp", "fachwerk-mail")), 403},
		"another issuer":         {stranger.token(t, "0", ops), 401},
		"another's key":          {stranger.token(t, "0", with("iss", h.URL)), 401},
		"another audience":       {h.token(t, "0", with("aud", "urn:other")), 401},
		"the client's":           {h.token(t, "0", with("aud", "portal")), 401},
		"expired":                {h.token(t, "0", with("exp", hour)), 401},
		"an ID token":            {h.token(t, "0", with("nonce", "x")), 401},
		"from the days to come":  {h.token(t, "0", with("nbf", time.Now().Add(time.Hour).Unix())), 401},
		"a town's own issuer is": {"", 401},
	} {
		if name == "a town's own issuer is" { // bound to a town, with the town's groups as it likes
			by.ok(t, "POST", by.ids["Nordstadt"]+"/issuers", map[string]any{
				"url": stranger.URL, "own": true, "client_id": "portal", "audience": audience, "admin_group": "operators",
			}, nil)
			c.token = stranger.token(t, "0", ops)
		}
		if status, text := h.send(t, "GET", "/v1/tenants", c.token, nil); status != c.want {
			t.Errorf("%s: %d %s, want %d", name, status, text, c.want)
		}
	}
	if status, text := h.send(t, "GET", "/v1/openapi.yaml", "", nil); status != 200 || !bytes.HasPrefix(text, []byte("openapi: 3.1")) {
		t.Errorf("the document: %d", status)
	}
	resp, err := http.Get("http://" + h.ops + "/v1/tenants")
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("the API is at the ops listener too: %d", resp.StatusCode)
	}
}
