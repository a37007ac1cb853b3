package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"fachwerk/internal/budget"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// NewObject is an object to be stored in a collection.
type NewObject struct {
	Prefix []byte // put before the body, such as trace headers; may be nil
	Body   *Spool

	Encoder int16  // version of Meta's form
	Meta    []byte // sealed into item_meta; nil for none

	ThreadKeys []string // Message-ID, In-Reply-To, References
	Flags      int64
	Keywords   []string
	Date       time.Time // zero: now, by the database's clock
	Name       string    // of named items
	Origin     *Origin   // of an imported object; nil for others
}

// AddOption changes AddObjects.
type AddOption func(*addOptions)

type addOptions struct {
	done *queueDone
	kind CollectionKind
}

// OfKind has AddObjects fail with ErrNotFound where the collection is of another kind.
func OfKind(kind CollectionKind) AddOption { return func(o *addOptions) { o.kind = kind } }

// AddObjects seals the objects' content for the account, makes it durable, and
// adds the items in one transaction: all or none. Content whose transaction fails
// is left to the sweeper.
func (s *Store) AddObjects(ctx context.Context, key Key, collection int64, objects []NewObject, opts ...AddOption) (added []Added, err error) {
	var o addOptions
	for _, opt := range opts {
		opt(&o)
	}
	var bytes int64
	for i := range objects {
		bytes += int64(len(objects[i].Prefix)) + objects[i].Body.Size()
	}
	if err := s.admitContent(ctx, key.Tenant, bytes, int64(len(objects))); err != nil {
		return nil, outer(err)
	}
	account, err := s.sealer(ctx, key)
	if err != nil {
		return nil, err
	}
	elsewhere := o.done != nil && o.done.elsewhere(ctx, s, key)
	if elsewhere {
		if err := o.done.held(ctx, s); err != nil {
			return nil, err
		}
	}
	items := make([]meta.NewItem, len(objects))
	for i := range objects {
		if items[i], err = s.newItem(ctx, key, account, &objects[i]); err != nil {
			return nil, outer(err)
		}
	}
	switch {
	case o.done == nil || len(items) == 0:
	case elsewhere:
		items[0].Also = append(items[0].Also, originStatement(key, items[0].Content.ID, o.done.arrival(s)))
	default:
		items[0].Also = append(items[0].Also, o.done.statement())
	}
	err = s.write(ctx, key, func() error {
		added, err = s.at(ctx, key.Tenant).db.AddTo(ctx, key, o.kind, collection, items)
		return err
	})
	if elsewhere {
		err = o.done.tell(ctx, s, err)
	}
	return added, err
}

// newItem writes one object's content and describes its item.
func (s *Store) newItem(ctx context.Context, key Key, account *content.Account, n *NewObject) (meta.NewItem, error) {
	body, err := n.Body.Open()
	if err != nil {
		return meta.NewItem{}, err
	}
	defer body.Close()
	placed, err := s.place(ctx, key, account, content.PurposeContent, io.MultiReader(bytes.NewReader(n.Prefix), body),
		int64(len(n.Prefix))+n.Body.Size())
	if err != nil {
		return meta.NewItem{}, err
	}
	item := meta.NewItem{
		Content: placed, Flags: n.Flags, Keywords: joinKeywords(n.Keywords), Size: placed.Size,
		InternalDate: microsOf(n.Date), Name: n.Name, ThreadHashes: s.threadHashes(key, n.ThreadKeys),
	}
	if n.Origin != nil {
		item.Also = append(item.Also, originStatement(key, placed.ID, *n.Origin))
	}
	if n.Meta != nil {
		encoder, plain := n.Encoder, n.Meta
		item.SealMeta = func(objectID int64) (int16, []byte) {
			return encoder, account.SealMeta(make([]byte, 0, len(plain)+content.MetaOverhead), objectID, byte(encoder), plain)
		}
	}
	return item, nil
}

