package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/app/config"
	"fachwerk/internal/store"
	"fachwerk/internal/store/content"
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
	trace   *Trace
	roots   *x509.CertPool // for outgoing TLS; nil: the system's alone
	sites   []openSite
	guard   *location.Guard
	clock   *clockWatch
	keys    *content.KeyDir
	// madeKeys tells that there was no folder of keys, and that it was made.
	madeKeys bool
	// keyBucket is where the tenants' keys lie; nil: in a folder.
	keyBucket blobStore
	store     *store.Store

	providersOnce sync.Once
	providersAre  *auth.Providers
	providersErr  error
}

// Open opens an installation and migrates its databases. Close it.
func Open(ctx context.Context, w Where, log *slog.Logger) (*Installation, error) {
	c, err := w.Load()
	if err != nil {
		return nil, err
	}
	return open(ctx, c, log, Renewal{})
}

// Renewal says of which site's database a new generation begins; the zero value, of none.
type Renewal struct {
	// Site may be empty where there is one.
	Site string
	// WithLog says that the log beside an SQLite database is its own, because both were
	// restored together.
	WithLog bool
}

// of is the renewal where it is of this site, else nil.
func (r Renewal) of(site string) *Renewal {
	if r.Site == "" || r.Site != site {
		return nil
	}
	return &r
}

// Renew opens an installation of which a site's database was restored or lost its
// last changes, and begins a new generation there (command `store new-generation`).
func Renew(ctx context.Context, w Where, r Renewal, log *slog.Logger) (*Installation, error) {
	c, err := w.Load()
	if err != nil {
		return nil, err
	}
	if r.Site, err = chosenSite(c, r.Site); err != nil {
		return nil, fmt.Errorf("which site was restored? %w", err)
	}
	return open(ctx, c, log, r)
}

// chosenSite is the site that a command was told, or the only one.
func chosenSite(c *config.Config, name string) (string, error) {
	if name == "" && len(c.Sites) == 1 {
		return c.Sites[0].Name, nil
	}
	if !slices.ContainsFunc(c.Sites, func(s config.Site) bool { return s.Name == name }) {
		return "", fmt.Errorf("name one of this installation's by --site: %s", siteNames(c))
	}
	return name, nil
}

func siteNames(c *config.Config) string {
	var names []string
	for _, s := range c.Sites {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// open opens everything; renew names the site that begins a new generation, if any.
func open(ctx context.Context, c *config.Config, log *slog.Logger, renew Renewal) (in *Installation, err error) {
	in = &Installation{cfg: c, log: log, metrics: newMetrics(), trace: traceOf(ctx)}
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
	if err := os.MkdirAll(c.Spool.Dir, 0o700); err != nil {
		return in, fmt.Errorf("spool.dir: %w", err)
	}
	fresh, err := in.openKeys(ctx)
	if err != nil {
		return in, err
	}
	if err := in.openSites(ctx, renew); err != nil {
		return in, err
	}
	o := store.Options{
		Directory: c.DirectorySite(), Keys: in.keys, SpoolDir: c.Spool.Dir, Retention: max(c.Blobs.Retention, 1), Log: log,
	}
	if o.SpoolBytes, o.SpoolMemory, err = spoolShares(c.Spool, c.Limits.Message); err != nil {
		return in, err
	}
	var places []location.Site
	for _, s := range in.sites {
		places = append(places, s.Site)
		o.Sites = append(o.Sites, s.engines(in.metrics))
	}
	if in.guard, err = location.New(places); err != nil {
		return in, fmt.Errorf("sites: %w", err)
	}
	in.guard.Hold(max(time.Hour, 3*c.Location.Every))
	o.Placement = in.guard.Allow
	if in.store, err = store.New(ctx, o); err != nil {
		return in, err
	}
	in.metrics.spools(in.store)
	if fresh {
		if err := in.refuseNewKeysForOldStore(ctx); err != nil {
			return in, err
		}
	}
	if err := in.store.LoadDirectory(ctx); err != nil {
		return in, err
	}
	if err := in.refuseForeignKeys(ctx); err != nil {
		return in, err
	}
	if err := in.compareMarks(ctx, renew); err != nil {
		return in, err
	}
	in.recall(ctx)
	return in, nil
}

// Close closes what is open, top down.
func (in *Installation) Close() error {
	var errs []error
	if in.store != nil {
		errs = append(errs, in.store.Close())
	}
	for _, s := range in.sites {
		errs = append(errs, s.close())
	}
	if in.keys != nil {
		errs = append(errs, in.keys.Close())
	}
	if in.keyBucket != nil {
		errs = append(errs, in.keyBucket.Close())
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
	providers, err := in.providers()
	if err != nil {
		return nil, err
	}
	return auth.New(auth.Config{
		People: in.people(), AppPasswords: in.store, Changes: in.store, HashKeys: in.hashKeys(),
		Providers: providers, Groups: in.store,
		Throttle: throttle, Notifier: notifier, Log: in.log, Hashed: in.trace.Hash,
	})
}
