package system

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/child"
	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// A davPeer is another server that data comes from.
type davPeer struct {
	url            string // with a slash at the end
	user, password string
	folder         string
}

// peerPassword is everyone's at every peer.
const peerPassword = "altes-passwort"

func peerAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// runPeer runs a server until the test ends, and waits for its port.
func runPeer(t testing.TB, address, binary string, args ...string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said child.Said
	p := child.Start(t, filepath.Base(binary), cmd, &said)
	harness.Eventually(t, 2*time.Minute, "the peer answers", func() bool {
		if !p.Running() {
			t.Fatalf("%s ended at once:\n%s", binary, said.Tail())
		}
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// radicale starts Debian's Radicale with a folder of its own.
func radicale(t testing.TB) *davPeer {
	t.Helper()
	binary := need.Program(t, "radicale")
	p := &davPeer{user: "anna-alt", password: peerPassword, folder: t.TempDir()}
	address := peerAddress(t)
	users, config := filepath.Join(p.folder, "users"), filepath.Join(p.folder, "config")
	peerWrite(t, users, p.user+":"+p.password+"\n")
	peerWrite(t, config, fmt.Sprintf(`[server]
hosts = %s
[auth]
type = htpasswd
htpasswd_filename = %s
htpasswd_encryption = plain
delay = 0
[storage]
filesystem_folder = %s
[logging]
level = warning
`, address, users, filepath.Join(p.folder, "data")))
	p.url = "http://" + address + "/"
	runPeer(t, address, binary, "--config", config)
	return p
}

// apache starts Debian's Apache with mod_dav on a folder.
func apache(t testing.TB) *davPeer {
	t.Helper()
	binary := need.Program(t, "apache2")
	folder, err := os.MkdirTemp("", "apache-") // its children are another user, whom t.TempDir's parents shut out
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	p := &davPeer{user: "anna-alt", password: peerPassword, folder: folder}
	files := filepath.Join(folder, "files")
	for _, dir := range []string{files, filepath.Join(folder, "lock")} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		peerMode(t, dir, 0o777)
	}
	peerMode(t, folder, 0o755)
	users := filepath.Join(folder, "users")
	if out, err := exec.Command(need.Program(t, "htpasswd"), "-bc", users, p.user, p.password).CombinedOutput(); err != nil {
		t.Fatalf("htpasswd: %v\n%s", err, out)
	}
	peerMode(t, users, 0o644)
	address := peerAddress(t)
	var b strings.Builder
	fmt.Fprintf(&b, "ServerRoot %s\nServerName localhost\nListen %s\nPidFile %s/pid\nErrorLog %s/error.log\n", folder, address, folder, folder)
	for _, m := range []string{"mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "dav", "dav_fs"} {
		fmt.Fprintf(&b, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", m, m)
	}
	fmt.Fprintf(&b, `User www-data
Group www-data
DocumentRoot %s
DavLockDB %s/lock/db
<Directory %s>
  Dav On
  AuthType Basic
  AuthName files
  AuthUserFile %s
  Require valid-user
</Directory>
`, files, folder, files, users)
	config := filepath.Join(folder, "apache2.conf")
	peerWrite(t, config, b.String())
	p.url = "http://" + address + "/"
	runPeer(t, address, binary, "-f", config, "-DFOREGROUND")
	return p
}

func peerWrite(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func peerMode(t testing.TB, name string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request to the peer and answers status and body.
func (p *davPeer) ask(t testing.TB, method, path, contentType string, body []byte) (int, []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(p.user, p.password)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer.StatusCode, text
}

// must is ask for what has to work.
func (p *davPeer) must(t testing.TB, method, path, contentType string, body []byte) []byte {
	t.Helper()
	status, text := p.ask(t, method, path, contentType, body)
	if status/100 != 2 {
		t.Fatalf("%s %s: %d\n%s", method, path, status, text)
	}
	return text
}
