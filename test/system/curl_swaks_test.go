package system

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// run starts a program and returns all that it wrote.
func run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	return string(out), err
}

// curl lists, reads, files and flags over IMAP, with and without TLS.
func TestCurl(t *testing.T) {
	curl := need.Program(t, "curl")
	d := harness.Start(t, harness.Options{})
	user := d.Anna().Address + ":" + d.Anna().AppPassword
	d.Deliver(t, harness.Message("Von curl gelesen", 5000), d.Anna().Address)
	for _, base := range []string{"imap://" + d.State.IMAP, "imaps://" + d.IMAPS} {
		call := func(path string, args ...string) string {
			t.Helper()
			all := append([]string{"-sS", "--cacert", d.CA, "--url", base + path, "-u", user}, args...)
			out, err := run(t, curl, all...)
			if err != nil {
				t.Errorf("curl %s%s %v: %v\n%s", base, path, args, err, out)
			}
			return out
		}
		if out := call("/"); !strings.Contains(out, "INBOX") || !strings.Contains(out, `\Sent`) {
			t.Errorf("LIST: %s", out)
		}
		found := strings.Fields(call("/INBOX?SUBJECT%20curl"))
		if len(found) != 3 { // * SEARCH n
			t.Fatalf("SEARCH: %v", found)
		}
		if out := call("/INBOX;MAILINDEX=" + found[2]); !strings.Contains(out, "Marktplatz") {
			t.Errorf("FETCH: %s", out)
		}
		call("/INBOX", "-X", "STORE "+found[2]+` +FLAGS (\Flagged)`)
		if out := call("/INBOX", "-X", "FETCH "+found[2]+" FLAGS"); !strings.Contains(out, `\Flagged`) {
			t.Errorf("FLAGS: %s", out)
		}
		call("/INBOX", "-X", "COPY "+found[2]+" Archive")
		if out := call("/", "-X", "STATUS Archive (MESSAGES)"); strings.Contains(out, "MESSAGES 0") {
			t.Errorf("filed, but: %s", out)
		}
	}
	if out, err := run(t, curl, "-sS", "--url", "imap://"+d.State.IMAP, "-u", d.Anna().Address+":wrong"); err == nil {
		t.Errorf("a wrong password is accepted: %s", out)
	}
}

// swaks sends by STARTTLS and by implicit TLS, and is refused where it should be.
func TestSwaks(t *testing.T) {
	swaks := need.Program(t, "swaks")
	d := harness.Start(t, harness.Options{})
	anna, jan := d.Anna(), d.Jan()
	send := func(address string, args ...string) (string, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		return run(t, swaks, append([]string{"--server", host, "--port", port, "--tls-ca-path", d.CA, "--tls-verify", "--timeout", "20"}, args...)...)
	}
	login := []string{"--auth", "PLAIN", "--auth-user", anna.Address, "--auth-password", anna.AppPassword}
	with := func(extra ...string) []string { return append(append([]string{}, login...), extra...) }
	from := []string{"--from", anna.Address, "--to", jan.Address}

	for _, ok := range []struct {
		name, address string
		args          []string
	}{
		{"STARTTLS", d.Submission, with(append(from, "--tls", "--header", "Subject: durch STARTTLS")...)},
		{"implicit TLS", d.Submissions, with(append(from, "--tls-on-connect", "--header", "Subject: durch TLS")...)},
		{"LOGIN", d.Submission, append(append([]string{"--auth", "LOGIN"}, login[2:]...), append(from, "--tls", "--header", "Subject: durch LOGIN")...)},
		{"function address", d.Submission, with("--tls", "--from", harness.Office, "--to", jan.Address, "--header", "Subject: vom Amt", "--header", "From: "+harness.Office)},
	} {
		if out, err := send(ok.address, ok.args...); err != nil {
			t.Errorf("%s: %v\n%s", ok.name, err, out)
		}
	}
	for _, no := range []struct {
		name, address, want string
		args                []string
	}{
		{"no login", d.Submission, "5", append(from, "--tls")},
		{"wrong password", d.Submission, "535", append([]string{"--auth", "PLAIN", "--auth-user", anna.Address, "--auth-password", "wrong", "--tls"}, from...)},
		{"another's sender", d.Submission, "55", with("--tls", "--from", jan.Address, "--to", jan.Address)},
		{"another's From field", d.Submission, "55", with(append(from, "--tls", "--header", "From: "+jan.Address)...)},
		{"unknown recipient", d.Submission, "550", with("--tls", "--from", anna.Address, "--to", "nobody@musterstadt.example")},
	} {
		out, err := send(no.address, no.args...)
		if err == nil || !strings.Contains(out, "<~* "+no.want) && !strings.Contains(out, "<** "+no.want) && !strings.Contains(out, "<~* "+no.want) {
			t.Errorf("%s: %v, want a reply %s\n%s", no.name, err, no.want, out)
		}
	}
	c := d.IMAP(t, jan)
	harness.Eventually(t, time.Minute, "four messages arrive in Jan's INBOX", func() bool {
		harness.Select(t, c, "INBOX")
		found := 0
		for _, body := range harness.Bodies(t, c) {
			for _, s := range []string{"durch STARTTLS", "durch TLS", "durch LOGIN", "vom Amt"} {
				if strings.Contains(string(body), "Subject: "+s+"\r\n") {
					found++
				}
			}
		}
		return found == 4
	})
}

