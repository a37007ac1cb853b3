package system

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

// A new demo is ready in under two seconds, on a machine that is slow and busy in ten
// times that.
func TestDemoIsReadySoon(t *testing.T) {
	var fastest time.Duration
	for range 3 {
		d := harness.Start(t, harness.Options{})
		t.Logf("ready after %v", d.Took)
		if fastest == 0 || d.Took < fastest {
			fastest = d.Took
		}
		if fastest < 2*time.Second {
			return
		}
		d.Stop(t)
	}
	if fastest > 20*time.Second {
		t.Errorf("the fastest of three starts took %v", fastest)
	}
}

// The demo tells scripts everything, and goes on where it was.
func TestDemo(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e})
		jsonHasEveryKey(t, d)
		readiness(t, d)
		c := d.IMAP(t, d.Anna())
		before := harness.Select(t, c, "INBOX")
		if before == 0 {
			t.Error("Anna's INBOX is empty: the demo should have a few messages")
		}
		if n := harness.Select(t, c, "Other Users/"+harness.Office+"/INBOX"); n == 0 {
			t.Error("the function mailbox is empty")
		}
		d.Deliver(t, harness.Message("Vor dem Neustart", 1000), d.Anna().Address)
		first := d.State
		d.Stop(t)
		d.Restart(t)
		if d.Anna() != first.Accounts[0] || d.Jan() != first.Accounts[1] {
			t.Error("the passwords are others after a restart")
		}
		if d.Portal != first.Portal || d.IMAPS != first.IMAPS {
			t.Error("the ports are others after a restart")
		}
		if n := harness.Select(t, d.IMAP(t, d.Anna()), "INBOX"); n != before+1 {
			t.Errorf("INBOX has %d messages after a restart, want %d", n, before+1)
		}
		d.Check(t)
		d.Stop(t)
	})
}

func jsonHasEveryKey(t *testing.T, d *harness.Demo) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.Data, "ready.json"))
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(text, &raw); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"pid", "imap", "imaps", "lmtp", "smtp", "submission", "submissions", "http", "portal", "issuer", "ops", "accounts"} {
		if raw[key] == nil || raw[key] == "" {
			t.Errorf("--json lacks %q", key)
		}
	}
	for key, sample := range map[string]string{
		"caldav": "calendar/demo-besprechung.ics", "carddav": "contacts/demo-mueller.vcf", "webdav": "Willkommen.txt",
	} {
		base, _ := raw[key].(string)
		origin, _ := raw["http"].(string)
		if !strings.HasPrefix(base, origin+"/") {
			t.Errorf("--json has %q for %s, which is not at %s", base, key, origin)
			continue
		}
		served(t, base+d.Anna().Address+"/"+sample, d.Anna())
	}
	for _, a := range d.Accounts {
		if a.Address == "" || a.Password == "" || a.AppPassword == "" {
			t.Errorf("an account is not complete: %s", a.Address)
		}
	}
	if !strings.HasPrefix(d.Portal, "http://127.0.0.1:") || !strings.HasPrefix(d.Issuer, "http://127.0.0.2:") {
		t.Errorf("portal %s and provider %s are not the origins wanted", d.Portal, d.Issuer)
	}
	if info, err := os.Stat(filepath.Join(d.Data, "demo.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("demo.json, which holds passwords: %v, %v", info, err)
	}
}

// served fetches one of the demo's samples.
func served(t *testing.T, url string, a harness.Account) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(a.Address, a.AppPassword)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", url, res.Status)
	}
}

func readiness(t *testing.T, d *harness.Demo) {
	t.Helper()
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready", "/metrics": "fachwerk_connections"} {
		res, err := http.Get(d.Ops + path)
		if err != nil {
			t.Error(err)
			continue
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v, want %q in it", path, res.Status, err, want)
		}
	}
}

// A second demo keeps its hands off the first one's folder, and says why.
func TestSecondDemoInOneFolderIsRefused(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	out, err := exec.Command(harness.Binary(t), "demo", "--data", d.Data, "--base-port", "0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "running") {
		t.Errorf("%v: %s", err, out)
	}
}

// Connections that idle do not keep the server from ending.
func TestSIGTERMEndsCleanly(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	idle := d.IMAP(t, d.Anna())
	harness.Select(t, idle, "INBOX")
	if _, err := idle.Idle(); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Dial("tcp", d.Submission)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	d.Stop(t) // it fails when that takes minutes
}
