package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"fachwerk/internal/resource"
)

// response is the way out: every block that is written gives a slow client another
// stall time, and none can hold a request for ever.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	status  int  // 0: nothing was written yet
	coming  bool // not all of the body has been read
}

func newResponse(w http.ResponseWriter, stall time.Duration) *response {
	return &response{ResponseWriter: w, control: http.NewResponseController(w), stall: stall}
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.extend()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.extend()
	return w.ResponseWriter.Write(p)
}

// extend is an advice: a writer without deadlines, as in a test, does without.
func (w *response) extend() { _ = w.control.SetWriteDeadline(time.Now().Add(w.stall)) }

// awaitBody gives the client its first stall time, for a body that nobody may ever read:
// net/http reads some of it before it sends an answer, and waits for it. Without a body
// the connection is read in the background, which no deadline may end.
func (w *response) awaitBody(r *http.Request) {
	if w.coming = r.ContentLength != 0; w.coming {
		_ = w.control.SetReadDeadline(time.Now().Add(w.stall))
	}
}

// refuseBody gives what is still to come of a body that is not wanted a short time: some
// clients listen only after they have sent it. The answer, which waits for that, gets a
// longer one.
func (w *response) refuseBody() {
	if w.coming {
		_ = w.control.SetReadDeadline(time.Now().Add(min(w.stall/2, unwanted)))
		w.extend()
	}
}

// unwanted is how long a refused body may take that net/http reads, 256 KiB at most.
const unwanted = 10 * time.Second

// blocks are what content is copied through: large, for the sake of few system calls.
var blocks = sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }}

// ReadFrom is how net/http's ServeContent copies: a part of a reader.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	if part, ok := src.(*io.LimitedReader); ok {
		if content, ok := part.R.(*reader); ok {
			n, err := content.writeTo(w, part.N)
			part.N -= n
			return n, err
		}
	}
	return copyBlocks(w, src)
}

// copyBlocks copies to the end of src.
func copyBlocks(w io.Writer, src io.Reader) (n int64, err error) {
	b := blocks.Get().(*[]byte)
	defer blocks.Put(b)
	for {
		got, readErr := src.Read(*b)
		if got > 0 {
			wrote, err := w.Write((*b)[:got])
			n += int64(wrote)
			if err != nil {
				return n, err
			}
		}
		switch {
		case readErr == io.EOF:
			return n, nil
		case readErr != nil:
			return n, readErr
		}
	}
}

// later is a refusal for now.
func later(status, seconds int, text string) *Precondition {
	return &Precondition{Status: status, Text: text, Header: http.Header{"Retry-After": {strconv.Itoa(seconds)}}}
}

// judgement turns an error into what is answered; ok is false for a fault of ours.
func judgement(err error, r *Request) (p *Precondition, ok bool) {
	if p, ok := asPrecondition(err); ok {
		return p, true
	}
	var locked *resource.LockedError
	switch {
	case errors.As(err, &locked):
		return lockedRefusal(r, locked), true
	case errors.Is(err, resource.ErrLocked):
		return Refusal(http.StatusLocked, D("lock-token-submitted"), "The resource is locked."), true
	case errors.Is(err, resource.ErrNotFound):
		return notFound(), true
	case errors.Is(err, resource.ErrDenied):
		return denied(""), true
	case errors.Is(err, resource.ErrParent):
		return refused(http.StatusConflict, "The folder it should go into does not exist."), true
	case errors.Is(err, resource.ErrExists):
		return refused(http.StatusConflict, "There is something of that name already."), true
	case errors.Is(err, resource.ErrName):
		return refused(http.StatusForbidden, "This name cannot be used."), true
	case errors.Is(err, resource.ErrLoop):
		return refused(http.StatusForbidden, "A folder cannot be put into itself."), true
	case errors.Is(err, resource.ErrFolder):
		return refused(http.StatusMethodNotAllowed, "A folder has no content."), true
	case errors.Is(err, resource.ErrQuota):
		return Refusal(http.StatusInsufficientStorage, D("quota-not-exceeded"), "There is not enough room in the account."), true
	case errors.Is(err, resource.ErrTooLarge):
		return refused(http.StatusRequestEntityTooLarge, "The content is too large."), true
	case errors.Is(err, resource.ErrTooMany):
		return refused(http.StatusForbidden, "There are too many of these."), true
	case errors.Is(err, resource.ErrDigest):
		return refused(http.StatusBadRequest, "The content that came is not what was announced."), true
	case errors.Is(err, resource.ErrChanged):
		return later(http.StatusServiceUnavailable, 1, "Others change the same place at the moment. Try again."), true
	case errors.Is(err, resource.ErrPlacement):
		return later(http.StatusServiceUnavailable, 60, "Nothing may be written now where the data lies. Ask the operator."), true
	case errors.Is(err, resource.ErrTemporary), errors.Is(err, context.DeadlineExceeded):
		return later(http.StatusServiceUnavailable, 10, "This is temporarily not possible. Try again later."), true
	case errors.Is(err, errXML):
		return refused(http.StatusBadRequest, "%s.", err), true
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errStalled):
		return refused(http.StatusBadRequest, "The request's body ended before it was whole."), true
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refused(http.StatusRequestEntityTooLarge, "The request's body is larger than %d bytes.", tooLarge.Limit), true
	}
	return nil, false
}

