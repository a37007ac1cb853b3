package smtp

import (
	"context"
	"errors"
	"io"
	"time"

	"fachwerk/mail"
)

// intake takes a message's bytes and delivers it.
type intake interface {
	io.Writer
	// from says whose message it is, before any byte.
	from(tenant, person int64)
	// reserve makes room for so many bytes as are said to come.
	reserve(bytes int64) error
	// deliver makes the message durable. LMTP gets a reply for each recipient,
	// in order (RFC 2033 4.2), others one.
	deliver(ctx context.Context, tx *transaction) []reply
	// close frees what the bytes took.
	close()
}

var (
	errMessageTooLarge = errors.New("message is larger than the limit")
	// errEndless ends a connection whose client does not stop.
	errEndless = errors.New("client sends far beyond the limit")
)

// handleData receives a message (RFC 5321 4.1.1.4).
func (s *session) handleData(c command) {
	tx := s.tx
	switch {
	case c.rest != "":
		s.refuse(say(501, "5.5.4", "DATA takes no argument"))
		return
	case tx == nil || tx.intake != nil:
		s.refuse(replyBadSequence)
		return
	case tx.params.body == bodyBinary: // RFC 3030 3
		s.refuse(say(503, "5.5.1", "BINARYMIME needs BDAT"))
		return
	case len(tx.rcpts) == 0:
		if s.srv.cfg.Mode == LMTP { // RFC 2033 4.2
			s.refuse(say(503, "5.5.1", "No valid recipients"))
		} else {
			s.refuse(replyNoRcpt)
		}
		return
	}
	s.begin(tx)
	if err := tx.intake.reserve(tx.params.size); err != nil {
		s.log.Warn("no room for a message", "err", err)
		s.wire.until = time.Time{}
		s.reset()
		s.refuse(replyNoSpace)
		return
	}
	s.say(say(354, "", "Send the message, end with <CRLF>.<CRLF>"))
	d := newDataReader(s.wire.r)
	if err := s.receive(d, tx); err != nil {
		s.abort(err)
		return
	}
	if d.bare && s.srv.cfg.Mode != LMTP {
		tx.fault = replyBareCRLF
	}
	s.finish(tx)
}

// handleBdat receives a chunk (RFC 3030 2). Its bytes are read whatever the
// answer, so that they never run as commands.
func (s *session) handleBdat(c command) {
	ch, ok := parseChunk(c.rest)
	if !ok {
		// Where the next command begins cannot be known.
		s.say(say(501, "5.5.4", "Malformed chunk size, closing the connection"))
		s.closing = true
		return
	}
	tx := s.tx
	if tx == nil || len(tx.rcpts) == 0 {
		if !s.skip(ch.size) {
			return
		}
		if tx != nil && s.srv.cfg.Mode != LMTP {
			s.refuse(replyNoRcpt)
		} else {
			s.refuse(replyBadSequence)
		}
		s.reset()
		return
	}
	if tx.intake == nil {
		s.begin(tx)
		tx.chunked = true
	}
	s.wire.until = tx.begun.Add(s.srv.limits.DataTime)
	if err := s.receive(&chunkReader{s.wire.r, ch.size}, tx); err != nil {
		s.abort(err)
		return
	}
	if ch.last {
		if tx.check.foundBare() {
			tx.fault = replyBareCRLF
		}
		s.finish(tx)
		return
	}
	s.wire.until = time.Time{}
	if tx.fault.code != 0 { // RFC 3030 2: the transaction has failed, what follows is refused
		s.say(tx.fault)
		s.reset()
		return
	}
	s.say(sayf(250, "2.0.0", "%d octets received", ch.size))
}

// begin prepares for a message's bytes.
func (s *session) begin(tx *transaction) {
	tx.begun = time.Now()
	if s.srv.cfg.Mode == LMTP {
		tx.intake = newLMTPIntake(s)
	} else {
		tx.intake = newQueueIntake(s, tx.params.body == bodyBinary)
	}
	if s.principal != nil {
		tx.intake.from(s.principal.Tenant, s.principal.Account)
	}
	s.wire.until = tx.begun.Add(s.srv.limits.DataTime)
}

