package crossing

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"fachwerk/internal/app"
	"fachwerk/internal/testenv/towns"
)

// leftovers are what a person of a town holds that is removed meanwhile.
type leftovers struct {
	browser *reader // signed in at the portal and at the embedded provider
	access  string
	app     string
	changes string // a sync-token
}

func (h *house) leftoversOf(t *testing.T, who string) leftovers {
	t.Helper()
	l := leftovers{browser: newReader(t, true), app: h.Passwords[who], access: h.accessToken(t, who)}
	h.signIn(t, l.browser, who)
	if got := h.login(t, xoauth2(who, l.access)); !strings.HasPrefix(got, "a OK") || !l.browser.SignedIn(h.URL("portal")) {
		t.Fatalf("%s is not signed in: %s", who, got)
	}
	l.changes = h.syncToken(t, who)
	return l
}

func xoauth2(who, token string) string {
	return "AUTHENTICATE XOAUTH2 " + base64.StdEncoding.EncodeToString([]byte("user="+who+"\x01auth=Bearer "+token+"\x01\x01"))
}

// syncToken is a drive's.
func (h *house) syncToken(t *testing.T, who string) string {
	t.Helper()
	answer := h.dav(t, who, h.Passwords[who], "PROPFIND", "/files/"+who+"/", `<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`, "Depth", "0", "Content-Type", "application/xml")
	_, rest, _ := strings.Cut(answer, "sync-token>")
	token, _, _ := strings.Cut(rest, "<")
	if token == "" {
		t.Fatalf("no sync-token: %s", answer)
	}
	return token
}

// walkAgain makes the town again that was removed, with a person of the same address:
// nothing that the one before her held is of any use.
func (h *house) walkAgain(t *testing.T, old leftovers) {
	const password = "ein anderes langes Kennwort"
	h.With(t, func(ctx context.Context, in *app.Installation) {
		sites, err := in.Tenant(ctx, ourTown)
		must(t, err)
		towns.Until(t, "the town is made again", func() bool { // once the rows of the other are gone
			_, err = in.CreateTenant(ctx, app.NewTenant{Name: theirTown, Domain: theirDomain, Site: sites.Site})
			return err == nil
		})
		_, err = in.AddAccount(ctx, app.NewAccount{Address: beate, Kind: "person", Name: "Beate Neu"})
		must(t, err)
		must(t, in.SetPassword(ctx, beate, password))
		p, err := in.AddAppPassword(ctx, beate, "Test", "", 0)
		must(t, err)
		h.Passwords[beate] = p.Secret
	})
	towns.Until(t, "mail to beate is taken", func() bool {
		return strings.Contains(h.smtp(t, "lmtp", "MAIL FROM:<x@elsewhere.example>", "RCPT TO:<"+beate+">"), "250 2.1.5")
	})
	towns.Until(t, "beate can sign in", func() bool {
		return strings.HasPrefix(h.login(t, fmt.Sprintf("LOGIN %s %q", beate, h.Passwords[beate])), "a OK")
	})
	if got := h.dav(t, beate, h.Passwords[beate], "PROPFIND", "/principals/"+beate+"/", "", "Depth", "0"); !strings.Contains(got, "Beate Neu") {
		t.Errorf("the new beate is not there: %s", got)
	}
	for what, got := range map[string]string{
		"app password":               h.login(t, fmt.Sprintf("LOGIN %s %q", beate, old.app)),
		"app password at DAV":        h.dav(t, beate, old.app, "PROPFIND", "/files/"+beate+"/", "", "Depth", "0"),
		"access token":               h.login(t, xoauth2(beate, old.access)),
		"access token at DAV":        h.bearer(t, old.access, "PROPFIND", "/files/"+beate+"/"),
		"access token at submission": h.smtp(t, "submission", strings.Replace(xoauth2(beate, old.access), "AUTHENTICATE", "AUTH", 1)),
	} {
		if strings.HasPrefix(got, "a OK") || got[0] == '2' {
			t.Errorf("the old %s opens the new account: %s", what, got)
		}
	}
	if old.browser.SignedIn(h.URL("portal")) {
		t.Error("the old session at the portal is the new person's")
	}
	if p := old.browser.Get(h.URL("portal") + "/login?return=/devices&tenant=" + theirTown); p.URL.Path == "/devices" {
		t.Errorf("the old session at the provider signs in the new person: %s", p.Text)
	}
	if p := newReader(t, true).SignIn(h.URL("portal")+"/login?return=/devices&tenant="+theirTown, beate, towns.Word); p.URL.Path == "/devices" {
		t.Error("the old password signs in the new person")
	}
	// What the town before had is not there.
	for what, got := range map[string]string{
		"INBOX":              h.imapAs(t, beate, "STATUS INBOX (MESSAGES)", `LIST "" "*"`),
		"the drive":          h.dav(t, beate, h.Passwords[beate], "PROPFIND", "/files/"+beate+"/", "", "Depth", "1"),
		"the calendars":      h.dav(t, beate, h.Passwords[beate], "PROPFIND", "/calendars/"+beate+"/", "", "Depth", "1"),
		"the directory":      h.dav(t, beate, h.Passwords[beate], "PROPFIND", "/addressbooks/"+beate+"/directory/", "", "Depth", "1"),
		"what changed since": h.dav(t, beate, h.Passwords[beate], "REPORT", "/files/"+beate+"/", `<sync-collection xmlns="DAV:"><sync-token>`+old.changes+`</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`),
	} {
		for _, word := range []string{secret, "Akte", "akten", "Gleich", "Ablage", bureau, "MESSAGES 1", "MESSAGES 2"} {
			if strings.Contains(got, word) {
				t.Errorf("%s of the new beate shows %q of the old one: %s", what, word, got)
			}
		}
	}
	for _, p := range []pair{missingLike(bureau), missingLike(team)} {
		h.same(t, "made again: a name of before", p, func(t *testing.T, n string) string {
			return h.imapAs(t, beate, `SELECT "Other Users/`+n+`/INBOX"`) + h.dav(t, beate, h.Passwords[beate], "PROPFIND", "/principals/"+n+"/", "", "Depth", "0")
		})
	}
}
