package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"fachwerk/internal/app/config"
	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// An openSite is a declared site with its engines.
type openSite struct {
	location.Site
	db            *meta.DB
	metadata      engine[meta.Engine]
	blobs         engine[blobStore]
	inline        int64
	dsn, blobsURL string // without passwords, for people
}

// openSites opens the engines of all sites; renew names the one that begins a new
// generation. The directory's comes first: it must be right and there, for without it
// nobody knows who lives where. A fault of another site, other than one of the
// configuration itself, keeps no other from being served.
func (in *Installation) openSites(ctx context.Context, renew Renewal) error {
	opened := make([]*openSite, len(in.cfg.Sites))
	defer func() { // in the order of their declaration
		for _, at := range opened {
			if at != nil {
				in.sites = append(in.sites, *at)
			}
		}
	}()
	var directory *meta.DB
	for i, s := range in.cfg.Sites {
		if len(in.cfg.Sites) > 1 && s.Name != in.cfg.DirectorySite() {
			continue
		}
		at, err := in.openSite(ctx, i, nil, renew.of(s.Name))
		if err != nil {
			return fmt.Errorf("site %s: %w", s.Name, err)
		}
		opened[i], directory = at, at.db
	}
	errs := make([]error, len(in.cfg.Sites))
	var all sync.WaitGroup
	for i, s := range in.cfg.Sites { // those that are away take their time side by side
		if opened[i] == nil {
			all.Go(func() {
				var err error
				if opened[i], err = in.openSite(ctx, i, directory, renew.of(s.Name)); err != nil {
					errs[i] = fmt.Errorf("site %s: %w", s.Name, err)
				}
			})
		}
	}
	all.Wait()
	return errors.Join(errs...)
}

// openSite opens a site; directory is the database of the directory, nil where it is
// this site's. renew is nil unless a new generation begins there.
func (in *Installation) openSite(ctx context.Context, i int, directory *meta.DB, renew *Renewal) (*openSite, error) {
	m, b := in.cfg.EnginesOf(i)
	at := &openSite{Site: declared(in.cfg.Sites[i], b), inline: inlineLimit(in.cfg, m.DSN)}
	at.dsn, _ = config.SplitPassword(m.DSN)
	at.blobsURL, _ = config.SplitPassword(b.URL)
	var err error
	if at.blobs, err = in.openBlobs(b, in.clockOf("object store", at.Name)); err != nil {
		return nil, err
	}
	if at.metadata, err = openMetadata(ctx, m, in.roots, renew); err != nil {
		return nil, errors.Join(err, at.blobs.use.Close())
	}
	if at.db, err = in.openDB(ctx, at, directory, renew != nil); err != nil {
		return nil, errors.Join(err, at.metadata.use.Close(), at.blobs.use.Close())
	}
	return at, nil
}

func (in *Installation) openDB(ctx context.Context, at *openSite, directory *meta.DB, renew bool) (*meta.DB, error) {
	engine := observedEngine{in.trace.engine(at.Name, at.metadata.use), in.metrics}
	if directory == nil || renew {
		open := meta.Open
		if renew {
			open = meta.Renew
		}
		db, err := open(ctx, engine, in.log)
		if err != nil {
			return nil, fmt.Errorf("metadata database: %w", withRemedy(err))
		}
		return db, nil
	}
	admit, err := store.BelongsTo(ctx, directory, at.Name)
	if err != nil {
		return nil, err
	}
	return meta.OpenLater(ctx, engine, in.log.With("site", at.Name), func(ctx context.Context, db *meta.DB) error {
		if err := admit(ctx, db); err != nil {
			return err
		}
		return in.marked(ctx, at, db)
	}), nil
}

// compareMarks compares the directory's database with the mark in its blob store, as those
// of other sites are when they are opened, and has a site's blob store bear the mark of the
// new generation that has begun there.
func (in *Installation) compareMarks(ctx context.Context, renew Renewal) error {
	for i := range in.sites {
		at := &in.sites[i]
		switch {
		case at.Name == renew.Site:
			if err := store.TakeMark(ctx, at.db, blob.NewRetry(at.blobs.use, blob.Backoff{})); err != nil {
				in.log.Warn("the new generation is not noted in the blob store; the servers do so when they can", "site", at.Name, "error", err)
			}
		case at.Name == in.cfg.DirectorySite() || len(in.sites) == 1:
			if err := in.marked(ctx, at, at.db); err != nil {
				return fmt.Errorf("site %s: %w", at.Name, withRemedy(err))
			}
		}
	}
	return nil
}

// marked compares a site's database with the mark in its blob store. Where nobody can look
// at it now, the database is used all the same: no object is deleted before somebody could.
func (in *Installation) marked(ctx context.Context, at *openSite, db *meta.DB) error {
	err := store.CheckMark(ctx, db, at.blobs.use)
	if err != nil && !errors.Is(err, store.ErrForeignBlobs) {
		in.log.Info("the blob store cannot be asked whose it is", "site", at.Name, "error", err)
		return nil
	}
	return err
}

// engines are the site's for the store.
func (s openSite) engines(m *metrics) store.Site {
	return store.Site{
		Site: s.Site, DB: s.db, Blobs: observedBlobs{blob.NewRetry(s.blobs.use, blob.Backoff{}), m},
		InlineLimit: s.inline, MetadataName: s.metadata.name, BlobsName: s.blobs.name,
		Kept:    func() { m.kept.WithLabelValues(s.Name).Inc() },
		Foreign: func(foreign bool) { m.foreign.WithLabelValues(s.Name).Set(map[bool]float64{true: 1}[foreign]) },
	}
}

func (s openSite) close() error { return errors.Join(s.db.Close(), s.blobs.use.Close()) }
