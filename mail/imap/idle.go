package imap

import (
	"errors"
	"strings"
	"sync/atomic"

	"fachwerk/mail/imap/wire"
)

// doIdle answers IDLE (RFC 9051 6.3.13). The session's goroutine waits for DONE without its lock; what changes
// meanwhile is written by short-lived goroutines that the view's notifications start.
func (s *session) doIdle(c *command) error {
	c.p.End()
	if err := c.p.Err(); err != nil {
		return err
	}
	s.w.Line("+ idling")
	if s.sel != nil {
		var pending atomic.Bool
		stop := s.sel.view.Notify(func() {
			if pending.CompareAndSwap(false, true) {
				go s.idleUpdate(&pending)
			}
		})
		defer stop()
		// Asked after Notify was set up, so that nothing falls in between.
		if err := s.refresh(); err != nil {
			s.log.Debug("imap: refresh", "err", err)
		}
		s.sync(true, nil)
	}
	if s.ending.Load() != nil {
		return errEnding
	}
	if err := s.w.Flush(); err != nil {
		return err
	}
	s.idling, s.busy = true, false
	keep := s.r.Limits
	s.r.Limits.Command = 100
	if s.r.Buffered() == 0 {
		s.r.Idle()
	}
	line, err := s.waitForDone()
	s.r.Limits = keep
	s.idling = false
	switch {
	case errors.Is(err, wire.ErrTooLong):
		return bad("Expected DONE")
	case err != nil:
		return err
	case !strings.EqualFold(string(line), "DONE"):
		return bad("Expected DONE")
	}
	return nil
}

// waitForDone reads a line without the session's lock, which is held again whatever happens.
func (s *session) waitForDone() ([]byte, error) {
	s.mu.Unlock()
	defer s.mu.Lock()
	line, _, _, err := s.r.Rest()
	return line, err
}

// idleUpdate tells an idling client what is new.
func (s *session) idleUpdate(pending *atomic.Bool) {
	defer s.survive()
	s.mu.Lock()
	defer s.mu.Unlock()
	pending.Store(false)
	if !s.idling || s.sel == nil || s.ending.Load() != nil {
		return
	}
	if err := s.refresh(); err != nil {
		s.log.Debug("imap: refresh", "err", err)
	}
	s.sync(true, nil)
	if err := s.w.Flush(); err != nil || s.ending.Load() != nil {
		s.kick("Connection lost", true)
	}
}
