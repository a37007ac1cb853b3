package control

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fachwerk/admin/admintest"
	"fachwerk/test/system/harness"
)

// What the command line shows as JSON is what the document of the API describes, and
// what the page on it says of the rest.
func TestCommandLineJSONIsAsDescribed(t *testing.T) {
	h := start(t)
	doc, err := admintest.Load()
	must(t, err)
	by := commandLine{h}
	const anna, amt = "anna@nordstadt.example", "amt@nordstadt.example"
	by.town(t, "Nordstadt", "nord", "nordstadt.example")
	by.person(t, anna, "1")
	by.shared(t, amt)
	by.grant(t, amt, anna, "read")
	by.grantGroup(t, amt, "Bürgeramt", "read,write")
	h.Command(t, "alias", "add", "rathaus@nordstadt.example", amt)
	must(t, h.try(t.Context(), anna, "Willkommen"))

	const tenant, account = "/v1/tenants/{tenant}", "/v1/tenants/{tenant}/accounts/{account}"
	answers := func(pattern, text string) {
		t.Helper()
		if err := doc.Answer("GET", pattern, 200, "application/json", []byte(text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	for command, pattern := range map[string]string{
		"tenant list": "/v1/tenants", "domain list": tenant + "/domains", "issuer list": tenant + "/issuers", "account list": tenant + "/accounts",
		"alias list": account + "/aliases", "grant list " + amt: account + "/grants", "group list " + anna: account + "/groups",
		"location sites": "/v1/sites", "where Nordstadt": tenant + "/where", "where " + anna: account + "/where",
	} {
		text := h.Command(t, append(strings.Fields(command), "--json")...)
		var items []any
		must(t, json.Unmarshal([]byte(text), &items))
		if len(items) == 0 && !strings.HasPrefix(command, "group") {
			t.Errorf("%s: nothing", command)
		}
		answers(pattern, fmt.Sprintf(`{"items": %s}`, text))
	}
	answers(tenant, h.Command(t, "tenant", "show", "Nordstadt", "--json"))
	answers(account, h.Command(t, "account", "show", anna, "--json"))

	page, err := os.ReadFile(filepath.Join(harness.Root(), "docs", "admin", "api.md"))
	must(t, err)
	h.Command(t, "app-password", "add", anna, "--expires", "90d")
	for command, row := range map[string]string{
		"location verify": "`location verify`", "app-password list " + anna: "`app-password list`",
	} {
		var items []map[string]any
		must(t, json.Unmarshal([]byte(h.Command(t, append(strings.Fields(command), "--json")...)), &items))
		_, said, _ := strings.Cut(string(page), "| "+row)
		said, _, _ = strings.Cut(said, "\n")
		for _, member := range slices.Sorted(maps.Keys(items[0])) {
			if !strings.Contains(said, "`"+member+"`") {
				t.Errorf("%s: the page does not name %s", command, member)
			}
		}
	}
}
