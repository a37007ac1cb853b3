package parts

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fachwerk/internal/testenv/need"
)

// Postgres is a PostgreSQL server of its own.
type Postgres struct {
	Address, Port string
	bin, data     string
	who           *syscall.Credential
	encrypted     bool
	running       *process
}

// NewPostgres makes a new cluster, which has an identifier of its own, and starts it
// on an address. An empty port is chosen.
func NewPostgres(t testing.TB, address, port string) *Postgres {
	t.Helper()
	p := prepare(t, address, port)
	p.run(t, "initdb", "-D", p.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	p.write(t, "pg_hba.conf", "local all all trust\nhost all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n")
	p.Start(t)
	return p
}

func prepare(t testing.TB, address, port string) *Postgres {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		need.Missing(t, "needs a PostgreSQL to start: install Debian's postgresql")
	}
	p := &Postgres{Address: address, Port: port, bin: filepath.Dir(found[len(found)-1])}
	if p.who, err = unprivileged(); err != nil {
		need.Missing(t, "needs the user postgres: install Debian's postgresql")
	}
	if p.Port == "" {
		p.Port = FreePort(t, address)
	}
	p.data = filepath.Join(folder(t, "fachwerk-postgres-", p.who), "data")
	p.running = newProcess(t, "PostgreSQL at "+address, net.JoinHostPort(address, p.Port), p.who)
	return p
}

// run runs one of PostgreSQL's programs to its end.
func (p *Postgres) run(t testing.TB, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.who}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// write makes a file in the data directory that belongs to the server.
func (p *Postgres) write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(p.data, name)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	if p.who != nil {
		must(t, os.Chown(path, int(p.who.Uid), int(p.who.Gid)))
	}
}

// Start starts the server, again if it was stopped. Nothing in it outlives a test, so
// nothing need reach the disk.
func (p *Postgres) Start(t testing.TB) {
	t.Helper()
	p.running.start(t, filepath.Join(p.bin, "postgres"), "-D", p.data, "-p", p.Port, "-c", "listen_addresses="+p.Address,
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=200", "-c", "hot_standby=on")
	Eventually(t, "PostgreSQL takes connections", func() error {
		conn, err := p.connect()
		if err != nil {
			return err
		}
		return conn.Close(context.Background())
	})
}

// Stop stops the server in an orderly way: a fast shutdown, which waits for no client.
func (p *Postgres) Stop(t testing.TB) {
	t.Helper()
	p.running.end(t, syscall.SIGINT)
}

// Crash ends the server at once, so that it has to recover when it is started again.
func (p *Postgres) Crash(t testing.TB) {
	t.Helper()
	p.running.end(t, syscall.SIGQUIT)
}

// DSN leads to the database postgres, as its superuser.
func (p *Postgres) DSN() string {
	mode := "disable"
	if p.encrypted {
		mode = "require"
	}
	return fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=%s", net.JoinHostPort(p.Address, p.Port), mode)
}

func (p *Postgres) connect() (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return pgx.Connect(ctx, p.DSN())
}

// Query runs a statement and returns its first value as text.
func (p *Postgres) Query(t testing.TB, sql string) (value string) {
	t.Helper()
	conn, err := p.connect()
	must(t, err)
	defer conn.Close(context.Background())
	rows, err := conn.Query(context.Background(), sql)
	must(t, err)
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if len(values) > 0 {
		value = values[0]
	}
	return value
}

// Set changes a setting of the server and waits until it holds.
func (p *Postgres) Set(t testing.TB, name, value string) {
	t.Helper()
	p.Query(t, fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", name, value))
	p.Query(t, "SELECT pg_reload_conf()::text")
	Eventually(t, name+" holds", func() error {
		if got := p.Query(t, "SELECT current_setting('"+name+"')"); got != value {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

// NewStandby makes a standby of p that streams from an address, where it also
// listens, and starts it. Its name is what the primary knows it by.
func (p *Postgres) NewStandby(t testing.TB, address, name string) *Postgres {
	t.Helper()
	s := prepare(t, address, "")
	host, port, err := net.SplitHostPort(Relay(t, net.JoinHostPort(p.Address, p.Port), address))
	must(t, err)
	s.run(t, "pg_basebackup", "-D", s.data, "--checkpoint=fast", "--no-sync", "-R",
		"-d", fmt.Sprintf("host=%s port=%s user=postgres application_name=%s", host, port, name))
	s.Start(t)
	Eventually(t, "the standby streams", func() error {
		if state := p.Query(t, "SELECT state FROM pg_stat_replication WHERE application_name = '"+name+"'"); state != "streaming" {
			return fmt.Errorf("its state is %q", state)
		}
		return nil
	})
	return s
}

// Show makes the server show a certificate to new connections; those that there are
// keep the one before.
func (p *Postgres) Show(t testing.TB, c *Certificate) {
	t.Helper()
	p.write(t, "server.crt", string(c.Cert))
	p.write(t, "server.key", string(c.Key))
	p.Set(t, "ssl", "on")
	p.Query(t, "SELECT pg_reload_conf()::text") // it may have been on, with other files
	p.encrypted = true
	Eventually(t, "PostgreSQL shows the certificate", func() error {
		conn, err := p.connect()
		if err != nil {
			return err
		}
		defer conn.Close(context.Background())
		secured, ok := conn.PgConn().Conn().(*tls.Conn)
		if !ok {
			return errors.New("the connection is not encrypted")
		}
		sum := sha256.Sum256(secured.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
		if base64.StdEncoding.EncodeToString(sum[:]) != c.Pin {
			return errors.New("it shows another")
		}
		return nil
	})
}
