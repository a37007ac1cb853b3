package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"hash"

	"fachwerk/internal/store/meta"
)

// Origin says where an imported object came from: a message of a mailbox of
// another server.
type Origin struct {
	Source      []byte // SourceID of the mailbox
	UIDValidity int64
	UID         int64
	Digest      []byte // of the bytes as the source gave them, by OriginDigest
	ObjectID    int64  // what it became; set by Origins
}

// SourceID hashes what names a mailbox of another server, so that a database
// dump does not tell where a person had an account before.
func (s *Store) SourceID(parts ...string) []byte {
	mac := hmac.New(sha256.New, s.keys.Derive("origin-source"))
	for _, p := range parts {
		mac.Write([]byte(p))
		mac.Write([]byte{0})
	}
	return mac.Sum(nil)[:16]
}

// OriginDigest is a keyed SHA-256: equal bytes give equal digests in this
// installation, and nobody without its key can guess bytes from a digest.
func (s *Store) OriginDigest() hash.Hash { return hmac.New(sha256.New, s.keys.Derive("origin-digest")) }

// originStatement notes an origin together with the item it became. The item is
// found by its content, which was written in the same transaction.
func originStatement(key Key, content ContentID, o Origin) meta.Statement {
	return meta.Statement{
		SQL: `INSERT INTO origin (tenant_id, account_id, source, uidvalidity, uid, object_id, digest, at)
			SELECT i.tenant_id, i.account_id, $1, $2, $3, i.object_id, $4, {now} FROM item i
			WHERE i.tenant_id = $5 AND i.account_id = $6 AND i.content_id = $7`,
		Args: []any{o.Source, o.UIDValidity, o.UID, o.Digest, key.Tenant, key.Account, content[:]},
		Affected: func(n int64) error {
			if n != 1 {
				return ErrExists // another import of the same message was faster
			}
			return nil
		},
	}
}

// Origins lists what an account has from a source, by UIDVALIDITY and UID.
func (s *Store) Origins(ctx context.Context, key Key, source []byte) (list []Origin, err error) {
	err = s.at(ctx, key.Tenant).view(ctx, func(r meta.Rows) error {
		o := Origin{Source: source}
		err := r.Scan(&o.UIDValidity, &o.UID, &o.ObjectID, &o.Digest)
		list = append(list, o)
		return err
	}, `SELECT uidvalidity, uid, object_id, digest FROM origin
		WHERE tenant_id = $1 AND account_id = $2 AND source = $3 ORDER BY uidvalidity, uid`, key.Tenant, key.Account, source)
	return list, err
}

// AddOrigin notes one more place that an object came from: the source has
// renumbered its mailbox.
func (s *Store) AddOrigin(ctx context.Context, key Key, o Origin) error {
	return s.write(ctx, key, func() error {
		_, err := s.at(ctx, key.Tenant).exec(ctx, `INSERT INTO origin (tenant_id, account_id, source, uidvalidity, uid, object_id, digest, at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, {now}) ON CONFLICT DO NOTHING`,
			key.Tenant, key.Account, o.Source, o.UIDValidity, o.UID, o.ObjectID, o.Digest)
		return err
	})
}

// ItemsByObject reads the items that are copies of stored objects.
func (s *Store) ItemsByObject(ctx context.Context, key Key, objectIDs []int64) ([]Item, error) {
	list, err := s.at(ctx, key.Tenant).db.ItemsByObject(ctx, key, objectIDs)
	return list, outer(err)
}
