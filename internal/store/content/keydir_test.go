package content

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func newKeyDir(t *testing.T) (*KeyDir, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	return openKeyDir(t, dir, true), dir
}

func openKeyDir(t *testing.T, dir string, create bool) *KeyDir {
	t.Helper()
	k, err := OpenKeyDir(dir, create)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

func TestKeysLast(t *testing.T) {
	k, dir := newKeyDir(t)
	if err := k.CreateTenantKey(5); err != nil {
		t.Fatal(err)
	}
	if err := k.CreateTenantKey(5); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second key for a tenant: %v", err)
	}
	wrapped, err := k.NewAccountKey(5, 6)
	if err != nil {
		t.Fatal(err)
	}
	a, err := k.OpenAccount(5, 6, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	id := NewID()
	sealed := a.SealBytes(nil, id, PurposeContent, []byte("bleibt"))
	ours := k.SealSmall("ticket", []byte("1"), []byte("state"))
	theirs, err := k.SealTenantSmall(5, "name", nil, []byte("Musterstadt"))
	if err != nil {
		t.Fatal(err)
	}

	again := openKeyDir(t, dir, false)
	b, err := again.OpenAccount(5, 6, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.OpenBytes(nil, id, PurposeContent, sealed); err != nil || string(got) != "bleibt" {
		t.Errorf("after reopening: %q, %v", got, err)
	}
	if got, err := again.OpenSmall("ticket", []byte("1"), ours); err != nil || string(got) != "state" {
		t.Errorf("the operator's secret: %q, %v", got, err)
	}
	if _, err := again.OpenSmall("ticket", []byte("2"), ours); !errors.Is(err, ErrCorrupt) {
		t.Errorf("the operator's secret in another place: %v", err)
	}
	if got, err := again.OpenTenantSmall(5, "name", nil, theirs); err != nil || string(got) != "Musterstadt" {
		t.Errorf("the tenant's secret: %q, %v", got, err)
	}
	if !bytes.Equal(k.Derive("x"), again.Derive("x")) || bytes.Equal(k.Derive("x"), k.Derive("y")) || len(k.Derive("x")) != 32 {
		t.Error("Derive is not a function of the purpose alone")
	}
	if err := again.CheckTenantKey(5); err != nil {
		t.Error(err)
	}
}

func TestKeyFilesArePrivate(t *testing.T) {
	k, dir := newKeyDir(t)
	if err := k.CreateTenantKey(5); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if !d.IsDir() {
			files++
		}
		return nil
	})
	if err != nil || files != 2 {
		t.Errorf("%d files, %v; want operator.key and one tenant's, no temporary ones", files, err)
	}
	operator, _ := os.ReadFile(filepath.Join(dir, operatorFile))
	if len(operator) != keySize || bytes.Equal(operator, make([]byte, keySize)) {
		t.Errorf("operator.key has %d bytes", len(operator))
	}
	k.Close()
	if err := os.Chmod(filepath.Join(dir, operatorFile), 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeyDir(dir, true); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that the group may read: %v", err)
	}
}

func TestLostOperatorKey(t *testing.T) {
	k, dir := newKeyDir(t)
	if err := k.CreateTenantKey(5); err != nil {
		t.Fatal(err)
	}
	k.Close()
	file := filepath.Join(dir, operatorFile)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for _, create := range []bool{false, true} { // never a second key beside keys of tenants
		_, err := OpenKeyDir(dir, create)
		if !errors.Is(err, ErrNoKey) || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "docs/admin/secrets.md") {
			t.Errorf("create %v: %v", create, err)
		}
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a new operator's key was made: %v", err)
	}
	if _, err := OpenKeyDir(filepath.Join(dir, "nowhere"), false); !errors.Is(err, ErrNoKey) {
		t.Errorf("no directory: %v", err)
	}

	// Another installation's operator's key.
	if err := os.WriteFile(file, bytes.Repeat([]byte{9}, keySize), 0o600); err != nil {
		t.Fatal(err)
	}
	other := openKeyDir(t, dir, false)
	err := other.CheckTenantKey(5)
	if !errors.Is(err, ErrWrongKey) || !strings.Contains(err.Error(), file) {
		t.Errorf("a wrong operator's key: %v", err)
	}
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeyDir(dir, true); !errors.Is(err, ErrWrongKey) {
		t.Errorf("a short operator's key: %v", err)
	}
}

func TestDestroyTenantKey(t *testing.T) {
	k, dir := newKeyDir(t)
	for _, tenant := range []int64{5, 55} {
		if err := k.CreateTenantKey(tenant); err != nil {
			t.Fatal(err)
		}
	}
	wrapped, err := k.NewAccountKey(5, 6)
	if err != nil {
		t.Fatal(err)
	}
	// A crash while the key was made leaves a second name of the file.
	leftover := filepath.Join(dir, tenantsDir, tempPrefix+"5.key-X")
	if err := os.Link(filepath.Join(dir, tenantFile(5)), leftover); err != nil {
		t.Fatal(err)
	}
	other := openKeyDir(t, dir, false) // another process, with the key in use
	if _, err := other.OpenAccount(5, 6, wrapped); err != nil {
		t.Fatal(err)
	}
	if err := k.DestroyTenantKey(5); err != nil {
		t.Fatal(err)
	}
	if err := k.DestroyTenantKey(5); err != nil {
		t.Errorf("destroying it again: %v", err)
	}
	for _, k := range []*KeyDir{k, other} {
		if _, err := k.OpenAccount(5, 6, wrapped); !errors.Is(err, ErrNoKey) {
			t.Errorf("opening an account of it: %v", err)
		}
	}
	if _, err := os.Stat(leftover); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a second name of the key is left: %v", err)
	}
	if err := k.CheckTenantKey(55); err != nil {
		t.Errorf("another tenant's key: %v", err)
	}
	// A new key for the same number opens nothing of the old one's.
	if err := k.CreateTenantKey(5); err != nil {
		t.Fatal(err)
	}
	if _, err := k.OpenAccount(5, 6, wrapped); !errors.Is(err, ErrWrongKey) {
		t.Errorf("an old account under a new tenant key: %v", err)
	}
}

func TestWrappedKeysDoNotMove(t *testing.T) {
	k, dir := newKeyDir(t)
	for _, tenant := range []int64{1, 2} {
		if err := k.CreateTenantKey(tenant); err != nil {
			t.Fatal(err)
		}
	}
	wrapped, err := k.NewAccountKey(1, 10)
	if err != nil {
		t.Fatal(err)
	}
	for what, open := range map[string]func() (*Account, error){
		"another account": func() (*Account, error) { return k.OpenAccount(1, 11, wrapped) },
		"another tenant":  func() (*Account, error) { return k.OpenAccount(2, 10, wrapped) },
		"nothing":         func() (*Account, error) { return k.OpenAccount(1, 10, nil) },
	} {
		if _, err := open(); !errors.Is(err, ErrWrongKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, tenantFile(1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, tenantFile(2)), data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.CheckTenantKey(2); !errors.Is(err, ErrWrongKey) {
		t.Errorf("a tenant's key file under another's name: %v", err)
	}
}

func TestManyStartAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	keys := make([]*KeyDir, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			k, err := OpenKeyDir(dir, true)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = k
		})
	}
	wg.Wait()
	for _, k := range keys {
		if k == nil || !bytes.Equal(k.Derive("x"), keys[0].Derive("x")) {
			t.Fatal("processes that start together have different keys")
		}
		k.Close()
	}
}
