package wire

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// Errors of [Reader.Command].
var (
	// ErrTooLong is returned for a command beyond the limit that was read to its end and thrown away; the
	// connection stands at the next command.
	ErrTooLong = errors.New("command is too long")
	// ErrOverflow is returned when a command's end cannot be found within bounds: what follows must never be run as
	// commands, so the connection has to be closed.
	ErrOverflow = errors.New("command is much too long")
)

// Limits bound what one command may be.
type Limits struct {
	// Command is the most bytes of one command, its lines and literals together, a streamed message left out.
	Command int
	// NonSync is the largest non-synchronising literal taken into a command: 4096 with LITERAL- (RFC 7888 5).
	NonSync int64
	// Drain is how many bytes of a command beyond Command are read and thrown away before ErrOverflow.
	Drain int64
}

// Literal is the announcement of a literal at the end of a command line.
type Literal struct {
	Size    int64
	NonSync bool // {n+}: the bytes follow without being asked for
	Binary  bool // ~{n}: literal8
}

const (
	smallBuffer = 128
	largeBuffer = 8 << 10
)

// largeBuffers hold what an active connection reads into; an idle one keeps only its small buffer.
var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// Reader reads commands from a connection. It is not safe for concurrent use.
type Reader struct {
	// Limits may be changed between commands.
	Limits Limits
	// Continue is called when a client waits for permission to send a literal, and must let the client know.
	Continue func() error
	// BeforeRead is called before each read that may block; it should flush what waits to be written.
	BeforeRead func() error
	// Stream is asked, for a literal at the end of cmd, whether the caller will read that literal itself. It may be nil.
	Stream func(cmd []byte, lit Literal) bool
	// Extend is asked for another limit when a command reaches Limits.Command; it may be nil.
	Extend func(cmd []byte) int

	src        io.Reader
	buf        []byte // the bytes in use of small or large
	r, w       int
	large      *[largeBuffer]byte
	small      [smallBuffer]byte
	cmd        []byte
	lastFilled bool
}

// NewReader returns a Reader of src.
func NewReader(src io.Reader) *Reader {
	r := &Reader{}
	r.Reset(src)
	return r
}

// Reset makes the Reader read from src and throws away what was read ahead (STARTTLS: RFC 9051 6.2.1).
func (r *Reader) Reset(src io.Reader) {
	r.src, r.r, r.w = src, 0, 0
	r.buf = r.small[:]
	r.releaseLarge()
}

// Buffered tells how many bytes were read ahead.
func (r *Reader) Buffered() int { return r.w - r.r }

// Close gives the buffers back.
func (r *Reader) Close() {
	r.r, r.w = 0, 0
	r.buf = nil
	r.cmd = nil
	r.releaseLarge()
}

func (r *Reader) releaseLarge() {
	if r.large != nil {
		largeBuffers.Put(r.large)
		r.large = nil
	}
}

