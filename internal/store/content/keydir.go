package content

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"fachwerk/internal/store/blob"
)

const (
	operatorFile = "operator.key"
	tenantsDir   = "tenants"
	keySuffix    = ".key"
	tempPrefix   = ".new-"
	maxWrapped   = 1024 // bytes; a wrapped key is far shorter
)

// KeyDir is a key directory: the operator's key in operator.key (32 random bytes)
// and each tenant's key, wrapped by it, in tenants/ID.key; or the same with the
// tenants' keys in a bucket and the operator's in a file of its own. It is kept apart
// from the metadata database and its backups: who has only the database reads nothing.
//
// A key which any process destroyed is gone for all of them at once in a directory. A
// bucket is not asked each time, so there it may open for 30 seconds more in another
// process, unless that one is told by Retain. Its methods may be called concurrently.
type KeyDir struct {
	tenants tenantKeys
	master  []byte // the operator's key
	wrap    *xaes  // wraps tenant keys
	codec   *codec
}

// tenantKeys keeps tenants' keys, wrapped.
type tenantKeys interface {
	// create keeps a key durably, whole or not at all; fs.ErrExist where there is one.
	create(tenant int64, wrapped []byte) error
	// read fails with fs.ErrNotExist where there is none.
	read(tenant int64) ([]byte, error)
	// destroy removes a key with everything that is left of it; none is no error.
	destroy(tenant int64) error
	// retain forgets what is kept in memory of keys of other tenants.
	retain(keep func(tenant int64) bool)
	// name says where a tenant's key lies, operator where that of the operator does.
	name(tenant int64) string
	operator() string
	Close() error
}

// keyFolder is a key directory on disk.
type keyFolder struct {
	path string
	root *os.Root
}

// OpenKeyDir opens the key directory at path. With create, a directory that does
// not hold any key yet is made and gets an operator's key; without, or where
// tenant keys lie without an operator's key, a missing one is ErrNoKey. A key
// that group or others may read is refused.
func OpenKeyDir(path string, create bool) (*KeyDir, error) {
	if create {
		if err := blob.MakeFolder(filepath.Join(path, tenantsDir)); err != nil {
			return nil, fmt.Errorf("content: make the key directory: %w", err)
		}
	}
	root, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, lostOperatorKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("content: open the key directory: %w", err)
	}
	f := &keyFolder{path, root}
	key, err := f.operatorKey(create)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return keyDirOf(f, key), nil
}

func keyDirOf(tenants tenantKeys, operator []byte) *KeyDir {
	return &KeyDir{tenants: tenants, master: operator, wrap: newXAES(derive(operator, nil, labelTenantKey)), codec: newCodec()}
}

// Close ends the use of the directory. Accounts that were opened stay usable.
func (k *KeyDir) Close() error { return k.tenants.Close() }

// Close implements tenantKeys.
func (k *keyFolder) Close() error { return k.root.Close() }

func lostOperatorKey(path string) error {
	return fmt.Errorf("%w: the operator's key %s is missing; without it nothing that was stored "+
		"can be read: put it back from its backup (docs/admin/secrets.md, Keys)",
		ErrNoKey, filepath.Join(path, operatorFile))
}

// operatorKey reads the operator's key, or makes it.
func (k *keyFolder) operatorKey(create bool) ([]byte, error) {
	key, err := k.readOperatorKey()
	if errors.Is(err, fs.ErrNotExist) {
		if !create || k.holdsTenantKeys() {
			return nil, lostOperatorKey(k.path)
		}
		if err := k.makeOperatorKey(); err != nil {
			return nil, fmt.Errorf("content: make the operator's key: %w", err)
		}
		key, err = k.readOperatorKey()
	}
	if err != nil {
		return nil, fmt.Errorf("content: read the operator's key: %w", err)
	}
	return key, nil
}

