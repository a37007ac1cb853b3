package smtp

import (
	"bufio"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	readBuffer  = 16 << 10
	writeBuffer = 2 << 10
	// maxDrain bounds how much of an overlong command line is read past.
	maxDrain = 1 << 20
)

// Errors of reading a command line.
var (
	errLineTooLong = errors.New("line too long")
	errLineEnd     = errors.New("line does not end in CRLF")
	errLineNUL     = errors.New("line holds a control character")
)

// wire is a connection's bytes: reads with deadlines, replies that are flushed
// when the server would otherwise wait for the client.
type wire struct {
	conn net.Conn
	r    *bufio.Reader
	w    *bufio.Writer

	idle  time.Duration // longest wait for one read
	write time.Duration // longest wait for one write
	until time.Time     // end of the phase; zero: none

	mu       sync.Mutex
	waiting  bool // for a command: the server may say 421 and go
	stopping bool
}

// errStopping ends a wait for a command because the server shuts down.
var errStopping = errors.New("server is shutting down")

func newWire(conn net.Conn, idle, write time.Duration) *wire {
	w := &wire{conn: conn, idle: idle, write: write}
	w.r = bufio.NewReaderSize(wireReader{w}, readBuffer)
	w.w = bufio.NewWriterSize(wireWriter{w}, writeBuffer)
	return w
}

// wireReader flushes what is to be said before it waits.
type wireReader struct{ w *wire }

func (r wireReader) Read(p []byte) (int, error) {
	w := r.w
	if w.w.Buffered() > 0 {
		if err := w.w.Flush(); err != nil {
			return 0, err
		}
	}
	deadline := time.Now().Add(w.idle)
	if !w.until.IsZero() && w.until.Before(deadline) {
		deadline = w.until
	}
	if err := w.arm(deadline); err != nil {
		return 0, err
	}
	n, err := w.conn.Read(p)
	if err != nil && w.stopped() {
		err = errStopping
	}
	return n, err
}

// arm sets the deadline of a read, unless the wait must not begin.
func (w *wire) arm(deadline time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping && w.waiting {
		return errStopping
	}
	return w.conn.SetReadDeadline(deadline)
}

func (w *wire) stopped() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopping && w.waiting
}

func (w *wire) setWaiting(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = on
}

// stop ends a wait for a command, now or when it begins.
func (w *wire) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopping = true
	if w.waiting {
		_ = w.conn.SetReadDeadline(time.Unix(1, 0)) // fails on a closed one only
	}
}

// close cuts the connection, whatever it is doing.
func (w *wire) close() {
	w.mu.Lock()
	conn := w.conn
	w.mu.Unlock()
	conn.Close()
}

type wireWriter struct{ w *wire }

func (r wireWriter) Write(p []byte) (int, error) {
	if err := r.w.conn.SetWriteDeadline(time.Now().Add(r.w.write)); err != nil {
		return 0, err
	}
	return r.w.conn.Write(p)
}

// upgrade goes on with conn and forgets every byte read before it: what came
// in the clear must not act inside TLS (RFC 3207 4.2).
func (w *wire) upgrade(conn net.Conn) {
	w.mu.Lock()
	w.conn = conn
	w.mu.Unlock()
	w.r.Reset(wireReader{w})
	w.w.Reset(wireWriter{w})
}

// readLine reads one line of at most limit bytes and returns it without its
// CRLF. A longer line is read past and reported as errLineTooLong; one that
// ends in a bare LF as errLineEnd: to accept it would be to let a message's
// text pass for commands. Other errors end the connection.
func (w *wire) readLine(limit int) (string, error) {
	w.setWaiting(true)
	defer w.setWaiting(false)
	var long []byte
	for {
		part, err := w.r.ReadSlice('\n')
		if err == nil && long == nil {
			return checkLine(part, limit)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if errors.Is(err, io.EOF) && len(part)+len(long) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return "", err
		}
		if len(long)+len(part) > limit+2 {
			if err != nil {
				err = w.drainLine(maxDrain)
			}
			if err == nil {
				err = errLineTooLong
			}
			return "", err
		}
		long = append(long, part...)
		if err == nil {
			return checkLine(long, limit)
		}
	}
}

// drainLine reads past the rest of a line of at most limit bytes.
func (w *wire) drainLine(limit int) error {
	for limit > 0 {
		part, err := w.r.ReadSlice('\n')
		if err == nil {
			return nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		limit -= len(part)
	}
	return io.ErrNoProgress
}

func checkLine(line []byte, limit int) (string, error) {
	n := len(line)
	if n < 2 || line[n-2] != '\r' {
		return "", errLineEnd
	}
	line = line[:n-2]
	if len(line) > limit {
		return "", errLineTooLong
	}
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return "", errLineNUL
		}
	}
	return string(line), nil
}
