package content

import (
	"bytes"
	"context"
	"io"

	"fachwerk/internal/store/blob"
)

// MaxEnding is how many bytes of a stream's end are kept beside the name of its
// object: enough for about 16 MiB.
const MaxEnding = 1 << 10

// Ending cuts what tells where the chunks lie out of the last bytes of a stream of
// size sealed bytes. With it an object is read by one request; without it, two. It is
// nil where one request suffices anyway, and where last does not hold all of it.
func Ending(last []byte, size int64) []byte {
	if size <= wholeSize || len(last) < trailerSize {
		return nil
	}
	_, length, err := parseTrailer(last[len(last)-trailerSize:])
	if err != nil || length+trailerSize > len(last) {
		return nil
	}
	return last[len(last)-length-trailerSize:]
}

// ObjectWith is Object with its Ending, which must not change.
func ObjectWith(store blob.Store, key string, size int64, ending []byte) Source {
	if len(ending) == 0 || int64(len(ending)) > size {
		return Object(store, key, size)
	}
	return ended{Object(store, key, size), ending}
}

// ended is a stream whose end is known.
type ended struct {
	Source
	ending []byte
}

func (e ended) ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if at := offset - (e.Size() - int64(len(e.ending))); at >= 0 && at+length <= int64(len(e.ending)) {
		return io.NopCloser(bytes.NewReader(e.ending[at : at+length])), nil
	}
	return e.Source.ReadRange(ctx, offset, length)
}

// endLength is how many bytes of a stream's end are asked for first.
func endLength(src Source) int64 {
	if e, ok := src.(ended); ok {
		return int64(len(e.ending))
	}
	return min(src.Size(), tableGuess(src.Size()))
}
