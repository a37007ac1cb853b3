package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// A tree is copied page by page below a parent that no reader sees; one rename then
// gives it its place, so it appears whole or not at all. Into another account its
// content is sealed anew. Of a move the source goes in the transaction that gives the
// copy its place: whenever the process ends, it is at one of both places.

// errPassed says that an item is gone.
var errPassed = errors.New("passed over")

// treePage is how many items of a tree are read, and copied, at once.
const treePage = 500

// maxTree is how many items one COPY takes.
const maxTree = 1_000_000

// CarryAcross copies or moves a named item into another account. One of another tenant is
// ErrNotFound, as one that does not exist.
func (s *Store) CarryAcross(ctx context.Context, from, to Key, t Transfer, move bool) (Transferred, error) {
	if err := oneTenant(from, to); err != nil {
		return Transferred{}, err
	}
	return s.carry(ctx, from, to, t, move)
}

// carry copies what is at t into the account to, as a tree where it is one.
func (s *Store) carry(ctx context.Context, from, to Key, t Transfer, move bool) (done Transferred, err error) {
	if err := s.admit(ctx, to.Tenant, location.Content); err != nil { // before anything is staged
		return Transferred{}, outer(err)
	}
	if from == to {
		if err := s.at(ctx, to.Tenant).db.JudgeCopy(ctx, to, meta.Transfer{Collection: t.Collection, ID: t.Item.ID, To: t.To, Overwrite: t.Overwrite,
			Guard: t.Guard}); err != nil {
			return Transferred{}, outer(err)
		}
	}
	c := &carrier{s: s, from: from, to: to, t: t}
	if move {
		was, err := s.at(ctx, from.Tenant).db.ItemByID(ctx, from, t.Collection, t.Item.ID)
		if err == nil && was.ModSeq != t.Item.ModSeq { // the move was decided on what is gone
			err = ErrChanged
		}
		if err != nil {
			return Transferred{}, outer(err)
		}
		c.gone = &meta.Removal{Collection: t.Collection, ID: t.Item.ID, As: &was,
			Guard: Guard{Seen: t.From.Seen, Locks: t.From.Locks, Tokens: t.Guard.Tokens, Person: t.Guard.Person}}
		judge := *c.gone
		judge.Judge = true
		if err := s.at(ctx, from.Tenant).db.RemoveResource(ctx, from, judge); err != nil { // before all the work
			return Transferred{}, outer(err)
		}
	}
	if t.Item.Flags&FlagFolder == 0 {
		done, err = c.single(ctx)
	} else if done, err = c.tree(ctx); err == nil && move {
		s.reapSoon(ctx, from, t.Collection)
	}
	if err == nil && move {
		s.announce(from)
	}
	return done, err
}

type carrier struct {
	s        *Store
	from, to Key
	t        Transfer
	gone     *meta.Removal // of a move: what goes when the copy gets its place, in the same transaction
	copied   int
}

// put puts a copy in its place.
func (c *carrier) put(ctx context.Context, p meta.PutResource) (Transferred, error) {
	if c.gone != nil {
		return c.s.at(ctx, c.from.Tenant).db.MoveResourceAcross(ctx, c.from, c.to, meta.ResourceAcross{Put: &p, Gone: *c.gone})
	}
	put, err := c.s.at(ctx, c.to.Tenant).db.Put(ctx, c.to, p)
	return Transferred(put), err
}

// give gives what was staged its place.
func (c *carrier) give(ctx context.Context, t meta.Transfer) (Transferred, error) {
	if c.gone != nil {
		return c.s.at(ctx, c.from.Tenant).db.MoveResourceAcross(ctx, c.from, c.to, meta.ResourceAcross{Settle: &t, Gone: *c.gone})
	}
	return c.s.at(ctx, c.to.Tenant).db.MoveResource(ctx, c.to, t)
}

