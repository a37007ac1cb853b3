package issuers

import (
	"strings"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

// A town without a provider of its own has groups too: the embedded one keeps them, by
// the command line, and says them in its tokens.
func TestGroupsOfTheEmbeddedProvider(t *testing.T) {
	h := start(t, harness.Embedded)
	const amt = "bauamt@musterstadt.example"
	anna := h.Anna()
	h.Command(t, "account", "add", amt, "--kind", "function")
	h.Command(t, "grant", "group", "add", amt, "Bauamt", "read")
	tokens := func() (access, id string) { return h.embedded(t, anna) }
	groups := func() string { return strings.Join(h.groups(t, anna.Address), ",") }

	before, _ := tokens()
	if doors[0].open(t, h, amt, before) {
		t.Fatal("the function mailbox is open to nobody's group")
	}
	h.Command(t, "group", "add", "Bauamt", anna.Address)
	h.Command(t, "group", "add", "operators", anna.Address)
	if got := groups(); !strings.Contains(got, "Bauamt") || !strings.Contains(got, "operators") {
		t.Errorf("anna's groups: %s", got)
	}
	harness.Eventually(t, time.Minute, "the group's grant counts", func() bool {
		token, _ := tokens()
		return doors[0].open(t, h, amt, token)
	})
	in, _ := tokens()
	// The token of before she was in the group does not take her out of it.
	time.Sleep(time.Second) // tokens count by whole seconds
	doors[0].open(t, h, anna.Address, before)
	if got := groups(); !strings.Contains(got, "Bauamt") {
		t.Errorf("after an old token anna's groups are %s", got)
	}
	h.Command(t, "group", "remove", "Bauamt", anna.Address)
	harness.Eventually(t, time.Minute, "the group's grant ends", func() bool { return !doors[0].open(t, h, amt, in) })
	// Nor does the token of when she was in it put her back.
	doors[0].open(t, h, anna.Address, in)
	if got := groups(); strings.Contains(got, "Bauamt") || !strings.Contains(got, "operators") {
		t.Errorf("after her removal anna's groups are %s", got)
	}
	if doors[0].open(t, h, amt, in) {
		t.Error("an old token opens the function mailbox again")
	}
	for _, wrong := range [][]string{{"group", "add", "", anna.Address}, {"group", "add", strings.Repeat("x", 300), anna.Address}, {"group", "add", "G", "nobody@musterstadt.example"}} {
		if out, _, err := h.Try(t, "", wrong...); err == nil {
			t.Errorf("%v is taken: %s", wrong, out)
		}
	}
	if doors[0].open(t, h, anna.Address, in+"x") || !doors[0].open(t, h, anna.Address, in) {
		t.Error("her token does not open her own account")
	}
}
