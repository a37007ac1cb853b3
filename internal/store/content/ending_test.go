package content

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"testing"
)

// counted is a source that counts what is asked of it.
type counted struct {
	Source
	requests int
}

func (c *counted) ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	c.requests++
	return c.Source.ReadRange(ctx, offset, length)
}

// hidden keeps a source's bytes from being found in memory.
type hidden struct{ Source }

func TestEndingSavesARequest(t *testing.T) {
	a := testAccount()
	for _, size := range []int{1, ChunkSize, 2 * ChunkSize, 5*ChunkSize + 7, 100 * ChunkSize, 400 * ChunkSize} {
		plain := make([]byte, size)
		rand.Read(plain)
		id := NewID()
		var sealed bytes.Buffer
		w := a.Seal(id, PurposeContent, &sealed)
		if _, err := w.Write(plain); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		all := sealed.Bytes()
		length := int64(len(all))
		ending := Ending(all[max(0, len(all)-MaxEnding):], length)
		if known := length > wholeSize && size < 200*ChunkSize; known != (ending != nil) {
			t.Fatalf("%d bytes: an ending of %d bytes", size, len(ending))
		}
		for _, r := range [][2]int64{{0, -1}, {int64(size) / 2, 100}, {int64(size) - 1, 1}} {
			c := &counted{Source: hidden{Inline(all)}}
			var src Source = c
			want := 1
			if ending != nil {
				src = ended{c, ending}
			} else if length > wholeSize {
				want = 2
			}
			got, err := readAll(a.Open(t.Context(), id, PurposeContent, src, r[0], r[1]))
			end := int64(size)
			if r[1] >= 0 {
				end = min(end, r[0]+r[1])
			}
			if err != nil || !bytes.Equal(got, plain[r[0]:end]) {
				t.Errorf("%d bytes, range %v: %d bytes, %v", size, r, len(got), err)
			}
			if c.requests > want {
				t.Errorf("%d bytes, range %v: %d requests", size, r, c.requests)
			}
		}
		if ending == nil {
			continue
		}
		// One that is not this object's is found out.
		wrong := bytes.Clone(ending)
		wrong[3] ^= 1
		if _, err := readAll(a.Open(t.Context(), id, PurposeContent, ended{hidden{Inline(all)}, wrong}, 0, -1)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: a changed ending: %v", size, err)
		}
	}
	if e := Ending([]byte("short"), 1<<20); e != nil {
		t.Errorf("an ending of %d bytes from nothing", len(e))
	}
	if _, ok := ObjectWith(nil, "key", 10, nil).(ended); ok {
		t.Error("an object without an ending has one")
	}
}

func readAll(r *Reader, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
