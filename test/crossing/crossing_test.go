package crossing

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"fachwerk/internal/app"
	"fachwerk/internal/testenv/towns"
)

// fresh is a password that nobody has.
func fresh() string { return strings.ToLower(rand.Text()[:24]) }

func TestNothingCrossesTenants(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			h := start(t, k)
			h.deliver(t, anna)
			h.deliver(t, beate)
			h.imapAs(t, anna, "CREATE Entwurf")
			t.Run("the harness can fail", func(t *testing.T) { h.canFail(t, k) })
			t.Run("logins", h.walkLogins)
			t.Run("IMAP", h.walkIMAP)
			t.Run("SMTP", h.walkSMTP)
			t.Run("DAV", h.walkDAV)
			t.Run("portal", h.walkPortal)
			t.Run("control API", h.walkControl)
			t.Run("town with a provider of its own", h.walkThird)
			t.Run("tokens", h.walkTokensOfOurs)
			t.Run("groups", h.walkGroups)
			t.Run("sideways", h.walkSideways)
			old := h.leftoversOf(t, beate)
			t.Run("tenant being removed", h.walkRemoved)
			t.Run("tenant made again", func(t *testing.T) { h.walkAgain(t, old) })
			t.Run("what the server says", h.walkSaid)
			t.Logf("%d pairs of questions had the same answer by the same work", h.asked)
		})
	}
}

// canFail shows that answers and work are told apart where they differ.
func (h *house) canFail(t *testing.T, k kind) {
	p := missingLike(jan)
	ask := func(t *testing.T, name string) string {
		return h.annas(t, "PROPFIND", "/principals/"+name+"/", "", "Depth", "0")
	}
	yes, _ := h.measure(t, p.foreign, ask)
	none, _ := h.measure(t, p.missing, ask)
	if yes == none {
		t.Errorf("a colleague's principal answers as one that is not there: %s", yes)
	}
	_, busy := h.measure(t, "", func(t *testing.T, _ string) string { return h.login(t, fmt.Sprintf("LOGIN %s %q", jan, fresh())) })
	if len(busy.statements) == 0 || busy.hashes != 1 {
		t.Errorf("a refused login was seen as %+v", busy)
	}
	_, idle := h.measure(t, "", func(t *testing.T, _ string) string { return h.login(t, "NOOP") })
	if busy.equal(idle) {
		t.Error("a refused login is as much work as nothing")
	}
	h.annas(t, "PUT", "/files/"+anna+"/Probe.txt", large("Probe"))
	_, read := h.measure(t, "", func(t *testing.T, _ string) string { return h.annas(t, "GET", "/files/"+anna+"/Probe.txt", "") })
	if asked := strings.Contains(strings.Join(read.statements, "\n"), ": object store: GET"); asked != k.services {
		t.Errorf("of a large file read from the object store was seen %+v", read)
	}
}

// walkGroups grants to a group of ours that has the name of one of theirs: theirs get
// nothing by it.
func (h *house) walkGroups(t *testing.T) {
	h.With(t, func(ctx context.Context, in *app.Installation) {
		must(t, in.AddGroupGrant(ctx, office, secret, "read,write,manage,send-as"))
		must(t, in.ChangeLoginGroups(ctx, jan, []string{secret}, nil))
	})
	selects := func(who, name string) string { return h.imapAs(t, who, `SELECT "Other Users/`+name+`/INBOX"`) }
	towns.Until(t, "the group of ours has its grant", func() bool { return strings.Contains(selects(jan, office), "a OK [READ-WRITE]") })
	if got := selects(beate, bureau); !strings.Contains(got, "a OK [READ-") {
		t.Errorf("beate cannot use what her own tenant grants her: %s", got)
	}
	p := missingLike(office)
	for what, ask := range map[string]func(t *testing.T, name string) string{
		"IMAP": func(_ *testing.T, name string) string { return selects(beate, name) },
		"DAV": func(t *testing.T, name string) string {
			return h.dav(t, beate, h.Passwords[beate], "PROPFIND", "/files/"+name+"/", "", "Depth", "0")
		},
		"calendars": func(t *testing.T, name string) string {
			return h.dav(t, beate, h.Passwords[beate], "PROPFIND", "/calendars/"+name+"/", "", "Depth", "1")
		},
		"SMTP": func(t *testing.T, name string) string {
			return h.smtp(t, "submission", authPlain(beate, h.Passwords[beate]), "MAIL FROM:<"+name+">")
		},
	} {
		h.same(t, "group: "+what, p, ask)
	}
}

