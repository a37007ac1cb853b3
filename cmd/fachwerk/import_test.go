package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/testenv/dovecot"
)

// Where the source's certificate is of an authority that nobody knows, the commands say
// what to name.
func TestImportNamesTheRemedyForACertificate(t *testing.T) {
	o := installation(t)
	o.must("tenant", "create", "Musterstadt", "--domain", "musterstadt.example", "--site", "rz1")
	o.must("account", "add", "anna@musterstadt.example")
	source := httptest.NewTLSServer(http.NotFoundHandler())
	defer source.Close()
	password := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(password, []byte("geheim\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	from := strings.TrimPrefix(source.URL, "https")
	with := []string{"--user", "anna", "--password-file", password, "--to", "anna@musterstadt.example", "--dry-run"}
	o.refused("by --ca FILE", append([]string{"import", "mail", "--from", "imaps" + from}, with...)...)
	o.refused("by --ca FILE", append([]string{"import", "files", "--from", "https" + from}, with...)...)
}

// What is shown before an import reads well: one object is no objects, and an account
// without a name has no empty one.
func TestImportShowsWhatItWouldCopy(t *testing.T) {
	o := installation(t)
	o.must("tenant", "create", "Musterstadt", "--domain", "musterstadt.example", "--site", "rz1")
	o.must("account", "add", "amt@musterstadt.example", "--kind", "function")
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "Plan.txt"), []byte("Inhalt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := o.run("no\n", "import", "files", "--from", folder, "--to", "amt@musterstadt.example"); err == nil {
		t.Error("not confirmed, and nothing was said")
	}
	if !strings.Contains(o.told, "To   amt@musterstadt.example\n") || !strings.Contains(o.told, ": 1 object to ") {
		t.Errorf("shown was:\n%s", o.told)
	}
}

// A dry run of mail shows what would come, and brings nothing.
func TestImportMailDryRun(t *testing.T) {
	o := installation(t)
	o.must("tenant", "create", "Musterstadt", "--domain", "musterstadt.example", "--site", "rz1")
	o.must("account", "add", "anna@musterstadt.example", "--name", "Anna Schmidt")
	old := dovecot.Start(t, dovecot.Options{})
	password := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(password, []byte(dovecot.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	with := []string{"import", "mail", "--from", "imap+insecure://" + old.IMAP, "--user", "anna-alt", "--password-file", password,
		"--to", "anna@musterstadt.example", "--dry-run"}
	if out := o.must(with...); !strings.Contains(out, "AT SOURCE") || !strings.Contains(out, "INBOX") {
		t.Errorf("the plan is\n%s", out)
	}
	if out := o.must(append(with, "--json")...); strings.Contains(out, dovecot.Password) || !strings.Contains(out, `"INBOX"`) {
		t.Errorf("the plan as JSON is\n%s", out)
	}
	o.refused("not confirmed", with[:len(with)-1]...)
	if !strings.Contains(o.told, "To   anna@musterstadt.example (Anna Schmidt)\n") {
		t.Errorf("shown was\n%s", o.told)
	}
}
