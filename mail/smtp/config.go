package smtp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"fachwerk/auth"
	"fachwerk/mail"
	"fachwerk/mail/queue"
)

// Mode says what a server is for.
type Mode int8

const (
	// LMTP delivers what a trusted mail transfer agent hands over (RFC 2033).
	LMTP Mode = iota + 1
	// Relay takes mail for local accounts by SMTP from the relays named.
	Relay
	// Submission takes mail from people who signed in (RFC 6409).
	Submission
)

// String names the mode in logs and metrics.
func (m Mode) String() string {
	switch m {
	case LMTP:
		return "lmtp"
	case Relay:
		return "smtp"
	case Submission:
		return "submission"
	}
	return "unknown"
}

// Config is what a Server stands on.
type Config struct {
	Mode  Mode
	Mail  *mail.Service
	Queue *queue.Queue        // Relay and Submission
	Auth  *auth.Authenticator // Submission

	// TLS offers STARTTLS and is what ServeTLS uses. Nil: no TLS.
	TLS *tls.Config
	// Trusted are the networks that LMTP serves.
	Trusted []netip.Prefix
	// Relays are the networks that Relay serves.
	Relays []netip.Prefix
	// PlaintextLoopback offers AUTH without TLS to clients on loopback.
	PlaintextLoopback bool

	// Hostname is this server's name in greetings and trace fields.
	Hostname string
	// Postmaster is the address that gets mail for <Postmaster> without a
	// domain (RFC 5321 4.5.1). Empty: refused.
	Postmaster string
	// QuotaTemporary answers 452 4.2.2 instead of 552 5.2.2 where a mailbox is
	// full, so that the sending server keeps trying.
	QuotaTemporary bool

	Limits  Limits
	Metrics Metrics
	// Log gets one line a message and connection faults, no content and no
	// addresses. Nil discards.
	Log *slog.Logger
	// Now is the clock of trace fields; nil takes time.Now.
	Now func() time.Time
}

// Limits bound what clients may do. Zero fields take the defaults; a negative
// number means no limit where that is said.
type Limits struct {
	Connections      int           // at a time; default 1,000
	ConnectionsPerIP int           // at a time, Submission only; default 50
	MessageBytes     int64         // default: that of the mail service
	HeaderBytes      int           // of a message for the queue; default 1 MiB
	Recipients       int           // of a message; default 1,000
	MessagesPerMin   int           // of an account, Submission only; default 60, negative: none
	Errors           int           // refused commands before the connection is closed; default 20
	FailedLogins     int           // before the connection is closed; default 3
	LoginTime        time.Duration // until signed in, Submission only; default 60 s
	IdleTime         time.Duration // waiting for bytes; default 5 min (RFC 5321 4.5.3.2.7)
	WriteTime        time.Duration // waiting to write a reply; default 1 min
	DataTime         time.Duration // for one message from DATA or BDAT to its end; default 30 min
	DeliveryTime     time.Duration // for storing one message; default 2 min
}

// Metrics are called as things happen; nil ones are not. They must not block.
type Metrics struct {
	// Connections counts open connections up and down.
	Connections func(delta int)
	// Refused counts connections turned away: "network", "limit", "tls".
	Refused func(reason string)
	// Logins counts "ok", "denied", "throttled", "unavailable".
	Logins func(outcome string)
	// Message is called once a message: outcome "accepted", "refused" or
	// "temporary", with the time from its last byte to the reply.
	Message func(outcome string, recipients int, bytes int64, took time.Duration)
}

// ValidateNetworks refuses a list that serves the internet at large, as
// 0.0.0.0/0 and ::/0 do: until mail authentication exists, mail without login
// is taken only from relays that check it.
func ValidateNetworks(networks []netip.Prefix) error {
	for _, p := range networks {
		if !p.IsValid() {
			return errors.New("smtp: an invalid network")
		}
		least := 8
		if p.Addr().Is6() {
			least = 16
		}
		if p.Addr().Is4In6() {
			least = 96 + 8
		}
		if p.Bits() < least {
			return fmt.Errorf("smtp: network %s is too wide: name the relays themselves, at most a /%d", p, least)
		}
	}
	return nil
}

func (c *Config) check() error {
	if c.Mail == nil || c.Hostname == "" {
		return errors.New("smtp: mail service and host name are needed")
	}
	if !validHello(c.Hostname) {
		return fmt.Errorf("smtp: %q is not a host name", c.Hostname)
	}
	switch c.Mode {
	case LMTP:
		return ValidateNetworks(c.Trusted)
	case Relay:
		if c.Queue == nil {
			return errors.New("smtp: SMTP needs the queue")
		}
		return ValidateNetworks(c.Relays)
	case Submission:
		if c.Queue == nil || c.Auth == nil {
			return errors.New("smtp: submission needs the queue and logins")
		}
		return nil
	}
	return errors.New("smtp: a mode is needed")
}

// headroom is what a message may grow by on its way through the queue: Received,
// Date, Message-ID.
const headroom = 4 << 10

func (l Limits) withDefaults(m *mail.Service, mode Mode) Limits {
	setInt := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	setTime := func(p *time.Duration, v time.Duration) {
		if *p == 0 {
			*p = v
		}
	}
	setInt(&l.Connections, 1000)
	setInt(&l.ConnectionsPerIP, 50)
	setInt(&l.HeaderBytes, 1<<20)
	setInt(&l.Recipients, 1000)
	setInt(&l.MessagesPerMin, 60)
	setInt(&l.Errors, 20)
	setInt(&l.FailedLogins, 3)
	setTime(&l.LoginTime, time.Minute)
	setTime(&l.IdleTime, 5*time.Minute)
	setTime(&l.WriteTime, time.Minute)
	setTime(&l.DataTime, 30*time.Minute)
	setTime(&l.DeliveryTime, 2*time.Minute)
	most := m.Limits().MaxMessage
	if mode != LMTP {
		most -= headroom
	}
	if l.MessageBytes <= 0 || l.MessageBytes > most {
		l.MessageBytes = most
	}
	return l
}
