package app

import (
	"context"
	"errors"
	"fmt"

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
// generation.
func (in *Installation) openSites(ctx context.Context, renew string) error {
	for i, s := range in.cfg.Sites {
		if err := in.openSite(ctx, i, s.Name == renew); err != nil {
			return fmt.Errorf("site %s: %w", s.Name, err)
		}
	}
	return nil
}

func (in *Installation) openSite(ctx context.Context, i int, renew bool) error {
	m, b := in.cfg.EnginesOf(i)
	at := openSite{Site: declared(in.cfg.Sites[i], b), inline: inlineLimit(in.cfg, m.DSN)}
	at.dsn, _ = config.SplitPassword(m.DSN)
	at.blobsURL, _ = config.SplitPassword(b.URL)
	var err error
	if at.metadata, err = openMetadata(ctx, m, in.roots); err != nil {
		return err
	}
	openDB := meta.Open
	switch {
	case renew:
		openDB = meta.Renew
	case len(in.cfg.Sites) > 1 && at.Name != in.cfg.DirectorySite():
		openDB = meta.OpenLater
	}
	at.db, err = openDB(ctx, observedEngine{in.trace.engine(at.Name, at.metadata.use), in.metrics}, in.log)
	if err != nil {
		at.metadata.use.Close()
		return unopened(err)
	}
	if at.blobs, err = openBlobs(b, in.roots); err != nil {
		return errors.Join(err, at.db.Close())
	}
	in.sites = append(in.sites, at)
	return nil
}

// unopened tells what to do about a database that could not be opened.
func unopened(err error) error {
	if errors.Is(err, meta.ErrForeignStore) {
		return fmt.Errorf("%w: if it was restored or failed over on purpose, run `fachwerk store new-generation` once, so that no client sees a number twice", err)
	}
	return fmt.Errorf("metadata database: %w", withRemedy(err))
}

// engines are the site's for the store.
func (s openSite) engines(m *metrics) store.Site {
	return store.Site{
		Site: s.Site, DB: s.db, Blobs: observedBlobs{blob.NewRetry(s.blobs.use, blob.Backoff{}), m},
		InlineLimit: s.inline, MetadataName: s.metadata.name, BlobsName: s.blobs.name,
	}
}

func (s openSite) close() error { return errors.Join(s.db.Close(), s.blobs.use.Close()) }
