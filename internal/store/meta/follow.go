package meta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// lostMark before an identity says that a process knows of acknowledged changes which
// the storage does not have. It is opened again by a new generation alone.
const lostMark = "lost:"

// A server that was put in another's place is given no work until each process that
// remembers more than it has can have said so in it. Each looks every second, also one
// that has nothing to do; where another server took over it may have to give up its
// connections to the one before first.
const (
	hearingRestart   = 3 * time.Second
	hearingSuccessor = 10 * time.Second
	lookTime         = 3 * time.Second // for one look
)

// following is what a DB knows of the storage that it follows.
type following struct {
	mu       sync.Mutex
	begun    bool   // the storage was recognised
	identity string // of the server that was accepted
	refused  string // why another one was not, as people were told
}

func (f *following) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun = true
}

func (f *following) set(identity string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.identity, f.refused = identity, ""
}

func (f *following) get() (begun bool, identity string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.begun, f.identity
}

// followServer has another server that answers behind the same name judged before
// anything is asked of it, where the engine has servers.
func (db *DB) followServer(ctx context.Context, e Engine) error {
	r, ok := innermost[Replaceable](e)
	if !ok {
		return nil
	}
	identity, err := r.Follow(ctx, db.judge)
	if err != nil {
		return err
	}
	db.following.set(identity)
	return nil
}

// older is the error where an account's row is older than what was acknowledged. It
// needs no other server: a volume may have been put back.
func (db *DB) older(a *Account) error {
	known := db.promised.newest(a.Key)
	if a.ModSeq >= known {
		return nil
	}
	db.doubt()
	return fmt.Errorf("%w: %w", ErrUnavailable, lost(a.Account, a.ModSeq, known))
}

// doubt has the server judged that answers, where the engine has servers.
func (db *DB) doubt() {
	if r, ok := innermost[Replaceable](db.engine); ok {
		r.Doubt()
	}
}

// wayOut is what people can do about a storage that has lost something.
const wayOut = "bring back the newer one, or stop all servers and run `store new-generation`"

func lost(account, modseq, known int64) error {
	return fmt.Errorf("%w: it has account %d at modseq %d, and %d was acknowledged; "+wayOut, ErrForeignStore, account, modseq, known)
}

// judge decides whether the server that answers may be used in the place of the one
// before. It may where it is a successor of the same cluster that has everything which
// was acknowledged, as a synchronous standby has: then it bears its new identity from
// here on, and no person is needed. It may, too, where a person has begun a new
// generation.
func (db *DB) judge(ctx context.Context, identity string, fresh bool, within func(context.Context, func(Tx) error) error) error {
	begun, before := db.following.get()
	if !begun { // recognise decides
		return nil
	}
	counted := db.promised.newestDirectory()
	looking, cancel := context.WithTimeout(ctx, lookTime)
	known, generation, directory, err := installed(looking, within)
	cancel()
	if err != nil {
		return err
	}
	if generation > db.Generation() && known == identity {
		db.promised.forget()
		db.generation.Store(generation)
		db.following.set(identity)
		db.log.Info("a new generation has begun", slog.Int64("generation", generation))
		return nil
	}
	if !fresh && known == identity {
		if directory < counted {
			return lostDirectory(directory, counted)
		}
		db.promised.noteDirectory(directory) // others change it, too
		return nil
	}
	if err := db.succeeds(ctx, before, known, identity, within); err != nil {
		return db.refuse(err)
	}
	// Another process may know more.
	hearing := hearingRestart
	if identity != before || identity != known {
		hearing = hearingSuccessor
	}
	select {
	case <-time.After(hearing):
	case <-ctx.Done():
		return ctx.Err()
	}
	if known, _, _, err = installed(ctx, within); err != nil {
		return err
	}
	if err := db.succeeds(ctx, before, known, identity, within); err != nil {
		return db.refuse(err)
	}
	if known != identity {
		err := within(ctx, func(tx Tx) error {
			var b Batch
			b.Count(func(n int64) error {
				if n == 0 {
					return fmt.Errorf("%w: its identity changed meanwhile", ErrUnavailable)
				}
				return nil
			}, "UPDATE installation SET identity = $1 WHERE one = 1 AND identity = $2", identity, known)
			return tx.Run(ctx, &b)
		})
		if err != nil {
			return err
		}
	}
	db.following.set(identity)
	db.log.Info("the database's server was started anew or another took over; it has everything that was acknowledged",
		slog.String("before", before), slog.String("now", identity))
	return nil
}

