package dav_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// An access token opens what its scopes cover, as long as its issuer says.
func TestBearer(t *testing.T) {
	const audience = "https://dav.musterstadt.example"
	issuer := authtest.NewIssuer(t)
	var house *resourcetest.Env
	env := davtest.Open(t, storetest.Embedded, func(e *resourcetest.Env) []dav.Head {
		house = e
		return plainHeads(e)
	}, func(c *dav.Config) {
		s := house.Store()
		if err := s.BindIssuer(t.Context(), store.Issuer{Tenant: house.Parts.Tenant.ID, URL: issuer.URL}); err != nil {
			t.Fatal(err)
		}
		_, err := s.CreateAccount(t.Context(), store.NewAccount{Tenant: house.Parts.Tenant.ID, Kind: store.Person,
			Address: "carla@musterstadt.example", DisplayName: "Carla", Issuer: issuer.URL, Subject: "sub-1"})
		if err != nil {
			t.Fatal(err)
		}
		c.Auth, err = auth.New(auth.Config{People: s, AppPasswords: s, Changes: s,
			HashKeys: auth.HashKeys{Current: 1, Keys: map[int16][]byte{1: make([]byte, 32)}},
			Issuers:  []auth.BearerIssuer{{URL: issuer.URL, Audience: audience}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Auth.Close)
	})
	ask := func(path, token string) (int, string) {
		t.Helper()
		req, err := http.NewRequest("PROPFIND", env.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Depth", "0")
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	long := issuer.AccessToken("sub-1", audience, "files", map[string]any{"groups": strings.Repeat("g", 20_000)})
	for what, c := range map[string]struct {
		path, token string
		status      int
	}{
		"the root":           {"/", long, 207},
		"what it covers":     {"/files/carla@musterstadt.example/", long, 207},
		"what it does not":   {"/calendars/carla@musterstadt.example/", long, 403},
		"somebody else's":    {"/files/anna@musterstadt.example/", long, 404},
		"mail alone":         {"/", issuer.AccessToken("sub-1", audience, "mail.read", nil), 403},
		"another audience":   {"/", issuer.AccessToken("sub-1", "https://other.example", "files", nil), 401},
		"an unknown subject": {"/", issuer.AccessToken("sub-2", audience, "files", nil), 401},
		"nothing of a token": {"/", "x.y.z", 401},
	} {
		if status, body := ask(c.path, c.token); status != c.status {
			t.Errorf("%s: %d, want %d: %s", what, status, c.status, body)
		}
	}
}
