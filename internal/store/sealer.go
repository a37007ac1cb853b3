package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"fachwerk/internal/store/content"
)

// maxSealers bounds how many accounts' opened keys are kept in memory.
const maxSealers = 20_000

// openedFor is how long an opened key is used before it is unwrapped anew: a key
// that was destroyed elsewhere opens nothing here after that.
const openedFor = time.Minute

type openedKey struct {
	*content.Account
	until time.Time
}

// sealers keeps opened account keys, and the process's own for spool files.
type sealers struct {
	mu        sync.Mutex
	byKey     map[Key]openedKey
	queues    map[int64]Key // a tenant's queue account
	ephemeral *content.Account
}

func (c *sealers) spool(keys *content.KeyDir) *content.Account {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ephemeral == nil {
		c.ephemeral = keys.Ephemeral()
	}
	return c.ephemeral
}

func (c *sealers) forget(key Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byKey, key)
}

func (c *sealers) forgetTenant(tenant int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.byKey {
		if key.Tenant == tenant {
			delete(c.byKey, key)
		}
	}
	delete(c.queues, tenant)
}

// sealer opens an account's key, or finds it opened.
func (s *Store) sealer(ctx context.Context, key Key) (*content.Account, error) {
	c := &s.sealers
	c.mu.Lock()
	opened := c.byKey[key]
	c.mu.Unlock()
	if opened.Account != nil && time.Now().Before(opened.until) {
		return opened.Account, nil
	}
	var wrapped []byte
	err := s.at(ctx, key.Tenant).one(ctx, []any{&wrapped}, `SELECT wrapped_key FROM account WHERE tenant_id = $1 AND account_id = $2`,
		key.Tenant, key.Account)
	if err != nil {
		return nil, err
	}
	a, err := s.keys.OpenAccount(key.Tenant, key.Account, wrapped)
	if err != nil {
		return nil, outer(fmt.Errorf("store: key of account %d: %w", key.Account, err))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey == nil || len(c.byKey) >= maxSealers {
		c.byKey = make(map[Key]openedKey)
	}
	c.byKey[key] = openedKey{a, time.Now().Add(openedFor)}
	return a, nil
}

// rangeOf reads a part of bytes in memory.
func rangeOf(b []byte, offset, length int64) io.ReadCloser {
	offset = min(max(offset, 0), int64(len(b)))
	end := int64(len(b))
	if length >= 0 {
		end = min(end, offset+length)
	}
	return memoryReader{bytes.NewReader(b[offset:end])}
}

type memoryReader struct{ *bytes.Reader }

func (memoryReader) Close() error { return nil }