// fill reads more bytes; the buffer must be empty. A connection that sends little keeps its small buffer, one that
// filled it gets a large one until it is quiet again.
func (r *Reader) fill() error {
	if r.buf == nil {
		return io.ErrClosedPipe
	}
	if r.BeforeRead != nil {
		if err := r.BeforeRead(); err != nil {
			return err
		}
	}
	switch {
	case r.lastFilled && r.large == nil:
		r.large = largeBuffers.Get().(*[largeBuffer]byte)
		r.buf = r.large[:]
	case !r.lastFilled && r.large != nil:
		r.releaseLarge()
		r.buf = r.small[:]
	}
	r.r, r.w = 0, 0
	for range 100 {
		n, err := r.src.Read(r.buf)
		if n > 0 {
			r.w = n
			r.lastFilled = n >= smallBuffer
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// Read reads raw bytes, as a streamed literal needs them.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.r == r.w {
		if len(p) >= largeBuffer && r.buf != nil {
			if r.BeforeRead != nil {
				if err := r.BeforeRead(); err != nil {
					return 0, err
				}
			}
			return r.src.Read(p)
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf[r.r:r.w])
	r.r += n
	return n, nil
}

// Command reads one command without its final CRLF. Literals stand in it as they came: "{3}", CRLF, three bytes. If
// Stream took a literal, streamed is set and the command ends with that literal's announcement, without CRLF; the
// caller reads the literal with Read and what follows it with [Reader.Rest]. The bytes are valid until the next call.
//
// With ErrTooLong the beginning of the command is returned, for its tag.
func (r *Reader) Command() (cmd []byte, lit Literal, streamed bool, err error) {
	if cap(r.cmd) > largeBuffer {
		r.cmd = nil
	}
	r.cmd = r.cmd[:0]
	return r.read()
}

// Rest goes on with a command after a streamed literal: it returns the bytes up to the line's end, or to the next
// literal as Command does. The earlier bytes of the command are gone.
func (r *Reader) Rest() (cmd []byte, lit Literal, streamed bool, err error) {
	r.cmd = r.cmd[:0]
	return r.read()
}

// Idle gives back buffers that a quiet connection does not need.
func (r *Reader) Idle() {
	if r.r == r.w {
		if cap(r.cmd) > 2*smallBuffer {
			r.cmd = nil
		}
		r.releaseLarge()
		r.lastFilled = false
		if r.buf != nil {
			r.buf = r.small[:]
		}
	}
}

func (r *Reader) read() ([]byte, Literal, bool, error) {
	for {
		start := len(r.cmd)
		ended, err := r.line()
		if err != nil {
			return r.cmd, Literal{}, false, err
		}
		// Of this line alone: what a literal before it holds may look like an announcement.
		lit, ok := trailingLiteral(r.cmd[start:])
		if !ended {
			err := r.drainLine(r.cmd[start:])
			return r.cmd, Literal{}, false, err
		}
		if !ok {
			return r.cmd, Literal{}, false, nil
		}
		if r.Stream != nil && r.Stream(r.cmd, lit) {
			return r.cmd, lit, true, nil
		}
		if lit.Size > int64(r.Limits.Command-len(r.cmd)-2) || lit.NonSync && lit.Size > r.Limits.NonSync {
			return r.cmd, Literal{}, false, r.drainLiteral(lit)
		}
		r.cmd = append(r.cmd, '\r', '\n')
		if !lit.NonSync && r.Continue != nil {
			if err := r.Continue(); err != nil {
				return r.cmd, Literal{}, false, err
			}
		}
		if err := r.take(int(lit.Size)); err != nil {
			return r.cmd, Literal{}, false, err
		}
	}
}

// line appends to the command up to the line's end, which is taken away. ended is false when the limit came first.
// A bare LF ends a line too: clients in the field send it, and no literal's bytes pass here.
func (r *Reader) line() (ended bool, err error) {
	start, limit := len(r.cmd), r.Limits.Command
	for {
		if r.r == r.w {
			if err := r.fill(); err != nil {
				if err == io.EOF && len(r.cmd) > 0 {
					err = io.ErrUnexpectedEOF
				}
				return false, err
			}
		}
		chunk := r.buf[r.r:r.w]
		if i := bytes.IndexByte(chunk, '\n'); i >= 0 {
			chunk, ended = chunk[:i], true
		}
		room := limit - len(r.cmd)
		if len(chunk) > room+1 && limit == r.Limits.Command && r.Extend != nil {
			limit = max(limit, r.Extend(append(r.cmd[:len(r.cmd):len(r.cmd)], chunk...)))
			room = limit - len(r.cmd)
		}
		if len(chunk) > room+1 { // one more for the CR
			r.cmd = append(r.cmd, chunk[:max(room, 0)]...)
			r.r += max(room, 0)
			return false, nil
		}
		r.cmd = append(r.cmd, chunk...)
		r.r += len(chunk)
		if ended {
			r.r++
			if n := len(r.cmd); n > start && r.cmd[n-1] == '\r' {
				r.cmd = r.cmd[:n-1]
			}
			return true, nil
		}
	}
}

// take appends n bytes of a literal to the command.
func (r *Reader) take(n int) error {
	for n > 0 {
		if r.r == r.w {
			if err := r.fill(); err != nil {
				return noEOF(err)
			}
		}
		chunk := r.buf[r.r:min(r.w, r.r+n)]
		r.cmd = append(r.cmd, chunk...)
		r.r += len(chunk)
		n -= len(chunk)
	}
	return nil
}

// drainLine throws away the rest of a line that was too long. What a literal announced at its end would bring must
// not be run as commands: a synchronising one is never asked for, a non-synchronising one ends the connection.
// begun is what was read of the line, which may hold the beginning of such an announcement.
func (r *Reader) drainLine(begun []byte) error {
	tail := bytes.Clone(begun[max(0, len(begun)-32):])
	for left := r.Limits.Drain; left > 0; {
		if r.r == r.w {
			if err := r.fill(); err != nil {
				return noEOF(err)
			}
		}
		chunk := r.buf[r.r:r.w]
		i := bytes.IndexByte(chunk, '\n')
		if i >= 0 {
			chunk = chunk[:i]
		}
		r.r += len(chunk)
		left -= int64(len(chunk))
		tail = append(tail, chunk[max(0, len(chunk)-32):]...)
		tail = tail[max(0, len(tail)-32):]
		if i >= 0 {
			r.r++
			if lit, ok := trailingLiteral(bytes.TrimSuffix(tail, []byte{'\r'})); ok && lit.NonSync {
				return ErrOverflow
			}
			return ErrTooLong
		}
	}
	return ErrOverflow
}

// drainLiteral deals with a literal that the command has no room for.
func (r *Reader) drainLiteral(lit Literal) error {
	if !lit.NonSync {
		return ErrTooLong // not asked for: the client sends no more of this command (RFC 9051 7.6)
	}
	if lit.Size > r.Limits.Drain {
		return ErrOverflow
	}
	if err := r.Discard(lit.Size); err != nil {
		return err
	}
	return r.drainLine(nil)
}

// Discard reads n bytes and throws them away.
func (r *Reader) Discard(n int64) error {
	for n > 0 {
		if r.r == r.w {
			if err := r.fill(); err != nil {
				return noEOF(err)
			}
		}
		k := min(int64(r.w-r.r), n)
		r.r += int(k)
		n -= k
	}
	return nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// maxLiteral stands for all sizes beyond it: far above every limit, and small
// enough that sums with it do not overflow.
const maxLiteral = 1 << 60

// trailingLiteral reads a literal's announcement at the end of a line: {n}, {n+}, ~{n} or ~{n+} (section 4.3). A
// quoted string cannot end like that, for it ends with a quote.
func trailingLiteral(line []byte) (Literal, bool) {
	n := len(line)
	if n < 3 || line[n-1] != '}' {
		return Literal{}, false
	}
	var lit Literal
	i := n - 2
	if line[i] == '+' {
		lit.NonSync = true
		i--
	}
	end := i + 1
	for i >= 0 && line[i] >= '0' && line[i] <= '9' {
		i--
	}
	if i < 0 || line[i] != '{' || i+1 == end {
		return Literal{}, false
	}
	size, ok := number(line[i+1:end], maxLiteral)
	if !ok {
		size = maxLiteral
	}
	lit.Size = int64(size)
	lit.Binary = i > 0 && line[i-1] == '~'
	return lit, true
}

// number reads decimal digits, at most max.
func number(b []byte, max uint64) (uint64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := uint64(c - '0')
		if v > (max-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}
