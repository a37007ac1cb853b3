package content

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fachwerk/internal/store/blob"
)

const (
	operatorFile = "operator.key"
	tenantsDir   = "tenants"
	keySuffix    = ".key"
	tempPrefix   = ".new-"
)

// KeyDir is a key directory: the operator's key in operator.key (32 random bytes)
// and each tenant's key, wrapped by it, in tenants/ID.key. It is kept apart from
// the metadata database and its backups: who has only the database reads nothing.
//
// Tenant keys are read at every use, so that a key which any process destroyed
// is gone for all of them. Its methods may be called concurrently.
type KeyDir struct {
	path   string
	root   *os.Root
	master []byte // the operator's key
	wrap   *xaes  // wraps tenant keys
	codec  *codec
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
	k := &KeyDir{path: path, root: root, codec: newCodec()}
	if err := k.loadOperatorKey(create); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return k, nil
}

// Close ends the use of the directory. Accounts that were opened stay usable.
func (k *KeyDir) Close() error { return k.root.Close() }

func lostOperatorKey(path string) error {
	return fmt.Errorf("%w: the operator's key %s is missing; without it nothing that was stored "+
		"can be read: put it back from its backup (docs/admin/secrets.md, Keys)",
		ErrNoKey, filepath.Join(path, operatorFile))
}

func (k *KeyDir) loadOperatorKey(create bool) error {
	key, err := k.readOperatorKey()
	if errors.Is(err, fs.ErrNotExist) {
		if !create || k.holdsTenantKeys() {
			return lostOperatorKey(k.path)
		}
		if err := k.makeOperatorKey(); err != nil {
			return fmt.Errorf("content: make the operator's key: %w", err)
		}
		key, err = k.readOperatorKey()
	}
	if err != nil {
		return fmt.Errorf("content: read the operator's key: %w", err)
	}
	k.master = key
	k.wrap = newXAES(derive(key, nil, labelTenantKey))
	return nil
}

func (k *KeyDir) readOperatorKey() ([]byte, error) {
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
func (k *KeyDir) makeOperatorKey() error {
	key := make([]byte, keySize)
	rand.Read(key) // never fails, see crypto/rand
	err := k.createFile(operatorFile, key)
	if errors.Is(err, fs.ErrExist) {
		return syncDir(k.path) // who made it may not have come to that yet
	}
	return err
}

func (k *KeyDir) holdsTenantKeys() bool {
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
func (k *KeyDir) createFile(name string, data []byte) error {
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
