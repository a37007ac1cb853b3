package dav

import (
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// errStalled says that a client sent nothing for too long, or less than it announced.
var errStalled = errors.New("the body stopped coming")

// incoming is a request's body: each read gives the client another stall time.
type incoming struct {
	body   io.Reader
	w      *response
	until  time.Time
	left   int64 // bytes of the announced length to come; -1: not announced
	done   bool
	failed error
}

// incoming makes the body readable; limit 0 is none.
func (r *Request) incoming(limit int64) *incoming {
	var body io.Reader = r.http.Body
	if limit > 0 {
		body = http.MaxBytesReader(r.w.ResponseWriter, r.http.Body, limit)
	}
	return &incoming{body: body, w: r.w, until: r.until, left: r.http.ContentLength}
}

func (b *incoming) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	if b.done {
		return 0, io.EOF
	}
	deadline := time.Now().Add(b.w.stall)
	if !b.until.IsZero() && b.until.Before(deadline) {
		deadline = b.until
	}
	_ = b.w.control.SetReadDeadline(deadline)
	n, err := b.body.Read(p)
	if b.left >= 0 {
		b.left -= int64(n)
	}
	switch {
	case err == io.EOF && b.left > 0:
		b.failed = io.ErrUnexpectedEOF
	case err == io.EOF:
		b.done, b.w.coming = true, false
		// The connection is read on in the background, to notice when the client
		// goes; that must not run into this deadline.
		_ = b.w.control.SetReadDeadline(time.Time{})
		return n, err
	case err != nil:
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			b.failed = err
		} else {
			b.failed = errors.Join(errStalled, err)
		}
	default:
		return n, nil
	}
	return n, b.failed
}

// checkEncoding refuses bodies that would grow (RFC 9110 section 15.5.16).
func (r *Request) checkEncoding() error {
	for _, line := range r.Header.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(line, ",") {
			if c := strings.TrimSpace(coding); c != "" && !strings.EqualFold(c, "identity") {
				return &Precondition{Status: http.StatusUnsupportedMediaType,
					Text:   "Compressed request bodies are not accepted.",
					Header: http.Header{"Accept-Encoding": {"identity"}}}
			}
		}
	}
	return nil
}

// readXML reads the body as one XML document; nil where there is none.
func (r *Request) readXML(limit int64) (*Element, error) {
	if err := r.checkEncoding(); err != nil {
		return nil, err
	}
	if r.http.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	raw, err := io.ReadAll(r.incoming(limit))
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, nil
	}
	if charset := r.charset(); charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "us-ascii") {
		return nil, refused(http.StatusUnsupportedMediaType, "XML in the encoding %q is not accepted; send UTF-8.", cut(charset, 40))
	}
	return parseXML(raw)
}

func (r *Request) charset() string {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return params["charset"]
}

// saysXML reports whether the body is announced as XML, or as nothing.
func (r *Request) saysXML() bool {
	value := r.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(value)
	return value == "" || err == nil && (kind == "application/xml" || kind == "text/xml" || strings.HasSuffix(kind, "+xml"))
}

// expect reads a body whose root must have one of the names.
func (r *Request) expect(limit int64, names ...xml.Name) (*Element, error) {
	e, err := r.readXML(limit)
	if err != nil || e == nil {
		return e, err
	}
	for _, n := range names {
		if e.Name == n {
			return e, nil
		}
	}
	return nil, refused(http.StatusBadRequest, "The body's root element is %q, which %s does not know.", cut(e.Name.Local, 60), r.Method)
}
