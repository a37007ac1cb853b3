package queue

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"fachwerk/internal/store"
	"fachwerk/mail/message"
)

var errNotSimple = errors.New("not a message of one part")

// recoder rewrites an 8-bit message of one part as base64 for a peer without
// 8BITMIME (RFC 6152 3). Multiparts are not converted: it would break
// signatures, and such peers are all but gone.
type recoder struct {
	header   []byte // the new one
	original int    // bytes of the old one
}

// newRecoder looks at a message's header; errNotSimple if it cannot be done.
func newRecoder(header []byte) (*recoder, error) {
	if !isASCII(string(header)) {
		return nil, errNotSimple
	}
	var b bytes.Buffer
	isMIME := false
	end := 0
	for f := range message.Fields(header) {
		end = f.Offset + len(f.Raw)
		value := strings.ToLower(strings.TrimSpace(message.Unfold(f.Value)))
		switch strings.ToLower(string(f.Name)) {
		case "mime-version":
			isMIME = true
		case "content-type":
			if strings.HasPrefix(value, "multipart/") || strings.HasPrefix(value, "message/") {
				return nil, errNotSimple
			}
		case "content-transfer-encoding":
			if value != "8bit" && value != "7bit" {
				return nil, errNotSimple
			}
			continue
		}
		b.Write(f.Raw)
	}
	if !isMIME {
		return nil, errNotSimple
	}
	b.WriteString("Content-Transfer-Encoding: base64\r\n")
	b.Write(header[end:])
	return &recoder{header: b.Bytes(), original: len(header)}, nil
}

// copy writes the message recoded.
func (c *recoder) copy(w io.Writer, r io.Reader) error {
	if _, err := io.CopyN(io.Discard, r, int64(c.original)); err != nil {
		return err
	}
	if _, err := w.Write(c.header); err != nil {
		return err
	}
	lines := &lineWriter{w: w}
	enc := base64.NewEncoder(base64.StdEncoding, lines)
	if _, err := io.Copy(enc, r); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\r\n")
	return err
}

// lineWriter breaks what is written into lines of 76 bytes (RFC 2045 6.8).
type lineWriter struct {
	w    io.Writer
	used int
}

func (l *lineWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if l.used == 76 {
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return written, err
			}
			l.used = 0
		}
		n, err := l.w.Write(p[:min(len(p), 76-l.used)])
		written += n
		l.used += n
		if err != nil {
			return written, err
		}
		p = p[n:]
	}
	return written, nil
}

// headerOf reads a queued message's header with its blank line.
func headerOf(ctx context.Context, body *store.Body) ([]byte, error) {
	r, err := body.Open(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	header, err := message.SplitHeader(bufio.NewReader(r), maxHeader)
	if errors.Is(err, message.ErrHeaderTooLarge) {
		return header, nil
	}
	return header, err
}
