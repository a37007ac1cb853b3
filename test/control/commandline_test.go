package control

import (
	"encoding/json"
	"strings"
	"testing"
)

// commandLine is the operator at a terminal, beside the running server.
type commandLine struct{ h *house }

func (c commandLine) town(t *testing.T, name, site, domain string) {
	c.h.Command(t, "tenant", "create", name, "--site", site, "--domain", domain, "--language", "de", "--contact", "IT-Service")
}

func (c commandLine) person(t *testing.T, address, sub string) {
	c.h.Command(t, "account", "add", address, "--issuer", c.h.URL, "--subject", sub)
}

func (c commandLine) shared(t *testing.T, address string) {
	c.h.Command(t, "account", "add", address, "--kind", "function", "--name", "Bürgeramt")
}

func (c commandLine) grant(t *testing.T, shared, person, rights string) {
	c.h.Command(t, "grant", "add", shared, person, rights)
}

func (c commandLine) grantGroup(t *testing.T, shared, group, rights string) {
	c.h.Command(t, "grant", "group", "add", shared, group, rights)
}

// listed tells of a kind that it is the directory's, whose site is the same for every town.
func listed(kind string) bool { return strings.HasPrefix(kind, "directory_") }

func (c commandLine) sitesOf(t *testing.T, town string) (list []string) {
	var rows []struct{ Kind, Site string }
	must(t, json.Unmarshal([]byte(c.h.Command(t, "where", town, "--json")), &rows))
	for _, r := range rows {
		if !listed(r.Kind) {
			list = append(list, r.Site)
		}
	}
	return distinct(list)
}

func (c commandLine) remove(t *testing.T, town string) {
	c.h.Command(t, "tenant", "remove", town, "--yes")
}

func (c commandLine) towns(t *testing.T) (list []string) {
	var all []struct{ Name string }
	must(t, json.Unmarshal([]byte(c.h.Command(t, "tenant", "list", "--json")), &all))
	for _, one := range all {
		list = append(list, one.Name)
	}
	return list
}
