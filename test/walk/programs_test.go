package walk

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"fachwerk/internal/testenv/parts"
	"fachwerk/internal/testenv/vdir"
)

// program runs a real program in a home of its own.
func program(t *testing.T, home, stdin string, args ...string) string {
	t.Helper()
	return programWith(t, nil, home, stdin, args...)
}

// programWith is program with more in its environment.
func programWith(t *testing.T, env []string, home, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stdin = home, strings.NewReader(stdin)
	cmd.Env = append(append(os.Environ(), "HOME="+home), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// lmtp delivers by a server, as a gateway does.
func (h *house) lmtp(replica int, to, subject string) error {
	conn, err := net.Dial("tcp", h.replicas[replica]+":20024")
	if err != nil {
		return err
	}
	l := smtp.NewClientLMTP(conn)
	defer l.Close()
	return send(l, "buerger@fern.example", to, subject)
}

func send(c *smtp.Client, from, to, subject string) error {
	if err := c.Mail(from, nil); err != nil {
		return err
	}
	if err := c.Rcpt(to, nil); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: Sun, 22 Nov 2026 09:00:00 +0100\r\n\r\nHallo\r\n", from, to, subject); err != nil {
		return err
	}
	return w.Close()
}

// submit sends as a mail program does.
func (p person) submit(t *testing.T, replica int, to, subject string) {
	t.Helper()
	c, err := smtp.DialTLS(p.replicas[replica]+":20465", p.believing(mailHost))
	must(t, err)
	defer c.Close()
	must(t, c.Auth(sasl.NewPlainClient("", p.address, p.password)))
	must(t, send(c, p.address, to, subject))
}

// mail is what mbsync brings from a server, subjects and folders in one text. Each
// person keeps their Maildirs, whichever server they are synchronised with.
func (p person) mail(t *testing.T, replica int) string {
	t.Helper()
	home := filepath.Join(p.dir, "mail-"+p.address)
	must(t, os.MkdirAll(filepath.Join(home, "mail"), 0o700))
	rc := filepath.Join(home, "rc")
	must(t, os.WriteFile(rc, []byte(fmt.Sprintf(`IMAPAccount fachwerk
Host %s
Port 20993
User %s
Pass %s
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account fachwerk

MaildirStore near
Path %s/mail/
Inbox %s/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
`, p.replicas[replica], p.address, p.password, filepath.Join(p.dir, "tls", "installation.pem"), home, home)), 0o600))
	program(t, home, "", "mbsync", "-c", rc, "-a")
	var all strings.Builder
	must(t, filepath.WalkDir(filepath.Join(home, "mail"), func(path string, d os.DirEntry, err error) error {
		if parent := filepath.Base(filepath.Dir(path)); err != nil || d.IsDir() || parent != "new" && parent != "cur" {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s\n%s\n", path, text)
		return err
	}))
	return all.String()
}

// calendars synchronises with a server into an empty folder, to which event adds one,
// and answers the folder's files.
func (p person) calendars(t *testing.T, replica int, event string) string {
	t.Helper()
	home := t.TempDir()
	near := filepath.Join(home, "near")
	must(t, os.MkdirAll(filepath.Join(near, "calendar"), 0o700))
	if event != "" {
		must(t, os.WriteFile(filepath.Join(near, "calendar", event+".ics"), []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//walk//EN\r\n"+
			"BEGIN:VEVENT\r\nUID:"+event+"\r\nDTSTAMP:20261122T080000Z\r\nDTSTART:20261123T090000Z\r\nSUMMARY:Beratung\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"), 0o600))
	}
	conf := filepath.Join(home, "conf")
	must(t, os.WriteFile(conf, []byte(vdir.Vdirsyncer(filepath.Join(home, "status"), []vdir.Pair{
		{Name: "calendars", A: "near", B: "far", Collections: []string{"from a", "from b"}},
	}, []vdir.Storage{vdir.Folder("near", near, ".ics"), {
		Name: "far", Type: "caldav", URL: "https://" + p.replicas[replica] + ":28443/", User: p.address, Password: p.password, Verify: filepath.Join(p.dir, "ca.pem"),
	}})), 0o600))
	program(t, home, "y\ny\ny\n", "vdirsyncer", "-c", conf, "discover")
	program(t, home, "", "vdirsyncer", "-c", conf, "sync")
	var names []string
	found, err := filepath.Glob(filepath.Join(near, "*", "*.ics"))
	must(t, err)
	for _, f := range found {
		names = append(names, filepath.Base(f))
	}
	return strings.Join(names, " ")
}

// rclone runs a command of it with the person's drive, whose public name leads to a
// server.
func (p person) rclone(t *testing.T, replica int, args ...string) string {
	t.Helper()
	home := t.TempDir()
	obscured := strings.TrimSpace(program(t, home, p.files, "rclone", "obscure", "-"))
	conf := filepath.Join(home, "conf")
	must(t, os.WriteFile(conf, []byte(fmt.Sprintf("[drive]\ntype = webdav\nurl = https://%s/files/%s/\nvendor = nextcloud\nuser = %s\npass = %s\n",
		davHost, p.address, p.address, obscured)), 0o600))
	return programWith(t, []string{"HTTPS_PROXY=http://" + p.names[replica]}, home, "",
		append([]string{"rclone", "--config", conf, "--ca-cert", filepath.Join(p.dir, "ca.pem")}, args...)...)
}

// arrives waits until mbsync brings a subject from a server.
func (p person) arrives(t *testing.T, replica int, subject string) {
	t.Helper()
	parts.Eventually(t, subject+" arrives", func() error {
		if !strings.Contains(strings.ReplaceAll(p.mail(t, replica), "\r", ""), "\nSubject: "+subject+"\n") {
			return fmt.Errorf("%s has no %q by way of server %d", p.address, subject, replica)
		}
		return nil
	})
}
