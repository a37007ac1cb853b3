package meta

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Rule 6: how far the counters of every account jump at least, so that a restored store
// never hands out again what clients have seen of the lost time.
const (
	modseqJump      = 1 << 32 // also of the counter that ids come from
	uidJump         = 1 << 20
	uidvalidityJump = 1 << 16 // Unix seconds do most of it
)

// A generation is the time of its beginning, seconds since 2026, and counters jump to
// what goes with that: two restores from different backups, which know nothing of each
// other, begin at different numbers. Of the second one's no number was given out by the
// first, unless that changed an account four million times a second, or gave a mailbox
// two UIDs a second, for as long as it was used.
const (
	generationEpoch = 1_767_225_600 // 2026-01-01T00:00:00Z, Unix seconds
	modseqPerSecond = 1 << 22       // 2^53 is reached after 68 years
	uidPerSecond    = 2             // 2^32 likewise
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
		b.Query(one(&generation), `UPDATE installation SET generation = CASE WHEN {now} / 1000000 - $1 > generation
			THEN {now} / 1000000 - $1 ELSE generation + 1 END WHERE one = 1 RETURNING generation`, int64(generationEpoch))
		// The directory's counter too: by the number they last saw, processes tell whether
		// what they keep of it is still what it says.
		b.Exec(`UPDATE installation SET directory = CASE WHEN directory + $1 > generation * $2
			THEN directory + $1 ELSE generation * $2 END WHERE one = 1`, int64(modseqJump), int64(modseqPerSecond))
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
	jumpAccounts = `UPDATE account SET generation = $1,
		modseq = CASE WHEN modseq + $2 > $4 THEN modseq + $2 ELSE $4 END,
		next_id = CASE WHEN next_id + $2 > $4 THEN next_id + $2 ELSE $4 END,
		last_uidvalidity = CASE WHEN last_uidvalidity = 0 THEN 0 ELSE last_uidvalidity + $3 END,
		floor = CASE WHEN modseq + $2 > $4 THEN modseq + $2 ELSE $4 END
		WHERE (tenant_id, account_id) IN (SELECT tenant_id, account_id FROM account WHERE generation < $1
			ORDER BY tenant_id, account_id LIMIT 500)
		RETURNING tenant_id, account_id, modseq`
	jumpCollections = `UPDATE collection SET modseq = $3, self_modseq = $3, floor = $3, base_modseq = $3,
		uidnext = CASE WHEN uidnext + $4 > $5 THEN uidnext + $4 ELSE $5 END
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
				collections.Exec(jumpCollections, k.Tenant, k.Account, modseq, int64(uidJump), generation*uidPerSecond)
				jumped++
				return err
			}), jumpAccounts, generation, int64(modseqJump), int64(uidvalidityJump), generation*modseqPerSecond)
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