// refuse tells people that the storage is not used, once for each reason.
func (db *DB) refuse(err error) error {
	f := &db.following
	f.mu.Lock()
	defer f.mu.Unlock()
	if errors.Is(err, ErrForeignStore) && f.refused != err.Error() {
		f.refused = err.Error()
		db.log.Error("the metadata database is not used", "error", err)
	}
	return err
}

// installed is what a storage says itself of whose it was, of its generation, and of the
// directory's counter.
func installed(ctx context.Context, within func(context.Context, func(Tx) error) error) (known string, generation, directory int64, err error) {
	err = within(ctx, func(tx Tx) error {
		var b Batch
		b.Query(one(&known, &generation, &directory), "SELECT identity, generation, directory FROM installation WHERE one = 1")
		return tx.Run(ctx, &b)
	})
	return known, generation, directory, err
}

// succeeds reports whether a storage is what was there before, or follows it without
// loss. known is what it says itself of whose it was.
func (db *DB) succeeds(ctx context.Context, before, known, identity string, within func(context.Context, func(Tx) error) error) error {
	if strings.HasPrefix(known, lostMark) {
		return fmt.Errorf("%w: another server of this installation remembers changes that it does not have; "+wayOut, ErrForeignStore)
	}
	if !descends(identity, before) || !descends(identity, known) {
		return fmt.Errorf("%w (expected %q, found %q, last used as %q)", ErrForeignStore, before, identity, known)
	}
	missing := db.missing(ctx, within)
	if errors.Is(missing, ErrForeignStore) {
		// Said in the storage, so that nobody else uses it either.
		err := within(ctx, func(tx Tx) error {
			var b Batch
			b.Exec("UPDATE installation SET identity = $1 WHERE one = 1", lostMark+identity)
			return tx.Run(ctx, &b)
		})
		if err != nil {
			return err
		}
	}
	return missing
}

// missing looks whether a storage has everything that this process knows to have been
// acknowledged. An account that is not there may have been removed.
func (db *DB) missing(ctx context.Context, within func(context.Context, func(Tx) error) error) error {
	known, counted := db.promised.all(), db.promised.newestDirectory()
	byTenant := map[int64][]int64{}
	for key := range known {
		byTenant[key.Tenant] = append(byTenant[key.Tenant], key.Account)
	}
	return within(ctx, func(tx Tx) error {
		var b Batch
		b.Query(each(func(scan func(...any) error) error {
			var count int64
			if err := scan(&count); err != nil {
				return err
			}
			if count < counted {
				return lostDirectory(count, counted)
			}
			return nil
		}), selectDirectory)
		for tenant, accounts := range byTenant {
			selectModSeqs.query(&b, each(func(scan func(...any) error) error {
				var account, modseq int64
				if err := scan(&account, &modseq); err != nil {
					return err
				}
				if acknowledged := known[Key{tenant, account}]; modseq < acknowledged {
					return lost(account, modseq, acknowledged)
				}
				return nil
			}), accounts, tenant)
		}
		return tx.Run(ctx, &b)
	})
}

// descends reports whether an identity of three parts (system identifier, timeline,
// database) is another one's, or of a later timeline of it.
func descends(identity, of string) bool {
	now, then := strings.Split(identity, "/"), strings.Split(of, "/")
	if len(now) != 3 || len(then) != 3 || now[0] != then[0] || now[2] != then[2] {
		return identity == of
	}
	later, err := strconv.ParseInt(now[1], 10, 64)
	if err != nil {
		return false
	}
	earlier, err := strconv.ParseInt(then[1], 10, 64)
	return err == nil && later >= earlier
}
