package meta

import (
	"context"
	"fmt"
	"slices"
)

// How many locks a collection may have at a time, and how many of them one person may
// hold in an account that is not their own: nobody keeps a team from locking.
const (
	MaxLocks       = 1000
	MaxPersonLocks = 100
)

// Lock is a write lock (RFC 4918 section 6). Times are microseconds.
type Lock struct {
	Collection int64
	Token      string
	Item       int64 // 0: the collection itself
	Infinite   bool
	Shared     bool
	Person     int64
	Timeout    int64
	ExpiresAt  int64
	Sealed     []byte   // the owner element
	Path       []string // from the root down to the item, when read
}

// LockedError says which lock keeps a write away. It is ErrLocked.
type LockedError struct{ Lock Lock }

func (e *LockedError) Error() string { return ErrLocked.Error() }

// Unwrap makes it ErrLocked.
func (e *LockedError) Unwrap() error { return ErrLocked }

type lockRow struct {
	Lock
	gone bool
}

const (
	fromLock = `SELECT token, item_id, infinite, shared, person_id, timeout, expires_at, sealed FROM dav_lock` + inCollection +
		` AND expires_at > {now}`
	// selectLocked reads the items that are locked and all folders above them.
	selectLocked = `WITH RECURSIVE chain (id, depth) AS (
			SELECT item_id, 0 FROM dav_lock` + inCollection + ` AND expires_at > {now} AND item_id <> 0
			UNION ALL
			SELECT i.parent_id, c.depth + 1 FROM chain c CROSS JOIN item i /*by item_named*/
			WHERE i.item_id = c.id AND i.tenant_id = $1 AND i.account_id = $2 AND i.collection_id = $3 AND i.name <> ''
			AND i.parent_id > 0 AND c.depth < 1000)
		SELECT ` + itemColumns + ` FROM chain c CROSS JOIN item i /*by item_named*/` + ofItem + ` AND i.name <> '' AND i.item_id = c.id`
)

func (l *Lock) scan(scan func(...any) error) error {
	var infinite, shared int64
	err := scan(&l.Token, &l.Item, &infinite, &shared, &l.Person, &l.Timeout, &l.ExpiresAt, &l.Sealed)
	l.Infinite, l.Shared = infinite != 0, shared != 0
	return err
}

// wantLocks has the locks of a collection read, with what they lie on.
func (w *work) wantLocks(collection int64) {
	if _, wanted := w.locks[collection]; wanted {
		return
	}
	if w.locks == nil {
		w.locks = map[int64][]*lockRow{}
	}
	w.locks[collection] = nil
	key := w.account.Key
	w.reads.Query(each(func(scan func(...any) error) error {
		l := &lockRow{Lock: Lock{Collection: collection}}
		err := l.scan(scan)
		w.locks[collection] = append(w.locks[collection], l)
		return err
	}), fromLock+" ORDER BY token", key.Tenant, key.Account, collection)
	w.reads.Query(w.readItems, selectLocked, key.Tenant, key.Account, collection)
}

// on are the locks that were taken out on a resource itself; 0 is the collection.
func (w *work) on(collection, item int64) (held []*lockRow) {
	for _, l := range w.locks[collection] {
		if l.Item == item && !l.gone {
			held = append(held, l)
		}
	}
	return held
}

// above are the locks of infinite depth on a folder and on what it lies in.
func (w *work) above(collection, folder int64) (held []*lockRow) {
	if len(w.locks[collection]) == 0 {
		return nil
	}
	for depth := 0; folder >= 0 && depth < maxDepth; depth++ {
		for _, l := range w.on(collection, folder) {
			if l.Infinite {
				held = append(held, l)
			}
		}
		if folder == Root {
			break
		}
		i := w.byID(collection, folder)
		if i == nil {
			break
		}
		folder = i.ParentID
	}
	return held
}

// within are the locks on what lies below an item.
func (w *work) within(i *itemRow) (held []*lockRow) {
	for _, l := range w.locks[i.Collection] {
		at := w.byID(i.Collection, l.Item)
		for depth := 0; !l.gone && at != nil && depth < maxDepth; depth++ {
			if at.ParentID == i.ID {
				held = append(held, l)
				break
			}
			at = w.byID(i.Collection, at.ParentID)
		}
	}
	return held
}

// opened reports a LockedError unless the request names one of the locks and the
// person took it out (RFC 4918 6.4, 7.5).
func (w *work) opened(g *Guard, held []*lockRow) error {
	if len(held) == 0 {
		return nil
	}
	for _, l := range held {
		if l.Person == g.Person && slices.Contains(g.Tokens, l.Token) {
			return nil
		}
	}
	return w.lockedBy(held[0])
}

