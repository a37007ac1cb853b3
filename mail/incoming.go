package mail

import (
	"bytes"
	"errors"
	"io"

	"fachwerk/internal/budget"
	"fachwerk/internal/store"
	"fachwerk/mail/message"
)

// Incoming is a message on its way in. Write to it in pieces of any size, then
// call Finish; it may then be appended or delivered any number of times, until
// Close. It must not be used by several goroutines before Finish has returned.
type Incoming struct {
	spool   *store.Spool
	scanner *message.Scanner
	limit   int64
	size    int64 // of all that was written, spooled or not
	failed  error // the first fault of the spool, or ErrTooLarge

	found   *message.Message
	preview string
}

// NewIncoming begins a message.
func (s *Service) NewIncoming() *Incoming {
	limit := s.o.Limits.MaxMessage
	return &Incoming{spool: s.store.NewSpool(limit), scanner: message.NewScanner(message.Limits{}), limit: limit}
}

// Write takes the next bytes. ErrTooLarge beyond the limit and ErrTemporary
// when there is no room to spool them; what follows may be written too and is
// dropped, so that a head can read its input to the end. Such a message cannot
// be stored.
func (in *Incoming) Write(p []byte) (int, error) {
	in.size += int64(len(p))
	if in.failed != nil {
		return len(p), nil
	}
	if in.size > in.limit {
		in.failed = wrap(ErrTooLarge, "more than %d bytes", in.limit)
		return 0, in.failed
	}
	if _, err := in.spool.Write(p); err != nil {
		in.failed = wrap(err, "spool message")
		return 0, in.failed
	}
	return in.scanner.Write(p)
}

// Keep sets how many bytes stay in memory before a file is made (1 MiB unless
// set), for who takes many messages at once. Call it before the first Write.
func (in *Incoming) Keep(bytes int) { in.spool.Keep(bytes) }

// For says who sends it, of whom no one may have more than a share of what is on its way
// in at a time. Call it before the first Write.
func (in *Incoming) For(tenant, person int64) {
	in.spool.For(budget.Holder{Tenant: tenant, Account: person})
}

// Reserve makes room for so many bytes before any has come: ErrTemporary where there
// is none now.
func (in *Incoming) Reserve(bytes int64) error {
	if err := in.spool.Reserve(bytes); err != nil {
		return wrap(err, "spool message")
	}
	return nil
}

// Size is the number of bytes written, those beyond the limit included.
func (in *Incoming) Size() int64 { return in.size }

// Err is why the message cannot be stored: nil, ErrTooLarge or ErrTemporary.
func (in *Incoming) Err() error { return in.failed }

// Finish ends the message and returns what was found in it. It may be called
// more than once. The result is shared and must not be modified.
func (in *Incoming) Finish() *message.Message {
	if in.found == nil {
		in.found = in.scanner.Finish()
		if in.failed == nil {
			in.preview = previewOf(in.found, in.spool.OpenRange)
		}
	}
	return in.found
}

// opener reads length bytes of a message from offset on.
type opener func(offset, length int64) (io.ReadCloser, error)

// previewOf makes the text for FETCH PREVIEW; without one that can be read, it
// is empty.
func previewOf(m *message.Message, open opener) string {
	part := m.PreviewPart()
	if part == nil {
		return ""
	}
	r, err := open(part.BodyOffset, min(part.Size(), previewBytes))
	if err != nil {
		return ""
	}
	defer r.Close()
	return message.Preview(r, part)
}

// previewBytes bounds what is read of a part: enough of an HTML part for its
// style sheets to end.
const previewBytes = 256 << 10

// Open reads the message from its start. The reader must be closed.
func (in *Incoming) Open() (io.ReadCloser, error) {
	if in.failed != nil {
		return nil, in.failed
	}
	r, err := in.spool.Open()
	return r, wrap(err, "read spooled message")
}

// Header returns the header with the blank line, or its first limit bytes.
func (in *Incoming) Header(limit int) ([]byte, error) {
	if in.failed != nil {
		return nil, in.failed
	}
	end := in.Finish().Root.BodyOffset
	r, err := in.spool.OpenRange(0, min(end, int64(limit)))
	if err != nil {
		return nil, wrap(err, "read spooled header")
	}
	defer r.Close()
	header, err := io.ReadAll(r)
	return header, wrap(err, "read spooled header")
}

// Close frees what the message took. It may be called more than once.
func (in *Incoming) Close() error { return in.spool.Close() }

// withPrefix is what a scan of prefix and message together finds.
func (in *Incoming) withPrefix(prefix []byte) (*message.Message, error) {
	m := in.Finish()
	if len(prefix) == 0 {
		return m, nil
	}
	if first, err := in.firstByte(); err != nil {
		return nil, err
	} else if shiftable(prefix, first) {
		return shifted(m, prefix), nil
	}
	r, err := in.spool.Open()
	if err != nil {
		return nil, wrap(err, "read spooled message")
	}
	defer r.Close()
	sc := message.NewScanner(message.Limits{})
	if _, err := io.Copy(sc, io.MultiReader(bytes.NewReader(prefix), r)); err != nil {
		return nil, wrap(err, "read spooled message")
	}
	return sc.Finish(), nil
}

func (in *Incoming) firstByte() (byte, error) {
	r, err := in.spool.OpenRange(0, 1)
	if err != nil {
		return 0, wrap(err, "read spooled message")
	}
	defer r.Close()
	var b [1]byte
	if _, err := io.ReadFull(r, b[:]); err != nil && !errors.Is(err, io.EOF) {
		return 0, wrap(err, "read spooled message")
	}
	return b[0], nil
}
