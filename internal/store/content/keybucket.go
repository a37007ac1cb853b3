package content

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"fachwerk/internal/store/blob"
)

const (
	// bucketPatience bounds a request for a key, retries included.
	bucketPatience = 20 * time.Second
	// keptFor is how long a key that was read is not read again: a key that another
	// process destroyed opens nothing here after that, if nobody says so before.
	keptFor = 30 * time.Second
	// keptWhileAway is how long it serves while the bucket does not answer.
	keptWhileAway = 15 * time.Minute
	maxKept       = 10_000
)

// OpenKeyBucket opens a key directory whose tenant keys lie in a bucket of their own,
// so that servers on several machines share them. operatorFile holds the operator's
// key: 32 bytes, or these in base64 or hexadecimal on one line; others than its owner
// and group may not use it. Neither is ever made here: a bucket or a file that is
// missing is an error. One that does not answer is waited for: until it does, what needs
// a key fails as temporary. name is the bucket's for people. Closing the KeyDir does not
// close the bucket.
func OpenKeyBucket(ctx context.Context, bucket blob.Store, name, operatorFile string) (*KeyDir, error) {
	key, err := readOperatorFile(operatorFile)
	if err != nil {
		return nil, fmt.Errorf("content: read the operator's key: %w", err)
	}
	if err := bucket.Check(ctx); err != nil && !errors.Is(err, blob.ErrTemporary) {
		return nil, fmt.Errorf("content: the bucket of keys %s: %w", name, err)
	}
	return keyDirOf(&keyBucket{bucket: bucket, label: name, file: operatorFile, kept: map[int64]keptKey{}, now: time.Now}, key), nil
}

func readOperatorFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the operator's key %s is missing; without it nothing that was stored can be read, "+
			"and a new one opens nothing: put it back from its backup (docs/admin/secrets.md, Keys)", ErrNoKey, path)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	// A container's secret is read by the group that its volume is given to.
	if info.Mode().Perm()&0o027 != 0 {
		return nil, fmt.Errorf("%s has mode %04o: others than its owner and group may use it; run chmod 440, or give the volume that mode (docs/admin/secrets.md, Keys)",
			path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(file, 4*keySize))
	if err != nil {
		return nil, err
	}
	if len(text) == keySize {
		return text, nil
	}
	text = bytes.TrimSpace(text)
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString} {
		if key, err := decode(string(text)); err == nil && len(key) == keySize {
			return key, nil
		}
	}
	return nil, fmt.Errorf("%w: %s has not the %d bytes of a key", ErrWrongKey, path, keySize)
}

// keyBucket keeps tenants' keys as objects.
type keyBucket struct {
	bucket      blob.Store
	label, file string
	now         func() time.Time

	mu        sync.Mutex
	kept      map[int64]keptKey
	forgotten int // how often keys were: one that was read before is not kept after
}

type keptKey struct {
	wrapped []byte
	at      time.Time
}

// object is a key as blob.CheckKey wants it: a tenant's only one.
func (k *keyBucket) object(tenant int64) string {
	return blob.TenantPrefix(tenant) + "00000000/key"
}

func (k *keyBucket) name(tenant int64) string {
	return k.label + "/" + k.object(tenant)
}

func (k *keyBucket) operator() string { return k.file }

func (k *keyBucket) Close() error { return nil }

func (k *keyBucket) create(tenant int64, wrapped []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), bucketPatience)
	defer cancel()
	// A tenant's id is new and random, so nobody else makes this object now.
	_, err := k.bucket.Stat(ctx, k.object(tenant))
	if err == nil {
		return fs.ErrExist
	}
	if !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	return k.bucket.Put(ctx, k.object(tenant), blob.Bytes(wrapped))
}

func (k *keyBucket) read(tenant int64) ([]byte, error) {
	k.mu.Lock()
	kept, ok := k.kept[tenant]
	forgotten := k.forgotten
	k.mu.Unlock()
	age := k.now().Sub(kept.at)
	if ok && age < keptFor {
		return kept.wrapped, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), bucketPatience)
	defer cancel()
	wrapped, err := k.fetch(ctx, tenant)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil && forgotten != k.forgotten: // it may have gone meanwhile
	case err == nil:
		if len(k.kept) >= maxKept {
			clear(k.kept)
		}
		k.kept[tenant] = keptKey{wrapped, k.now()}
	case errors.Is(err, blob.ErrTemporary) && ok && age < keptWhileAway && forgotten == k.forgotten:
		return kept.wrapped, nil
	case errors.Is(err, blob.ErrNotFound):
		delete(k.kept, tenant)
		return nil, fs.ErrNotExist
	}
	return wrapped, err
}

func (k *keyBucket) fetch(ctx context.Context, tenant int64) ([]byte, error) {
	r, err := k.bucket.Get(ctx, k.object(tenant), 0, maxWrapped)
	if err != nil {
		return nil, err
	}
	wrapped, err := io.ReadAll(io.LimitReader(r, maxWrapped))
	return wrapped, errors.Join(err, r.Close())
}

func (k *keyBucket) retain(keep func(tenant int64) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forgotten++
	for tenant := range k.kept {
		if !keep(tenant) {
			delete(k.kept, tenant)
		}
	}
}

func (k *keyBucket) destroy(tenant int64) error {
	k.retain(func(other int64) bool { return other != tenant })
	ctx, cancel := context.WithTimeout(context.Background(), bucketPatience)
	defer cancel()
	err := k.bucket.Delete(ctx, k.object(tenant)) // with all its versions
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}
