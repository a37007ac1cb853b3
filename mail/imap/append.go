package imap

import (
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"fachwerk/mail"
	"fachwerk/mail/imap/wire"

	goimap "github.com/emersion/go-imap/v2"
)

// streams tells the reader whether a literal is a message of APPEND, which is not kept in memory.
func (s *session) streams(cmd []byte, _ wire.Literal) bool {
	if s.appending {
		return true
	}
	if s.principal == nil || s.idling {
		return false
	}
	p := wire.NewParser(cmd)
	p.Tag()
	p.SP()
	if p.Name() != "APPEND" {
		return false
	}
	p.SP()
	p.AString()
	return p.Err() == nil && p.Peek() == ' '
}

// doAppend answers APPEND (RFC 9051 6.3.12) of one or several messages (RFC 3502). Whatever goes wrong, literals that
// the client pushes are read to their end before the answer.
func (s *session) doAppend(c *command) error {
	s.appending = true
	defer func() { s.appending, s.stall = false, time.Time{} }()
	var messages []mail.Append
	defer func() {
		for _, m := range messages {
			m.In.Close()
		}
	}()
	p := c.p
	p.SP()
	name := p.Mailbox(s.utf8)
	if p.Err() != nil || !c.streamed {
		p.Fail("expected a message as a literal")
		return s.abandon(c, p.Err())
	}
	a, mb, quota, err := s.target(name)
	if err == nil && !a.May(mail.RightWrite) {
		err = mail.ErrDenied
	}
	if err != nil {
		return s.abandon(c, err)
	}
	total := int64(0)
	for n := 0; c.streamed; n++ {
		msg, utf8, err := s.appendArguments(c, p)
		if err == nil && n == maxAppend {
			err = mail.ErrTooMany
		}
		if err == nil {
			err = s.fits(quota, c.literal.Size, total)
		}
		if err != nil {
			return s.abandon(c, err)
		}
		total += c.literal.Size
		msg.In, err = s.readMessage(c.literal, len(messages))
		if refused, ok := errors.AsType[*notAskedError](err); ok {
			return s.abandon(c, refused.because)
		}
		if msg.In != nil {
			messages = append(messages, msg)
		}
		var rest []byte
		var restErr error
		rest, c.literal, c.streamed, restErr = s.r.Rest()
		if restErr != nil {
			return restErr
		}
		p = wire.NewParser(rest)
		if utf8 {
			p.Expect(')')
		}
		if !c.streamed {
			p.End()
		}
		if err == nil {
			err = p.Err()
		}
		if err != nil {
			return s.abandon(c, err)
		}
	}
	return s.appendMessages(c, a, mb, messages)
}

// appendArguments reads what stands before a message: flags, a date, and the literal's announcement, in UTF8 ( if it
// is the form of RFC 6855 4.
func (s *session) appendArguments(c *command, p *wire.Parser) (m mail.Append, utf8 bool, err error) {
	p.SP()
	if p.Peek() == '(' {
		if m.Flags, m.Keywords, err = flagsOf(p.FlagList()); err != nil {
			return m, false, err
		}
		p.SP()
	}
	if p.Peek() == '"' {
		m.Date = p.DateTime()
		p.SP()
	}
	utf8 = p.AcceptText("UTF8 (")
	p.Accept('~')
	if p.Peek() != '{' {
		p.Fail("expected a message as a literal")
	}
	if rest := p.Rest(); strings.IndexByte(rest, '}') != len(rest)-1 {
		p.Fail("expected a message as a literal")
	}
	if p.Err() == nil && c.literal.Size == 0 {
		return m, utf8, no("", "A message cannot be empty") // it cancels MULTIAPPEND (RFC 3502 6.3.11)
	}
	return m, utf8, p.Err()
}

