package content_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/blobtest"
	"fachwerk/internal/store/blob/dir"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/store/content"
	"fachwerk/internal/testenv/need"
)

func TestObjectsInDirectory(t *testing.T) {
	s, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	testObjects(t, s)
}

func TestObjectsInS3(t *testing.T) {
	c, err := s3.Parse(need.S3(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := s3.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	testObjects(t, s)
}

// testObjects seals as the network delivers, stores through outages, reads whole
// and in ranges, and demands that what changed in the store does not open.
func testObjects(t *testing.T, store blob.Store) {
	keys, err := content.OpenKeyDir(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	account := keys.Ephemeral()
	fault := blobtest.NewFault(store)
	retry := blob.NewRetry(fault, blob.Backoff{First: time.Microsecond})
	for _, size := range []int64{0, 100, 70_000, 3 << 20} {
		plain := blobtest.Generated{Seed: 5, Length: size}.Bytes()
		sealed := account.NewSealed(content.NewID(), content.PurposeContent, content.SpoolConfig{Folder: t.TempDir()})
		defer sealed.Discard()
		if _, err := io.Copy(sealed, bytes.NewReader(plain)); err != nil {
			t.Fatal(err)
		}
		if err := sealed.Close(); err != nil {
			t.Fatal(err)
		}
		key := blob.NewKey(1, time.Now())
		fault.LoseAnswer(blobtest.Put, 1, blob.ErrTemporary)
		if err := retry.Put(t.Context(), key, sealed.Body()); err != nil {
			t.Fatal(err)
		}
		read := func(offset, length int64) ([]byte, error) {
			r, err := account.Open(t.Context(), sealed.ID(), content.PurposeContent,
				content.Object(retry, key, sealed.SealedSize()), offset, length)
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return io.ReadAll(r)
		}
		fault.BreakStream(10, blob.ErrTemporary)
		if got, err := read(0, -1); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %d back, %v", size, len(got), err)
		}
		if got, err := read(size/2, 1000); err != nil || !bytes.Equal(got, plain[size/2:min(size, size/2+1000)]) {
			t.Errorf("a range of %d bytes: %d back, %v", size, len(got), err)
		}

		// The wrong bytes under the key: the same length, another digest.
		other := readAll(t, sealed.Body())
		other[len(other)/2] ^= 1
		if err := store.Put(t.Context(), key, blob.Bytes(other)); err != nil {
			t.Fatal(err)
		}
		if got, err := read(0, -1); !errors.Is(err, content.ErrCorrupt) || !bytes.HasPrefix(plain, got) {
			t.Errorf("%d bytes changed in the store: %d back, %v", size, len(got), err)
		}
		if err := store.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if _, err := read(0, -1); !errors.Is(err, blob.ErrNotFound) || errors.Is(err, content.ErrCorrupt) {
			t.Errorf("%d bytes deleted from the store: %v", size, err)
		}
	}
}

func readAll(t *testing.T, body blob.Body) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := blob.Copy(t.Context(), &out, body); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