func (k *keyFolder) readOperatorKey() ([]byte, error) {
	file, err := k.root.Open(operatorFile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	name := filepath.Join(k.path, operatorFile)
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s has mode %04o: others than its owner may use it; run chmod 600 (docs/admin/secrets.md, Keys)",
			name, info.Mode().Perm())
	}
	key, err := io.ReadAll(io.LimitReader(file, keySize+1))
	if err != nil {
		return nil, err
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("%w: %s has not the %d bytes of a key", ErrWrongKey, name, keySize)
	}
	return key, nil
}

// makeOperatorKey may run in several processes at once: the first one's key stays.
func (k *keyFolder) makeOperatorKey() error {
	key := make([]byte, keySize)
	rand.Read(key) // never fails, see crypto/rand
	err := k.createFile(operatorFile, key)
	if errors.Is(err, fs.ErrExist) {
		return syncDir(k.path) // who made it may not have come to that yet
	}
	return err
}

func (k *keyFolder) holdsTenantKeys() bool {
	entries, err := fs.ReadDir(k.root.FS(), tenantsDir)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist) // unknown counts as yes: never a second key
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), keySuffix) {
			return true
		}
	}
	return false
}

// createFile writes a file durably and whole or not at all; one that is there
// already stays and is fs.ErrExist.
func (k *keyFolder) createFile(name string, data []byte) error {
	dir, base := filepath.Split(name)
	temp := dir + tempPrefix + base + "-" + rand.Text()
	file, err := k.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = k.root.Link(temp, name) // unlike a rename, never replaces a key
	}
	if err := errors.Join(err, k.root.Remove(temp)); err != nil {
		return err
	}
	return syncDir(filepath.Join(k.path, dir))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func tenantFile(tenant int64) string {
	return filepath.Join(tenantsDir, strconv.FormatInt(tenant, 10)+keySuffix)
}

func (k *keyFolder) name(tenant int64) string { return filepath.Join(k.path, tenantFile(tenant)) }

func (k *keyFolder) operator() string { return filepath.Join(k.path, operatorFile) }

func (k *keyFolder) create(tenant int64, wrapped []byte) error {
	return k.createFile(tenantFile(tenant), wrapped)
}

func (k *keyFolder) read(tenant int64) ([]byte, error) {
	file, err := k.root.Open(tenantFile(tenant))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxWrapped))
}

func (k *keyFolder) retain(func(int64) bool) {} // nothing is kept

func (k *keyFolder) destroy(tenant int64) error {
	entries, err := fs.ReadDir(k.root.FS(), tenantsDir)
	if err != nil {
		return err
	}
	name := filepath.Base(tenantFile(tenant))
	for _, e := range entries {
		// A crash while the key was made may have left a second name of it.
		if e.Name() != name && !strings.HasPrefix(e.Name(), tempPrefix+name) {
			continue
		}
		err := k.root.Remove(filepath.Join(tenantsDir, e.Name()))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncDir(filepath.Join(k.path, tenantsDir))
}

// Derive returns 32 secret bytes that depend on the operator's key and purpose
// alone, for uses such as the keyed hashes of app passwords. To rotate such a
// key, put a number into the purpose.
func (k *KeyDir) Derive(purpose string) []byte {
	return derive(k.master, nil, labelDerive+purpose)
}

// SealSmall seals a short secret of no tenant under the operator's key. aad is
// what OpenSmall must be given again, such as the row's id.
func (k *KeyDir) SealSmall(purpose string, aad, plain []byte) []byte {
	return sealSmall(nil, newXAES(derive(k.master, nil, labelSmall+purpose)), 0, 0, aad, plain)
}

// OpenSmall opens what SealSmall sealed, or fails with ErrCorrupt.
func (k *KeyDir) OpenSmall(purpose string, aad, sealed []byte) ([]byte, error) {
	return openSmall(nil, newXAES(derive(k.master, nil, labelSmall+purpose)), 0, 0, aad, sealed)
}
