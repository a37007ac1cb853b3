package dav

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

var errTest = errors.New("broken")

// opened is content that can write itself, up to a failure.
type opened struct {
	*bytes.Reader
	fails error
}

func (o opened) Close() error { return nil }

func (o opened) WriteTo(w io.Writer) (int64, error) {
	n, err := o.Reader.WriteTo(w)
	return n, errors.Join(err, o.fails)
}

type broken struct{}

func (broken) Write(p []byte) (int, error) { return len(p) / 2, errTest }

// TestReaderWriteTo: what is written by itself is as much as was asked for, and who has
// failed is told.
func TestReaderWriteTo(t *testing.T) {
	text := []byte(strings.Repeat("0123456789", ahead/5)) // twice ahead
	whole := func(offset, length int64) (io.ReadCloser, error) {
		return opened{bytes.NewReader(text[offset : offset+length]), nil}, nil
	}
	size := int64(len(text))
	for _, part := range [][2]int64{{0, size}, {0, 5}, {7, size - 7}, {7, ahead + 100}, {size - 3, 3}, {size, 1}, {0, size + 100}} {
		r := &reader{size: size, open: whole}
		if _, err := r.Seek(part[0], io.SeekStart); err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		want := text[part[0]:min(part[0]+part[1], size)]
		n, err := r.writeTo(&got, part[1])
		if err != nil || n != int64(len(want)) || !bytes.Equal(got.Bytes(), want) || r.offset != part[0]+n {
			t.Errorf("%d bytes from %d on: %d, %v, then at %d", part[1], part[0], n, err, r.offset)
		}
	}
	for name, c := range map[string]struct {
		open func(offset, length int64) (io.ReadCloser, error)
		to   io.Writer
		want error
		ours bool
	}{
		"unreadable": {func(int64, int64) (io.ReadCloser, error) { return nil, errTest }, io.Discard, errTest, true},
		"damaged": {func(int64, int64) (io.ReadCloser, error) {
			return opened{bytes.NewReader(text[:10]), errTest}, nil
		}, io.Discard, errTest, true},
		"too short": {func(int64, int64) (io.ReadCloser, error) {
			return opened{bytes.NewReader(text[:10]), nil}, nil
		}, io.Discard, io.ErrUnexpectedEOF, true},
		"the client has gone": {whole, broken{}, errTest, false},
	} {
		r := &reader{size: size, open: c.open}
		if _, err := r.writeTo(c.to, size); !errors.Is(err, c.want) || (r.err != nil) != c.ours {
			t.Errorf("%s: %v, and of the content %v", name, err, r.err)
		}
	}
}
