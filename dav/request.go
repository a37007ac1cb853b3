package dav

import (
	"context"
	"net/http"

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
}

// Selection is which properties a request asks for: prop, allprop with include, or
// propname.
type Selection struct{}

// Selection reads the prop, allprop or propname child of a report's body. Without one
// only hrefs and statuses are answered.
func (r *Request) Selection(body *Element) (*Selection, error) { panic("unwritten") }

// Wants finds the element of a property that was asked for by name, nil if not, so that
// a report can look at it before it loads anything.
func (s *Selection) Wants(space, local string) *Element { panic("unwritten") }

// Resolve finds what hrefs (paths or URLs, as the client wrote them) name, such as those
// of a multiget, in few round trips; in their order, Exists false where nothing is, and
// nil where an href lies outside of t or cannot be one.
func (r *Request) Resolve(ctx context.Context, t *Target, hrefs []string) ([]*Target, error) {
	panic("unwritten")
}

// Member is the target of an item of collection t that the head found itself, as by
// Candidates.
func (r *Request) Member(t *Target, i resource.Item) *Target { panic("unwritten") }

// Collections lists those of a home.
func (r *Request) Collections(ctx context.Context, home *Target) ([]*Target, error) {
	panic("unwritten")
}

// Load fills in what is needed, for many targets of one collection in few round trips.
func (r *Request) Load(ctx context.Context, list []*Target, n Need) error { panic("unwritten") }

// Answer writes a whole answer that is no multistatus.
func (r *Request) Answer(status int, contentType string, body []byte) error { panic("unwritten") }

// Multistatus begins a 207 (RFC 4918 section 13). It is sent in blocks as it grows; an
// error returned before anything was written is answered as an error of its own.
func (r *Request) Multistatus() *Multistatus { panic("unwritten") }

// Multistatus is an answer about many resources.
type Multistatus struct{ *XML }

// Resources writes a DAV:response for each with the selected properties. It loads what
// they need where it is not loaded yet: call it with a few hundred at a time.
func (m *Multistatus) Resources(ctx context.Context, list []*Target, s *Selection) error {
	panic("unwritten")
}

// Status writes a DAV:response of an href with a status alone, and with the element and
// sentence of why if that is not nil.
func (m *Multistatus) Status(href string, status int, why *Precondition) error { panic("unwritten") }