// flagsOf sorts flags as sent into system flags and keywords.
func flagsOf(list []string) (f mail.Flags, keywords []string, err error) {
next:
	for _, name := range list {
		if !strings.HasPrefix(name, `\`) {
			keywords = append(keywords, name)
			continue
		}
		for i, sys := range flagNames {
			if strings.EqualFold(sys, name) {
				f |= 1 << i
				continue next
			}
		}
		if !strings.EqualFold(name, `\Recent`) { // which nobody can set, and old clients send
			return 0, nil, bad("There is no system flag " + name)
		}
	}
	return f, keywords, nil
}

// fits refuses early what would be refused at the end, and messages that wait together with those before them for more
// memory and disk than the largest single one may take.
func (s *session) fits(q mail.Quota, size, before int64) error {
	if size > s.appendLimit() {
		return mail.ErrTooLarge
	}
	if before+size > s.appendLimit() {
		return mail.ErrTooMany
	}
	if q.LimitBytes > 0 && q.UsedBytes+before+size > q.LimitBytes {
		return mail.ErrQuota
	}
	return nil
}

// readMessage takes a literal as a message, after some before it in the same command. All its bytes are read even when they cannot be kept.
func (s *session) readMessage(lit wire.Literal, before int) (*mail.Incoming, error) {
	s.stall = time.Now().Add(slowest(lit.Size))
	in := s.srv.cfg.Mail.NewIncoming()
	if before >= 8 { // the others of a large MULTIAPPEND wait on disk
		in.Keep(16 << 10)
	}
	in.For(s.principal.Tenant, s.principal.Account)
	sink := &keepReading{w: in, err: in.Reserve(lit.Size)}
	if !lit.NonSync {
		if sink.err != nil { // never asked for, so nothing comes
			in.Close()
			return nil, &notAskedError{because: sink.err}
		}
		if err := s.continueLiteral(); err != nil {
			in.Close()
			return nil, err
		}
	}
	buf := appendBuffers.Get().(*[32 << 10]byte)
	defer appendBuffers.Put(buf)
	// Only the Reader's own errors reach here.
	if _, err := io.CopyBuffer(sink, struct{ io.Reader }{io.LimitReader(s.r, lit.Size)}, buf[:]); err != nil {
		in.Close()
		return nil, err
	}
	if sink.n < lit.Size {
		in.Close()
		return nil, io.ErrUnexpectedEOF
	}
	if sink.err == nil {
		in.Finish()
	}
	return in, sink.err
}

// slowest is how long so many bytes may take: on half the slowest line that is worth
// waiting for, 16 kB/s.
func slowest(size int64) time.Duration { return 5*time.Minute + time.Duration(size>>13)*time.Second }

// notAskedError is why a literal was not asked for: none of its bytes comes.
type notAskedError struct{ because error }

func (e *notAskedError) Error() string { return e.because.Error() }

// appendBuffers are what messages pass through on their way in.
var appendBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// keepReading passes on writes until one fails, and takes the rest.
type keepReading struct {
	w   io.Writer
	n   int64
	err error
}

func (k *keepReading) Write(p []byte) (int, error) {
	k.n += int64(len(p))
	if k.err == nil {
		_, k.err = k.w.Write(p)
	}
	return len(p), nil
}

// abandon reads what the client still pushes of an APPEND that failed. A literal that it asks leave for is never
// granted, so nothing follows it.
func (s *session) abandon(c *command, err error) error {
	if isConnError(err) {
		return err
	}
	for left := int64(drainAppend); c.streamed && c.literal.NonSync; {
		if left -= c.literal.Size; left < 0 {
			s.endWith("[TOOBIG] The message is much too large")
			return errEnding
		}
		s.stall = time.Now().Add(slowest(c.literal.Size))
		if err := s.r.Discard(c.literal.Size); err != nil {
			return err
		}
		var restErr error
		if _, c.literal, c.streamed, restErr = s.r.Rest(); restErr != nil && !errors.Is(restErr, wire.ErrTooLong) {
			return restErr
		}
	}
	return err
}

// appendMessages stores what was read.
func (s *session) appendMessages(c *command, a mail.Access, mb mail.Mailbox, messages []mail.Append) error {
	added, err := s.srv.cfg.Mail.Append(s.ctx, a, mb.ID, messages)
	if isNotFound(err) {
		return no(goimap.ResponseCodeTryCreate, "There is no such mailbox")
	}
	if err != nil {
		return err
	}
	uids := make([]uint32, len(added))
	for i, m := range added {
		uids[i] = m.UID
	}
	if len(uids) > 0 {
		c.code = string(wire.AppendUIDs([]byte("APPENDUID "+decimal(int64(added[0].UIDValidity))+" "), uids))
	}
	return s.refreshIfSelected(a, mb.ID)
}

// refreshIfSelected lets the session see what it did to the mailbox it has open.
func (s *session) refreshIfSelected(a mail.Access, mailbox int64) error {
	if s.sel == nil || s.sel.mailbox.ID != mailbox || s.sel.view.Access().Account != a.Account {
		return nil
	}
	return s.refresh()
}
