package resource_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"testing"

	"fachwerk/internal/resource"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// uploads is a service on a store, and a person of it.
func uploads(t *testing.T) (*resource.Service, resource.Account) {
	t.Helper()
	p := storetest.Open(t, storetest.Embedded, nil)
	key := p.Person(t, "anna").Key
	return resource.New(resource.Options{Store: p.Store}), resource.Account{
		Key: key, Kind: store.Person, Rights: resource.Read | resource.Write, Person: key.Account,
	}
}

// All digests that were asked for are of what came, by either way.
func TestUploadDigests(t *testing.T) {
	s, anna := uploads(t)
	for _, size := range []int{0, 100, 200_000, 1 << 20} {
		plain := bytes.Repeat([]byte("Bebauungsplan "), size/14+1)[:size]
		for _, whole := range []bool{false, true} {
			one, two := md5.New(), sha1.New()
			u, err := s.NewUpload(t.Context(), anna, resource.UploadOptions{Size: int64(size), Also: map[string]hash.Hash{"MD5": one, "SHA1": two}})
			if err != nil {
				t.Fatal(err)
			}
			var n int64
			if whole {
				n, err = io.Copy(u, bytes.NewReader(plain))
			} else {
				n, err = io.Copy(struct{ io.Writer }{u}, struct{ io.Reader }{bytes.NewReader(plain)})
			}
			if err := errors.Join(err, u.Finish()); err != nil || n != int64(size) || u.Size() != n {
				t.Fatalf("%d of %d bytes, %v", n, size, err)
			}
			wantOne, wantTwo := md5.Sum(plain), sha1.Sum(plain)
			if u.SHA256() != sha256.Sum256(plain) || !bytes.Equal(one.Sum(nil), wantOne[:]) || !bytes.Equal(two.Sum(nil), wantTwo[:]) {
				t.Errorf("%d bytes: wrong digests", size)
			}
			if err := u.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestUploadIsRefused(t *testing.T) {
	s, anna := uploads(t)
	reader := anna
	reader.Rights = resource.Read
	if _, err := s.NewUpload(t.Context(), reader, resource.UploadOptions{Size: 1}); !errors.Is(err, resource.ErrDenied) {
		t.Errorf("by who may only read: %v", err)
	}
	if _, err := s.NewUpload(t.Context(), anna, resource.UploadOptions{Size: 11, Limit: 10}); !errors.Is(err, resource.ErrTooLarge) {
		t.Errorf("above the limit: %v", err)
	}
	for what, c := range map[string]struct {
		o    resource.UploadOptions
		want error
	}{
		"longer than announced":  {resource.UploadOptions{Size: 3}, resource.ErrDigest},
		"shorter than announced": {resource.UploadOptions{Size: 5}, resource.ErrDigest},
		"above the limit":        {resource.UploadOptions{Size: -1, Limit: 3}, resource.ErrTooLarge},
	} {
		u, err := s.NewUpload(t.Context(), anna, c.o)
		if err != nil {
			t.Fatal(err)
		}
		_, err = u.Write([]byte("four"))
		if also := u.Finish(); err == nil {
			err = also
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
		if err := u.Finish(); !errors.Is(err, c.want) {
			t.Errorf("%s, again: %v", what, err)
		}
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	}
}