// An account that is full takes no more, by LMTP or from a colleague, until
// there is room.
func TestSwaksOverQuota(t *testing.T) {
	swaks := need.Program(t, "swaks")
	d := harness.Start(t, harness.Options{})
	d.Command(t, "account", "quota", d.Jan().Address, "20 KiB")
	lmtp := func(size int) (string, error) {
		return run(t, swaks, "--protocol", "LMTP", "--server", d.LMTP, "--from", "grete@elsewhere.example", "--to", d.Jan().Address,
			"--data", strings.ReplaceAll(string(harness.Message(fmt.Sprint("groß ", size), size)), "\r\n", "\n"))
	}
	if out, err := lmtp(100 << 10); err == nil || !strings.Contains(out, "2.2") {
		t.Errorf("100 KiB into 20: %v\n%s", err, out)
	}
	if out, err := lmtp(1000); err != nil {
		t.Errorf("1 KB into 20: %v\n%s", err, out)
	}
	d.Command(t, "account", "quota", d.Jan().Address, "1 GiB")
	if out, err := lmtp(100 << 10); err != nil {
		t.Errorf("after the quota was raised: %v\n%s", err, out)
	}
	d.Check(t)
}

// An app password that is revoked closes its connections within five seconds,
// and opens no more.
func TestRevokedAppPasswordEndsConnections(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	secret := strings.TrimSpace(d.Command(t, "app-password", "add", d.Anna().Address, "--name", "Telefon"))
	phone := harness.Account{Address: d.Anna().Address, AppPassword: secret}
	c := d.IMAP(t, phone)
	harness.Select(t, c, "INBOX")
	list := d.Command(t, "app-password", "list", d.Anna().Address)
	id := ""
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 1 && f[1] == "Telefon" {
			id = f[0]
		}
	}
	if id == "" {
		t.Fatalf("the list lacks it:\n%s", list)
	}
	d.Command(t, "app-password", "revoke", d.Anna().Address, id)
	select {
	case <-c.Closed():
	case <-time.After(time.Minute):
		t.Error("the connection is still open")
	}
	harness.Eventually(t, time.Minute, "the revoked password is refused", func() bool {
		_, err := d.TryIMAP(t, phone)
		return err != nil
	})
	if _, err := d.TryIMAP(t, d.Anna()); err != nil {
		t.Errorf("the other password does not open any more: %v", err)
	}
}
