package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// uploadSizes are those at which content goes another way: inline, as an object,
// and beyond what is kept in memory.
var uploadSizes = []int{0, 1, 4 << 10, 64 << 10, 64<<10 + 1, 300 << 10, 3 << 20}

// upload writes plain in odd pieces and finishes.
func upload(t *testing.T, p *storetest.Parts, key store.Key, plain []byte, size int64) *store.Upload {
	t.Helper()
	u, err := p.NewUpload(t.Context(), key, store.UploadOptions{Size: size})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	for rest := plain; len(rest) > 0; {
		n := min(len(rest), 30_011)
		if _, err := u.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := u.Finish(); err != nil {
		t.Fatal(err)
	}
	return u
}

// name names an upload's content by an item.
func name(t testing.TB, p *storetest.Parts, key store.Key, u *store.Upload) store.ContentID {
	t.Helper()
	var id store.ContentID
	c, err := p.DB.CreateCollection(t.Context(), key, meta.Mailbox, "upload", "", meta.CollectionOptions{})
	if errors.Is(err, meta.ErrExists) {
		c, err = p.DB.CollectionByName(t.Context(), key, meta.Mailbox, "upload")
	}
	if err != nil {
		t.Fatal(err)
	}
	err = u.Use(func(placed meta.Content) error {
		id = placed.ID
		_, err := p.DB.Add(context.WithoutCancel(t.Context()), key, c.ID, []meta.NewItem{{Content: placed, Size: placed.Size}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestUploadComesBack(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		anna := p.Person(t, "anna").Key
		for _, n := range uploadSizes {
			plain := incompressible(n)
			for _, size := range []int64{int64(n), -1} {
				u := upload(t, p, anna, plain, size)
				if u.Size() != int64(n) || u.SHA256() != sha256.Sum256(plain) {
					t.Errorf("%d bytes: size %d, digest %x", n, u.Size(), u.SHA256())
				}
				body, err := p.Body(t.Context(), anna, name(t, p, anna, u))
				if err != nil {
					t.Fatal(err)
				}
				if err := u.Close(); err != nil {
					t.Error(err)
				}
				r, err := body.Open(t.Context(), 0, -1)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(r)
				r.Close()
				if err != nil || !bytes.Equal(got, plain) || body.Size() != int64(n) {
					t.Errorf("%d bytes: %d back, %v", n, len(got), err)
				}
			}
		}
	})
}

// Equal content has equal digests within an account only.
func TestUploadDigest(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	anna, bert := p.Person(t, "anna").Key, p.Person(t, "bert").Key
	one, two := upload(t, p, anna, incompressible(100), 100), upload(t, p, anna, incompressible(100), -1)
	other, foreign := upload(t, p, anna, incompressible(101), -1), upload(t, p, bert, incompressible(100), -1)
	if one.Digest() != two.Digest() || one.Digest() == other.Digest() || one.Digest() == foreign.Digest() {
		t.Errorf("%x %x, other content %x, another account %x", one.Digest(), two.Digest(), other.Digest(), foreign.Digest())
	}
	sum := sha256.Sum256(incompressible(100))
	if digest := one.Digest(); bytes.Equal(digest[:], sum[:16]) {
		t.Error("the digest is the content's SHA-256: the database tells what was stored")
	}
}
