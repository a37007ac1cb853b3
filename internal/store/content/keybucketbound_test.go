package content

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fachwerk/internal/store/blob/dir"
)

// A key that another process destroyed opens nothing as soon as this one is told, and
// untold for half a minute more and no longer.
func TestHowLongADestroyedKeyIsKept(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bucket, err := dir.Open(filepath.Join(t.TempDir(), "bucket"))
	must(err)
	t.Cleanup(func() { must(bucket.Close()) })
	operator := filepath.Join(t.TempDir(), "operator.key")
	must(os.WriteFile(operator, bytes.Repeat([]byte{7}, 32), 0o400))
	now := time.Now()
	open := func() *KeyDir {
		k, err := OpenKeyBucket(t.Context(), bucket, "keys", operator)
		must(err)
		k.tenants.(*keyBucket).now = func() time.Time { return now }
		return k
	}
	destroyer, told, untold := open(), open(), open()
	for _, tenant := range []int64{5, 6} {
		must(destroyer.CreateTenantKey(tenant))
		must(told.CheckTenantKey(tenant))
		must(untold.CheckTenantKey(tenant))
	}
	must(destroyer.DestroyTenantKey(5))
	told.Retain(func(tenant int64) bool { return tenant != 5 })
	if err := told.CheckTenantKey(5); !errors.Is(err, ErrNoKey) {
		t.Errorf("who was told: %v", err)
	}
	must(told.CheckTenantKey(6))
	now = now.Add(keptFor - time.Second)
	must(untold.CheckTenantKey(5))
	now = now.Add(2 * time.Second)
	if err := untold.CheckTenantKey(5); !errors.Is(err, ErrNoKey) {
		t.Errorf("who was not told, after its time: %v", err)
	}
	must(untold.CheckTenantKey(6))
}
