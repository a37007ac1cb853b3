package store

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"fachwerk/internal/store/content"
)

// maxSealers bounds how many accounts' opened keys are kept in memory.
const maxSealers = 20_000

// openedFor is how long an opened key is used before it is unwrapped anew: a key
// that was destroyed elsewhere opens nothing here after that, though nobody has said so.
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
	forgotten int // how often keys were: one that was opened before is not kept after
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
	c.forgotten++
	delete(c.byKey, key)
}

func (c *sealers) forgetTenant(tenant int64) {
	c.retain(func(other int64) bool { return other != tenant })
}

// retain forgets the keys of all tenants but those that keep names.
func (c *sealers) retain(keep func(tenant int64) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten++
	maps.DeleteFunc(c.byKey, func(key Key, _ openedKey) bool { return !keep(key.Tenant) })
	maps.DeleteFunc(c.queues, func(tenant int64, _ Key) bool { return !keep(tenant) })
}

// sealer opens an account's key, or finds it opened. That of an account that is being
// removed is ErrNotFound, also where its tenant's key could still be had.
func (s *Store) sealer(ctx context.Context, key Key) (*content.Account, error) {
	c := &s.sealers
	c.mu.Lock()
	opened := c.byKey[key]
	forgotten := c.forgotten
	c.mu.Unlock()
	if opened.Account != nil && time.Now().Before(opened.until) {
		return opened.Account, nil
	}
	var wrapped []byte
	err := s.at(ctx, key.Tenant).one(ctx, []any{&wrapped}, `SELECT wrapped_key FROM account WHERE tenant_id = $1 AND account_id = $2 AND state <> 2`,
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
	if forgotten == c.forgotten {
		c.byKey[key] = openedKey{a, time.Now().Add(openedFor)}
	}
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