func (w *work) lockedBy(l *lockRow) error {
	lock := l.Lock
	lock.Path = w.pathOf(w.byID(l.Collection, l.Item))
	return &LockedError{lock}
}

// mayChange reports a lock that keeps an item's content and properties as they are.
func (w *work) mayChange(g *Guard, i *itemRow) error {
	return w.opened(g, append(w.on(i.Collection, i.ID), w.above(i.Collection, i.ParentID)...))
}

// mayList reports a lock that keeps a folder's members as they are: its own of any
// depth, and those of infinite depth above (RFC 4918 7.4).
func (w *work) mayList(g *Guard, collection, folder int64) error {
	if folder < 0 {
		return nil
	}
	return w.opened(g, append(w.on(collection, folder), w.above(collection, folder)...))
}

// mayRemove reports a lock that keeps an item where it is: on the folder, on itself
// or on anything below (RFC 4918 9.6.1).
func (w *work) mayRemove(g *Guard, i *itemRow) error {
	if err := w.mayList(g, i.Collection, i.ParentID); err != nil {
		return err
	}
	if err := w.mayChange(g, i); err != nil {
		return err
	}
	return w.mayEmpty(g, w.within(i))
}

// mayEmpty wants a token for each locked resource.
func (w *work) mayEmpty(g *Guard, held []*lockRow) error {
	for _, l := range held {
		if err := w.opened(g, w.on(l.Collection, l.Item)); err != nil {
			return err
		}
	}
	return nil
}

// dropLocks releases the locks on an item and below it: MOVE takes none along
// (RFC 4918 7.5).
func (w *work) dropLocks(i *itemRow) {
	for _, l := range append(w.within(i), w.on(i.Collection, i.ID)...) {
		w.dropLock(l)
	}
}

func (w *work) dropLock(l *lockRow) {
	l.gone = true
	w.extra.Exec("DELETE FROM dav_lock"+inCollection+" AND token = $4", w.account.Tenant, w.account.Account, l.Collection, l.Token)
}

// Locks answers the locks that are held in a collection, with their paths.
func (db *DB) Locks(ctx context.Context, key Key, collection int64) ([]Lock, error) {
	w := newWork(key)
	w.wantCollection(collection)
	w.wantLocks(collection)
	var b Batch
	w.gather(&b)
	if err := db.engine.Read(ctx, &b); err != nil {
		return nil, fmt.Errorf("locks: %w", err)
	}
	if _, err := w.collection(collection); err != nil {
		return nil, fmt.Errorf("locks: %w", err)
	}
	var held []Lock
	for _, l := range w.locks[collection] {
		i := w.byID(collection, l.Item)
		if i == nil && l.Item != 0 {
			continue
		}
		l.Path = w.pathOf(i)
		held = append(held, l.Lock)
	}
	return held, nil
}

// NewLock asks for a lock at a place. Where nothing is there, File is put there
// first; without one that is ErrNotFound.
type NewLock struct {
	Lock   Lock // Collection, Token and what is asked for
	Parent int64
	Name   string // "": the collection itself
	File   *PutResource
	Guard  Guard
}

// Locked is what came of it.
type Locked struct {
	Lock    Lock
	Item    Item // zero for the collection itself
	Created bool
}

// TakeLock takes out a lock; a *LockedError names the one that stands against it.
func (db *DB) TakeLock(ctx context.Context, key Key, n NewLock) (Locked, error) {
	j := &takeLock{n: n}
	if err := db.write(ctx, key, j); err != nil {
		return Locked{}, fmt.Errorf("lock: %w", err)
	}
	return j.result, nil
}

type takeLock struct {
	n      NewLock
	put    *putResource
	result Locked
}

func (j *takeLock) want(w *work) error {
	l := &j.n.Lock
	w.wantGuard(&j.n.Guard, l.Collection)
	w.wantItemNamed(l.Collection, j.n.Parent, j.n.Name)
	w.wantChain(l.Collection, j.n.Parent)
	if j.n.File != nil {
		file := *j.n.File
		file.Collection, file.Parent, file.Name, file.Guard = l.Collection, j.n.Parent, j.n.Name, j.n.Guard
		j.put = &putResource{p: file}
		return j.put.want(w)
	}
	return nil
}

