package postgres

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fachwerk/internal/store/meta"
)

// lookTime bounds each connection that Facts makes or waits for.
const lookTime = 10 * time.Second

// Facts asks a connection of the pool, which shows what is really used, then a new
// one, which shows where the names lead by now, and where a pooler is between, one
// past it.
func (e *engine) Facts(ctx context.Context) meta.Facts {
	w := &witness{ctx: ctx}
	ways := []*pgx.ConnConfig{e.pool.Config().ConnConfig}
	if e.pooled {
		ways = append(ways, e.direct)
	}
	for _, c := range ways {
		w.resolve(c)
	}
	w.with("in use", func(ctx context.Context) error {
		conn, err := e.pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release()
		w.look(ctx, "in use", conn.Conn())
		return nil
	})
	for i, name := range []string{"new", "direct"}[:len(ways)] {
		w.with(name, func(ctx context.Context) error {
			conn, err := pgx.ConnectConfig(ctx, ways[i].Copy())
			if err != nil {
				return err
			}
			defer conn.Close(context.WithoutCancel(ctx))
			w.look(ctx, name, conn)
			return nil
		})
	}
	if !w.described && len(w.Connections) == 0 {
		for _, about := range described {
			w.failed(about, "the database", "no connection")
		}
	}
	return w.Facts
}

// described is what one connection tells for all.
var described = []string{meta.AboutStandbys, meta.AboutSynchronous, meta.AboutArchive}

// witness gathers facts.
type witness struct {
	meta.Facts
	ctx       context.Context
	described bool // the database has told of itself
}

func (w *witness) answered(about, asked, answer string) {
	w.Questions = append(w.Questions, meta.Question{About: about, Asked: asked, Answered: answer})
}

func (w *witness) failed(about, asked, why string) {
	w.Questions = append(w.Questions, meta.Question{About: about, Asked: asked, Failed: why})
}

// resolve looks up every host of a DSN.
func (w *witness) resolve(c *pgx.ConnConfig) {
	hosts := []string{c.Host}
	for _, f := range c.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	for _, host := range hosts {
		if slices.ContainsFunc(w.Endpoints, func(e meta.Endpoint) bool { return e.Name == host }) {
			continue
		}
		e := meta.Endpoint{Name: host}
		if strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
			e.Local = true
			w.answered(meta.AboutAddresses, "host "+host, "a socket of this machine")
		} else if e.Addresses, e.Problem = lookup(w.ctx, host); e.Problem != "" {
			w.failed(meta.AboutAddresses, "resolve "+host, e.Problem)
		} else {
			w.answered(meta.AboutAddresses, "resolve "+host, fmt.Sprint(e.Addresses))
		}
		w.Endpoints = append(w.Endpoints, e)
	}
}

func lookup(ctx context.Context, host string) ([]netip.Addr, string) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err.Error()
	}
	for i := range found {
		found[i] = found[i].Unmap()
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return slices.Compact(found), ""
}

// with makes a connection, or says for all that it would have shown that there is
// none.
func (w *witness) with(name string, connect func(context.Context) error) {
	ctx, cancel := context.WithTimeout(w.ctx, lookTime)
	defer cancel()
	if err := connect(ctx); err != nil {
		for _, about := range []string{meta.AboutAddresses, meta.AboutCertificate, meta.AboutSystem} {
			w.failed(about, "connection "+name, oneLine(err))
		}
	}
}

// look sees what one connection shows: its other end, its certificate and the
// server behind it.
func (w *witness) look(ctx context.Context, name string, conn *pgx.Conn) {
	c := meta.Connection{Name: name}
	raw := conn.PgConn().Conn()
	c.Remote = address(raw.RemoteAddr())
	w.answered(meta.AboutAddresses, "connection "+name, "other end "+raw.RemoteAddr().String())
	c.Certificate = w.certificate(name, raw)

	var reported, encrypted string
	const self = `SELECT COALESCE(host(inet_server_addr()), ''),
		COALESCE((SELECT CASE WHEN ssl THEN version || ' ' || cipher ELSE 'off' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()), '')`
	if err := conn.QueryRow(ctx, self).Scan(&reported, &encrypted); err != nil {
		w.failed(meta.AboutAddresses, "inet_server_addr() "+name, oneLine(err))
	} else {
		c.Reported, _ = netip.ParseAddr(reported)
		w.answered(meta.AboutAddresses, "inet_server_addr() "+name, or(reported, "none: a socket"))
		w.answered(meta.AboutCertificate, "pg_stat_ssl "+name, or(encrypted, "nothing"))
	}

	var timeline string
	const identity = `SELECT s.system_identifier::text, c.timeline_id::text FROM pg_control_system() s, pg_control_checkpoint() c`
	if err := conn.QueryRow(ctx, identity).Scan(&c.System, &timeline); err != nil {
		w.failed(meta.AboutSystem, "pg_control_system() "+name, oneLine(err))
	} else {
		w.answered(meta.AboutSystem, "pg_control_system() "+name, c.System+", timeline "+timeline)
		w.Timeline = or(w.Timeline, timeline)
	}
	w.Connections = append(w.Connections, c)
	if !w.described { // a connection of the pool may have been broken before: ask the next one
		w.Questions = slices.DeleteFunc(w.Questions, func(q meta.Question) bool {
			return slices.Contains(described, q.About)
		})
		w.described = w.describe(ctx, conn) && w.streams(ctx, conn)
	}
}

