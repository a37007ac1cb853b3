package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"fachwerk/auth"
	"fachwerk/internal/app/config"
	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// ConfigName is the configuration file of a data directory.
const ConfigName = "fachwerk.yaml"

// Where names an installation: by its configuration file or, as the demo has
// it, by the data directory that holds the file.
type Where struct {
	Config string // path of the file
	Data   string // the folder that holds fachwerk.yaml
}

// Path is the configuration file's.
func (w Where) Path() (string, error) {
	switch {
	case w.Config != "" && w.Data != "":
		return "", errors.New("name the installation by --config or by --data, not by both")
	case w.Config != "":
		return w.Config, nil
	case w.Data != "":
		return filepath.Join(w.Data, ConfigName), nil
	}
	return "", errors.New("which installation? Name it by --config FILE or --data DIR")
}

// Load reads the configuration with the process's environment over it.
func (w Where) Load() (*config.Config, error) {
	path, err := w.Path()
	if err != nil {
		return nil, err
	}
	return config.Load(path, os.Environ())
}

// An Installation is an open store with the configuration it belongs to. What
// the command line does, it does through one, beside a running server.
type Installation struct {
	cfg     *config.Config
	log     *slog.Logger
	metrics *metrics
	roots   *x509.CertPool // for outgoing TLS; nil: the system's alone
	clock   *clockWatch
	site    location.Site
	keys    *content.KeyDir
	db      *meta.DB
	blobs   blobStore
	store   *store.Store
}

// Open opens an installation and migrates its database. Close it.
func Open(ctx context.Context, w Where, log *slog.Logger) (*Installation, error) {
	c, err := w.Load()
	if err != nil {
		return nil, err
	}
	return open(ctx, c, log, meta.Open)
}

// Renew opens an installation whose database was restored or lost its last
// changes, and begins a new generation (command `store new-generation`).
func Renew(ctx context.Context, w Where, log *slog.Logger) (*Installation, error) {
	c, err := w.Load()
	if err != nil {
		return nil, err
	}
	return open(ctx, c, log, meta.Renew)
}

func open(ctx context.Context, c *config.Config, log *slog.Logger,
	openDB func(context.Context, meta.Engine, *slog.Logger) (*meta.DB, error)) (in *Installation, err error) {
	in = &Installation{cfg: c, log: log, metrics: newMetrics()}
	defer func() {
		if err != nil {
			in.Close()
			in = nil
		}
	}()
	in.clock = newClockWatch(in.metrics, log)
	if in.roots, err = roots(c.TLS.CA); err != nil {
		return in, err
	}
	var sites []location.Site
	for _, s := range c.Sites {
		sites = append(sites, location.Site{Name: s.Name, Operator: s.Operator, Country: s.Country, Place: s.City, Networks: s.Networks})
		if s.Name == c.Placement.Default {
			in.site = sites[len(sites)-1]
		}
	}
	placement, err := location.At(c.Placement.Default, sites)
	if err != nil {
		return in, fmt.Errorf("placement.default: %w", err)
	}
	if err := os.MkdirAll(c.Spool.Dir, 0o700); err != nil {
		return in, fmt.Errorf("spool.dir: %w", err)
	}
	fresh, err := in.openKeys()
	if err != nil {
		return in, err
	}
	metadata, err := openMetadata(ctx, c, in.roots)
	if err != nil {
		return in, err
	}
	in.db, err = openDB(ctx, observedEngine{metadata.use, in.metrics}, log)
	if err != nil {
		metadata.use.Close()
		if errors.Is(err, meta.ErrForeignStore) {
			return in, fmt.Errorf("%w: if it was restored or failed over on purpose, run `fachwerk store new-generation` once, so that no client sees a number twice", err)
		}
		return in, fmt.Errorf("metadata database: %w", withRemedy(err))
	}
	blobs, err := openBlobs(c, in.roots)
	if err != nil {
		return in, err
	}
	in.blobs = blobs.use
	in.store, err = store.New(ctx, store.Options{
		DB: in.db, Keys: in.keys, Site: in.site, Placement: placement,
		Blobs:       observedBlobs{blob.NewRetry(blobs.use, blob.Backoff{}), in.metrics},
		InlineLimit: inlineLimit(c), SpoolDir: c.Spool.Dir, Retention: c.Blobs.Retention,
		MetadataName: metadata.name, BlobsName: blobs.name, Log: log,
	})
	if err != nil {
		return in, err
	}
	if fresh {
		err = in.refuseNewKeysForOldStore(ctx)
	}
	return in, err
}

// openKeys opens the key directory, or makes it; fresh tells that it did.
func (in *Installation) openKeys() (fresh bool, err error) {
	path := in.cfg.Keys.Dir
	in.keys, err = content.OpenKeyDir(path, false)
	if errors.Is(err, content.ErrNoKey) || errors.Is(err, os.ErrNotExist) {
		fresh = true
		in.keys, err = content.OpenKeyDir(path, true)
	}
	if err != nil {
		return false, fmt.Errorf("keys.dir %s: %w", path, err)
	}
	return fresh, nil
}

// refuseNewKeysForOldStore catches a key directory that was not mounted or got
// lost: going on with a new key would hide that nothing old can be read.
func (in *Installation) refuseNewKeysForOldStore(ctx context.Context) error {
	tenants, err := in.store.Tenants(ctx)
	if err != nil || len(tenants) == 0 {
		return err
	}
	if err := os.Remove(filepath.Join(in.cfg.Keys.Dir, "operator.key")); err != nil {
		in.log.Warn("the new operator key could not be removed again", "error", err)
	}
	return fmt.Errorf("keys.dir %s holds no keys, but the store holds %d tenants whose content only the old keys open: restore the key directory", in.cfg.Keys.Dir, len(tenants))
}

// Close closes what is open, top down.
func (in *Installation) Close() error {
	var errs []error
	if in.store != nil {
		errs = append(errs, in.store.Close())
	}
	if in.db != nil {
		errs = append(errs, in.db.Close())
	}
	if in.blobs != nil {
		errs = append(errs, in.blobs.Close())
	}
	if in.keys != nil {
		errs = append(errs, in.keys.Close())
	}
	return errors.Join(errs...)
}

// hashKeys are those of app passwords. To rotate: add the next number, make it
// current, and drop the old one when its last password has gone.
func (in *Installation) hashKeys() auth.HashKeys {
	return auth.HashKeys{Current: 1, Keys: map[int16][]byte{1: in.keys.Derive("app-password/1")}}
}

// bearerIssuer is the issuer whose access tokens open accounts.
func (in *Installation) bearerIssuer() auth.BearerIssuer {
	s := in.cfg.OIDC.Scopes
	return auth.BearerIssuer{
		URL: in.cfg.OIDC.Issuer, Audience: in.cfg.OIDC.Audience,
		Scopes: map[string]auth.Scope{
			s.MailRead: auth.MailRead, s.MailSend: auth.MailSend, s.Calendar: auth.Calendars,
			s.Contacts: auth.Contacts, s.Files: auth.Files,
		},
	}
}

func (in *Installation) authenticator(throttle *auth.Throttle, notifier auth.Notifier) (*auth.Authenticator, error) {
	return auth.New(auth.Config{
		People: in.people(), AppPasswords: in.store, Changes: in.store, HashKeys: in.hashKeys(),
		Issuers: []auth.BearerIssuer{in.bearerIssuer()}, Throttle: throttle, Notifier: notifier, Log: in.log,
		HTTP: in.httpClient(),
	})
}
