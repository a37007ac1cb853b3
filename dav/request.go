package dav

import (
	"net/http"
	"strings"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/resource"
)

// Depth is the header's value (RFC 4918 section 10.2).
type Depth uint8

// The depths.
const (
	Depth0 Depth = iota
	Depth1
	DepthInfinity
)

// Request is one request on its way. It is used by one goroutine.
type Request struct {
	Method    string
	Header    http.Header
	Principal *auth.Principal
	Depth     Depth

	depthSet    bool
	s           *Server
	http        *http.Request
	w           *response
	usage       map[int64]usage // by account
	accounts    []resource.Account
	lockLists   map[[2]int64][]resource.Lock // by account and collection
	target      *Target                      // of the href that was asked for
	multi       *Multistatus
	conditional *conditions
	wrote       bool      // the PUT has put its body in place
	until       time.Time // by when the body must have come; zero: it may take its time
}

// Wrote reports whether the request is a PUT that has put its body in place.
func (r *Request) Wrote() bool { return r.wrote }

// Prefers reports whether the client prefers that (RFC 8144), such as
// "return=minimal".
func (r *Request) Prefers(what string) bool {
	for _, line := range r.Header.Values("Prefer") {
		for p := range strings.SplitSeq(line, ",") {
			token, _, _ := strings.Cut(p, ";")
			name, value, _ := strings.Cut(strings.TrimSpace(token), "=")
			if strings.EqualFold(strings.TrimSpace(name)+"="+strings.Trim(strings.TrimSpace(value), `"`), what) ||
				value == "" && strings.EqualFold(name, what) {
				return true
			}
		}
	}
	// Outlook's and CalendarServer's older word for it.
	return what == "return=minimal" && strings.EqualFold(r.Header.Get("Brief"), "t")
}