// single puts a copy of one item in place. What it overwrites in a drive goes into
// the trash, so the copy is made where nobody sees it then.
func (c *carrier) single(ctx context.Context) (done Transferred, err error) {
	to, err := c.s.at(ctx, c.to.Tenant).db.Collection(ctx, c.to, c.t.To.Collection)
	if err != nil {
		return Transferred{}, outer(err)
	}
	isStaged := false
	err = c.reseal(ctx, c.t.Item, func(p meta.PutResource) error {
		p.Collection, p.Parent, p.Name = c.t.To.Collection, c.t.To.Parent, c.t.To.Name
		p.Guard, p.New = c.t.Guard, !c.t.Overwrite || to.Kind == Drive
		done, err = c.put(ctx, p)
		if errors.Is(err, ErrExists) && c.t.Overwrite {
			var put meta.Put
			p.Name, p.Guard, isStaged = rand.Text(), Guard{}, true
			put, err = c.s.at(ctx, c.to.Tenant).db.StageFile(ctx, c.to, p)
			done = Transferred(put)
		}
		return err
	})
	if err == nil && isStaged {
		return c.settle(ctx, done.Item.ID)
	}
	return done, err
}

// settle gives its place to what was made where nobody sees it.
func (c *carrier) settle(ctx context.Context, id int64) (done Transferred, err error) {
	account, err := c.s.sealer(ctx, c.to)
	if err != nil {
		return Transferred{}, err
	}
	err = c.s.write(ctx, c.to, func() error {
		row := c.t.row(account)
		row.Collection, row.ID, row.Staged = c.t.To.Collection, id, true
		done, err = c.give(ctx, row)
		return err
	})
	if err != nil {
		c.drop(ctx, id)
		return Transferred{}, err
	}
	return done, nil
}

// drop takes away what never got its place.
func (c *carrier) drop(ctx context.Context, id int64) {
	ctx = context.WithoutCancel(ctx)
	r := meta.Removal{Collection: c.t.To.Collection, ID: id, Staged: true}
	if err := c.s.at(ctx, c.to.Tenant).db.RemoveResource(ctx, c.to, r); err == nil {
		c.s.reapSoon(ctx, c.to, c.t.To.Collection)
	}
}

// tree makes the folder where nobody sees it, fills it, and gives it its place.
func (c *carrier) tree(ctx context.Context) (Transferred, error) {
	s := c.s
	account, err := s.sealer(ctx, c.to)
	if err != nil {
		return Transferred{}, err
	}
	props, err := s.Properties(ctx, c.from, c.t.Collection, []int64{c.t.Item.ID})
	if err != nil {
		return Transferred{}, err
	}
	top, err := s.at(ctx, c.to.Tenant).db.Stage(ctx, c.to, meta.NewFolder{Collection: c.t.To.Collection, Name: rand.Text(),
		InternalDate: c.t.Item.InternalDate, Properties: sealProperties(account, props[c.t.Item.ID])})
	if err != nil {
		return Transferred{}, outer(err)
	}
	if !c.t.Shallow {
		if err := c.fill(ctx, top.ID); err != nil {
			c.drop(ctx, top.ID)
			return Transferred{}, outer(err)
		}
	}
	return c.settle(ctx, top.ID)
}

// pair is a folder and its copy.
type pair struct{ source, made int64 }

// fill copies level by level.
func (c *carrier) fill(ctx context.Context, top int64) error {
	level := []pair{{c.t.Item.ID, top}}
	for len(level) > 0 {
		var next []pair
		var waiting []meta.Member
		var items []Item
		flush := func() error {
			made, err := c.members(ctx, items, waiting)
			for _, i := range items {
				if id, ok := made[i.ID]; ok && i.Flags&FlagFolder != 0 {
					next = append(next, pair{i.ID, id})
				}
			}
			waiting, items = waiting[:0], items[:0]
			return err
		}
		for _, p := range level {
			for after := ""; ; {
				page, err := c.s.at(ctx, c.from.Tenant).db.Members(ctx, c.from, c.t.Collection, p.source, after, treePage)
				if err != nil {
					return err
				}
				for _, i := range page {
					after = i.Name
					waiting, items = append(waiting, meta.Member{UID: i.UID, ID: i.ID, Parent: p.made}), append(items, i)
				}
				if c.copied += len(page); c.copied > maxTree {
					return fmt.Errorf("copy of more than %d items: %w", maxTree, ErrTooMany)
				}
				if len(waiting) > meta.MaxRows-treePage {
					if err := flush(); err != nil {
						return err
					}
				}
				if len(page) < treePage {
					break
				}
			}
		}
		if err := flush(); err != nil {
			return err
		}
		level = next
	}
	return nil
}