// receive copies a message, or a chunk of one, to the intake. After a fault it
// reads on and drops, so that the connection stays in step; an error means that
// it cannot.
func (s *session) receive(r io.Reader, tx *transaction) error {
	buf := s.srv.buffers.Get().(*[]byte)
	defer s.srv.buffers.Put(buf)
	for {
		n, err := r.Read(*buf)
		if n > 0 {
			s.keep(tx, (*buf)[:n])
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if tx.size > 2*s.srv.limits.MessageBytes+1<<20 {
			return errEndless
		}
	}
}

// keep hands bytes on unless the message has failed.
func (s *session) keep(tx *transaction, p []byte) {
	tx.size += int64(len(p))
	if tx.chunked && s.srv.cfg.Mode != LMTP && tx.params.body != bodyBinary {
		tx.check.look(p)
	}
	if tx.fault.code != 0 {
		return
	}
	if tx.size > s.srv.limits.MessageBytes {
		tx.fault = replyTooLarge
		return
	}
	if _, err := tx.intake.Write(p); err != nil {
		switch {
		case errors.Is(err, mail.ErrTooLarge), errors.Is(err, errMessageTooLarge):
			tx.fault = replyTooLarge
		case errors.Is(err, errHeaderTooLarge):
			tx.fault = say(552, "5.3.4", "Message header is larger than the limit")
		default:
			s.log.Warn("cannot spool a message", "err", err)
			tx.fault = replyNoSpace
		}
	}
}

// skip reads past a chunk that nobody wants.
func (s *session) skip(size int64) bool {
	most := 2*s.srv.limits.MessageBytes + 1<<20
	if s.srv.cfg.Mode == Submission && s.principal == nil {
		most = maxCommand // strangers are not worth the reading
	}
	if size > most {
		s.abort(errEndless)
		return false
	}
	if s.wire.until.IsZero() {
		s.wire.until = time.Now().Add(s.srv.limits.DataTime)
		defer func() { s.wire.until = time.Time{} }()
	}
	if _, err := io.CopyN(io.Discard, s.wire.r, size); err != nil {
		s.farewell(err)
		return false
	}
	return true
}

// abort ends a connection in the middle of a message.
func (s *session) abort(err error) {
	s.closing = true
	if errors.Is(err, errEndless) {
		s.say(replyTooLarge)
		return
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	s.farewell(err)
}

// finish delivers or refuses a message that was received whole, and answers.
func (s *session) finish(tx *transaction) {
	received := time.Now()
	s.wire.until = time.Time{}
	var replies []reply
	if tx.fault.code == 0 {
		ctx, cancel := context.WithTimeout(s.srv.ctx, s.srv.limits.DeliveryTime)
		replies = tx.intake.deliver(ctx, tx)
		cancel()
	} else if s.srv.cfg.Mode == LMTP {
		for range tx.rcpts {
			replies = append(replies, tx.fault)
		}
	} else {
		replies = []reply{tx.fault}
	}
	outcome := "accepted"
	for _, r := range replies {
		s.say(r)
		if !r.ok() && outcome != "refused" {
			outcome = "temporary"
			if r.code >= 500 {
				outcome = "refused"
			}
		}
	}
	took := time.Since(received)
	if s.srv.cfg.Metrics.Message != nil {
		s.srv.cfg.Metrics.Message(outcome, len(tx.rcpts), tx.size, took)
	}
	s.log.Info("message", "id", tx.id, "outcome", outcome, "recipients", len(tx.rcpts), "bytes", tx.size,
		"reply", replies[0].code, "status", replies[0].enhanced, "ms", took.Milliseconds())
	s.reset()
}

// chunkReader reads n bytes of r; an early end is io.ErrUnexpectedEOF.
type chunkReader struct {
	r io.Reader
	n int64
}

func (c *chunkReader) Read(p []byte) (int, error) {
	if c.n == 0 {
		return 0, io.EOF
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.n)])
	c.n -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