func (j *takeLock) decide(w *work) error {
	l := j.n.Lock
	if _, err := w.collection(l.Collection); err != nil {
		return err
	}
	if err := w.holds(&j.n.Guard, l.Collection); err != nil {
		return err
	}
	if j.tooMany(w) {
		return fmt.Errorf("locks: %w", ErrTooMany)
	}
	var i *itemRow
	if j.n.Name != "" {
		i = w.itemNamed(l.Collection, j.n.Parent, j.n.Name)
	}
	if against := j.against(w, i); against != nil {
		return w.lockedBy(against)
	}
	j.result = Locked{}
	if i == nil && j.n.Name != "" {
		if j.put == nil {
			return ErrNotFound
		}
		if err := j.put.decide(w); err != nil {
			return err
		}
		i = w.item(l.Collection, j.put.result.Item.UID)
		j.result.Created = true
	} else {
		w.next()
	}
	if i != nil {
		l.Item, j.result.Item = i.ID, i.Item
		j.result.Item.ModSeq = w.modseq(i)
	}
	l.ExpiresAt = w.account.Now + l.Timeout
	key := w.account.Key
	w.extra.Exec("DELETE FROM dav_lock"+inCollection+" AND expires_at <= $4", key.Tenant, key.Account, l.Collection, w.account.Now)
	w.extra.Exec(`INSERT INTO dav_lock (tenant_id, account_id, collection_id, token, item_id, infinite, shared, person_id,
		timeout, expires_at, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`, key.Tenant, key.Account, l.Collection,
		l.Token, l.Item, bit(l.Infinite), bit(l.Shared), l.Person, l.Timeout, l.ExpiresAt, l.Sealed)
	l.Path = w.pathOf(i)
	j.result.Lock = l
	return nil
}

// tooMany reports whether there is no room for one more lock.
func (j *takeLock) tooMany(w *work) bool {
	l := &j.n.Lock
	all, own := 0, 0
	for _, h := range w.locks[l.Collection] {
		if h.gone {
			continue
		}
		all++
		if h.Person == l.Person {
			own++
		}
	}
	return all >= MaxLocks || own >= MaxPersonLocks && l.Person != w.account.Account
}

// against is a lock that the new one cannot stand beside (RFC 4918 6.1, 7).
func (j *takeLock) against(w *work, i *itemRow) *lockRow {
	l := &j.n.Lock
	var held []*lockRow
	switch {
	case i != nil:
		held = append(w.on(l.Collection, i.ID), w.above(l.Collection, i.ParentID)...)
		if l.Infinite {
			held = append(held, w.within(i)...)
		}
	case j.n.Name != "":
		held = w.above(l.Collection, j.n.Parent)
	case l.Infinite:
		held = w.locks[l.Collection]
	default:
		held = w.on(l.Collection, 0)
	}
	for _, h := range held {
		if !h.gone && (!l.Shared || !h.Shared) {
			return h
		}
	}
	return nil
}

// RefreshLock gives a lock of the person's a new timeout, in microseconds;
// ErrNotFound if it is not held or not theirs.
func (db *DB) RefreshLock(ctx context.Context, key Key, collection int64, token string, person, timeout int64) (Lock, error) {
	j := &keepLock{collection: collection, token: token, person: person, timeout: timeout}
	if err := db.write(ctx, key, j); err != nil {
		return Lock{}, fmt.Errorf("refresh lock: %w", err)
	}
	return j.lock, nil
}

// ReleaseLock ends a lock of the person's; person 0 may end anyone's.
func (db *DB) ReleaseLock(ctx context.Context, key Key, collection int64, token string, person int64) error {
	if err := db.write(ctx, key, &keepLock{collection: collection, token: token, person: person, release: true}); err != nil {
		return fmt.Errorf("release lock: %w", err)
	}
	return nil
}

type keepLock struct {
	collection      int64
	token           string
	person, timeout int64
	release         bool
	lock            Lock
}

func (j *keepLock) want(w *work) error {
	w.wantCollection(j.collection)
	w.wantLocks(j.collection)
	return nil
}

func (j *keepLock) decide(w *work) error {
	if _, err := w.collection(j.collection); err != nil {
		return err
	}
	n := slices.IndexFunc(w.locks[j.collection], func(l *lockRow) bool {
		return l.Token == j.token && (l.Person == j.person || j.release && j.person == 0)
	})
	if n < 0 {
		return ErrNotFound
	}
	l := w.locks[j.collection][n]
	w.next()
	if j.release {
		w.dropLock(l)
		return nil
	}
	l.Timeout, l.ExpiresAt = j.timeout, w.account.Now+j.timeout
	w.extra.Exec("UPDATE dav_lock SET timeout = $5, expires_at = $6"+inCollection+" AND token = $4",
		w.account.Tenant, w.account.Account, j.collection, l.Token, l.Timeout, l.ExpiresAt)
	j.lock = l.Lock
	j.lock.Path = w.pathOf(w.byID(j.collection, l.Item))
	return nil
}
