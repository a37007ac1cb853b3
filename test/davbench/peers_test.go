//go:build bench

package davbench

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// Who signs in to the peers.
const user, password = "anna", "peer-password"

// A place is where a peer lives: a folder that its own user can reach, and its
// port on loopback.
type place struct {
	Folder, Port   string
	User, Group    string // to change to, if we are root
	Programs, IMAP string // of Cyrus
}

func newPlace(t *testing.T) place {
	t.Helper()
	folder, err := os.MkdirTemp("", "davbench-") // t.TempDir's parents are closed to other users
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	must(t, os.Chmod(folder, 0o755))
	return place{Folder: folder, Port: freePort(t), User: "nobody", Group: "nogroup"}
}

// make makes folders that the peer's user owns.
func (p place) make(t *testing.T, folders ...string) {
	t.Helper()
	for _, f := range folders {
		must(t, os.MkdirAll(filepath.Join(p.Folder, f), 0o700))
	}
	if os.Geteuid() == 0 {
		out, err := exec.Command("chown", "-R", p.User+":"+p.Group, p.Folder).CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
}

// write fills a template into a file and answers its path.
func (p place) write(t *testing.T, name, text string) string {
	t.Helper()
	at := filepath.Join(p.Folder, name)
	f, err := os.OpenFile(at, os.O_CREATE|os.O_WRONLY, 0o644)
	must(t, err)
	defer f.Close()
	must(t, template.Must(template.New(name).Parse(text)).Execute(f, p))
	return at
}

// start runs a server in a process group of its own until the test ends, and waits
// for its port.
func (p place) start(t *testing.T, env []string, name string, args ...string) (group int) {
	t.Helper()
	log, err := os.Create(filepath.Join(p.Folder, "output"))
	must(t, err)
	defer log.Close()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
	})
	for range 200 {
		conn, err := net.Dial("tcp", "127.0.0.1:"+p.Port)
		if err == nil {
			conn.Close()
			return cmd.Process.Pid
		}
		select {
		case <-ended:
		case <-time.After(100 * time.Millisecond):
			continue
		}
		break
	}
	said, _ := os.ReadFile(log.Name())
	t.Fatalf("%s does not answer: %.2000s", name, said)
	return 0
}

// missing says that a peer is not compared with.
func missing(t *testing.T, name, why string) *peer {
	t.Helper()
	t.Logf("%s is MISSING and not compared with: %s", name, why)
	return nil
}

// leftOut: a short run may do without the slow peers.
func leftOut(name string) bool {
	return slices.Contains(strings.Split(os.Getenv("DAVBENCH_WITHOUT"), ","), name)
}

const radicaleConf = `[server]
hosts = 127.0.0.1:{{.Port}}
max_connections = 64
[auth]
type = htpasswd
htpasswd_filename = {{.Folder}}/users
htpasswd_encryption = plain
[storage]
filesystem_folder = {{.Folder}}/collections
[logging]
level = error
`

func radicale(t *testing.T) *peer {
	t.Helper()
	if leftOut("radicale") {
		return missing(t, "Radicale", "left out by DAVBENCH_WITHOUT")
	}
	binary, err := exec.LookPath("radicale")
	if err != nil {
		return missing(t, "Radicale", "install Debian's radicale")
	}
	p := newPlace(t)
	p.write(t, "users", user+":"+password+"\n")
	must(t, os.MkdirAll(filepath.Join(p.Folder, "collections/collection-root/anna"), 0o700))
	group := p.start(t, nil, binary, "-C", p.write(t, "conf", radicaleConf))
	return &peer{name: "radicale", group: group, url: "http://127.0.0.1:" + p.Port, user: user, password: password, calendar: "/anna/", book: "/anna/",
		disk: filepath.Join(p.Folder, "collections/collection-root/anna")}
}

const apacheConf = `ServerRoot {{.Folder}}
ServerName 127.0.0.1
Listen 127.0.0.1:{{.Port}}
PidFile {{.Folder}}/pid
ErrorLog {{.Folder}}/errors
{{range $name, $file := .Modules}}LoadModule {{$name}}_module /usr/lib/apache2/modules/{{$file}}.so
{{end}}{{if .Root}}User {{.User}}
Group {{.Group}}
{{end}}MaxKeepAliveRequests 0
DocumentRoot {{.Folder}}/files
DavLockDB {{.Folder}}/locks/db
<Directory {{.Folder}}/files>
  Dav On
  AuthType Basic
  AuthName messung
  AuthUserFile {{.Folder}}/users
  Require valid-user
</Directory>
`

// apache starts mod_dav on a folder; where it is to be synchronous, every write is on
// the disk before it is answered, as ours is. By itself Apache syncs nothing.
func apache(t *testing.T, synchronous bool) *peer {
	t.Helper()
	binary, err := exec.LookPath("apache2")
	if err != nil {
		return missing(t, "Apache", "install Debian's apache2-bin")
	}
	p := newPlace(t)
	p.make(t, "files", "locks")
	name := "apache"
	if synchronous {
		name = "apache+sync"
		if out, err := exec.Command("chattr", "+S", filepath.Join(p.Folder, "files"), filepath.Join(p.Folder, "locks")).CombinedOutput(); err != nil {
			return missing(t, name, fmt.Sprintf("chattr +S: %v %s", err, out))
		}
	}
	sum := sha1.Sum([]byte(password)) // the cheapest check that Apache has
	must(t, os.WriteFile(filepath.Join(p.Folder, "users"), []byte(user+":{SHA}"+base64.StdEncoding.EncodeToString(sum[:])+"\n"), 0o644))
	modules := map[string]string{}
	for _, m := range []string{"mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "dav", "dav_fs", "dav_lock"} {
		modules[m] = "mod_" + m
	}
	var conf strings.Builder
	must(t, template.Must(template.New("conf").Parse(apacheConf)).Execute(&conf, struct {
		place
		Modules map[string]string
		Root    bool
	}{p, modules, os.Geteuid() == 0}))
	at := filepath.Join(p.Folder, "conf")
	must(t, os.WriteFile(at, []byte(conf.String()), 0o644))
	group := p.start(t, nil, binary, "-D", "FOREGROUND", "-f", at)
	return &peer{name: name, group: group, url: "http://127.0.0.1:" + p.Port, user: user, password: password, files: "/"}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
