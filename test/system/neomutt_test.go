package system

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// neomutt reads, flags and files a message, under a terminal made by script.
func TestNeomutt(t *testing.T) {
	neomutt, script := need.Program(t, "neomutt"), need.Program(t, "script")
	d := harness.Start(t, harness.Options{Accounts: 1})
	clerk := d.Person(0)
	d.Deliver(t, harness.Message("Von neomutt gelesen", 2000), clerk.Address)
	dir := t.TempDir()
	read := filepath.Join(dir, "read.txt")
	rc := fmt.Sprintf(`set imap_user=%q
set imap_pass=%q
set ssl_ca_certificates_file=%q
set ssl_verify_host=no
set folder="imaps://localhost:%s/"
set spoolfile="+INBOX"
set header_cache=""
set confirmappend=no
set delete=yes
set quit=yes
set wait_key=no
set pipe_decode=yes
set save_name=no
set record=""
set postponed=""
set beep=no
`, clerk.Address, clerk.AppPassword, d.CA, d.State.IMAPS[strings.LastIndexByte(d.State.IMAPS, ':')+1:])
	if err := os.WriteFile(filepath.Join(dir, "rc"), []byte(rc), 0o600); err != nil {
		t.Fatal(err)
	}
	// Pipe the first message into a file, read it, flag it, file it in Archive, leave.
	keys := fmt.Sprintf("<first-entry><pipe-message>cat >%s<enter><display-message><exit><flag-message><save-message>=Archive<enter><sync-mailbox><quit>", read)
	line := fmt.Sprintf("%s -n -F %s -e 'push %q'", neomutt, filepath.Join(dir, "rc"), keys)
	cmd := exec.CommandContext(t.Context(), script, "-q", "-e", "-c", line, filepath.Join(dir, "typescript"))
	cmd.Env = append(os.Environ(), "TERM=xterm", "HOME="+dir, "LANG=C.UTF-8")
	done := make(chan error, 1)
	var out []byte
	go func() {
		var err error
		out, err = cmd.CombinedOutput()
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("neomutt: %v\n%q", err, out)
		}
	case <-time.After(3 * time.Minute):
		_ = cmd.Process.Kill()
		<-done
		t.Fatalf("neomutt does not end\n%q", out)
	}
	if text, err := os.ReadFile(read); err != nil || !strings.Contains(string(text), "Marktplatz") {
		t.Errorf("read: %v, %q", err, text)
	}
	c := d.IMAP(t, clerk)
	if n := harness.Select(t, c, "INBOX"); n != 0 {
		t.Errorf("INBOX still has %d messages", n)
	}
	if n := harness.Select(t, c, "Archive"); n != 1 {
		t.Fatalf("Archive has %d messages, want 1", n)
	}
	list, err := c.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{Flags: true}).Collect()
	if err != nil || len(list) != 1 {
		t.Fatal(err)
	}
	flags := fmt.Sprint(list[0].Flags)
	if !strings.Contains(flags, `\Flagged`) || !strings.Contains(flags, `\Seen`) {
		t.Errorf("the filed message has %s, want it flagged and seen", flags)
	}
}
