package walk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"

	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/parts"
	"fachwerk/test/system/harness"
)

func TestTwoTownsOnTwoSites(t *testing.T) {
	for _, name := range []string{"mbsync", "vdirsyncer", "rclone", "python3", "thunderbird", "Xvfb", "node"} {
		need.Program(t, name)
	}
	h := build(t)
	anna, jan := h.musterstadt(t), h.neustadt(t)
	h.command(t, "tenant", "set", "Neustadt", "--refuse-on-mismatch")
	h.work(t, anna, jan)
	h.thunderbirds(t, anna, jan)
	h.prove(t, anna, jan)
	h.violate(t, anna, jan)
	h.withoutKeys(t, anna, jan)
	h.remove(t, anna, jan)
	if out := h.command(t, "check"); strings.TrimSpace(out) != "" {
		t.Errorf("check found:\n%s", out)
	}
}

// work is a day in both towns, through both servers.
func (h *house) work(t *testing.T, anna, jan person) {
	t.Helper()
	for i, p := range []person{anna, jan} {
		_, domain, _ := strings.Cut(p.address, "@")
		must(t, h.lmtp(i, p.address, "an mich"))
		must(t, h.lmtp(1-i, "amt@"+domain, "an das Amt"))
		p.arrives(t, 1-i, "an mich")
		p.arrives(t, i, "an das Amt")
		if got := p.calendars(t, i, "termin") + "/" + p.calendars(t, 1-i, ""); got != "termin.ics/termin.ics" {
			t.Errorf("%s has the events %q by way of one and the other server", p.address, got)
		}
		files := t.TempDir()
		must(t, os.WriteFile(filepath.Join(files, "plan.bin"), []byte(strings.Repeat(rand.Text(), 40_000)), 0o600))
		p.rclone(t, i, "copy", files, "drive:ablage")
		p.rclone(t, 1-i, "check", files, "drive:ablage")
	}
	// From town to town, which is from site to site.
	anna.submit(t, 0, jan.address, "nach Neustadt")
	jan.submit(t, 1, anna.address, "nach Musterstadt")
	jan.arrives(t, 0, "nach Neustadt")
	anna.arrives(t, 1, "nach Musterstadt")
	// One message for elsewhere waits in each town's queue, both with the same number.
	anna.submit(t, 1, "jemand@fern.example", "eins")
	jan.submit(t, 0, "jemand@fern.example", "zwei")
	if out, status := h.try(t, "", "queue", "show", "2"); status != 1 || !strings.Contains(out, "--tenant") {
		t.Errorf("queue show of a number that two have: %d %s", status, out)
	}
	for _, p := range []person{anna, jan} {
		if out := h.command(t, "queue", "show", "2", "--tenant", p.town); !strings.Contains(out, p.address) {
			t.Errorf("the message that waits in %s:\n%s", p.town, out)
		}
		h.command(t, "queue", "drop", "2", "--tenant", p.town)
	}
}

// prove verifies where the data lies and has a report checked without the program.
func (h *house) prove(t *testing.T, anna, jan person) {
	t.Helper()
	if out := h.command(t, "location", "verify"); !strings.Contains(out, "matches") {
		t.Errorf("location verify:\n%s", out)
	}
	must(t, os.WriteFile(filepath.Join(h.dir, "location.pub"), []byte(h.command(t, "location", "key")), 0o600))
	for _, c := range []struct {
		p                  person
		site, place, other string
	}{{anna, "nord", "Rechenzentrum Hafen", "Tal"}, {jan, "sued", "Rechenzentrum Tal", "Hafen"}} {
		town := c.p.town
		// What the directory has of a town lies at the directory's site, whichever is the town's.
		said := slices.DeleteFunc(strings.SplitAfter(h.command(t, "where", town), "\n"), func(line string) bool { return strings.Contains(line, "directory_") })
		if out := strings.Join(said, ""); !strings.Contains(out, c.site) || strings.Contains(out, c.other) || !strings.Contains(out, "observed") {
			t.Errorf("where %s:\n%s", town, out)
		}
		if page := c.p.browser.Get(portal + "/data"); page.Status != http.StatusOK || !strings.Contains(page.Text, c.place) || strings.Contains(page.Text, c.other) {
			t.Errorf("%s's page of where their data is (%d):\n%s", c.p.address, page.Status, page.Text)
		}
		var files []string
		for _, format := range []string{"json", "csv", "html"} {
			name := town + "." + format
			files = append(files, name)
			must(t, os.WriteFile(filepath.Join(h.dir, name), []byte(h.command(t, "location", "report", "--tenant", town, "--format", format)), 0o600))
		}
		script := filepath.Join(harness.Root(), "docs", "verify_report.py")
		if out := program(t, h.dir, "", append([]string{"python3", script, "location.pub"}, files...)...); strings.Count(out, "the signature fits") != 3 {
			t.Errorf("verify_report.py of %s:\n%s", town, out)
		}
	}
}

