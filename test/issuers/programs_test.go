package issuers

import (
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"fachwerk/internal/testenv/browser"
	"fachwerk/test/system/harness"
)

// Programs that a person lets in at the embedded provider are told to them, seen in the
// portal, and end there, and with a new password.
func TestProgramsEnd(t *testing.T) { harness.Each(t, testProgramsEnd) }

func testProgramsEnd(t *testing.T, engines harness.Engines) {
	h := start(t, engines)
	anna := h.Anna()
	letIn := func() (browser.MailProgram, string) {
		t.Helper()
		m, given := h.letIn(t, anna, " offline_access")
		next, ok := m.Refresh(t, given.Refresh)
		if !ok || next.Refresh == "" {
			t.Fatal("a program cannot refresh its tokens")
		}
		return m, next.Refresh
	}
	told := func() int {
		c := h.IMAP(t, anna)
		defer c.Close()
		_, err := c.Select("INBOX", nil).Wait()
		must(t, err)
		found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "Neues Programm angemeldet"}}}, nil).Wait()
		must(t, err)
		return len(found.AllUIDs())
	}
	before := told()
	m, one := letIn()
	harness.Eventually(t, time.Minute, "anna is told", func() bool { return told() == before+1 })
	b := browser.New(t)
	page := b.SignIn(h.Portal+"/login?return=/devices", anna.Address, anna.Password)
	if !strings.Contains(page.Text, "fachwerk-mail") {
		t.Fatalf("the program is not on the page: %s", page.Text)
	}
	if page = b.Submit(page, "/programs/", nil); strings.Contains(page.Text, "/programs/") {
		t.Errorf("the program is still there: %s", page.Text)
	}
	if _, ok := m.Refresh(t, one); ok {
		t.Error("a program that was ended goes on")
	}

	m, two := letIn()
	_, three := letIn()
	b.Submit(b.Get(h.Portal+"/devices"), "/sessions/end", nil)
	for _, token := range []string{two, three} {
		if _, ok := m.Refresh(t, token); ok {
			t.Error("a program goes on after signing out everywhere")
		}
	}
	if !b.SignedIn(h.Portal) {
		t.Error("this browser was signed out too")
	}

	m, four := letIn()
	if out, errs, err := h.Try(t, anna.Password+"\n", "password", "set", anna.Address); err != nil {
		t.Fatalf("password set: %v\n%s%s", err, out, errs)
	}
	if _, ok := m.Refresh(t, four); ok || b.SignedIn(h.Portal) {
		t.Error("a program or a session goes on after a new password")
	}
	h.Check(t)
}