// place seals a stream and makes it durable unless it is small enough to travel
// inline with its row. size is what the stream will hold.
func (s *Store) place(ctx context.Context, key Key, account *content.Account, p content.Purpose, r io.Reader, size int64) (meta.Content, error) {
	at, id := s.at(ctx, key.Tenant), content.NewID()
	if size <= min(at.inline, content.ChunkSize) {
		plain := make([]byte, size)
		if _, err := io.ReadFull(r, plain); err != nil {
			return meta.Content{}, fmt.Errorf("store: read what is to be stored: %w", err)
		}
		sealed := account.SealBytes(make([]byte, 0, size+128), id, p, plain)
		if int64(len(sealed)) <= at.inline+128 {
			return meta.Content{ID: ContentID(id), Size: size, Sealed: int64(len(sealed)), Inline: sealed}, nil
		}
		return at.put(ctx, key, ContentID(id), size, blob.Bytes(sealed))
	}
	if size > blob.SpoolMemory { // it lies on the disk a second time, sealed for its account
		of := budget.Holder{Tenant: key.Tenant}
		if err := s.o.SpoolBytes.Take(of, size); err != nil {
			return meta.Content{}, fmt.Errorf("store: seal: %w: %w", ErrTemporary, err)
		}
		defer s.o.SpoolBytes.Give(of, size)
	}
	spool := account.NewSealed(id, p, content.SpoolConfig{Folder: s.o.SpoolDir})
	defer spool.Discard()
	n, err := io.Copy(spool, r)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = spool.Close()
	}
	if err != nil {
		return meta.Content{}, fmt.Errorf("store: seal: %w", err)
	}
	if inline, ok := spool.Inline(at.inline); ok {
		return meta.Content{ID: ContentID(id), Size: size, Sealed: int64(len(inline)), Inline: slices.Clone(inline)}, nil
	}
	return at.put(ctx, key, ContentID(id), size, spool.Body())
}

func (at *site) put(ctx context.Context, key Key, id ContentID, size int64, body blob.Body) (meta.Content, error) {
	objectKey := blob.NewKey(key.Tenant, time.Now())
	if err := at.blobs.Put(ctx, objectKey, body); err != nil {
		return meta.Content{}, fmt.Errorf("store: put object: %w", err)
	}
	return meta.Content{ID: id, Size: size, Sealed: body.Size(), ObjectKey: objectKey, Inline: endingOf(body)}, nil
}

// endingOf is what is kept of an object in its row, so that one request reads it.
func endingOf(body blob.Body) []byte {
	r, err := body.Open()
	if err != nil {
		return nil
	}
	defer r.Close()
	at, ok := r.(io.ReaderAt)
	if !ok {
		return nil
	}
	last := make([]byte, min(body.Size(), content.MaxEnding))
	if n, err := at.ReadAt(last, body.Size()-int64(len(last))); n < len(last) || err != nil && err != io.EOF {
		return nil
	}
	return slices.Clone(content.Ending(last, body.Size()))
}

// threadHashes makes 63-bit keyed hashes, so that a database dump tells nobody
// which Message-IDs an account has seen.
func (s *Store) threadHashes(key Key, ids []string) []int64 {
	if len(ids) == 0 {
		return nil
	}
	secret := s.threadSecret()
	hashes := make([]int64, 0, len(ids))
	for _, id := range ids {
		mac := hmac.New(sha256.New, secret)
		var account [16]byte
		binary.BigEndian.PutUint64(account[:8], uint64(key.Tenant))
		binary.BigEndian.PutUint64(account[8:], uint64(key.Account))
		mac.Write(account[:])
		io.WriteString(mac, id)
		h := int64(binary.BigEndian.Uint64(mac.Sum(nil)[:8]) >> 1)
		if !slices.Contains(hashes, h) {
			hashes = append(hashes, h)
		}
	}
	return hashes
}

func (s *Store) threadSecret() []byte {
	s.threadOnce.Do(func() { s.threadKey = s.keys.Derive("thread-hash") })
	return s.threadKey
}

// joinKeywords is the stored form: sorted, each once, one space between.
func joinKeywords(keywords []string) string {
	if len(keywords) == 0 {
		return ""
	}
	sorted := slices.Clone(keywords)
	slices.Sort(sorted)
	return strings.Join(slices.Compact(sorted), " ")
}

