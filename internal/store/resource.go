package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// PutResource is new content for a named item, or a new named item.
type PutResource struct {
	Collection, Parent int64
	Name               string
	Upload             *Upload   // finished
	Modified           time.Time // zero: now, by the database's clock
	Facts              []byte    // sealed with the content; nil for none
	Encoder            int16
	Index              *ResourceIndex
	Origin             *Origin
	Guard              Guard
}

// ResourceIndex is how a calendar object or a card is found. Times are Unix
// microseconds.
type ResourceIndex struct {
	UID        string
	Components int64
	From, To   int64
	Same       bool // what is replaced has the same UID, or it is *UIDError
}

// PutResource puts an upload in place; see meta.DB.Put for the errors.
func (s *Store) PutResource(ctx context.Context, key Key, p PutResource) (put Put, err error) {
	err = s.placing(ctx, key, &p, func(row meta.PutResource) error {
		put, err = s.at(ctx, key.Tenant).db.Put(ctx, key, row)
		return err
	})
	return put, err
}

// placing hands the row of a finished upload to write.
func (s *Store) placing(ctx context.Context, key Key, p *PutResource, write func(meta.PutResource) error) error {
	if p.Upload.Key() != key {
		return fmt.Errorf("store: put %q: the upload is another account's", p.Name)
	}
	account, err := s.sealer(ctx, key)
	if err != nil {
		return err
	}
	return p.Upload.use(func(c meta.Content) error {
		row := meta.PutResource{
			Collection: p.Collection, Parent: p.Parent, Name: p.Name, Content: c, InternalDate: microsOf(p.Modified),
			Digest: p.Upload.Digest(), SealMeta: sealMeta(account, p.Encoder, p.Facts), Guard: p.Guard,
		}
		if x := p.Index; x != nil {
			row.SameUID = x.Same
			row.Index = &meta.IndexRow{Hash: s.uidHash(key, x.UID), Components: x.Components, From: x.From, To: x.To, Encoder: p.Encoder}
		}
		if p.Origin != nil {
			row.Also = append(row.Also, originStatement(key, c.ID, *p.Origin))
		}
		return s.write(ctx, key, func() error { return write(row) })
	})
}

func sealMeta(account *content.Account, encoder int16, plain []byte) func(int64) (int16, []byte) {
	if plain == nil {
		return nil
	}
	return func(objectID int64) (int16, []byte) {
		return encoder, account.SealMeta(make([]byte, 0, len(plain)+content.MetaOverhead), objectID, byte(encoder), plain)
	}
}

// uidHash hides an iCalendar or vCard UID. It is the same in all accounts of a
// tenant, because an object may move from one to another unopened.
func (s *Store) uidHash(key Key, uid string) (hash [16]byte) {
	mac := hmac.New(sha256.New, s.keys.Derive("resource-uid"))
	var tenant [8]byte
	binary.BigEndian.PutUint64(tenant[:], uint64(key.Tenant))
	mac.Write(tenant[:])
	io.WriteString(mac, uid)
	copy(hash[:], mac.Sum(nil))
	return hash
}

// MakeFolder makes a folder with its properties.
func (s *Store) MakeFolder(ctx context.Context, key Key, at Spot, list []Property, g Guard) (i Item, err error) {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return Item{}, err
	}
	err = s.write(ctx, key, func() error {
		i, err = s.at(ctx, key.Tenant).db.MakeFolder(ctx, key, meta.NewFolder{Collection: at.Collection, Parent: at.Parent, Name: at.Name,
			Properties: sealProperties(account, list), Guard: g})
		return err
	})
	return i, err
}

// Transfer is a MOVE or COPY of a named item.
type Transfer struct {
	Collection int64
	Item       Item // as it was read
	To         Spot
	Overwrite  bool // what is there goes: in a drive into the trash, else for good
	Shallow    bool // of COPY: a folder without its members
	Guard      Guard
	// From is what was seen in the source's account, of a move into another one; its
	// Tokens are Guard's.
	From Guard
}

// row is the transfer for package meta.
func (t *Transfer) row(account *content.Account) meta.Transfer {
	return meta.Transfer{Collection: t.Collection, ID: t.Item.ID, To: t.To, Overwrite: t.Overwrite, Guard: t.Guard,
		SealPath: sealTrashPath(account)}
}

// MoveResource gives a named item another place in its account.
func (s *Store) MoveResource(ctx context.Context, key Key, t Transfer) (done Transferred, err error) {
	if t.Item.Flags&FlagFolder != 0 && t.Collection != t.To.Collection {
		return s.carry(ctx, key, key, t, true)
	}
	account, err := s.sealer(ctx, key)
	if err != nil {
		return Transferred{}, err
	}
	err = s.write(ctx, key, func() error {
		done, err = s.at(ctx, key.Tenant).db.MoveResource(ctx, key, t.row(account))
		return err
	})
	return done, err
}

// CopyResource gives a named item a second place in its account, a folder with all
// below it, which appears whole.
func (s *Store) CopyResource(ctx context.Context, key Key, t Transfer) (done Transferred, err error) {
	if t.Item.Flags&FlagFolder != 0 && !t.Shallow {
		return s.carry(ctx, key, key, t, false)
	}
	account, err := s.sealer(ctx, key)
	if err != nil {
		return Transferred{}, err
	}
	err = s.write(ctx, key, func() error {
		done, err = s.at(ctx, key.Tenant).db.CopyResource(ctx, key, t.row(account))
		return err
	})
	return done, err
}

