package system

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

// lookUp asks the directory for an address.
func (b *carddavBook) lookUp(address string) string {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), "REPORT", b.origin.String()+"/addressbooks/"+b.account.Address+"/directory/",
		strings.NewReader(`<C:addressbook-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><prop><getetag/><C:address-data/></prop>`+
			`<C:filter><C:prop-filter name="EMAIL"><C:text-match match-type="equals">`+address+`</C:text-match></C:prop-filter></C:filter></C:addressbook-query>`))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Depth", "1")
	req.Header.Set("Content-Type", "application/xml")
	return b.send(req, http.StatusMultiStatus)
}

// The directory follows the command line: who is added, gets an alias, is disabled or
// removed shows within seconds, on both pairs of engines.
func TestDirectoryFollowsAccounts(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		book := bookOf(t, d, d.Jan())
		until := func(address string, there bool) {
			t.Helper()
			var text string
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				if text = book.lookUp(address); strings.Contains(text, "BEGIN:VCARD") == there {
					return
				}
			}
			t.Errorf("%s there: want %v\n%s", address, there, text)
		}
		until(d.Anna().Address, true)
		until(harness.Office, true)
		until("nora@musterstadt.example", false)
		d.Command(t, "account", "add", "nora@musterstadt.example", "--name", "Nora Neu")
		until("nora@musterstadt.example", true)
		d.Command(t, "alias", "add", "n.neu@musterstadt.example", "nora@musterstadt.example")
		until("n.neu@musterstadt.example", true)
		d.Command(t, "account", "disable", "nora@musterstadt.example")
		until("nora@musterstadt.example", false)
		d.Command(t, "account", "enable", "nora@musterstadt.example")
		until("nora@musterstadt.example", true)
		d.Command(t, "account", "remove", "nora@musterstadt.example", "--yes")
		until("nora@musterstadt.example", false)
	})
}
