package testenv

import (
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"
)

func TestServerTakesALogin(t *testing.T) {
	s := Start(t, 1)
	if len(s.Accounts) != 3 {
		t.Fatalf("%d accounts, want 3", len(s.Accounts))
	}
	c, err := imapclient.DialInsecure(s.IMAP, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	last := s.Accounts[2]
	if err := c.Login(last.Address, last.AppPassword).Wait(); err != nil {
		t.Error(err)
	}
	if err := c.Logout().Wait(); err != nil {
		t.Error(err)
	}
}
