package message

import (
	"errors"
	"io"
)

// ErrUnknownEncoding is returned for a Content-Transfer-Encoding that is not known: IMAP answers BINARY with
// NO [UNKNOWN-CTE] (RFC 9051 6.4.5.1).
var ErrUnknownEncoding = errors.New("message: unknown content transfer encoding")

// NewBodyDecoder returns a reader of the bytes that r holds in a Content-Transfer-Encoding (any case; empty means
// 7bit). Malformed base64 and quoted-printable are decoded as far as they make sense and never give an error; errors
// of r are passed on.
func NewBodyDecoder(r io.Reader, encoding string) (io.Reader, error) { return r, nil }
