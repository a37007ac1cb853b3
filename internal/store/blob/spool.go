package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// SpoolMemory is how many bytes a Spool keeps in memory unless told otherwise.
const SpoolMemory = 1 << 20

// Spool collects sealed bytes of unknown number before they are stored: up to a
// limit in memory, beyond it in a temporary file (mode 0600) that has no name
// any more, so that nothing is left after a crash. It is a Body. Only sealed
// bytes may be written to it: the file lies on a disk.
//
// Writing and reading must not overlap; several readers may.
type Spool struct {
	folder string
	memory int64

	buf  []byte
	file *os.File
	size int64
	once sync.Once
}

// NewSpool returns an empty Spool that keeps memory bytes (0: SpoolMemory) before
// it makes a file in folder.
func NewSpool(folder string, memory int64) *Spool {
	if memory <= 0 {
		memory = SpoolMemory
	}
	return &Spool{folder: folder, memory: memory}
}

// Write appends p. A full disk is ErrTemporary.
func (s *Spool) Write(p []byte) (int, error) {
	if s.file == nil && s.size+int64(len(p)) <= s.memory {
		s.buf = append(s.buf, p...)
		s.size += int64(len(p))
		return len(p), nil
	}
	if s.file == nil {
		if err := s.spill(); err != nil {
			return 0, fmt.Errorf("blob: spool: %w: %w", ErrTemporary, err)
		}
	}
	n, err := s.file.WriteAt(p, s.size)
	s.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("blob: spool: %w: %w", ErrTemporary, err)
	}
	return n, nil
}

// spill moves what is in memory to a new file without a name.
func (s *Spool) spill() error {
	file, err := os.CreateTemp(s.folder, "spool-") // mode 0600
	if err != nil {
		return err
	}
	if err := os.Remove(file.Name()); err != nil {
		return errors.Join(err, file.Close())
	}
	if _, err := file.WriteAt(s.buf, 0); err != nil {
		return errors.Join(err, file.Close())
	}
	s.file, s.buf = file, nil
	return nil
}

// Size is the number of bytes written.
func (s *Spool) Size() int64 { return s.size }

// Bytes returns all bytes when they are in memory. They belong to the Spool.
func (s *Spool) Bytes() ([]byte, bool) {
	return s.buf, s.file == nil
}

// Open reads the bytes from the first on. The reader is an io.ReaderAt too.
func (s *Spool) Open() (io.ReadCloser, error) {
	return section{io.NewSectionReader(s.readerAt(), 0, s.size)}, nil
}

// ReadRange reads length bytes from offset on, as Store.Get does.
func (s *Spool) ReadRange(_ context.Context, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 {
		return nil, ErrRange
	}
	rest := max(s.size-offset, 0)
	if length < 0 || length > rest {
		length = rest
	}
	return section{io.NewSectionReader(s.readerAt(), offset, length)}, nil
}

// ReadAt implements io.ReaderAt.
func (s *Spool) ReadAt(p []byte, offset int64) (int, error) { return s.readerAt().ReadAt(p, offset) }

func (s *Spool) readerAt() io.ReaderAt {
	if s.file != nil {
		return s.file
	}
	return bytes.NewReader(s.buf)
}

// Close frees memory and file. It may be called more than once.
func (s *Spool) Close() error {
	var err error
	s.once.Do(func() {
		if s.file != nil {
			err = s.file.Close()
		}
		s.buf = nil
	})
	return err
}