// certificate is the one of the handshake that made this connection.
func (w *witness) certificate(name string, raw net.Conn) *meta.Certificate {
	secured, ok := raw.(*tls.Conn)
	if !ok || len(secured.ConnectionState().PeerCertificates) == 0 {
		w.answered(meta.AboutCertificate, "connection "+name, "not encrypted")
		return nil
	}
	leaf := secured.ConnectionState().PeerCertificates[0]
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	c := &meta.Certificate{
		Key: base64.StdEncoding.EncodeToString(sum[:]), Subject: leaf.Subject.String(),
		Names: leaf.DNSNames, Issuer: leaf.Issuer.String(), NotAfter: leaf.NotAfter.UTC(),
	}
	for _, ip := range leaf.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	w.answered(meta.AboutCertificate, "connection "+name, fmt.Sprintf("key %s, subject %s, names %v, issuer %s, valid until %s",
		c.Key, c.Subject, c.Names, c.Issuer, c.NotAfter.Format(time.DateOnly)))
	return c
}

// describe asks the database for its settings.
func (w *witness) describe(ctx context.Context, conn *pgx.Conn) bool {
	const asked = `SELECT current_setting('server_version'), current_database(), pg_is_in_recovery(),
		current_setting('synchronous_standby_names'), current_setting('synchronous_commit'), current_setting('archive_mode')`
	var version, archive string
	err := conn.QueryRow(ctx, asked).Scan(&version, &w.Name, &w.Recovering, &w.Synchronous, &w.Commit, &archive)
	if err != nil {
		w.Store = "PostgreSQL"
		for _, about := range described {
			w.failed(about, "settings of the database", oneLine(err))
		}
		return false
	}
	number, _, _ := strings.Cut(version, " ") // the rest names who built it
	w.Store = "PostgreSQL " + number
	w.Archiving = archive != "off"
	w.answered(meta.AboutSynchronous, "SHOW synchronous_standby_names; synchronous_commit", fmt.Sprintf("%q; %s", w.Synchronous, w.Commit))
	w.answered(meta.AboutArchive, "SHOW archive_mode", archive)
	w.answered(meta.AboutStandbys, "pg_is_in_recovery() of database "+w.Name, fmt.Sprint(w.Recovering))
	return true
}

// streams lists pg_stat_replication. A user without pg_read_all_stats sees a row
// for each, but nothing in it.
func (w *witness) streams(ctx context.Context, conn *pgx.Conn) bool {
	const asked = "pg_stat_replication"
	var allowed bool
	err := conn.QueryRow(ctx, `SELECT pg_has_role(current_user, 'pg_read_all_stats', 'usage')`).Scan(&allowed)
	if err != nil {
		w.failed(meta.AboutStandbys, asked, oneLine(err))
		return false
	}
	w.Hidden = !allowed
	rows, err := conn.Query(ctx, `SELECT COALESCE(application_name, ''), COALESCE(host(client_addr), ''),
		COALESCE(state, ''), COALESCE(sync_state, '') FROM pg_stat_replication ORDER BY 1, 2`)
	if err != nil {
		w.failed(meta.AboutStandbys, asked, oneLine(err))
		return false
	}
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (s meta.Stream, err error) {
		var from string
		err = r.Scan(&s.Name, &from, &s.State, &s.Sync)
		s.Address, _ = netip.ParseAddr(from)
		return s, err
	})
	if err != nil {
		w.failed(meta.AboutStandbys, asked, oneLine(err))
		return false
	}
	w.Streams = list
	switch {
	case w.Hidden:
		w.answered(meta.AboutStandbys, asked, fmt.Sprintf("%d rows that the database user may not look into", len(list)))
	case len(list) == 0:
		w.answered(meta.AboutStandbys, asked, "no rows")
	}
	for _, s := range list {
		if !w.Hidden {
			w.answered(meta.AboutStandbys, asked, fmt.Sprintf("%s at %s, %s, %s", s.Name, s.Address, s.State, s.Sync))
		}
	}
	return true
}

// address is the IP address of the other end; invalid for a socket.
func address(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// oneLine is an error as evidence; pgx names hosts, users and databases in its
// errors, never passwords.
func oneLine(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	return text[:min(len(text), 300)]
}
