package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
)

// The blob store of each site bears a mark: whose database its objects are of, and how far
// that had come. So a second database over the same objects, as a copy that somebody tries
// out, deletes none of the first one's, and a database that comes back older is known also
// where no process remembers it. See docs/decisions/0013.

const (
	// markedAccounts is of how many accounts the mark tells the modseq: those that changed
	// last, for what a restore loses is always the end.
	markedAccounts = 1000
	// markSize is how large a mark may be, bytes; ours have some 60 an account.
	markSize = 256 << 10
	// markTime is for one look at a mark where somebody waits for it.
	markTime = 3 * time.Second
)

// ErrForeignBlobs says that the objects of a site are not this database's.
var ErrForeignBlobs = errors.New("the blob store is not this database's")

// mark is the object's content, as JSON.
type mark struct {
	Installation int64      `json:"installation"` // when its database was made, Unix microseconds
	Generation   int64      `json:"generation"`
	Accounts     [][3]int64 `json:"accounts"` // tenant, account, modseq it had come to
}

func parseMark(text []byte) (m mark, err error) {
	if len(text) > markSize {
		return mark{}, errors.New("the mark is too large")
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return mark{}, fmt.Errorf("the mark is malformed: %w", err)
	}
	if m.Installation <= 0 || m.Generation < 0 || len(m.Accounts) > markedAccounts {
		return mark{}, errors.New("the mark is malformed")
	}
	return m, nil
}

// readMark answers what mark there is, if there is one.
func readMark(ctx context.Context, blobs blob.Store) (m mark, found bool, err error) {
	r, err := blobs.Get(ctx, blob.MarkKey, 0, markSize+1)
	if errors.Is(err, blob.ErrNotFound) {
		return mark{}, false, nil
	}
	if err != nil {
		return mark{}, false, fmt.Errorf("read the mark %s: %w", blob.MarkKey, err)
	}
	text, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err == nil {
		m, err = parseMark(text)
	}
	if err != nil {
		return mark{}, false, fmt.Errorf("read the mark %s: %w", blob.MarkKey, err)
	}
	return m, true, nil
}

func (m mark) write(ctx context.Context, blobs blob.Store, key string) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := blobs.Put(ctx, key, blob.Bytes(text)); err != nil {
		return fmt.Errorf("write the mark %s: %w", key, err)
	}
	return nil
}

// refuses is the error where a database may not delete what the mark's has.
func (m mark) refuses(made, generation int64) error {
	if m.Installation != made {
		return fmt.Errorf("%w: it is that of another installation; name a bucket or folder of its own in blobs.url, "+
			"or, if this database took the other one's place on purpose, run `store new-generation` with all servers stopped", ErrForeignBlobs)
	}
	if m.Generation > generation {
		return fmt.Errorf("%w: %w: its objects are those of generation %d, and this is an older copy, of generation %d; "+
			"name a bucket or folder of its own in blobs.url to try the copy out", ErrForeignBlobs, meta.ErrForeignStore, m.Generation, generation)
	}
	return nil
}

// lacks is the error where a database with these accounts has lost what the mark says. One
// that is not there may have been removed.
func (m mark) lacks(now map[Key]int64) error {
	for _, a := range m.Accounts {
		if modseq, ok := now[Key{Tenant: a[0], Account: a[1]}]; ok && modseq < a[2] {
			return fmt.Errorf("%w: %w: it has account %d at modseq %d, and had it at %d",
				ErrForeignBlobs, meta.ErrForeignStore, a[1], modseq, a[2])
		}
	}
	return nil
}

func (m mark) keys() []Key {
	keys := make([]Key, len(m.Accounts))
	for i, a := range m.Accounts {
		keys[i] = Key{Tenant: a[0], Account: a[1]}
	}
	return keys
}

// CheckMark compares a site's database with the mark in its blob store, and writes
// nothing. Where the objects are another database's, or those of a later state of this one,
// the error wraps ErrForeignBlobs; any other says that nobody could look.
func CheckMark(ctx context.Context, db *meta.DB, blobs blob.Store) error {
	ctx, cancel := context.WithTimeout(ctx, markTime)
	defer cancel()
	m, found, err := readMark(ctx, blobs)
	if err != nil || !found {
		return outer(err)
	}
	made, generation, err := db.Installation(ctx)
	if err != nil {
		return outer(err)
	}
	if err := m.refuses(made, generation); err != nil || m.Generation < generation { // what was said before it jumped
		return err
	}
	now, err := db.AccountModSeqs(ctx, m.keys())
	if err != nil {
		return outer(err)
	}
	return m.lacks(now)
}

// TakeMark makes a blob store that of a database of which a new generation has begun,
// whosoever it was.
func TakeMark(ctx context.Context, db *meta.DB, blobs blob.Store) error {
	made, generation, err := db.Installation(ctx)
	if err != nil {
		return outer(err)
	}
	m := mark{Installation: made, Generation: generation, Accounts: [][3]int64{}}
	if err := m.write(ctx, blobs, blob.MarkKey); err != nil {
		return outer(err)
	}
	return outer(blobs.Delete(ctx, blob.ContestKey)) // of servers that are stopped now
}

