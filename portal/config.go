package portal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fachwerk/auth"
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

// Place tells how much of one kind of a person's data lies in one store.
type Place struct {
	Account                       string // address: the person's, or a shared account's
	Kind                          string // "mail", "calendar", "contacts", "files"
	Store                         string // "SQLite", "S3" …
	Site, Operator, City, Country string
	Items, Bytes                  int64
}

// Places finds where the data lies of a person and of the accounts shared with
// them.
type Places interface {
	Places(ctx context.Context, person auth.AccountRef) ([]Place, error)
}

// Config is what a portal is made of.
type Config struct {
	URL    string // its origin, such as https://portal.musterstadt.example
	Issuer string // of the provider: its origin may be the target of forms

	RelyingParty  *auth.RelyingParty
	Authenticator *auth.Authenticator
	AppPasswords  auth.AppPasswords
	Sessions      auth.Sessions
	Tickets       auth.Tickets
	Places        Places

	IMAP, IMAPStartTLS              Server // Host empty: not offered
	Submissions, SubmissionStartTLS Server

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
	secure  bool // served by https
	handler http.Handler
	log     *slog.Logger
}

// New checks the configuration.
func New(c Config) (*Portal, error) {
	origin, err := url.Parse(c.URL)
	if err != nil || origin.Host == "" || origin.Path != "" || origin.Scheme != "https" && origin.Scheme != "http" {
		return nil, fmt.Errorf("portal: %q is not an origin such as https://portal.example", c.URL)
	}
	switch {
	case c.RelyingParty == nil, c.Authenticator == nil, c.AppPasswords == nil, c.Sessions == nil, c.Tickets == nil, c.Places == nil:
		return nil, errors.New("portal: a part is missing")
	case len(c.Secret) < 32:
		return nil, errors.New("portal: the secret for forms needs 32 bytes")
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
	p := &Portal{c: c, secure: origin.Scheme == "https", log: c.Log}
	p.handler = p.routes()
	return p, nil
}

// ServeHTTP answers one request.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// BackChannelPath is where the provider posts logout tokens, below URL.
const BackChannelPath = "/logout/back-channel"

// CallbackPath is the redirect URI's path, below URL.
const CallbackPath = "/login/callback"

func (p *Portal) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.start)
	mux.HandleFunc("GET /login", p.login)
	mux.HandleFunc("GET "+CallbackPath, p.callback)
	mux.HandleFunc("GET /setup/{client}", p.setup)
	mux.HandleFunc("GET /devices", p.signedIn(p.devices))
	mux.HandleFunc("POST /devices", p.signedIn(p.form(p.makeAppPassword)))
	mux.HandleFunc("POST /devices/{id}/end", p.signedIn(p.form(p.endAppPassword)))
	mux.HandleFunc("POST /sessions/{id}/end", p.signedIn(p.form(p.endSession)))
	mux.HandleFunc("POST /apple-profile", p.signedIn(p.form(p.makeProfile)))
	mux.HandleFunc("GET /apple-profile/{ticket}", p.signedIn(p.fetchProfile))
	mux.HandleFunc("GET /data", p.signedIn(p.data))
	mux.HandleFunc("POST /logout", p.signedIn(p.form(p.logout)))
	mux.HandleFunc("GET /.well-known/autoconfig/mail/config-v1.1.xml", p.autoconfig)
	mux.HandleFunc("GET /mail/config-v1.1.xml", p.autoconfig)
	mux.Handle("GET /static/", http.StripPrefix("/static/", staticFiles()))
	mux.HandleFunc("GET /", p.unknown)

	// The provider's own post comes from no browser of ours and proves itself.
	guard := http.NewCrossOriginProtection()
	outer := http.NewServeMux()
	outer.Handle("POST "+BackChannelPath, p.c.RelyingParty.BackChannel())
	outer.Handle("/", guard.Handler(mux))
	return p.headers(outer)
}

// headers keeps pages from running or embedding anything that is not theirs.
// Forms may lead to the provider, because a logout redirects there.
func (p *Portal) headers(next http.Handler) http.Handler {
	forms := "'self'"
	if u, err := url.Parse(p.c.Issuer); err == nil && u.Host != "" {
		forms += " " + u.Scheme + "://" + u.Host
	}
	policy := strings.Join([]string{
		"default-src 'none'", "style-src 'self'", "img-src 'self'", "form-action " + forms,
		"frame-ancestors 'none'", "base-uri 'none'",
	}, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if p.secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r.Body = http.MaxBytesReader(w, r.Body, 256<<10)
		next.ServeHTTP(w, r)
	})
}
