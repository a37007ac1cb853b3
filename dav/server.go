package dav

import (
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/resource"
)

// Config is what a Server stands on. Auth, Resources, Heads, People and Remote are needed.
type Config struct {
	Auth      *auth.Authenticator
	Resources *resource.Service
	Heads     []Head
	People    People
	// Remote is the client's address, as proxies told it or not.
	Remote func(*http.Request) netip.Addr
	// Realm is shown by clients that ask for a password; "" is "Fachwerk".
	Realm string
	// Origin is scheme and host that clients use, "https://dav.musterstadt.example",
	// for judging Origin and Destination; "": the request's Host alone.
	Origin  string
	Log     *slog.Logger // nil discards
	Limits  Limits
	Metrics Metrics
}

// Limits bound what one request and one person may cost. Zero values take the defaults.
type Limits struct {
	Body       int64         // XML bodies, bytes; 1 MiB
	Path       int           // bytes of a path, encoded; 8 KiB
	Depth      int           // folders a path may have; 128
	Concurrent int           // requests of one person at a time; 32
	Stall      time.Duration // a client that neither sends nor takes a byte; 60 s
	Request    time.Duration // work on a request that streams no content; 5 min
}

// Metrics are called as things happen; nil ones are not.
type Metrics struct {
	Request func(method string, status int, took time.Duration)
	Login   func(outcome string) // "ok", "denied", "throttled", "scope", "unavailable"
}

// Server answers WebDAV requests; it is safe for concurrent use.
type Server struct{ c Config }

// New checks the configuration and makes a Server.
func New(c Config) (*Server, error) { panic("unwritten") }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { panic("unwritten") }
