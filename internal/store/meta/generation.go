package meta

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Rule 6: how far the counters of every account jump, so that a restored store
// never hands out again what clients have seen of the lost time.
const (
	modseqJump      = 1 << 32 // also of the counter that ids come from
	uidJump         = 1 << 20
	uidvalidityJump = 1 << 16 // Unix seconds do most of it
)

// Generation is a part of sync-tokens and of folder ETags: those of another
// generation are not ours.
func (db *DB) Generation() int64 { return db.generation.Load() }

// recognise compares the identity of the storage with the one that was last used,
// and finishes a new generation that was interrupted.
func (db *DB) recognise(ctx context.Context) (err error) {
	if r, ok := innermost[Renamer](db.engine); ok {
		err = r.Rename(ctx, func(old, name string) error { return db.accept(ctx, old, name) })
	} else {
		var identity string
		if identity, err = db.engine.Identity(ctx); err == nil {
			err = db.accept(ctx, identity, identity)
		}
	}
	if err != nil {
		return err
	}
	return db.jump(ctx)
}

// accept refuses a storage that does not bear the name that was last used, and
// writes the name that it bears from now on.
func (db *DB) accept(ctx context.Context, identity, name string) error {
	var known string
	var generation int64
	name = first(name)
	err := db.Update(ctx, func(tx Tx) error {
		var b Batch
		b.Exec(`INSERT INTO installation (one, identity, created_at) VALUES (1, $1, {now})
			ON CONFLICT (one) DO NOTHING`, first(identity))
		b.Query(one(&known, &generation), "SELECT identity, generation FROM installation WHERE one = 1")
		if err := tx.Run(ctx, &b); err != nil || known == name {
			return err
		}
		if !slices.Contains(strings.Fields(identity), known) {
			return fmt.Errorf("%w (expected %q, found %q); after a restore or a failover run `store new-generation` first",
				ErrForeignStore, known, identity)
		}
		b = Batch{}
		b.Exec("UPDATE installation SET identity = $1 WHERE one = 1", name)
		return tx.Run(ctx, &b)
	})
	if err != nil {
		return fmt.Errorf("recognise the store: %w", err)
	}
	db.generation.Store(generation)
	return nil
}

// first is the name that the storage bears, where a crash has left two.
func first(identity string) string {
	name, _, _ := strings.Cut(identity, " ")
	return name
}

// NewGeneration makes the store one that may follow another of which clients have
// seen more: every counter jumps, every history floor is set, and items answer at
// least the new modseq. It is for a time when nothing else writes. Where it is
// interrupted, the store is not opened, or the rest is done when it is.
func (db *DB) NewGeneration(ctx context.Context) error {
	identity, err := db.engine.Identity(ctx)
	if err != nil {
		return err
	}
	var generation int64
	err = db.Update(ctx, func(tx Tx) error {
		var b Batch
		b.Exec(`INSERT INTO installation (one, identity, created_at) VALUES (1, '', {now})
			ON CONFLICT (one) DO NOTHING`)
		b.Query(one(&generation), "UPDATE installation SET generation = generation + 1 WHERE one = 1 RETURNING generation")
		return tx.Run(ctx, &b)
	})
	if err != nil {
		return fmt.Errorf("begin a new generation: %w", err)
	}
	db.generation.Store(generation)
	if err := db.jump(ctx); err != nil {
		return err
	}
	return db.Update(ctx, func(tx Tx) error {
		var b Batch
		b.Exec("UPDATE installation SET identity = $1 WHERE one = 1", first(identity))
		return tx.Run(ctx, &b)
	})
}

const (
	// jumpAccounts takes the next accounts that have not jumped yet.
	jumpAccounts = `UPDATE account SET generation = $1, modseq = modseq + $2, next_id = next_id + $2,
		last_uidvalidity = CASE WHEN last_uidvalidity = 0 THEN 0 ELSE last_uidvalidity + $3 END, floor = modseq + $2
		WHERE (tenant_id, account_id) IN (SELECT tenant_id, account_id FROM account WHERE generation < $1
			ORDER BY tenant_id, account_id LIMIT 500)
		RETURNING tenant_id, account_id, modseq`
	jumpCollections = `UPDATE collection SET modseq = $3, self_modseq = $3, floor = $3, base_modseq = $3, uidnext = uidnext + $4
		WHERE tenant_id = $1 AND account_id = $2`
)

// jump brings all accounts to the installation's generation, some hundred in one
// transaction. What an account's row says of its generation makes it repeatable.
func (db *DB) jump(ctx context.Context) error {
	generation := db.Generation()
	for total := 0; ; {
		var jumped int
		err := db.Update(ctx, func(tx Tx) error {
			var b, collections Batch
			jumped = 0
			b.Query(each(func(scan func(...any) error) error {
				var k Key
				var modseq int64
				err := scan(&k.Tenant, &k.Account, &modseq)
				collections.Exec(jumpCollections, k.Tenant, k.Account, modseq, int64(uidJump))
				jumped++
				return err
			}), jumpAccounts, generation, int64(modseqJump), int64(uidvalidityJump))
			if err := tx.Run(ctx, &b); err != nil || jumped == 0 {
				return err
			}
			return tx.Run(ctx, &collections)
		})
		if err != nil {
			return fmt.Errorf("jump to generation %d: %w", generation, err)
		}
		if jumped == 0 {
			return nil
		}
		total += jumped
		db.log.Info("new generation", slog.Int64("generation", generation), slog.Int("accounts", total))
	}
}
