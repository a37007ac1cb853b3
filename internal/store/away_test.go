package store_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
)

func first(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

// hanging is a database that, once it is told to, answers nothing until whoever asks
// gives up.
type hanging struct {
	meta.Engine
	now atomic.Bool
}

func (h *hanging) wait(ctx context.Context) error {
	if !h.now.Load() {
		return nil
	}
	<-ctx.Done()
	return errors.Join(meta.ErrUnavailable, ctx.Err())
}

func (h *hanging) View(ctx context.Context, f func(meta.Tx) error) error {
	return first(h.wait(ctx), func() error { return h.Engine.View(ctx, f) })
}

func (h *hanging) Read(ctx context.Context, b *meta.Batch) error {
	return first(h.wait(ctx), func() error { return h.Engine.Read(ctx, b) })
}

func (h *hanging) Update(ctx context.Context, f func(meta.Tx) error) error {
	return first(h.wait(ctx), func() error { return h.Engine.Update(ctx, f) })
}

func (h *hanging) Close() error { return nil } // another's

// A site that hangs keeps nobody of another from hearing of changes, nor that one's mail
// from being sent when it is due.
func TestOneSiteHangsAndHintsGoOn(t *testing.T) {
	_, o, towns := twoSites(t)
	other := openStore(t, o)
	ctx := t.Context()
	h := &hanging{Engine: o.Sites[1].DB.Engine()}
	db, err := meta.Open(ctx, h, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	part := o
	part.Sites = slices.Clone(o.Sites)
	part.Sites[1].DB = db
	s := openStore(t, part)
	must(t, s.LoadDirectory(ctx))
	heard := make(chan struct{}, 1000)
	for _, w := range towns { // somebody of the site that hangs is watched too
		f := func() {}
		if w.site == "nord" {
			f = func() { heard <- struct{}{} }
		}
		defer s.Watch(w.person.Key, f)()
	}
	wait := func(what string) {
		t.Helper()
		select {
		case <-heard:
		case <-time.After(2 * time.Minute):
			t.Fatal("nothing was heard of " + what)
		}
	}
	wait("the first comparison")
	h.now.Store(true)
	for range 3 {
		for len(heard) > 0 {
			<-heard
		}
		must(t, other.SetQuota(ctx, towns[0].person.Key, time.Now().UnixNano(), 0))
		_, err := other.CreateCollection(ctx, towns[0].person.Key, store.Mailbox, time.Now().Format("150405.000000000"), "", store.CollectionOptions{})
		must(t, err)
		wait("a change while the other site hangs")
	}
	spool := other.NewSpool(0)
	_, err = spool.Write([]byte("Subject: x\r\n\r\nx\r\n"))
	must(t, err)
	_, err = other.Enqueue(ctx, towns[0].tenant.ID, store.QueueMessage{ReversePath: towns[0].person.Address,
		Recipients: []store.QueueRecipient{{ForwardPath: "b@elsewhere.example", NextHop: "elsewhere.example", Expires: time.Now().Add(time.Hour)}}}, nil, spool)
	must(t, err)
	must(t, spool.Close())
	if _, ok, err := s.NextDue(ctx); !ok || err != nil {
		t.Errorf("mail of the other site is due: %v, %v", ok, err)
	}
}

// A site that is away, or hangs, keeps no revocation, lease or session of another from
// being seen.
func TestOneSiteAwayHindersNoOther(t *testing.T) {
	_, o, towns := twoSites(t)
	queued := openStore(t, o)
	ctx := t.Context()
	var revoked []auth.Login
	var leases []store.QueueLease
	for _, w := range towns {
		revoked = append(revoked, auth.Login{AccountRef: refOf(w.person.Key), AppPassword: 4711})
		must(t, queued.AddSession(ctx, auth.Session{AccountRef: refOf(w.person.Key), ID: []byte(w.site), Issuer: "https://login.example",
			Expires: time.Now().Add(time.Hour), Secret: []byte("{}")}))
		spool := queued.NewSpool(0)
		_, err := spool.Write([]byte("Subject: x\r\n\r\nx\r\n"))
		must(t, err)
		_, err = queued.Enqueue(ctx, w.tenant.ID, store.QueueMessage{ReversePath: w.person.Address,
			Recipients: []store.QueueRecipient{{ForwardPath: "b@elsewhere.example", NextHop: "elsewhere.example", Expires: time.Now().Add(time.Hour)}}}, nil, spool)
		must(t, err)
		must(t, spool.Close())
	}
	claims, err := queued.ClaimQueue(ctx, 10, time.Hour)
	must(t, err)
	for _, c := range claims {
		leases = append(leases, store.QueueLease{Tenant: c.Message.Ref.Tenant, Token: c.Token})
	}
	if len(leases) != 2 {
		t.Fatalf("%d leases", len(leases))
	}

	for name, away := range map[string]func(t *testing.T) (db *meta.DB, leave func()){
		"away": func(*testing.T) (*meta.DB, func()) {
			return meta.Absent(errors.Join(meta.ErrUnavailable, errors.New("no route to host"))), func() {}
		},
		"hangs": func(t *testing.T) (*meta.DB, func()) {
			h := &hanging{Engine: o.Sites[1].DB.Engine()}
			db, err := meta.Open(ctx, h, slog.New(slog.DiscardHandler))
			must(t, err)
			t.Cleanup(func() { must(t, db.Close()) })
			return db, func() { h.now.Store(true) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			part := o
			part.Sites = slices.Clone(o.Sites)
			db, leave := away(t)
			part.Sites[1].DB = db
			s := openStore(t, part)
			must(t, s.LoadDirectory(ctx))
			leave()
			patience, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			alive, err := s.AliveOf(patience, revoked)
			must(t, err)
			if len(alive) != 2 || alive[0] || !alive[1] {
				t.Errorf("alive %v: want the first ended, and of the second nothing known", alive)
			}
			patience, cancel = context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			renewed, _ := s.RenewQueue(patience, leases, time.Hour)
			if len(renewed) != 1 || renewed[0].Tenant != towns[0].tenant.ID {
				t.Errorf("renewed %v", renewed)
			}
		})
	}

	// The first site hangs: a session at the second is found, though nobody knows
	// beforehand where it is.
	h := &hanging{Engine: o.Sites[0].DB.Engine()}
	db, err := meta.Open(ctx, h, slog.New(slog.DiscardHandler))
	must(t, err)
	defer db.Close()
	part := o
	part.Sites = slices.Clone(o.Sites)
	part.Sites[0].DB = db
	s := openStore(t, part)
	must(t, s.LoadDirectory(ctx))
	h.now.Store(true)
	if p, err := s.PersonBySubject(ctx, "https://login.example", "sued"); err != nil || p.Account != towns[1].person.Key.Account {
		t.Errorf("a person of the other site: %+v, %v", p, err)
	}
	_, err = s.PersonBySubject(ctx, "https://login.example", "nord")
	wantErr(t, err, auth.ErrUnavailable)
	if _, err := s.Session(ctx, []byte("sued")); err != nil {
		t.Errorf("a session at the other site: %v", err)
	}
	for range 2 { // whichever site is asked first
		spool := queued.NewSpool(0)
		_, err := spool.Write([]byte("Subject: y\r\n\r\ny\r\n"))
		must(t, err)
		_, err = queued.Enqueue(ctx, towns[1].tenant.ID, store.QueueMessage{ReversePath: towns[1].person.Address,
			Recipients: []store.QueueRecipient{{ForwardPath: "c@elsewhere.example", NextHop: "elsewhere.example", Expires: time.Now().Add(time.Hour)}}}, nil, spool)
		must(t, err)
		must(t, spool.Close())
		if claims, err := s.ClaimQueue(ctx, 10, time.Hour); err != nil || len(claims) != 1 {
			t.Errorf("%d claims of the other site's mail, %v", len(claims), err)
		}
	}
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err = s.Session(short, []byte("nord"))
	wantErr(t, err, auth.ErrUnavailable)
}
