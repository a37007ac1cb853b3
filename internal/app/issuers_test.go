package app

import (
	"maps"
	"testing"

	"fachwerk/auth"
	"fachwerk/internal/app/config"
	"fachwerk/internal/store"
)

// A tenant's own issuer has our names of scopes unless it has its own for them.
func TestOwnIssuer(t *testing.T) {
	i := ownIssuer(store.Issuer{
		Tenant: 7, URL: "https://login.example", Own: true, ClientID: "portal", Secret: "s", Audience: "urn:x",
		Scopes: map[string]string{"mail_read": "mail.lesen", "files": "alles", "calendar": "alles", "groups": "gruppen"}, AdminGroup: "a", PrivacyGroup: "p",
	})
	want := map[string]auth.Scope{"mail.lesen": auth.MailRead, "mail.send": auth.MailSend, "contacts": auth.Contacts, "alles": auth.Files | auth.Calendars}
	if !maps.Equal(i.Scopes, want) {
		t.Errorf("the scopes are %v", i.Scopes)
	}
	if i.Tenant != 7 || i.Installation || i.GroupsClaim != "groups" || i.GroupsScope != "gruppen" || i.OperatorGroup != "" || i.AdminGroup != "a" || i.PrivacyGroup != "p" ||
		i.ClientID != "portal" || i.ClientSecret != "s" || i.Audience != "urn:x" {
		t.Errorf("the binding is %+v", i)
	}
	for claim, want := range map[string]string{"": "groups", "roles": "roles", "-": ""} {
		if got := ownIssuer(store.Issuer{GroupsClaim: claim}).GroupsClaim; got != want {
			t.Errorf("the claim %q is read as %q, want %q", claim, got, want)
		}
	}
}

// Another provider than the embedded one is no more the installation's when its URL is
// another.
func TestWhichIssuerIsTheInstallations(t *testing.T) {
	const old, now = "https://old.example", "https://login.example"
	for _, c := range []struct {
		embedded bool
		url      string
		want     bool
	}{{true, old, true}, {true, now, true}, {false, old, false}, {false, now, true}, {false, now + "/", false}} {
		in := &Installation{cfg: &config.Config{OIDC: config.OIDC{Embedded: c.embedded, Issuer: now}}}
		if got := in.isOurs(c.url); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