// RemoveResource removes a named item for good, a folder with all below it.
func (s *Store) RemoveResource(ctx context.Context, key Key, collection int64, i Item, g Guard) error {
	return s.removeResource(ctx, key, meta.Removal{Collection: collection, ID: i.ID, Guard: g}, i.Flags&FlagFolder != 0)
}

func (s *Store) removeResource(ctx context.Context, key Key, r meta.Removal, folder bool) error {
	err := s.write(ctx, key, func() error { return s.at(ctx, key.Tenant).db.RemoveResource(ctx, key, r) })
	if err == nil && folder {
		s.reapSoon(ctx, key, r.Collection)
	}
	return err
}

// reapTime is how long a request may remove rows that others would else remove later.
const reapTime = 200 * time.Millisecond

// reapSoon frees the quota of a removed folder at once where it is small.
func (s *Store) reapSoon(ctx context.Context, key Key, drive int64) {
	for begun := time.Now(); time.Since(begun) < reapTime; {
		if more, err := s.at(ctx, key.Tenant).db.Reap(ctx, key, drive, meta.MaxRows); err != nil || !more {
			return // maintenance does the rest
		}
	}
}

// reap removes all rows of removed folders and of trees that never became whole.
func (at *site) reap(ctx context.Context, key Key) error {
	drives, err := at.db.Reapable(ctx, key)
	for _, d := range drives {
		for more := true; more && err == nil; {
			more, err = at.db.Reap(ctx, key, d, meta.MaxRows)
		}
	}
	return err
}

// Touch gives a named item another time of its own.
func (s *Store) Touch(ctx context.Context, key Key, collection, id int64, to time.Time, g Guard) (i Item, err error) {
	err = s.write(ctx, key, func() error {
		i, err = s.at(ctx, key.Tenant).db.Touch(ctx, key, collection, id, to.UnixMicro(), g)
		return err
	})
	return i, err
}

// TrashResource puts a named item of a drive into the trash.
func (s *Store) TrashResource(ctx context.Context, key Key, drive int64, i Item, g Guard) error {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return err
	}
	r := meta.Removal{Collection: drive, ID: i.ID, Guard: g, SealPath: sealTrashPath(account)}
	return s.write(ctx, key, func() error { return s.at(ctx, key.Tenant).db.RemoveResource(ctx, key, r) })
}

func sealTrashPath(account *content.Account) func([]string) []byte {
	return func(path []string) []byte {
		return account.SealSmall("trash-path", nil, []byte(strings.Join(path, "/")))
	}
}

// Trashed is what lies directly below TrashRoot.
type Trashed struct {
	Item    Item
	Deleted time.Time
	Path    []string // where it lay
}

// Trash lists the trash of a drive, last deleted first.
func (s *Store) Trash(ctx context.Context, key Key, drive int64) ([]Trashed, error) {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return nil, err
	}
	rows, err := s.at(ctx, key.Tenant).db.Trash(ctx, key, drive)
	if err != nil {
		return nil, outer(err)
	}
	list := make([]Trashed, 0, len(rows))
	for _, r := range rows {
		path, err := account.OpenSmall("trash-path", nil, r.SealedPath)
		if err != nil {
			return nil, fmt.Errorf("store: origin of item %d in the trash: %w", r.Item.ID, err)
		}
		list = append(list, Trashed{r.Item, timeOf(r.DeletedAt), strings.Split(string(path), "/")})
	}
	return list, nil
}

// EmptyTrash removes at most limit items of all accounts that have been in the trash
// for longer than keep. One account that cannot be written to keeps no other's trash
// from being emptied.
func (s *Store) EmptyTrash(ctx context.Context, keep time.Duration, limit int) (more bool, err error) {
	var errs []error
	for _, at := range s.sites {
		old, whole, err := s.oldTrash(ctx, at, keep, limit)
		if err != nil {
			errs = append(errs, fmt.Errorf("site %s: %w", at.Name, err))
			continue
		}
		failed := 0
		for _, o := range old {
			if err := s.ExpireTrashed(ctx, o.Key, o.Collection, o.Item, keep); err != nil && !isNotFound(err) {
				errs = append(errs, fmt.Errorf("trash of account %d: %w", o.Key.Account, err))
				failed++
			}
		}
		more = more || !whole && failed < len(old)
	}
	return more, errors.Join(errs...)
}

// maxOldTrash bounds how much trash that must stay is passed over.
const maxOldTrash = 100_000

// oldTrash finds at most limit items at a site whose time in the trash is over, and
// passes over those of tenants that may not be written for now. whole says that there
// are no more.
func (s *Store) oldTrash(ctx context.Context, at *site, keep time.Duration, limit int) (due []meta.OldTrash, whole bool, err error) {
	for ask := limit; ; ask *= 8 {
		old, err := at.db.OldTrash(ctx, keep, ask)
		if err != nil {
			return nil, false, outer(err)
		}
		refused := map[int64]bool{}
		due = due[:0]
		for _, o := range old {
			no, known := refused[o.Key.Tenant]
			if !known {
				no = s.admit(ctx, o.Key.Tenant, location.Metadata) != nil
				refused[o.Key.Tenant] = no
			}
			if !no && len(due) < limit {
				due = append(due, o)
			}
		}
		whole = len(old) < ask
		if len(due) == limit || whole || ask > maxOldTrash {
			return due, whole && len(due) < limit, nil
		}
	}
}

// ExpireTrashed removes an item that has been in the trash for longer than keep, more
// than nothing; ErrNotFound where it has not.
func (s *Store) ExpireTrashed(ctx context.Context, key Key, drive, id int64, keep time.Duration) error {
	return s.removeResource(ctx, key, meta.Removal{Collection: drive, ID: id, Idle: max(keep, 1)}, true)
}