// mayDelete reports whether the objects of a site are its database's, before any of them is
// deleted. If not, people are told.
func (s *Store) mayDelete(ctx context.Context, at *site) (bool, error) {
	m, found, err := readMark(ctx, at.blobs)
	if err != nil {
		return false, outer(err)
	}
	made, generation, err := at.db.Installation(ctx)
	if err != nil {
		return false, outer(err)
	}
	if found {
		err = m.refuses(made, generation)
	}
	if err == nil {
		contest, failed := at.blobs.Stat(ctx, blob.ContestKey)
		switch {
		case errors.Is(failed, blob.ErrNotFound):
		case failed != nil:
			return false, outer(failed)
		case time.Since(contest.ModTime) < s.orphanAfter():
			err = fmt.Errorf("%w alone: a server with another database, or a copy of this one, used it at %s; "+
				"give that a bucket or folder of its own, or stop it", ErrForeignBlobs, contest.ModTime.UTC().Format(time.RFC3339))
		}
	}
	s.foreign(at, err)
	return err == nil, nil
}

// contest says in the blob store that this process uses it too, for those to see whose mark
// it bears: they delete nothing either until that was long ago.
func (s *Store) contest(ctx context.Context, at *site, mine mark, why error) error {
	s.foreign(at, why)
	mine.Accounts = [][3]int64{}
	return outer(mine.write(ctx, at.blobs, blob.ContestKey))
}

// foreign tells people that nothing is deleted at a site because of err, or that there is
// nothing of the kind.
func (s *Store) foreign(at *site, err error) {
	if at.foreign != nil {
		at.foreign(err != nil)
	}
	if err != nil {
		s.log.Warn("no object is deleted: another server uses the blob store, or this database is an older one", "site", at.Name, "err", err)
	}
}

// refreshMark writes the mark where none is, or where more was committed than it says; it
// contests another's. A round of maintenance has it look once.
func (s *Store) refreshMark(ctx context.Context, at *site) error {
	at.marking.Lock()
	defer at.marking.Unlock()
	made, generation, err := at.db.Installation(ctx)
	if err != nil {
		return outer(err)
	}
	next := mark{Installation: made, Generation: generation}
	old, found, err := readMark(ctx, at.blobs)
	if err != nil {
		return outer(err)
	}
	if found {
		if err := old.refuses(made, generation); err != nil {
			return s.contest(ctx, at, next, err)
		}
	}
	now, err := at.modseqs(ctx)
	if err != nil {
		return err
	}
	if !found || old.Generation < generation { // what was said before the counters jumped
		old.Accounts = nil
	}
	if err := old.lacks(now); err != nil {
		return s.contest(ctx, at, next, err)
	}
	next.Accounts = newest(now, at.marked, old.Accounts)
	if !found || old.Generation < generation || !slices.Equal(next.Accounts, old.Accounts) {
		if err := next.write(ctx, at.blobs, blob.MarkKey); err != nil {
			return outer(err)
		}
	}
	at.marked = now
	_, err = s.mayDelete(ctx, at)
	return err
}

// modseqs are those of all accounts of a site.
func (at *site) modseqs(ctx context.Context) (map[Key]int64, error) {
	now := map[Key]int64{}
	err := at.view(ctx, func(r meta.Rows) error {
		var key Key
		var modseq int64
		err := r.Scan(&key.Tenant, &key.Account, &modseq)
		now[key] = modseq
		return err
	}, `SELECT tenant_id, account_id, modseq FROM account`)
	return now, err
}

// newest chooses of whom the mark tells: those who changed since before, then those of whom
// it told, then others, as far as there is room; of who was removed nothing stays.
func newest(now, before map[Key]int64, told [][3]int64) [][3]int64 {
	chosen := make([]Key, 0, min(len(now), markedAccounts))
	taken := map[Key]bool{}
	take := func(key Key) {
		if _, there := now[key]; there && !taken[key] && len(chosen) < markedAccounts {
			chosen, taken[key] = append(chosen, key), true
		}
	}
	for key, modseq := range now {
		if before != nil && modseq > before[key] {
			take(key)
		}
	}
	for _, a := range told {
		take(Key{Tenant: a[0], Account: a[1]})
	}
	for key := range now {
		take(key)
	}
	accounts := make([][3]int64, 0, len(chosen))
	for _, key := range chosen {
		accounts = append(accounts, [3]int64{key.Tenant, key.Account, now[key]})
	}
	slices.SortFunc(accounts, func(a, b [3]int64) int { return slices.Compare(a[:], b[:]) })
	return accounts
}

// markAtEnd leaves in the blob store how far the database has come, for who opens it next.
func (s *Store) markAtEnd(ctx context.Context, at *site) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), markTime)
	defer cancel()
	if err := s.refreshMark(ctx, at); err != nil {
		s.log.Debug("how far the database has come is not in the blob store", "site", at.Name, "err", err)
	}
}
