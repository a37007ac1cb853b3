package sqlite

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"fachwerk/internal/store/meta"
)

// A backup says of itself that it is one, in the field of the file's header that SQLite
// leaves to applications (PRAGMA application_id). Put in the database's place it can so be
// told from the database before anything is read from it, most of all before a log that
// lies there and belongs to another file is played into it. A database in use has 0.
const (
	backupMark   = 0x46574231 // "FWB1"
	backupMarkAt = 68         // in the file, bytes; four of them, the highest first
)

// header is how many bytes of a database file are looked at.
const header = backupMarkAt + 4

func logPath(path string) string { return path + "-wal" }

// Backup writes the database as it is now to a new file (mode 0600), which bears the
// mark of a backup. It may run beside a server, which goes on writing meanwhile; its log
// grows until the backup is whole.
func Backup(ctx context.Context, path, file string) (err error) {
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	if file, err = filepath.Abs(file); err != nil {
		return err
	}
	if info, err := os.Stat(path); err != nil {
		return err
	} else if info.Size() == 0 {
		return fmt.Errorf("%s is empty: there is nothing to back up", path)
	}
	if err := refuseBackup(path); err != nil {
		return err
	}
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is there already; a backup replaces no file", file), err)
	}
	partial := file + "." + rand.Text()[:8] + ".partial"
	f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(partial)) }()
	if err := vacuumInto(ctx, path, partial); err != nil {
		return fmt.Errorf("back up %s: %w", path, err)
	}
	if err := writeMark(f, backupMark); err != nil {
		return err
	}
	return publish(partial, file)
}

// vacuumInto copies the database in one snapshot, page by page in their order.
func vacuumInto(ctx context.Context, path, file string) error {
	h, err := open(path, []setting{{"busy_timeout", busyTimeout}})
	if err != nil {
		return err
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		tls := libc.NewTLS()
		defer tls.Close()
		sqlite3.Xsqlite3_interrupt(tls, h.db)
	})
	err = h.exec("VACUUM INTO $1", file)
	if !stop() {
		<-done
		err = errors.Join(ctx.Err(), err)
	}
	return errors.Join(err, h.close())
}

// publish gives a file that is on the disk its name, which no file has, by a link where the
// file system has links: no other backup that began at the same time is replaced.
func publish(partial, file string) error {
	err := os.Link(partial, file)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if err = os.Rename(partial, file); err == nil {
			// The name before is removed in any case.
			err = os.WriteFile(partial, nil, 0o600)
		}
	}
	if err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeMark writes the mark into a file that no SQLite has open. It lies within one
// sector, so that it is there or not, whatever happens.
func writeMark(f *os.File, mark uint32) error {
	at := make([]byte, header)
	if _, err := f.ReadAt(at, 0); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	if string(at[:16]) != "SQLite format 3\x00" {
		return fmt.Errorf("%w: %s is not an SQLite database", meta.ErrCorrupt, f.Name())
	}
	if _, err := f.WriteAt(binary.BigEndian.AppendUint32(nil, mark), backupMarkAt); err != nil {
		return err
	}
	return f.Sync()
}

// refuseBackup is the error where a backup lies in the database's place. The file is read
// as it is, without the log beside it, by SQLite itself: opening it in another way would
// drop the locks that this process holds on it. What cannot be read is told by who opens it.
func refuseBackup(path string) error {
	if !marked(path) {
		return nil
	}
	if hasLog(path) {
		return fmt.Errorf("%w: %s is a backup that was put back, and beside it lies the log of the database that was there before, "+
			"which would destroy it: remove %s-wal and %s-shm, then run `fachwerk store new-generation`, with all servers stopped",
			meta.ErrForeignStore, path, path, path)
	}
	return fmt.Errorf("%w: %s is a backup that was put back: run `fachwerk store new-generation` first, with all servers stopped",
		meta.ErrForeignStore, path)
}

func hasLog(path string) bool {
	info, err := os.Stat(logPath(path))
	return err == nil && info.Size() > 0
}

func marked(path string) bool {
	if info, err := os.Stat(path); err != nil || info.Size() < header {
		return false
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: "immutable=1"}
	// Another process may be bringing its log into the file now, which is then shorter than
	// it says; with writable_schema that does not matter.
	h, err := openWith(u.String(), sqlite3.SQLITE_OPEN_READONLY|sqlite3.SQLITE_OPEN_URI, []setting{{"writable_schema", "ON"}})
	if err != nil {
		return false
	}
	var mark int64
	err = h.ask(&mark, "PRAGMA application_id")
	return h.close() == nil && err == nil && mark == backupMark
}

// OpenRestored is Open for a database that was put back, or that another took over
// from, before a new generation of it begins (rule 6): of a backup it takes the mark off.
// A log beside the database is played into it only where withLog says that it is this
// database's. A file that is malformed is refused; nothing is changed then.
func OpenRestored(ctx context.Context, path string, withLog bool) (meta.Engine, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return Open(ctx, path)
	}
	if err != nil {
		return nil, err
	}
	backup, log := marked(path), hasLog(path)
	switch {
	case backup && log:
		return nil, refuseBackup(path)
	case log && !withLog:
		return nil, fmt.Errorf("beside %s lies a log, which would destroy a database that it does not belong to: "+
			"remove %s-wal and %s-shm if only %s was restored; say --with-log if the log was restored with it, "+
			"or is the one that it had", path, path, path, filepath.Base(path))
	}
	if err := sound(path); err != nil {
		return nil, err
	}
	if backup {
		if err := takeOff(path); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
	}
	return Open(ctx, path)
}

// takeOff makes a database of a backup. Its marker bears a name from then on that the
// database has not: until the new generation is whole, it is refused.
func takeOff(path string) error {
	if err := writeMarker(path, rand.Text()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(writeMark(f, 0), f.Close())
}

// sound looks whether a database is whole, together with its log, and changes neither: what
// was only read is not brought from the log into the file.
func sound(path string) error {
	h, err := openWith(path, sqlite3.SQLITE_OPEN_READONLY, []setting{{"busy_timeout", busyTimeout}})
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	var found string
	err = h.ask(&found, "PRAGMA quick_check(1)")
	if err = errors.Join(err, h.close()); err == nil && found != "ok" {
		err = fmt.Errorf("%w: %s", meta.ErrCorrupt, found)
	}
	if err != nil {
		return fmt.Errorf("%s was not changed; restore another backup, into an empty folder: %w", path, err)
	}
	return nil
}
