package dav

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"fachwerk/internal/resource"
)

// maxRanges bounds the parts of one Range header; with more the whole is sent.
const maxRanges = 32

// get is GET and HEAD, with ranges (RFC 9110 sections 13 and 14).
func get(ctx context.Context, r *Request, t *Target) error {
	if t.Level != AtMember {
		if b, ok := t.Head.(Browser); ok {
			return b.Browse(ctx, r, t)
		}
		return r.s.methodNotAllowed(r, t)
	}
	if t.slash {
		return notFound()
	}
	if err := r.judge(ctx, t, nil); err != nil {
		return err
	}
	content, err := r.negotiated(ctx, t)
	if err == nil && content == nil {
		content, err = r.content(ctx, t)
	}
	if err != nil {
		return err
	}
	defer content.Close()
	if err := r.describe(ctx, t); err != nil {
		return err
	}
	h := r.w.Header()
	h.Set("Content-Type", safeType(t.Head.ContentType(t)))
	h.Set("Content-Disposition", disposition(h.Get("Content-Type"), t.Name()))
	h.Set("Cache-Control", "private, no-cache")
	if strings.Count(r.Header.Get("Range"), ",") >= maxRanges {
		r.http.Header.Del("Range")
	}
	http.ServeContent(r.w, r.http, "", t.Item.Modified, content)
	if content.err != nil {
		r.s.log.Error("dav: stored content could not be read", "item", t.Item.ID, "err", content.err)
	}
	return nil
}

// negotiated is the content in the form that Accept asks for; nil: as it is stored. Of what
// was converted there are no ranges, which would not fit those of what is stored.
func (r *Request) negotiated(ctx context.Context, t *Target) (*reader, error) {
	n, ok := t.Head.(Negotiator)
	if !ok {
		return nil, nil
	}
	r.w.Header().Add("Vary", "Accept")
	body, err := n.Negotiate(ctx, r, t)
	if err != nil || body == nil {
		return nil, err
	}
	r.http.Header.Del("Range")
	return &reader{size: int64(len(body)), open: func(offset, _ int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(body[offset:])), nil
	}}, nil
}

// describe sets the headers that tell the state of a member.
func (r *Request) describe(ctx context.Context, t *Target) error {
	h := r.w.Header()
	if tag := t.etag(); tag != "" {
		h.Set("Etag", `"`+tag+`"`)
	}
	d, ok := t.Head.(Describer)
	if !ok {
		return nil
	}
	if err := r.Load(ctx, []*Target{t}, NeedFacts); err != nil {
		return err
	}
	d.Describe(r, t, h)
	return nil
}

// safeType keeps a type that is no media type from being guessed at.
func safeType(kind string) string {
	if _, _, err := mime.ParseMediaType(kind); err != nil {
		return "application/octet-stream"
	}
	return kind
}

// shown are the types that a browser may show by itself; all others are saved. None of
// them can run anything. PDF is not among them: viewers run scripts in it.
var shown = map[string]bool{
	"text/plain": true, "image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true, "image/avif": true,
}

// disposition is RFC 6266, with the name in both forms.
func disposition(kind, name string) string {
	base, _, err := mime.ParseMediaType(kind)
	how := "attachment"
	if err == nil && shown[base] {
		how = "inline"
	}
	if v := mime.FormatMediaType(how, map[string]string{"filename": name}); v != "" {
		return v
	}
	return how
}

// content opens what a member holds. When it was replaced since it was found it is found
// again.
func (r *Request) content(ctx context.Context, t *Target) (*reader, error) {
	if t.Virtual != nil {
		if err := r.Load(ctx, []*Target{t}, NeedBody); err != nil {
			return nil, err
		}
		if !t.Exists {
			return nil, notFound()
		}
		return &reader{size: int64(len(t.Body)), open: func(offset, _ int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(t.Body[offset:])), nil
		}}, nil
	}
	for range 3 {
		body, err := r.s.c.Resources.Open(ctx, t.Collection, t.Item)
		if err == nil {
			return &reader{size: body.Size(), open: func(offset, length int64) (io.ReadCloser, error) {
				return body.Open(ctx, offset, length)
			}}, nil
		}
		if !errors.Is(err, resource.ErrNotFound) {
			return nil, err
		}
		if err := lookAgain(ctx, []*Target{t}); err != nil {
			return nil, err
		}
		if !t.Exists {
			return nil, notFound()
		}
	}
	return nil, resource.ErrTemporary
}

// ahead is how much is asked for after a seek, bytes: a range is mostly short, and what
// is asked for of an object store is paid for.
const ahead = 1 << 20

// reader reads content at any place, as ServeContent asks for it. After a first short
// piece all of the rest is opened.
type reader struct {
	open   func(offset, length int64) (io.ReadCloser, error)
	size   int64
	offset int64
	moved  bool // since the last open
	at     io.ReadCloser
	left   int64 // of at
	err    error
}

func (b *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.offset
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 {
		return 0, errors.New("dav: seek before the beginning")
	}
	if offset != b.offset || b.at == nil {
		b.Close()
		b.offset, b.moved = offset, offset > 0
	}
	return offset, nil
}

func (b *reader) Read(p []byte) (int, error) {
	if b.offset >= b.size {
		return 0, io.EOF
	}
	if err := b.begin(); err != nil {
		return 0, err
	}
	n, err := b.at.Read(p[:min(int64(len(p)), b.left)])
	b.offset += int64(n)
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF {
		b.err = err
		return n, err
	}
	return n, nil
}

// begin opens the content at the place, unless it is.
func (b *reader) begin() error {
	if b.at != nil && b.left > 0 {
		return nil
	}
	b.Close()
	b.left = b.size - b.offset
	if b.moved {
		b.left, b.moved = min(b.left, ahead), false
	}
	b.at, b.err = b.open(b.offset, b.left)
	return b.err
}

// writeTo writes up to n bytes from the place on: where what is open lies wholly in
// them it is written by itself, without a copy between. A failure of w is no b.err.
func (b *reader) writeTo(w io.Writer, n int64) (written int64, err error) {
	for written < n && b.offset < b.size {
		if err := b.begin(); err != nil {
			return written, err
		}
		by, able := b.at.(io.WriterTo)
		if !able || b.left > n-written {
			rest, err := copyBlocks(w, io.LimitReader(b, n-written))
			return written + rest, err
		}
		to := &destination{Writer: w}
		wrote, err := by.WriteTo(to)
		b.offset, b.left, written = b.offset+wrote, b.left-wrote, written+wrote
		if err == nil && b.left > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil && to.err == nil {
			b.err = err
		}
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// destination tells errors of writing from those of reading.
type destination struct {
	io.Writer
	err error
}

func (d *destination) Write(p []byte) (n int, err error) {
	n, err = d.Writer.Write(p)
	d.err = err
	return n, err
}

// Close frees what is open.
func (b *reader) Close() error {
	if b.at == nil {
		return nil
	}
	err := b.at.Close()
	b.at, b.left = nil, 0
	return err
}
