package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
)

// An operator gets in while the site is away where they may be a person: by a token of a
// moment ago, whoever they are, and by an older one if another site knows them.
func TestOperatorWhileASiteIsAway(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	dir := t.TempDir()
	open := func(second string) *Installation {
		t.Helper()
		text := strings.Replace(twoSites, "sqlite:sued.db", second, 1)
		text = strings.Replace(text, `issuer: "https://login.example", client_id: portal`,
			`issuer: "`+issuer.URL+`", client_id: portal, operator_group: operators`, 1)
		if err := os.WriteFile(filepath.Join(dir, ConfigName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := Open(t.Context(), Where{Data: dir}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	in := open("sqlite:sued.db")
	for town, site := range map[string]string{"Nordstadt": "nord", "Suedstadt": "sued"} {
		domain := strings.ToLower(town) + ".example"
		if _, err := in.CreateTenant(t.Context(), NewTenant{Name: town, Site: site, Domain: domain}); err != nil {
			t.Fatal(err)
		}
		if _, err := in.AddAccount(t.Context(), NewAccount{Address: "chefin@" + domain, Kind: "person", Issuer: issuer.URL, Subject: site}); err != nil {
			t.Fatal(err)
		}
	}
	operator := func(in *Installation, sub string, age time.Duration, groups ...string) error {
		t.Helper()
		a, err := in.authenticator(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		token := issuer.AccessToken(sub, "urn:mail", "", map[string]any{"groups": groups, "iat": time.Now().Add(-age).Unix()})
		_, err = a.Operator(t.Context(), auth.Attempt{Protocol: "admin"}, token)
		return err
	}
	for _, sub := range []string{"nord", "sued", "a program"} {
		if err := operator(in, sub, 30*time.Minute, "operators"); err != nil {
			t.Fatalf("%s with all sites there: %v", sub, err)
		}
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	for name, closed := range map[string]bool{"nobody listens": true, "it hangs": false} {
		t.Run(name, func(t *testing.T) {
			in := open("postgres://fachwerk@" + silent(t, closed) + "/fachwerk?sslmode=disable")
			defer in.Close()
			for _, c := range []struct {
				sub  string
				age  time.Duration
				want error
			}{
				{"a program", 0, nil}, {"sued", 0, nil}, {"nord", 0, nil}, {"nord", 30 * time.Minute, nil},
				{"a program", 30 * time.Minute, auth.ErrUnavailable}, {"sued", 30 * time.Minute, auth.ErrUnavailable},
			} {
				if err := operator(in, c.sub, c.age, "operators"); !errors.Is(err, c.want) {
					t.Errorf("%s by a token of %v ago: %v, want %v", c.sub, c.age, err, c.want)
				}
			}
			if err := operator(in, "a program", 0); !errors.Is(err, auth.ErrScope) {
				t.Errorf("without the group: %v", err)
			}
		})
	}
}
