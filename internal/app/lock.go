package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"fachwerk/internal/app/config"
)

// lockFolder keeps a second demo out of a data directory. The lock goes with the
// process, however it ends.
func lockFolder(dir string) (unlock func(), err error) {
	unlock, err = lockFile(filepath.Join(dir, "demo.lock"))
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("a demo is running in %s already", dir)
	}
	return unlock, err
}

// lockServed refuses to serve a part twice on engines for one machine: a second
// process would not hear of the first one's changes at once, and on another
// machine SQLite's file locks are not to be trusted.
func lockServed(c *config.Config, parts []string) (unlock func(), err error) {
	var held []func()
	unlock = func() {
		for _, f := range held {
			f()
		}
	}
	type engine struct{ path, scheme, what string }
	var engines []engine
	for i := range c.Sites {
		m, b := c.EnginesOf(i)
		engines = append(engines, engine{m.DSN, config.SchemeSQLite, "SQLite"}, engine{b.URL, config.SchemeDir, "a blob directory"})
	}
	for _, path := range engines {
		file, local := strings.CutPrefix(path.path, path.scheme)
		if !local {
			continue
		}
		for _, part := range parts {
			f, err := lockFile(file + ".serve-" + part)
			if err != nil {
				unlock()
				if errors.Is(err, syscall.EWOULDBLOCK) {
					return nil, fmt.Errorf("another process serves %s from %s already; %s is for one process, several need PostgreSQL and S3", part, file, path.what)
				}
				return nil, err
			}
			held = append(held, f)
		}
	}
	return unlock, nil
}

// lockFile holds a file's lock until unlock is called or the process ends.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}
