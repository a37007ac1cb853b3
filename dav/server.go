package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"sync"
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
// The time for headers and between requests is the http.Server's.
type Limits struct {
	Body       int64         // XML bodies, bytes; 1 MiB, of a REPORT four times as much
	Path       int           // bytes of a path, encoded; 8 KiB
	Depth      int           // folders a path may have; 128
	Concurrent int           // requests of one person at a time; 32
	Queue      time.Duration // how long one more waits for its turn; 10 s
	Stall      time.Duration // a client that neither sends nor takes a byte; 60 s
	Request    time.Duration // work on a request that streams no content; 5 min
}

func (l *Limits) defaults() {
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	if l.Body == 0 {
		l.Body = 1 << 20
	}
	if l.Path == 0 {
		l.Path = 8 << 10
	}
	if l.Depth == 0 {
		l.Depth = 128
	}
	if l.Concurrent == 0 {
		l.Concurrent = 32
	}
	def(&l.Queue, 10*time.Second)
	def(&l.Stall, time.Minute)
	def(&l.Request, 5*time.Minute)
}

// Metrics are called as things happen; nil ones are not.
type Metrics struct {
	Request func(method string, status int, took time.Duration)
	Login   func(outcome string) // "ok", "denied", "throttled", "scope", "unavailable"
}

// Server answers WebDAV requests; it is safe for concurrent use.
type Server struct {
	c          Config
	log        *slog.Logger
	originHost string
	mounts     map[string]*mount
	order      []*mount // as configured
	top        *registry
	methods    map[string]handler
	reports    map[xml.Name]*Report

	turns turns

	ensuredMu sync.Mutex
	ensured   map[ensuredKey]time.Time
}

// mount is a head at its place, with what it said once.
type mount struct {
	Mount
	head     Head
	registry *registry
	reports  map[xml.Name]*Report

	reportList []Report // as the head ordered them
}

// handler answers a request to what an href names; an error is answered by the core.
type handler func(ctx context.Context, r *Request, t *Target) error

// New checks the configuration and makes a Server.
func New(c Config) (*Server, error) {
	if c.Auth == nil || c.Resources == nil || c.People == nil || c.Remote == nil || len(c.Heads) == 0 {
		return nil, errors.New("dav: Auth, Resources, Heads, People and Remote are needed")
	}
	if c.Realm == "" {
		c.Realm = "Fachwerk"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Limits.defaults()
	s := &Server{c: c, log: c.Log, mounts: map[string]*mount{}, ensured: map[ensuredKey]time.Time{}}
	s.turns.limit = c.Limits.Concurrent
	if c.Origin != "" {
		u, err := url.Parse(c.Origin)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("dav: the origin %q is no scheme and host", c.Origin)
		}
		s.originHost = bareHost(u.Host)
	}
	for _, h := range c.Heads {
		m := &mount{Mount: h.Mount(), head: h, reports: map[xml.Name]*Report{}}
		if m.Segment == "" || m.Segment == principals || s.mounts[m.Segment] != nil {
			return nil, fmt.Errorf("dav: the segment %q cannot be mounted", m.Segment)
		}
		m.reportList = h.Reports()
		for i := range m.reportList {
			m.reports[m.reportList[i].Name] = &m.reportList[i]
		}
		s.mounts[m.Segment] = m
		s.order = append(s.order, m)
	}
	s.register()
	s.methods = methods()
	s.reports = map[xml.Name]*Report{}
	for _, r := range coreReports() {
		s.reports[r.Name] = &r
	}
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(hw http.ResponseWriter, hr *http.Request) {
	began := time.Now()
	w := newResponse(hw, s.c.Limits.Stall)
	r := &Request{Method: hr.Method, Header: hr.Header, s: s, http: hr, w: w}
	w.awaitBody(hr)
	defer w.refuseBody()
	defer func() {
		if s.c.Metrics.Request != nil {
			s.c.Metrics.Request(metricMethod(s, hr.Method), w.status, time.Since(began))
		}
	}()
	secure(w.Header())
	if err := s.guarded(r); err != nil {
		r.fail(err)
	}
}

// guarded makes a panic a fault of one request that the log tells of.
func (s *Server) guarded(r *Request) (err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if e, ok := v.(error); ok && errors.Is(e, http.ErrAbortHandler) {
			panic(v)
		}
		err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	}()
	return s.serve(r)
}

// metricMethod keeps what clients make up out of label values.
func metricMethod(s *Server, method string) string {
	if s.methods[method] != nil {
		return method
	}
	return "other"
}

// streaming are the methods that take as long as their content takes.
func streaming(method string) bool {
	return method == http.MethodGet || method == http.MethodPut
}

func (s *Server) serve(r *Request) error {
	if done := s.wellKnown(r); done {
		return nil
	}
	if err := s.checkOrigin(r.http); err != nil {
		return err
	}
	handle := s.methods[r.Method]
	if handle == nil {
		return s.methodNotAllowed(r, nil)
	}
	if r.Method == http.MethodOptions && len(r.Header.Values("Authorization")) == 0 {
		// Clients ask what is here before they ask for a password. The answer
		// depends on the path's form alone.
		return s.anonymousOptions(r)
	}
	ctx := r.http.Context()
	if !streaming(r.Method) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.c.Limits.Request)
		defer cancel()
		r.until = time.Now().Add(s.c.Limits.Request)
	}
	if err := s.authenticate(ctx, r); err != nil {
		return err
	}
	leave, err := s.turns.enter(ctx, r.Principal, s.c.Limits.Queue)
	if err != nil {
		return err
	}
	defer leave()
	if r.Depth, r.depthSet, err = parseDepth(r.Header); err != nil {
		return err
	}
	t, err := r.resolve(ctx, requestPath(r.http.URL), creates(r.Method))
	if err != nil {
		return err
	}
	r.target = t
	if err := s.allowed(r, t); err != nil {
		return err
	}
	r.w.Header().Set("Dav", s.features(t.mount))
	return handle(ctx, r, t)
}

func methods() map[string]handler {
	return map[string]handler{
		http.MethodOptions: options,
		http.MethodGet:     get,
		http.MethodHead:    get,
		http.MethodPut:     put,
		http.MethodDelete:  remove,
		"PROPFIND":         propfind,
		"PROPPATCH":        proppatch,
		"MKCOL":            mkcol,
		"MKCALENDAR":       mkcol,
		"COPY":             transfer,
		"MOVE":             transfer,
		"LOCK":             lock,
		"UNLOCK":           unlock,
		"REPORT":           report,
		"ACL":              aclMethod,
	}
}

// creates are the methods that may make something where nothing is.
func creates(method string) bool {
	switch method {
	case http.MethodPut, "MKCOL", "MKCALENDAR", "LOCK":
		return true
	}
	return false
}

// parseDepth reads the Depth header (RFC 4918 section 10.2).
func parseDepth(h http.Header) (d Depth, set bool, err error) {
	switch v := h.Get("Depth"); v {
	case "":
		return Depth0, false, nil
	case "0":
		return Depth0, true, nil
	case "1":
		return Depth1, true, nil
	case "1,noroot":
		return Depth1, true, nil
	case "infinity", "Infinity":
		return DepthInfinity, true, nil
	default:
		return 0, false, refused(http.StatusBadRequest, "Depth is neither 0, 1 nor infinity.")
	}
}