func notFound() *Precondition { return refused(http.StatusNotFound, "Nothing is here.") }

// denied names the privilege that is missing (RFC 3744 section 7.1.1).
func denied(href string, privilege ...string) *Precondition {
	p := Refusal(http.StatusForbidden, D("need-privileges"), "You may not do this here.")
	if href != "" && len(privilege) > 0 {
		p.Inner = func(x *XML) {
			x.Open(D("resource"))
			x.Href(href)
			x.Open(D("privilege"))
			x.Empty(D(privilege[0]))
			x.Close(D("privilege"))
			x.Close(D("resource"))
		}
	}
	return p
}

// fail answers an error. After the first bytes are out that can only be done by breaking
// the answer off, so that the client does not take half of it for the whole.
func (r *Request) fail(err error) {
	if r.http.Context().Err() != nil && errors.Is(err, context.Canceled) {
		r.w.status = 499            // the client has gone; for the metrics
		panic(http.ErrAbortHandler) // one that only stopped sending must not read 200, nor half a list
	}
	p, ok := judgement(err, r)
	if !ok {
		r.s.log.Error("dav: a request failed", "method", r.Method, "err", err)
		p = refused(http.StatusInternalServerError, "Something went wrong here. The administrators find it in the log.")
	}
	if ok && p.Status == http.StatusServiceUnavailable && r.w.status == 0 {
		r.s.log.Warn("dav: a request was put off", "method", r.Method, "err", err)
	}
	if r.w.status != 0 {
		if ok {
			r.s.log.Warn("dav: an answer was broken off", "method", r.Method, "err", err)
		}
		panic(http.ErrAbortHandler)
	}
	h := r.w.Header()
	for k, v := range p.Header {
		h[k] = v
	}
	if p.Name.Local == "" {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		r.body(p.Status, []byte(p.Text+"\n"))
		return
	}
	var x XML
	x.root(D("error"))
	p.write(&x)
	x.Close(D("error"))
	h.Set("Content-Type", xmlType)
	r.body(p.Status, x.b)
}

const xmlType = `application/xml; charset="utf-8"`

// errorDescription is the element that CalendarServer puts a sentence into. RFC 4918 has
// none inside of DAV:error, and clients pass over what they do not know (section 17).
var errorDescription = xml.Name{Space: "http://twistedmatrix.com/xml_namespace/dav/", Local: "error-description"}

// write writes the element and the sentence, inside a DAV:error.
func (p *Precondition) write(x *XML) {
	if p.Inner == nil {
		x.Empty(p.Name)
	} else {
		x.Open(p.Name)
		p.Inner(x)
		x.Close(p.Name)
	}
	if p.Text != "" {
		x.Element(errorDescription, p.Text)
	}
}

// body writes a whole answer.
func (r *Request) body(status int, b []byte) {
	r.w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	r.w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = r.w.Write(b) // the client may have gone
	}
}

// Answer writes a whole answer that is no multistatus.
func (r *Request) Answer(status int, contentType string, body []byte) error {
	if contentType != "" {
		r.w.Header().Set("Content-Type", contentType)
	}
	r.body(status, body)
	return nil
}

// empty answers a status alone.
func (r *Request) empty(status int) error {
	if status != http.StatusNoContent {
		r.w.Header().Set("Content-Length", "0")
	}
	r.w.WriteHeader(status)
	return nil
}