// members copies some items into folders that are copies already.
func (c *carrier) members(ctx context.Context, items []Item, waiting []meta.Member) (made map[int64]int64, err error) {
	if len(items) == 0 {
		return nil, nil
	}
	if c.from == c.to {
		return c.s.at(ctx, c.to.Tenant).db.CopyMembers(ctx, c.to, c.t.Collection, c.t.To.Collection, waiting)
	}
	made = map[int64]int64{}
	for n, i := range items {
		id, err := c.across(ctx, i, waiting[n].Parent)
		if errors.Is(err, errPassed) {
			continue
		}
		if err != nil {
			return made, err
		}
		made[i.ID] = id
	}
	return made, nil
}

// across copies one item into the other account; errPassed says that it is gone.
func (c *carrier) across(ctx context.Context, i Item, parent int64) (id int64, err error) {
	if i.Flags&FlagFolder == 0 {
		err := c.reseal(ctx, i, func(p meta.PutResource) error {
			p.Collection, p.Parent, p.Name, p.Staged = c.t.To.Collection, parent, i.Name, true
			put, err := c.s.at(ctx, c.to.Tenant).db.Put(ctx, c.to, p)
			id = put.Item.ID
			return err
		})
		if isNotFound(err) {
			err = errPassed
		}
		return id, err
	}
	account, err := c.s.sealer(ctx, c.to)
	if err != nil {
		return 0, err
	}
	props, err := c.s.Properties(ctx, c.from, c.t.Collection, []int64{i.ID})
	if err != nil {
		return 0, err
	}
	made, err := c.s.at(ctx, c.to.Tenant).db.MakeFolder(ctx, c.to, meta.NewFolder{Collection: c.t.To.Collection, Parent: parent, Name: i.Name,
		InternalDate: i.InternalDate, Properties: sealProperties(account, props[i.ID]), Staged: true})
	return made.ID, err
}

// reseal reads an item's content, facts, properties and index, seals them for the
// other account and hands the row to write.
func (c *carrier) reseal(ctx context.Context, i Item, write func(meta.PutResource) error) error {
	s := c.s
	account, err := s.sealer(ctx, c.to)
	if err != nil {
		return err
	}
	o := UploadOptions{Size: i.Size}
	if c.gone != nil { // a move makes no more of it for the tenant; the account's own quota is asked under its lock
		o.Replaces = i.Size
	}
	up, err := s.NewUpload(ctx, c.to, o)
	if err != nil {
		return err
	}
	defer up.Close()
	if err := c.pour(ctx, i, up); err != nil {
		return err
	}
	props, err := s.Properties(ctx, c.from, c.t.Collection, []int64{i.ID})
	if err != nil {
		return err
	}
	index, err := s.at(ctx, c.from.Tenant).db.IndexOf(ctx, c.from, c.t.Collection, i.UID)
	if err == nil && index != nil { // it must be that of the content
		var now Item
		if now, err = s.at(ctx, c.from.Tenant).db.ItemByID(ctx, c.from, c.t.Collection, i.ID); err == nil && now.ObjectID != i.ObjectID {
			err = ErrChanged
		}
	}
	if err != nil {
		return outer(err)
	}
	p := meta.PutResource{InternalDate: i.InternalDate, Digest: up.Digest(), Properties: sealProperties(account, props[i.ID]),
		Index: index}
	err = s.Metas(ctx, c.from, []int64{i.ObjectID}, func(_ int64, encoder int16, plain []byte, _ ContentID) error {
		p.SealMeta = sealMeta(account, encoder, slices.Clone(plain))
		return nil
	})
	if err != nil {
		return err
	}
	return up.use(func(placed meta.Content) error {
		p.Content = placed
		return s.write(ctx, c.to, func() error { return write(p) })
	})
}

// pour copies the plain content.
func (c *carrier) pour(ctx context.Context, i Item, up *Upload) error {
	body, err := c.s.Body(ctx, c.from, i.Content)
	if err != nil {
		return err
	}
	r, err := body.Open(ctx, 0, -1)
	if err != nil {
		return err
	}
	_, err = io.Copy(up, r)
	if err := errors.Join(err, r.Close()); err != nil {
		return err
	}
	return up.Finish()
}
