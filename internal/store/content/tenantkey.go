package content

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
)

// CreateTenantKey makes a tenant's key and writes it, wrapped, durably. A tenant
// that has a key keeps it; that is fs.ErrExist.
func (k *KeyDir) CreateTenantKey(tenant int64) error {
	key := make([]byte, keySize)
	rand.Read(key) // never fails, see crypto/rand
	if err := k.tenants.create(tenant, sealSmall(nil, k.wrap, tenant, 0, nil, key)); err != nil {
		return fmt.Errorf("content: make the key of tenant %d: %w", tenant, err)
	}
	return nil
}

// CheckTenantKey tells whether the tenant's key is there and opens with the
// operator's: nil, ErrNoKey or ErrWrongKey.
func (k *KeyDir) CheckTenantKey(tenant int64) error {
	_, err := k.tenantKey(tenant)
	return err
}

// DestroyTenantKey destroys a tenant's key and with it all that the tenant ever
// stored, in every copy. A missing key is not an error. Backups of the key
// directory must expire for the destruction to be complete.
func (k *KeyDir) DestroyTenantKey(tenant int64) error {
	if err := k.tenants.destroy(tenant); err != nil {
		return fmt.Errorf("content: destroy the key of tenant %d: %w", tenant, err)
	}
	return nil
}

// Retain forgets what this process keeps in memory of the keys of all tenants but those
// that keep names: they are looked for anew.
func (k *KeyDir) Retain(keep func(tenant int64) bool) { k.tenants.retain(keep) }

func (k *KeyDir) tenantKey(tenant int64) ([]byte, error) {
	wrapped, err := k.tenants.read(tenant)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: tenant %d has no key %s: it was destroyed or lost (docs/admin/secrets.md, Keys)",
			ErrNoKey, tenant, k.tenants.name(tenant))
	}
	if err != nil {
		return nil, fmt.Errorf("content: read the key of tenant %d: %w", tenant, err)
	}
	key, err := openSmall(nil, k.wrap, tenant, 0, nil, wrapped)
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("%w: %s does not open with %s: they are not of one installation, or damaged (docs/admin/secrets.md, Keys)",
			ErrWrongKey, k.tenants.name(tenant), k.tenants.operator())
	}
	return key, nil
}

// SealTenantSmall seals a short secret that belongs to a tenant and to none of
// its accounts.
func (k *KeyDir) SealTenantSmall(tenant int64, purpose string, aad, plain []byte) ([]byte, error) {
	key, err := k.tenantKey(tenant)
	if err != nil {
		return nil, err
	}
	return sealSmall(nil, newXAES(derive(key, nil, labelSmall+purpose)), tenant, 0, aad, plain), nil
}

// OpenTenantSmall opens what SealTenantSmall sealed.
func (k *KeyDir) OpenTenantSmall(tenant int64, purpose string, aad, sealed []byte) ([]byte, error) {
	key, err := k.tenantKey(tenant)
	if err != nil {
		return nil, err
	}
	return openSmall(nil, newXAES(derive(key, nil, labelSmall+purpose)), tenant, 0, aad, sealed)
}

// NewAccountKey makes an account's key and returns it wrapped by the tenant's,
// for the account's metadata row.
func (k *KeyDir) NewAccountKey(tenant, account int64) (wrapped []byte, err error) {
	tenantKey, err := k.tenantKey(tenant)
	if err != nil {
		return nil, err
	}
	key := make([]byte, keySize)
	rand.Read(key) // never fails, see crypto/rand
	wrap := newXAES(derive(tenantKey, nil, labelAccountKey))
	return sealSmall(nil, wrap, tenant, account, nil, key), nil
}

// OpenAccount unwraps an account's key. It reads the tenant's key file and takes
// some 5 µs: callers keep a bounded cache of Accounts, and drop an account from
// it when the account or its tenant goes.
func (k *KeyDir) OpenAccount(tenant, account int64, wrapped []byte) (*Account, error) {
	tenantKey, err := k.tenantKey(tenant)
	if err != nil {
		return nil, err
	}
	wrap := newXAES(derive(tenantKey, nil, labelAccountKey))
	key, err := openSmall(nil, wrap, tenant, account, nil, wrapped)
	if err != nil || len(key) != keySize {
		return nil, fmt.Errorf("%w: the key of account %d does not open with that of its tenant %d",
			ErrWrongKey, account, tenant)
	}
	return newAccount(k.codec, tenant, account, key), nil
}
