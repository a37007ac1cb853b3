package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/app/config"
	"fachwerk/mail"
	"fachwerk/mail/imap"
	"fachwerk/mail/queue"
	"fachwerk/mail/smtp"
)

func (in *Installation) mailService() *mail.Service {
	return mail.New(mail.Options{
		Store: in.store, Limits: mail.Limits{MaxMessage: int64(in.cfg.Limits.Message)},
		ViewBytes: int64(in.cfg.Limits.Views), Log: in.log,
	})
}

func (in *Installation) newQueue(m *mail.Service) (*queue.Queue, error) {
	c := in.cfg.Queue
	host, err := smarthost(in.cfg.SMTP.Smarthost, in.roots)
	if err != nil {
		return nil, err
	}
	notice := c.DelayNotice
	if notice == 0 {
		notice = -1 // the queue's word for never
	}
	return queue.New(queue.Config{
		Store: in.store, Mail: m, Smarthost: host, Hostname: in.cfg.Public.Name,
		Schedule: schedule(c.FirstRetry, c.MaxRetry), Lifetime: c.Lifetime, DelayNotice: notice,
		Remote: int(c.Workers), Local: int(c.Workers), Log: in.log,
		Grace: in.cfg.Limits.Drain, Answer: max(answerWait, in.cfg.Limits.Drain),
		Metrics: queue.Metrics{
			Attempt: func(hop, outcome string) { in.metrics.attempts.WithLabelValues(hop, outcome).Inc() },
			Report:  func(kind string) { in.metrics.reports.WithLabelValues(kind).Inc() },
		},
	})
}

// answerWait is how long a stop waits at least for a smarthost that has a message and has
// not answered for it: gateways that look for viruses take their time, and a message that
// is cut off then goes out twice. What ends processes has to wait longer (docs/admin).
const answerWait = time.Minute

// schedule doubles the wait from the first to the longest, which then repeats.
func schedule(first, longest time.Duration) []time.Duration {
	var out []time.Duration
	for wait := first; wait < longest && len(out) < 30; wait *= 2 {
		out = append(out, wait)
	}
	return append(out, longest)
}

func smarthost(c config.Smarthost, roots *x509.CertPool) (*queue.Smarthost, error) {
	if c.Address == "" {
		return nil, nil
	}
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, fmt.Errorf("smtp.smarthost.address: %w", err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("smtp.smarthost.address: %w", err)
	}
	s := &queue.Smarthost{Host: host, Port: number, Username: c.Username, Password: c.Password.Read}
	switch c.TLS {
	case "implicit":
		s.TLS = queue.TLSImplicit
	case "none":
		s.TLS = queue.TLSOff
	default:
		s.TLS = queue.TLSRequired
	}
	if c.CA != "" { // this authority and no other
		roots = x509.NewCertPool()
		if err := addAuthorities(roots, c.CA); err != nil {
			return nil, fmt.Errorf("smtp.smarthost.ca: %w", err)
		}
	}
	s.TLSConfig = outgoingTLS(roots)
	return s, nil
}

func (in *Installation) imapServer(m *mail.Service, a *auth.Authenticator, secure *tls.Config) *imap.Server {
	connections, _, logins := in.metrics.counting("imap")
	l := in.cfg.Limits
	return imap.New(imap.Config{
		Mail: m, Auth: a, TLS: secure, AllowPlainOnLoopback: in.plainOnLoopback(), Version: Version(), Log: in.log,
		Limits: imap.Limits{
			Connections: int(l.Connections), ConnectionsPerAddress: int(l.ConnectionsPerAddress),
			ConnectionsPerAccount: int(l.ConnectionsPerPerson), PreLogin: l.LoginTimeout, Idle: l.IdleTimeout,
			FailedLogins: int(l.FailedLogins), BadCommands: int(l.BadCommands), Stall: l.StallTimeout, Write: l.StallTimeout,
		},
		Metrics: imap.Metrics{Connection: connections, Login: logins, Command: in.metrics.command},
	})
}

func (in *Installation) smtpServer(mode smtp.Mode, m *mail.Service, q *queue.Queue, a *auth.Authenticator, secure *tls.Config) (*smtp.Server, error) {
	connections, refused, logins := in.metrics.counting(mode.String())
	l := in.cfg.Limits
	limits := smtp.Limits{
		Connections: int(l.Connections), MessageBytes: int64(l.Message), Recipients: int(l.Recipients), LoginTime: l.LoginTimeout,
		MessagesPerMin: int(l.MessagesPerMinute), FailedLogins: int(l.FailedLogins), Errors: int(l.BadCommands),
		WriteTime: l.StallTimeout, DataTime: l.DataTimeout,
	}
	if l.MessagesPerMinute == 0 {
		limits.MessagesPerMin = -1
	}
	if mode == smtp.Submission {
		limits.ConnectionsPerIP = int(l.ConnectionsPerAddress)
	}
	return smtp.New(smtp.Config{
		Mode: mode, Mail: m, Queue: q, Auth: a, TLS: secure, PlaintextLoopback: in.plainOnLoopback(),
		Trusted: in.cfg.LMTP.Trusted, Relays: in.cfg.SMTP.Relays, QuotaTemporary: in.cfg.LMTP.QuotaTemporary,
		Hostname: in.cfg.Public.Name, Postmaster: in.cfg.SMTP.Postmaster,
		Limits: limits, Log: in.log,
		Metrics: smtp.Metrics{
			Connections: connections, Refused: refused, Logins: logins, Message: in.metrics.message(mode.String()),
		},
	})
}

func (in *Installation) plainOnLoopback() bool { return in.cfg.TLS.PlainLogin == "loopback" }
