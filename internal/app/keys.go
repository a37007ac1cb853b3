package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fachwerk/internal/app/config"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
)

// openKeys opens the key directory, or makes it; fresh tells that it did. What lies in
// a bucket is never made.
func (in *Installation) openKeys(ctx context.Context) (fresh bool, err error) {
	if in.cfg.Keys.URL != "" {
		return false, in.openKeyBucket(ctx)
	}
	path := in.cfg.Keys.Dir
	in.keys, err = content.OpenKeyDir(path, false)
	if errors.Is(err, content.ErrNoKey) || errors.Is(err, os.ErrNotExist) {
		_, missing := os.Lstat(path)
		fresh, in.madeKeys = true, errors.Is(missing, os.ErrNotExist)
		in.keys, err = content.OpenKeyDir(path, true)
	}
	if err != nil {
		return false, fmt.Errorf("keys.dir %s: %w", path, err)
	}
	return fresh, nil
}

func (in *Installation) openKeyBucket(ctx context.Context) error {
	k, name := in.cfg.Keys, bucketName(in.cfg.Keys.URL)
	bucket, err := in.openBlobs(config.SiteBlobs{URL: k.URL, Secret: k.Secret}, "bucket of keys")
	if err != nil {
		return fmt.Errorf("keys.url %s: %w", name, err)
	}
	in.keyBucket = bucket.use
	in.keys, err = content.OpenKeyBucket(ctx, blob.NewRetry(bucket.use, blob.Backoff{}), name, k.OperatorKeyFile)
	if err != nil {
		err = fmt.Errorf("keys.url %s, keys.operator_key_file %s: %w", name, k.OperatorKeyFile, err)
		if text := remedy(err); text != "" {
			err = fmt.Errorf("%w; %s", err, strings.ReplaceAll(text, "blobs.", "keys."))
		}
	}
	return err
}

// bucketName is a bucket's URL without password and options, for people.
func bucketName(url string) string {
	name, _ := config.SplitPassword(url)
	name, _, _ = strings.Cut(name, "?")
	return name
}

// keysAt is where the keys lie, for people.
func (in *Installation) keysAt() string {
	if in.cfg.Keys.URL != "" {
		return "keys.url " + bucketName(in.cfg.Keys.URL)
	}
	return "keys.dir " + in.cfg.Keys.Dir
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
	if in.madeKeys { // or what is moved there from a backup would come into it instead of to its place
		_ = os.Remove(filepath.Join(in.cfg.Keys.Dir, "tenants"))
		_ = os.Remove(in.cfg.Keys.Dir)
	}
	return fmt.Errorf("%s holds no keys, but the store holds %d tenants whose content only the old keys open: restore the key directory", in.keysAt(), len(tenants))
}

// refuseEmptyDirectory catches a directory database that is another one than before:
// with no tenant in it every address would be unknown, and all mail sent back.
func (in *Installation) refuseEmptyDirectory() error {
	if in.cfg.Keys.URL != "" { // a bucket is not listed
		return nil
	}
	kept, err := filepath.Glob(filepath.Join(in.cfg.Keys.Dir, "tenants", "*.key"))
	if err != nil || len(kept) == 0 {
		return err
	}
	return fmt.Errorf("the database of the directory knows no tenant, but %s holds the keys of %d: it is another database than before, or was emptied; name the right one in metadata.dsn, or restore it (if the installation is to begin anew, name another keys.dir)", in.keysAt(), len(kept))
}

// refuseForeignKeys catches keys that are another installation's, and a place of keys
// that was emptied. One tenant whose key opens is enough.
func (in *Installation) refuseForeignKeys(ctx context.Context) error {
	tenants, err := in.store.Tenants(ctx)
	if err != nil {
		return err
	}
	if len(tenants) == 0 {
		return in.refuseEmptyDirectory()
	}
	missing := 0
	for _, t := range tenants {
		if t.Removing {
			continue
		}
		err := in.keys.CheckTenantKey(t.ID)
		switch {
		case errors.Is(err, content.ErrNoKey):
			missing++
			continue
		case errors.Is(err, blob.ErrTemporary):
			in.log.Warn("the keys cannot be read yet", "keys", in.keysAt(), "error", err)
			return nil
		case err != nil:
			return fmt.Errorf("%s: the key of tenant %s: %w", in.keysAt(), t.Name, err)
		}
		return nil
	}
	if missing > 0 {
		return fmt.Errorf("%s holds the key of none of the %d tenants, whose content nothing else opens: it is another place than before, or was emptied; put the keys back", in.keysAt(), missing)
	}
	return nil
}
