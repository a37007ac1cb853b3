package importing

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// tries is how often something that broke off is tried.
const tries = 4

// retry repeats what a broken connection interrupted.
func retry(ctx context.Context, f func() error) error {
	for n := 1; ; n++ {
		err := f()
		if err == nil || !errors.Is(err, ErrSource) || n == tries || isFinal(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(time.Duration(n*n) * 250 * time.Millisecond):
		}
	}
}

// finalError is an error of the source that another try would not mend.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

func final(err error) error { return finalError{err} }

func isFinal(err error) bool { return errors.As(err, new(finalError)) }

// SourceError marks an error of a client of go-webdav as one of the source.
func SourceError(err error) error {
	if err == nil || errors.Is(err, ErrSource) {
		return err
	}
	return final(fmt.Errorf("%w: %w", ErrSource, err))
}

// Final reports whether an error of the source is one that another try would not
// mend.
func Final(err error) bool { return isFinal(err) }
