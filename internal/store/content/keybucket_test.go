package content_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/dir"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/store/content"
	"fachwerk/internal/testenv/need"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// away is a blob store that does not answer while it is told so.
type away struct {
	blob.Store
	now  atomic.Pointer[error]
	gets atomic.Int64
}

func (a *away) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	a.gets.Add(1)
	if err := a.now.Load(); err != nil {
		return nil, *err
	}
	return a.Store.Get(ctx, key, offset, length)
}

func (a *away) fail(err error) { a.now.Store(&err) }

// buckets are a folder and a real S3 service.
func buckets(t *testing.T, f func(t *testing.T, bucket *away, operator string)) {
	for _, kind := range []string{"directory", "S3"} {
		t.Run(kind, func(t *testing.T) {
			var bucket interface {
				blob.Store
				Close() error
			}
			var err error
			if kind == "S3" {
				config, err := s3.Parse(need.S3(t))
				must(t, err)
				bucket, err = s3.Open(config)
				must(t, err)
			} else {
				bucket, err = dir.Open(filepath.Join(t.TempDir(), "bucket"))
				must(t, err)
			}
			t.Cleanup(func() { must(t, bucket.Close()) })
			operator := filepath.Join(t.TempDir(), "operator.key")
			must(t, os.WriteFile(operator, bytes.Repeat([]byte{7}, 32), 0o440))
			f(t, &away{Store: bucket}, operator)
		})
	}
}

func open(t *testing.T, bucket blob.Store, operator string) *content.KeyDir {
	t.Helper()
	k, err := content.OpenKeyBucket(t.Context(), bucket, "keys", operator)
	must(t, err)
	t.Cleanup(func() { must(t, k.Close()) })
	return k
}

// Servers on several machines open the same with keys in a bucket, and nobody does
// after a key is destroyed.
func TestKeysInABucket(t *testing.T) {
	buckets(t, func(t *testing.T, bucket *away, operator string) {
		k := open(t, bucket, operator)
		for _, tenant := range []int64{5, 55} {
			must(t, k.CreateTenantKey(tenant))
		}
		if err := k.CreateTenantKey(5); !errors.Is(err, fs.ErrExist) {
			t.Errorf("a second key for a tenant: %v", err)
		}
		wrapped, err := k.NewAccountKey(5, 6)
		must(t, err)
		a, err := k.OpenAccount(5, 6, wrapped)
		must(t, err)
		id := content.NewID()
		sealed := a.SealBytes(nil, id, content.PurposeContent, []byte("bleibt"))
		theirs, err := k.SealTenantSmall(5, "name", nil, []byte("Musterstadt"))
		must(t, err)

		again := open(t, bucket, operator)
		b, err := again.OpenAccount(5, 6, wrapped)
		must(t, err)
		if got, err := b.OpenBytes(nil, id, content.PurposeContent, sealed); err != nil || string(got) != "bleibt" {
			t.Errorf("another server: %q, %v", got, err)
		}
		if got, err := again.OpenTenantSmall(5, "name", nil, theirs); err != nil || string(got) != "Musterstadt" {
			t.Errorf("the tenant's secret: %q, %v", got, err)
		}
		if _, err := again.OpenAccount(55, 6, wrapped); !errors.Is(err, content.ErrWrongKey) {
			t.Errorf("under another tenant's key: %v", err)
		}
		if n := bucket.gets.Load(); n > 4 {
			t.Errorf("%d requests", n)
		}

		must(t, k.DestroyTenantKey(5))
		must(t, k.DestroyTenantKey(5))
		for _, k := range []*content.KeyDir{k, open(t, bucket, operator)} {
			_, err := k.OpenAccount(5, 6, wrapped)
			if !errors.Is(err, content.ErrNoKey) || !strings.Contains(err.Error(), "destroyed or lost") {
				t.Errorf("opening an account of it: %v", err)
			}
		}
		must(t, k.CheckTenantKey(55))
		left, err := bucket.List(t.Context(), "5/", "", 0)
		if err != nil || len(left) > 0 {
			t.Errorf("left in the bucket: %v, %v", left, err)
		}
		must(t, k.CreateTenantKey(5))
		if _, err := k.OpenAccount(5, 6, wrapped); !errors.Is(err, content.ErrWrongKey) {
			t.Errorf("an old account under a new tenant key: %v", err)
		}
	})
}

