package admin

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"fachwerk/auth"
)

// OpenAPI is the document that describes the API, as it is served at /v1/openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Config is what a server stands on.
type Config struct {
	Backend Backend
	// Operator checks an access token; see [auth.Authenticator.Operator].
	Operator func(ctx context.Context, at auth.Attempt, token string) (*auth.Principal, error)
	// Remote tells who asks, behind proxies too. Nil takes the connection's address.
	Remote func(*http.Request) netip.Addr
	Log    *slog.Logger
}

// Server is the control API as an http.Handler.
type Server struct {
	cfg Config
	mux *http.ServeMux
}

// New makes a server.
func New(cfg Config) (*Server, error) {
	if cfg.Backend == nil || cfg.Operator == nil {
		return nil, errors.New("admin: a backend and a check of operators are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Remote == nil {
		cfg.Remote = func(r *http.Request) netip.Addr {
			at, _ := netip.ParseAddrPort(r.RemoteAddr)
			return at.Addr().Unmap()
		}
	}
	s := &Server{cfg: cfg, mux: http.NewServeMux()}
	methods := map[string]map[string]handler{}
	for _, r := range s.routes() {
		if methods[r.pattern] == nil {
			methods[r.pattern] = map[string]handler{}
		}
		methods[r.pattern][r.method] = r.do
	}
	for pattern, by := range methods {
		s.mux.HandleFunc(pattern, s.serve(pattern, by))
	}
	s.mux.HandleFunc("/", s.serve("/", nil))
	return s, nil
}

// A Route is a method and a path with {names} in it, as the document writes it.
type Route struct{ Method, Pattern string }

// Routes lists what the server answers, for the test that compares it with the document.
func (s *Server) Routes() (list []Route) {
	for _, r := range s.routes() {
		list = append(list, Route{r.method, r.pattern})
	}
	return list
}

// handler answers a request that was found to be an operator's.
type handler func(r *http.Request) (answer, error)

// answer is what a request has come to. The zero value has no body.
type answer struct {
	status    int    // 0: 200, or 204 without a body
	body      any    // to be written as JSON
	raw       []byte // or as it is, of a media type
	mediaType string
	etag      string
	location  string
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if r.URL.Path == documentPath && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		h.Set("Content-Type", "application/yaml") // RFC 9512
		_, _ = w.Write(OpenAPI)                   // it says nothing of this installation
		return
	}
	who, err := s.operator(r)
	if err != nil {
		refuse(w, err)
		return
	}
	s.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), operatorKey{}, who)))
}

const documentPath = "/v1/openapi.yaml"

type operatorKey struct{}

// operator checks the token of a request (RFC 6750 section 2.1). A token anywhere else
// than in the header is none: addresses are logged.
func (s *Server) operator(r *http.Request) (*auth.Principal, error) {
	const none = "Send an access token of the installation's provider in the header Authorization: Bearer."
	fields := r.Header.Values("Authorization")
	if len(fields) != 1 {
		return nil, refusal(Unauthorized, none)
	}
	scheme, token, _ := strings.Cut(fields[0], " ")
	if token = strings.TrimSpace(token); !strings.EqualFold(scheme, "Bearer") || token == "" {
		return nil, refusal(Unauthorized, none)
	}
	p, err := s.cfg.Operator(r.Context(), auth.Attempt{Remote: s.cfg.Remote(r), Protocol: "admin"}, token)
	switch {
	case errors.Is(err, auth.ErrScope), err == nil && !p.Has(auth.Operator):
		return nil, refusal(Forbidden, "The token is good, but its groups do not hold that of the operators (oidc.operator_group). If they should, look at the claim that oidc.groups_claim names.")
	case errors.Is(err, auth.ErrThrottled):
		return nil, refusal(Throttled, "Too many failed attempts from this address; try again in some minutes.")
	case errors.Is(err, auth.ErrUnavailable):
		return nil, refusal(Unavailable, "The token cannot be checked now: the provider or the directory does not answer.")
	case err != nil:
		return nil, refusal(Unauthorized, "The token does not count: it has to be an access token of the installation's provider, for this resource, and valid.")
	}
	return p, nil
}

// serve answers one path by its methods.
func (s *Server) serve(pattern string, by map[string]handler) http.HandlerFunc {
	allowed := make([]string, 0, len(by))
	for m := range by {
		allowed = append(allowed, m)
	}
	slices.Sort(allowed)
	return func(w http.ResponseWriter, r *http.Request) {
		if by == nil {
			refuse(w, refusal(NotFound, nothing))
			return
		}
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		do := by[method]
		if do == nil {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			refuse(w, refusal(Method, "This address takes "+strings.Join(allowed, ", ")+"."))
			return
		}
		status := s.answer(w, r, pattern, do)
		if method != http.MethodGet {
			who, _ := r.Context().Value(operatorKey{}).(*auth.Principal)
			s.cfg.Log.Info("control API", "operator", nameOf(who), "method", method, "route", pattern,
				"tenant", r.PathValue("tenant"), "account", r.PathValue("account"), "status", status)
		}
	}
}

func nameOf(p *auth.Principal) string {
	switch {
	case p == nil:
		return ""
	case p.Address != "":
		return p.Address
	}
	return p.DisplayName
}

// answer runs a handler and sends what it gives.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, pattern string, do handler) int {
	a, err := do(r)
	if err != nil {
		var told *Error
		if !errors.As(err, &told) && r.Context().Err() == nil {
			s.cfg.Log.Error("the control API failed", "method", r.Method, "route", pattern, "err", err)
		}
		return refuse(w, err)
	}
	if a.body != nil {
		if a.raw, err = json.Marshal(a.body); err != nil {
			return refuse(w, err)
		}
		a.raw, a.mediaType = append(a.raw, '\n'), "application/json"
	}
	h := w.Header()
	if a.etag != "" {
		h.Set("ETag", a.etag)
	}
	if a.location != "" {
		h.Set("Location", a.location)
	}
	switch {
	case a.raw == nil:
		a.status = http.StatusNoContent
	case a.status == 0:
		a.status = http.StatusOK
	}
	if a.raw != nil {
		h.Set("Content-Type", a.mediaType)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.raw)
	return a.status
}

// nothing is said of everything that is not there, whoever else may have it.
const nothing = "There is nothing here by this name."

// tagOf is the entity tag of what can be changed of something. What is used of it
// changes no tag: it is not changed by operators.
func tagOf(v any) string {
	text, _ := json.Marshal(v)
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// matching says whether the state that a change was made for is still there (RFC 9110
// section 13.1.1, RFC 6585 section 3). The backend asks it in the transaction that
// decides, so that of many who read the same state one changes it, whichever processes
// they talk to.
func matching(r *http.Request) (func(tag string) error, error) {
	values := strings.Join(r.Header.Values("If-Match"), ",")
	if values == "" {
		return nil, refusal(Precondition, "Read it first, and send the ETag of the answer in If-Match, or * to change it whatever it is.")
	}
	return func(tag string) error {
		for one := range strings.SplitSeq(values, ",") {
			if one = strings.TrimSpace(one); one == "*" || one == tag {
				return nil
			}
		}
		return refusal(Changed, "It is no longer as you have read it: read it again, and then change it.")
	}, nil
}
