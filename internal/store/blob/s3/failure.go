package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/minio/minio-go/v7"

	"fachwerk/internal/store/blob"
)

// failed gives an error its kind. What the caller's context ended is neither the
// service's fault nor temporary.
func (s *Store) failed(ctx context.Context, operation, key string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("s3: %s %s: %w", operation, key, ended)
	}
	for _, kind := range []error{blob.ErrTemporary, blob.ErrNotFound, blob.ErrSize} {
		if errors.Is(err, kind) {
			return err // has been here, or is about the body
		}
	}
	switch answer := minio.ToErrorResponse(err); {
	case answer.Code == minio.NoSuchKey, answer.Code == minio.NoSuchVersion:
		return fmt.Errorf("s3: %s %s: %w", operation, key, blob.ErrNotFound)
	case temporaryAnswer(answer), temporaryNetwork(err):
		return fmt.Errorf("s3: %s %s: %w: %w", operation, key, blob.ErrTemporary, err)
	}
	return fmt.Errorf("s3: %s %s: %w", operation, key, err)
}

// temporaryAnswer tells the answers after which waiting helps.
func temporaryAnswer(answer minio.ErrorResponse) bool {
	switch answer.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		http.StatusInsufficientStorage:
		return true
	}
	switch answer.Code {
	case "SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException",
		// What was damaged on the way may arrive whole the next time.
		"XAmzContentSHA256Mismatch", "BadDigest", "IncompleteBody":
		return true
	}
	return false
}

// temporaryNetwork tells an unreachable, slow or broken connection; every error of
// the HTTP client is a net.Error. A name that does not resolve and a certificate
// that does not fit count too: what waits for them is not lost meanwhile.
func temporaryNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
}
