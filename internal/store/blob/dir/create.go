package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"syscall"

	"fachwerk/internal/store/blob"
)

// earlyWrite is after how many bytes the kernel is asked to begin writing them to
// the disk, so that less is left to wait for at the end.
const earlyWrite = 8 << 20

// draft is an object that is being written.
type draft struct {
	s    *Store
	ctx  context.Context
	key  string
	temp string
	file *os.File // nil after Close
	err  error    // of a Write: what is in the file is not the object

	size, begun int64 // bytes written, and those of them on their way to the disk
	synced      bool
	renamed     bool
	committed   bool
}

// Create implements blob.Store. A full disk is blob.ErrTemporary, a failed fsync
// blob.ErrStopped, now and at every later Put, Create and Delete.
func (s *Store) Create(ctx context.Context, key, _ string) (blob.Writer, error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, err
	}
	if err := s.writable(); err != nil {
		return nil, err
	}
	d := &draft{s: s, ctx: ctx, key: key}
	for d.file == nil {
		if err := d.open(); err != nil {
			return nil, fmt.Errorf("create %s: %w", key, classify(err))
		}
	}
	return d, nil
}

// open makes the temporary file and locks it, as a sign that someone writes it. Who
// cleans up may have been faster: then there is none.
func (d *draft) open() error {
	d.temp = temporaries + "/" + rand.Text()
	file, err := d.s.root.OpenFile(d.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	var info syscall.Stat_t
	err = errors.Join(syscall.Flock(int(file.Fd()), syscall.LOCK_EX), syscall.Fstat(int(file.Fd()), &info))
	if err != nil {
		return errors.Join(err, file.Close(), d.s.root.Remove(d.temp))
	}
	if info.Nlink == 0 {
		return file.Close()
	}
	d.file = file
	return nil
}

// Write implements blob.Writer.
func (d *draft) Write(p []byte) (int, error) {
	if d.err == nil {
		d.err = d.ended()
	}
	if d.err != nil {
		return 0, d.err
	}
	n, err := d.file.Write(p)
	d.size += int64(n)
	if err != nil {
		d.err = d.failed(classify(err))
		return n, d.err
	}
	if d.size-d.begun >= earlyWrite {
		writeEarly(d.file, d.begun, d.size-d.begun)
		d.begun = d.size
	}
	return n, nil
}

func (d *draft) ended() error {
	if d.file == nil || d.committed {
		return fmt.Errorf("put %s: already ended", d.key)
	}
	if err := d.ctx.Err(); err != nil {
		return d.failed(err)
	}
	return nil
}

func (d *draft) failed(err error) error { return fmt.Errorf("put %s: %w", d.key, err) }

// Commit implements blob.Writer.
func (d *draft) Commit() error {
	if d.err != nil {
		return d.err
	}
	if err := d.ended(); err != nil {
		return err
	}
	if err := d.commit(); err != nil {
		return d.failed(err)
	}
	d.committed = true
	return nil
}

// commit goes on where an earlier one failed for a time. What failed in fsync is
// not tried again: the store has stopped.
func (d *draft) commit() error {
	if err := d.s.writable(); err != nil {
		return err
	}
	if !d.synced {
		if err := d.s.fsync(d.file); err != nil {
			return err
		}
		d.synced = true
	}
	if !d.renamed {
		if err := d.ctx.Err(); err != nil { // the last moment at which nothing is visible
			return err
		}
		if err := d.s.publish(d.temp, d.key); err != nil {
			return err
		}
		d.renamed = true
	}
	return d.s.syncFolder(path.Dir(d.key))
}

// Close implements blob.Writer. What cannot be removed now is removed at a later
// start.
func (d *draft) Close() error {
	if d.file == nil {
		return nil
	}
	if !d.renamed {
		_ = d.s.root.Remove(d.temp)
	}
	file := d.file
	d.file = nil
	return classify(file.Close())
}