// violate has one site's database copied to where nobody declared it.
func (h *house) violate(t *testing.T, anna, jan person) {
	t.Helper()
	copied := h.database["sued"].NewStandby(t, h.address(98), "kopie")
	for i := range h.replicas {
		parts.Eventually(t, "mail for the town is refused for now", func() error {
			return reversed(h.lmtp(i, jan.address, "während"))
		})
		metric, err := get("http://" + h.replicas[i] + ":29090/metrics")
		must(t, err)
		if want := `fachwerk_location_differences{check="standbys",part="database",site="sued"} 1`; !strings.Contains(metric, want) {
			t.Errorf("server %d counts no difference", i)
		}
		must(t, h.lmtp(i, anna.address, fmt.Sprint("währenddessen ", i)))
		anna.arrives(t, 1-i, fmt.Sprint("währenddessen ", i))
	}
	out, status := h.try(t, "", "location", "verify")
	if sentence := "An undeclared copy of the database streams to kopie at " + h.address(98); status != 3 || !strings.Contains(out, sentence) {
		t.Errorf("location verify ends with %d and does not say %q:\n%s", status, sentence, out)
	}
	if out := h.command(t, "where", "Neustadt"); !strings.Contains(out, "differs") {
		t.Errorf("where:\n%s", out)
	}
	copied.Stop(t)
	for i := range h.replicas {
		parts.Eventually(t, "mail for the town is taken again", func() error { return h.lmtp(i, jan.address, fmt.Sprint("danach ", i)) })
	}
	for i := range h.replicas { // each has found out by itself
		jan.arrives(t, 1-i, fmt.Sprint("danach ", i))
	}
	h.command(t, "location", "verify")
}

// withoutKeys has the bucket of keys away: towns that were at work go on, and none is
// made.
func (h *house) withoutKeys(t *testing.T, anna, jan person) {
	t.Helper()
	h.keys.Stop(t)
	for i := range h.replicas {
		for _, p := range []person{anna, jan} {
			must(t, h.lmtp(i, p.address, fmt.Sprint("ohne Schlüssel ", i)))
			p.arrives(t, 1-i, fmt.Sprint("ohne Schlüssel ", i))
		}
	}
	if out, status := h.try(t, "", "tenant", "create", "Altstadt", "--site", "nord", "--domain", "altstadt.example"); status != 1 || !strings.Contains(out, "keys.url") {
		t.Errorf("a town without a key: %d\n%s", status, out)
	}
	h.keys.Start(t, nil)
	if out := h.command(t, "tenant", "list"); strings.Contains(out, "Altstadt") {
		t.Errorf("a town without a key is there:\n%s", out)
	}
}

// remove ends a town: its people are unknown at once, its key goes from the bucket of
// keys, and the other town notices nothing.
func (h *house) remove(t *testing.T, anna, jan person) {
	t.Helper()
	if keys := h.keys.Objects(t, parts.GatewayBucket); len(keys) != 2 {
		t.Errorf("the bucket of keys has %v for two towns", keys)
	}
	h.command(t, "tenant", "remove", jan.town, "--yes")
	for i := range h.replicas {
		parts.Eventually(t, "the town is unknown", func() error {
			var refused *smtp.SMTPError
			if err := h.lmtp(i, jan.address, "zu spät"); !errors.As(err, &refused) || refused.Code != 550 {
				return fmt.Errorf("server %d answers %v", i, err)
			}
			return nil
		})
	}
	parts.Eventually(t, "its key is destroyed", func() error {
		if keys := h.keys.Objects(t, parts.GatewayBucket); len(keys) != 1 {
			return fmt.Errorf("there are %v", keys)
		}
		return nil
	})
	must(t, h.lmtp(0, anna.address, "allein"))
	anna.arrives(t, 1, "allein")
}

// reversed is an error unless there is one.
func reversed(err error) error {
	if err == nil {
		return fmt.Errorf("it was taken")
	}
	return nil
}
