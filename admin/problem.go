package admin

import (
	"encoding/json"
	"errors"
	"net/http"
)

// Kind says why something was refused. It is stable: programs may compare it.
type Kind string

// The kinds.
const (
	Malformed    Kind = "malformed"             // the request is not what the route takes
	Invalid      Kind = "invalid"               // it says something that cannot be kept
	Unauthorized Kind = "unauthorized"          // no access token, or none that counts
	Forbidden    Kind = "forbidden"             // a token without the operator role
	NotFound     Kind = "not-found"             // or of another tenant
	Method       Kind = "method-not-allowed"    // not at this route
	Exists       Kind = "exists"                // a name that is taken
	InUse        Kind = "in-use"                // something still stands on it
	Unconfirmed  Kind = "unconfirmed"           // a removal whose name was not repeated
	Changed      Kind = "changed"               // If-Match names an older state
	Precondition Kind = "precondition-required" // If-Match is missing
	TooLarge     Kind = "too-large"
	MediaType    Kind = "media-type"
	QuotaReached Kind = "quota"
	Elsewhere    Kind = "elsewhere" // data may not lie there
	Throttled    Kind = "throttled"
	Unavailable  Kind = "unavailable" // try again
	Internal     Kind = "internal"
)

// statuses and titles are what HTTP and people are told of a kind.
var statuses = map[Kind]struct {
	status int
	title  string
}{
	Malformed:    {http.StatusBadRequest, "The request cannot be read"},
	Invalid:      {http.StatusUnprocessableEntity, "The request says something that cannot be kept"},
	Unauthorized: {http.StatusUnauthorized, "An access token is needed"},
	Forbidden:    {http.StatusForbidden, "The operator role is needed"},
	NotFound:     {http.StatusNotFound, "There is nothing of this name"},
	Method:       {http.StatusMethodNotAllowed, "This method does nothing here"},
	Exists:       {http.StatusConflict, "The name is taken"},
	InUse:        {http.StatusConflict, "It is still in use"},
	Unconfirmed:  {http.StatusConflict, "The removal is not confirmed"},
	Changed:      {http.StatusPreconditionFailed, "It was changed meanwhile"},
	Precondition: {http.StatusPreconditionRequired, "If-Match is needed"},
	TooLarge:     {http.StatusRequestEntityTooLarge, "The request is too large"},
	MediaType:    {http.StatusUnsupportedMediaType, "The media type is not taken here"},
	QuotaReached: {http.StatusConflict, "The quota is reached"},
	Elsewhere:    {http.StatusConflict, "The data may not lie there"},
	Throttled:    {http.StatusTooManyRequests, "Too many failed attempts"},
	Unavailable:  {http.StatusServiceUnavailable, "Temporarily unavailable"},
	Internal:     {http.StatusInternalServerError, "It failed"},
}

// Error is a refusal that may be told: Sentence says to an operator what is wrong and,
// where that is not plain, what to do. Err, if not nil, is the cause, which is not told.
type Error struct {
	Kind     Kind
	Sentence string
	Err      error
}

func (e *Error) Error() string { return e.Sentence }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

func refusal(k Kind, sentence string) error { return &Error{Kind: k, Sentence: sentence} }

// problemType is the URI of a kind (RFC 9457 section 3.1.1). It names the kind and
// leads nowhere: openapi.yaml describes them.
func problemType(k Kind) string { return "urn:fachwerk:problem:" + string(k) }

// problem is the body of every refusal (RFC 9457 section 3.1).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// refuse answers an error and tells the status that it sent.
func refuse(w http.ResponseWriter, err error) int {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Kind: Internal, Sentence: "Something failed here; the server's log says what."}
	}
	known, ok := statuses[e.Kind]
	if !ok {
		known = statuses[Internal]
	}
	switch e.Kind {
	case Unauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="fachwerk control API"`) // RFC 6750 section 3
	case Forbidden:
		w.Header().Set("WWW-Authenticate", `Bearer realm="fachwerk control API", error="insufficient_scope"`)
	case Throttled, Unavailable:
		w.Header().Set("Retry-After", "10")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(known.status)
	_ = json.NewEncoder(w).Encode(problem{problemType(e.Kind), known.title, known.status, e.Sentence})
	return known.status
}