func (h *house) deliver(t *testing.T, to string) {
	t.Helper()
	got := h.smtp(t, "lmtp", "MAIL FROM:<x@elsewhere.example>", "RCPT TO:<"+to+">", "DATA", "From: x@elsewhere.example\r\nSubject: "+wordOf(to)+"\r\n\r\nText\r\n.")
	if !strings.Contains(got, "250 2.0.0") && !strings.Contains(got, "250 2.1.5") {
		t.Fatalf("delivery to %s: %s", to, got)
	}
}

// walkRemoved removes their tenant: nothing tells that it was there.
func (h *house) walkRemoved(t *testing.T) {
	h.With(t, func(ctx context.Context, in *app.Installation) { must(t, in.RemoveTenant(ctx, theirTown)) })
	// The server, beside which that was done, learns of it from the database.
	towns.Until(t, "beate is refused", func() bool {
		return strings.HasPrefix(h.login(t, fmt.Sprintf("LOGIN %s %q", beate, h.Passwords[beate])), "a NO")
	})
	h.login(t, fmt.Sprintf("LOGIN %s %q", missingLike(beate).missing, fresh())) // has failed as often then
	strange := elsewhere(beate)
	rcpt := func(n string) string {
		return normal(h.smtp(t, "smtp", "MAIL FROM:<x@elsewhere.example>", "RCPT TO:<"+n+">"), n)
	}
	towns.Until(t, "her domain is not served", func() bool { return rcpt(strange.foreign) == rcpt(strange.missing) })
	for _, p := range addresses() {
		for what, ask := range map[string]func(t *testing.T, name string) string{
			"IMAP SELECT": func(t *testing.T, n string) string { return h.imapAs(t, anna, `SELECT "Other Users/`+n+`/INBOX"`) },
			"DAV":         func(t *testing.T, n string) string { return h.annas(t, "PROPFIND", "/files/"+n+"/", "", "Depth", "0") },
			"principal": func(t *testing.T, n string) string {
				return h.annas(t, "PROPFIND", "/principals/"+n+"/", "", "Depth", "0")
			},
			"MAIL FROM": func(t *testing.T, n string) string {
				return h.smtp(t, "submission", h.authPlain(), "MAIL FROM:<"+n+">")
			},
			"RCPT TO": func(t *testing.T, n string) string {
				return h.smtp(t, "submission", h.authPlain(), "MAIL FROM:<"+anna+">", "RCPT TO:<"+n+">")
			},
			"RCPT TO from a relay": func(t *testing.T, n string) string {
				return h.smtp(t, "smtp", "MAIL FROM:<x@elsewhere.example>", "RCPT TO:<"+n+">")
			},
			"RCPT TO by LMTP": func(t *testing.T, n string) string {
				return h.smtp(t, "lmtp", "MAIL FROM:<x@elsewhere.example>", "RCPT TO:<"+n+">")
			},
		} {
			h.same(t, "removed: "+what, p, ask)
		}
	}
	for _, p := range addresses()[:len(theirs)] {
		h.same(t, "removed: login", p, func(t *testing.T, n string) string { return h.login(t, fmt.Sprintf("LOGIN %s %q", n, fresh())) })
	}
	h.same(t, "removed: beate's own password", missingLike(beate), func(t *testing.T, n string) string {
		return h.login(t, fmt.Sprintf("LOGIN %s %q", n, h.Passwords[beate]))
	})
}
