package system

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"fachwerk/internal/testenv/dovecot"
	"fachwerk/test/system/harness"
)

// The command brings mail over from a Dovecot while the server runs, shows whose
// it is, and a second run finds nothing new.
func TestImportCommand(t *testing.T) {
	old := dovecot.Start(t, dovecot.Options{})
	c, err := imapclient.DialInsecure(old.IMAP, nil)
	must(t, err)
	defer c.Close()
	must(t, c.Login("anna-alt", dovecot.Password).Wait())
	must(t, c.Create("Akten.2025", nil).Wait())
	const n = 60
	for i := range n {
		text := fmt.Sprintf("Subject: Akte %d\r\n\r\nInhalt %d\r\n", i, i)
		cmd := c.Append("Akten.2025", int64(len(text)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}})
		_, err := cmd.Write([]byte(text))
		must(t, err)
		must(t, cmd.Close())
		_, err = cmd.Wait()
		must(t, err)
	}
	d := harness.Start(t, harness.Options{})
	secret := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(secret, []byte(dovecot.Password+"\n"), 0o600))
	args := []string{"import", "mail", "--from", "imap+insecure://" + old.IMAP, "--user", "anna-alt",
		"--password-file", secret, "--to", d.Anna().Address}

	if out, errs, err := d.Try(t, "nein\n", args...); err == nil || !strings.Contains(errs, "anna-alt") || !strings.Contains(errs, d.Anna().Address) {
		t.Fatalf("not confirmed, but: %v\n%s%s", err, out, errs)
	}
	watch := d.IMAP(t, d.Anna())
	if _, err := watch.Select("Akten/2025", nil).Wait(); err == nil {
		t.Fatal("something was copied although nobody confirmed it")
	}
	type report struct {
		Mailboxes []struct {
			Target                                string
			Messages, Imported, Present, Verified int
		}
	}
	run := func(stdin string, extra ...string) (r report) {
		t.Helper()
		out, errs, err := d.Try(t, stdin, append(append([]string{}, args...), append(extra, "--json")...)...)
		if err != nil {
			t.Fatalf("import: %v\n%s%s", err, out, errs)
		}
		must(t, json.Unmarshal([]byte(out), &r))
		return r
	}
	count := func(r report, imported int) {
		t.Helper()
		for _, m := range r.Mailboxes {
			if m.Target == "Akten/2025" {
				if m.Messages != n || m.Imported != imported || m.Verified != n {
					t.Errorf("report: %+v, want %d imported", m, imported)
				}
				return
			}
		}
		t.Errorf("the mailbox is not in the report: %+v", r)
	}
	count(run("yes\n"), n)
	count(run("", "--yes"), 0)
	data, err := watch.Select("Akten/2025", nil).Wait()
	must(t, err)
	if data.NumMessages != n {
		t.Errorf("the running server shows %d messages, want %d", data.NumMessages, n)
	}
	d.Check(t)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
