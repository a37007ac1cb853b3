package portal

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"fachwerk/auth"
	"fachwerk/location"
)

// Server is a mail server as a client is to be told of it.
type Server struct {
	Host string
	Port int
	TLS  bool // implicit TLS; else STARTTLS, or nothing on loopback (Plain)
	// Plain says that the connection is not protected at all: the demo on
	// loopback only.
	Plain bool
}

// Config is what a portal is made of.
type Config struct {
	URL string // its origin, such as https://portal.musterstadt.example

	RelyingParty  *auth.RelyingParty
	Authenticator *auth.Authenticator
	AppPasswords  auth.AppPasswords
	Sessions      auth.Sessions
	Tickets       auth.Tickets
	// Programs are those that people have let in at the embedded provider; nil where there
	// is none.
	Programs Programs
	// Reporter counts what lies where and makes signed reports of it.
	Reporter *location.Reporter

	// Tenants, Accounts and Grants are what tenant admins manage; one of them nil: no
	// pages for it, and without Tenants every page has the program's own look.
	Tenants  Tenants
	Accounts Accounts
	Grants   Grants
	// PersonQuota and SharedQuota are bytes that a new account is offered; 0: no limit.
	PersonQuota, SharedQuota int64

	// Trash is what was deleted from drives; nil: no page for it.
	Trash Trash
	// DAV is the origin of calendars, contacts and files, such as
	// https://dav.musterstadt.example; "" where there are none.
	DAV string

	IMAP, IMAPStartTLS              Server // Host empty: not offered
	Submissions, SubmissionStartTLS Server

	// Begins is how many sign-ins may be begun from one network in 15 minutes;
	// 0: 3000, as a town hall behind one address begins them all in the morning.
	Begins int
	// Remote tells a request's address; nil takes the connection's.
	Remote func(*http.Request) netip.Addr
	// Secret keys the forms' tokens; 32 bytes that stay the same over restarts.
	Secret []byte
	// Zone in which times are shown; nil: the process's.
	Zone *time.Location
	Now  func() time.Time
	Log  *slog.Logger
}

// Portal is an http.Handler.
type Portal struct {
	c       Config
	host    string   // of URL, without a port
	secure  bool     // served by https
	dav     *url.URL // Config.DAV; nil: none
	pages   map[lang]map[string]*template.Template
	begun   *auth.Throttle // counts sign-ins begun, so that nobody fills the store with them
	looks   looks
	tally   *location.Tally // what was counted of tenants
	handler http.Handler
	log     *slog.Logger
}

// New checks the configuration.
func New(c Config) (*Portal, error) {
	origin, err := url.Parse(c.URL)
	if err != nil || origin.Host == "" || origin.Path != "" || origin.RawQuery != "" || origin.Fragment != "" || origin.User != nil || origin.Scheme != "https" && origin.Scheme != "http" {
		return nil, fmt.Errorf("portal: %q is not an origin such as https://portal.example", c.URL)
	}
	switch {
	case c.RelyingParty == nil, c.Authenticator == nil, c.AppPasswords == nil, c.Sessions == nil, c.Tickets == nil, c.Reporter == nil:
		return nil, errors.New("portal: a part is missing")
	case len(c.Secret) < 32:
		return nil, errors.New("portal: the secret for forms needs 32 bytes")
	}
	dav, err := checkDAV(c.DAV)
	if err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Zone == nil {
		c.Zone = time.Local
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Begins <= 0 {
		c.Begins = 3000
	}
	if c.Remote == nil {
		c.Remote = remoteAddr
	}
	// Reports count anew, and what they counted is what the pages show next.
	reporter, tally := *c.Reporter, location.NewTally(c.Reporter.Counter, c.Now)
	reporter.Counter, c.Reporter = tally, &reporter
	p := &Portal{c: c, tally: tally, host: origin.Hostname(), secure: origin.Scheme == "https", dav: dav, log: c.Log,
		begun: auth.NewThrottle(auth.ThrottleLimits{PerNetwork: c.Begins}, c.Now)}
	if err := p.parsePages(); err != nil {
		return nil, fmt.Errorf("portal: pages: %w", err)
	}
	p.handler = p.routes()
	return p, nil
}

// ServeHTTP answers one request.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

func remoteAddr(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}
