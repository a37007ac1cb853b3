package dovecot

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"fachwerk/internal/testenv/need"
)

// Password is everyone's; any user name exists.
const Password = "dovecot-test-password"

// Options choose how Dovecot stores mail.
type Options struct {
	Format    string // mail_location's driver: "sdbox", "mdbox", "maildir"; "": sdbox
	Separator string // between levels; "": "."
}

// Server is a running Dovecot on loopback.
type Server struct {
	IMAP, LMTP string // host:port
	folder     string
	process    *exec.Cmd
	log        string
}

// Start runs one until the test ends. It needs root, as Dovecot's processes
// change to users of their own.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	binary := need.Program(t, "dovecot")
	if o.Format == "" {
		o.Format = "sdbox"
	}
	if o.Separator == "" {
		o.Separator = "."
	}
	folder, err := os.MkdirTemp("", "dovecot-") // t.TempDir's parents are closed to other users
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	must(t, os.Chmod(folder, 0o755))
	must(t, os.Mkdir(filepath.Join(folder, "mail"), 0o777))
	must(t, os.Chmod(filepath.Join(folder, "mail"), 0o777))
	s := &Server{IMAP: freeAddress(t), LMTP: freeAddress(t), folder: folder, log: filepath.Join(folder, "log")}
	config := filepath.Join(folder, "dovecot.conf")
	must(t, os.WriteFile(config, s.config(t, o), 0o644))
	s.process = exec.Command(binary, "-F", "-c", config)
	s.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var output bytes.Buffer
	s.process.Stdout, s.process.Stderr = &output, &output
	must(t, s.process.Start())
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			log, _ := os.ReadFile(s.log)
			t.Logf("dovecot said:\n%s\n%.4000s", output.String(), log)
		}
	})
	s.wait(t)
	return s
}

func (s *Server) stop() {
	syscall.Kill(-s.process.Process.Pid, syscall.SIGTERM)
	done := make(chan struct{})
	go func() { s.process.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
		<-done
	}
}

func (s *Server) wait(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		conn, err := net.DialTimeout("tcp", s.IMAP, time.Second)
		if err == nil {
			var greeting [64]byte
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			n, _ := conn.Read(greeting[:])
			conn.Close()
			if strings.HasPrefix(string(greeting[:n]), "* OK") {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("dovecot does not answer: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

var conf = template.Must(template.New("dovecot.conf").Parse(`
base_dir = {{.Folder}}/run
state_dir = {{.Folder}}/state
log_path = {{.Folder}}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_fsync = always
mail_location = {{.Format}}:{{.Folder}}/mail/%n
mail_max_userip_connections = 200
default_process_limit = 400
default_client_limit = 2000
passdb {
  driver = static
  args = password={{.Password}}
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home={{.Folder}}/mail/%n
}
namespace inbox {
  inbox = yes
  separator = {{.Separator}}
  mailbox Entwürfe {
    special_use = \Drafts
  }
  mailbox "Gesendete Objekte" {
    special_use = \Sent
  }
  mailbox Papierkorb {
    special_use = \Trash
  }
}
service imap-login {
  inet_listener imap {
    port = {{.IMAPPort}}
  }
  inet_listener imaps {
    port = 0
  }
  service_count = 0
}
service lmtp {
  inet_listener lmtp {
    port = {{.LMTPPort}}
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
protocol lmtp {
  postmaster_address = postmaster@musterstadt.example
}
`))

func (s *Server) config(t testing.TB, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, conf.Execute(&b, map[string]string{
		"Folder": s.folder, "Format": o.Format, "Separator": o.Separator, "Password": Password,
		"IMAPPort": port(s.IMAP), "LMTPPort": port(s.LMTP),
	}))
	return b.Bytes()
}

func port(address string) string {
	_, p, _ := net.SplitHostPort(address)
	return p
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(fmt.Errorf("dovecot: %w", err))
	}
}