// A bucket that does not answer is temporary, whatever is known serves on, and none of
// it makes a new key; a bucket that is not there any more is an error.
func TestKeyBucketIsAway(t *testing.T) {
	buckets(t, func(t *testing.T, bucket *away, operator string) {
		k := open(t, bucket, operator)
		must(t, k.CreateTenantKey(5))
		must(t, k.CheckTenantKey(5))
		bucket.fail(blob.ErrTemporary)
		must(t, k.CheckTenantKey(5))
		fresh := open(t, bucket, operator)
		if err := fresh.CheckTenantKey(5); !errors.Is(err, blob.ErrTemporary) || errors.Is(err, content.ErrNoKey) {
			t.Errorf("a server that knows no key yet: %v", err)
		}
		bucket.fail(errors.New("NoSuchBucket"))
		if err := fresh.CheckTenantKey(5); err == nil || errors.Is(err, content.ErrNoKey) {
			t.Errorf("the bucket is lost: %v", err)
		}
		bucket.now.Store(nil)
		must(t, fresh.CheckTenantKey(5))
	})
	config, err := s3.Parse(need.S3(t))
	must(t, err)
	config.Bucket += "-that-is-not-there"
	gone, err := s3.Open(config)
	must(t, err)
	operator := filepath.Join(t.TempDir(), "operator.key")
	must(t, os.WriteFile(operator, bytes.Repeat([]byte{7}, 32), 0o400))
	if _, err := content.OpenKeyBucket(t.Context(), gone, "a name for people", operator); err == nil || !strings.Contains(err.Error(), "a name for people") {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

// The operator's key is given, in any of three forms, and never made.
func TestOperatorKeyFile(t *testing.T) {
	bucket, err := dir.Open(filepath.Join(t.TempDir(), "bucket"))
	must(t, err)
	defer bucket.Close()
	key := bytes.Repeat([]byte{7}, 32)
	file := filepath.Join(t.TempDir(), "operator.key")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		os.Remove(file)
		must(t, os.WriteFile(file, []byte(text), 0o600))
		must(t, os.Chmod(file, mode))
	}
	var derived []byte
	for _, text := range []string{string(key), base64.StdEncoding.EncodeToString(key) + "\n", strings.Repeat("07", 32)} {
		write(text, 0o440)
		k := open(t, bucket, file)
		if derived == nil {
			derived = k.Derive("x")
		}
		if !bytes.Equal(k.Derive("x"), derived) {
			t.Errorf("%q is another key", text)
		}
	}
	for _, bad := range []struct {
		text string
		mode os.FileMode
		want string
	}{{"short", 0o400, "32 bytes"}, {"", 0o400, "32 bytes"}, {string(key), 0o444, "chmod 440"}, {string(key), 0o460, "chmod 440"}} {
		write(bad.text, bad.mode)
		if _, err := content.OpenKeyBucket(t.Context(), bucket, "keys", file); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%q, mode %v: %v", bad.text, bad.mode, err)
		}
	}
	must(t, os.Remove(file))
	if _, err := content.OpenKeyBucket(t.Context(), bucket, "keys", file); !errors.Is(err, content.ErrNoKey) || !strings.Contains(err.Error(), file) {
		t.Errorf("without a file: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a key was made")
	}
}

// A bucket that keeps versions keeps none of a key that was destroyed.
func TestDestroyedKeyHasNoVersions(t *testing.T) {
	config, err := s3.Parse(need.S3(t))
	must(t, err)
	client, err := minio.New(config.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(config.Access, config.Secret, ""), Secure: config.TLS, Region: config.Region})
	must(t, err)
	if err := client.EnableVersioning(t.Context(), config.Bucket); err != nil {
		need.Missing(t, "needs an S3 service that keeps versions: "+err.Error())
	}
	bucket, err := s3.Open(config)
	must(t, err)
	defer bucket.Close()
	operator := filepath.Join(t.TempDir(), "operator.key")
	must(t, os.WriteFile(operator, bytes.Repeat([]byte{7}, 32), 0o440))
	k := open(t, bucket, operator)
	versions := func() (n int) {
		for o := range client.ListObjects(t.Context(), config.Bucket, minio.ListObjectsOptions{Prefix: config.Prefix + "5/", Recursive: true, WithVersions: true}) {
			must(t, o.Err)
			n++
		}
		return n
	}
	must(t, k.CreateTenantKey(5))
	if versions() == 0 {
		t.Fatal("the key is not seen in the bucket")
	}
	must(t, k.DestroyTenantKey(5))
	if n := versions(); n > 0 {
		t.Errorf("%d versions of the key are left", n)
	}
}
