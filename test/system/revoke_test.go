package system

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"fachwerk/test/system/harness"
)

// endWithin is the promise: a login that has ended ends its connections.
const endWithin = 5 * time.Second

// ends waits for the server to close an idle connection.
func ends(t *testing.T, c *imapclient.Client, what string) {
	t.Helper()
	began := time.Now()
	select {
	case <-c.Closed():
		if took := time.Since(began); took > endWithin {
			t.Errorf("%s: the connection ended after %v only", what, took)
		}
	case <-time.After(4 * endWithin):
		t.Errorf("%s: the connection is still open", what)
	}
}

// Ending an app password or disabling a person, from another process, closes
// open IMAP connections and refuses new ones.
func TestRevocationEndsConnections(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		anna, jan := d.IMAP(t, d.Anna()), d.IMAP(t, d.Jan())
		for _, c := range []*imapclient.Client{anna, jan} {
			_, err := c.Select("INBOX", nil).Wait()
			must(t, err)
			_, err = c.Idle()
			must(t, err)
		}
		list := appPasswords(t, d, d.Anna().Address)
		if len(list) != 1 {
			t.Fatalf("app passwords: %v", list)
		}
		d.Command(t, "app-password", "revoke", d.Anna().Address, list[0])
		ends(t, anna, "app password revoked")
		d.Command(t, "account", "disable", d.Jan().Address)
		ends(t, jan, "person disabled")
		for _, a := range []harness.Account{d.Anna(), d.Jan()} {
			c, err := imapclient.DialInsecure(d.State.IMAP, nil)
			must(t, err)
			if err := c.Login(a.Address, a.AppPassword).Wait(); err == nil {
				t.Errorf("%s may still sign in", a.Address)
			}
			c.Close()
		}
	})
}

// appPasswords lists the ids of a person's.
func appPasswords(t *testing.T, d *harness.Demo, address string) (ids []string) {
	t.Helper()
	var list []struct{ ID int64 }
	must(t, json.Unmarshal([]byte(d.Command(t, "app-password", "list", address, "--json")), &list))
	for _, p := range list {
		ids = append(ids, strconv.FormatInt(p.ID, 10))
	}
	return ids
}