// CopyAcross copies or moves items into another account: their content is opened
// and sealed anew for it, since content is never shared between accounts. An account of
// another tenant is ErrNotFound, as one that does not exist.
func (s *Store) CopyAcross(ctx context.Context, from Key, src int64, to Key, dst int64, uids []int64, move bool) (CopyResult, error) {
	if err := oneTenant(from, to); err != nil {
		return CopyResult{}, err
	}
	if err := s.admit(ctx, to.Tenant, location.Content); err != nil {
		return CopyResult{}, outer(err)
	}
	if len(uids) > meta.MaxRows {
		return CopyResult{}, ErrTooMany
	}
	list, err := s.ItemsByUID(ctx, from, src, uids)
	if err != nil {
		return CopyResult{}, err
	}
	if !move { // a move makes no more of it
		var bytes int64
		for _, it := range list {
			bytes += it.Size
		}
		if err := s.admitContent(ctx, to.Tenant, bytes, int64(len(list))); err != nil {
			return CopyResult{}, outer(err)
		}
	}
	metas, err := s.metasOf(ctx, from, list)
	if err != nil {
		return CopyResult{}, err
	}
	items := make([]meta.NewItem, 0, len(list))
	found := make([]int64, 0, len(list))
	for _, it := range list {
		n, err := s.reseal(ctx, from, to, it, metas[it.ObjectID])
		if errors.Is(err, ErrNotFound) {
			continue // expunged meanwhile
		}
		if err != nil {
			return CopyResult{}, outer(err)
		}
		items, found = append(items, n), append(found, it.UID)
	}
	at := s.at(ctx, to.Tenant)
	defer at.rooms.forget(to)
	var result CopyResult
	if move {
		defer at.rooms.forget(from)
		result, err = at.db.MoveAcross(ctx, from, src, to, dst, found, items)
	} else {
		var added []Added
		added, err = at.db.Add(ctx, to, dst, items)
		result = copyResult(found, added)
	}
	if err != nil {
		return CopyResult{}, outer(err)
	}
	s.announce(to)
	if move {
		s.announce(from)
	}
	return result, nil
}

// oneTenant refuses what would lead out of a tenant.
func oneTenant(from, to Key) error {
	if from.Tenant != to.Tenant {
		return fmt.Errorf("account %d of another tenant: %w", to.Account, ErrNotFound)
	}
	return nil
}

func copyResult(source []int64, added []Added) (r CopyResult) {
	for i, a := range added {
		r.UIDValidity, r.ModSeq = a.UIDValidity, max(r.ModSeq, a.ModSeq)
		r.Source, r.Dest = append(r.Source, source[i]), append(r.Dest, a.UID)
	}
	return r
}

// openedMeta is an object's item_meta in plain.
type openedMeta struct {
	encoder int16
	plain   []byte
}

// metasOf opens the item_meta of all items at once.
func (s *Store) metasOf(ctx context.Context, key Key, list []Item) (map[int64]openedMeta, error) {
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ObjectID
	}
	metas := make(map[int64]openedMeta, len(list))
	err := s.Metas(ctx, key, ids, func(id int64, encoder int16, plain []byte, _ ContentID) error {
		metas[id] = openedMeta{encoder, slices.Clone(plain)}
		return nil
	})
	return metas, err
}

// reseal opens an item's content and seals it, and its meta where it has one, for
// another account.
func (s *Store) reseal(ctx context.Context, from, to Key, it Item, opened openedMeta) (meta.NewItem, error) {
	account, err := s.sealer(ctx, to)
	if err != nil {
		return meta.NewItem{}, err
	}
	body, err := s.Body(ctx, from, it.Content)
	if err != nil {
		return meta.NewItem{}, err
	}
	r, err := body.Open(ctx, 0, -1)
	if err != nil {
		return meta.NewItem{}, err
	}
	defer r.Close()
	placed, err := s.place(ctx, to, account, content.PurposeContent, r, body.Size())
	if err != nil {
		return meta.NewItem{}, err
	}
	return meta.NewItem{
		Content: placed, Flags: it.Flags &^ FlagDeleted, Keywords: it.Keywords, Size: it.Size,
		InternalDate: it.InternalDate, Name: it.Name, SealMeta: sealMeta(account, opened.encoder, opened.plain),
	}, nil
}
