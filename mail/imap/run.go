package imap

import (
	"errors"
	"time"

	"fachwerk/mail/imap/wire"
)

// command is one command being run.
type command struct {
	tag, name string
	uid       bool // UID FETCH and the like: sets are of UIDs
	p         *wire.Parser
	code      string // response code of the tagged OK, without brackets
	text      string // text of the tagged OK, if not the usual
	raw       []byte // the command as read, for APPEND
	literal   wire.Literal
	streamed  bool // a literal waits to be read by the command
	quiet     bool // no updates before the tagged response
}

// states in which a command may be used, as a set of bits.
type states uint8

const (
	notAuthenticated states = 1 << iota
	authenticated
	selectedState

	afterLogin = authenticated | selectedState
	anyState   = notAuthenticated | afterLogin
)

// handler runs a command. Nil means OK; a *refusal is NO or BAD, a *wire.SyntaxError is BAD, errors of package mail are
// NO with the code of RFC 5530, and anything else ends the session.
type handler func(s *session, c *command) error

type entry struct {
	in  states
	run handler
	// uid tells that "UID " may stand before the command.
	uid bool
	// noExpunge forbids EXPUNGE responses unless it is the UID form (RFC 9051 7.5.1).
	noExpunge bool
}

// lookup finds a command by its name in upper case.
func lookup(name string) (entry, bool) {
	switch name {
	case "CAPABILITY":
		return entry{in: anyState, run: (*session).doCapability}, true
	case "NOOP":
		return entry{in: anyState, run: (*session).doNoop}, true
	case "LOGOUT":
		return entry{in: anyState, run: (*session).doLogout}, true
	case "ID":
		return entry{in: anyState, run: (*session).doID}, true
	case "STARTTLS":
		return entry{in: notAuthenticated, run: (*session).doStartTLS}, true
	case "LOGIN":
		return entry{in: notAuthenticated, run: (*session).doLogin}, true
	case "AUTHENTICATE":
		return entry{in: notAuthenticated, run: (*session).doAuthenticate}, true
	case "ENABLE":
		return entry{in: afterLogin, run: (*session).doEnable}, true
	case "SELECT", "EXAMINE":
		return entry{in: afterLogin, run: (*session).doSelect}, true
	case "CREATE":
		return entry{in: afterLogin, run: (*session).doCreate}, true
	case "DELETE":
		return entry{in: afterLogin, run: (*session).doDelete}, true
	case "RENAME":
		return entry{in: afterLogin, run: (*session).doRename}, true
	case "SUBSCRIBE", "UNSUBSCRIBE":
		return entry{in: afterLogin, run: (*session).doSubscribe}, true
	case "LIST":
		return entry{in: afterLogin, run: (*session).doList}, true
	case "LSUB":
		return entry{in: afterLogin, run: (*session).doLsub}, true
	case "NAMESPACE":
		return entry{in: afterLogin, run: (*session).doNamespace}, true
	case "STATUS":
		return entry{in: afterLogin, run: (*session).doStatus}, true
	case "APPEND":
		return entry{in: afterLogin, run: (*session).doAppend}, true
	case "IDLE":
		return entry{in: afterLogin, run: (*session).doIdle}, true
	case "GETQUOTA":
		return entry{in: afterLogin, run: (*session).doGetQuota}, true
	case "GETQUOTAROOT":
		return entry{in: afterLogin, run: (*session).doGetQuotaRoot}, true
	case "CHECK":
		return entry{in: selectedState, run: (*session).doNoop}, true
	case "CLOSE":
		return entry{in: selectedState, run: (*session).doClose}, true
	case "UNSELECT":
		return entry{in: selectedState, run: (*session).doUnselect}, true
	case "EXPUNGE":
		return entry{in: selectedState, run: (*session).doExpunge, uid: true}, true
	case "SEARCH":
		return entry{in: selectedState, run: (*session).doSearch, uid: true, noExpunge: true}, true
	case "FETCH":
		return entry{in: selectedState, run: (*session).doFetch, uid: true, noExpunge: true}, true
	case "STORE":
		return entry{in: selectedState, run: (*session).doStore, uid: true, noExpunge: true}, true
	case "COPY":
		return entry{in: selectedState, run: (*session).doCopy, uid: true}, true
	case "MOVE":
		return entry{in: selectedState, run: (*session).doMove, uid: true}, true
	}
	return entry{}, false
}

func (s *session) state() states {
	switch {
	case s.principal == nil:
		return notAuthenticated
	case s.sel == nil:
		return authenticated
	}
	return selectedState
}

// run runs one command that was read. An error ends the session.
func (s *session) run(raw []byte, lit wire.Literal, streamed bool) error {
	begin := time.Now()
	p := wire.NewParser(raw)
	c := &command{p: p, raw: raw, literal: lit, streamed: streamed}
	c.tag = p.Tag()
	p.SP()
	c.name = p.Name()
	if p.Err() != nil {
		tag := c.tag
		if tag == "" {
			tag = "*"
		}
		s.w.Line(tag + " BAD A command is a tag, a space and a name")
		return s.countBad()
	}
	e, known := lookup(c.name)
	if c.name == "UID" {
		c.uid = true
		p.SP()
		c.name = p.Name()
		e, known = lookup(c.name)
		known = known && e.uid
	}
	err := s.check(c, e, known)
	if err == nil {
		err = e.run(s, c)
	}
	status, fatal := s.answer(c, e, err)
	if f := s.srv.cfg.Metrics.Command; f != nil {
		name := c.name
		if !known {
			name = "OTHER"
		}
		f(name, status, time.Since(begin))
	}
	if fatal != nil {
		return fatal
	}
	if s.w.Err() != nil {
		return s.w.Err()
	}
	if status == "BAD" {
		return s.countBad()
	}
	s.bad = 0
	return nil
}

func (s *session) check(c *command, e entry, known bool) error {
	switch {
	case !known:
		return bad("Unknown command")
	case e.in&s.state() != 0:
		return nil
	case s.principal == nil:
		return bad("Log in first")
	case e.in == notAuthenticated:
		return bad("Already logged in")
	}
	return bad("No mailbox is selected")
}

// answer sends what a command has to say at its end: updates of the mailbox, then the tagged response.
func (s *session) answer(c *command, e entry, err error) (status string, fatal error) {
	if errors.Is(err, errAnswered) {
		return "OK", nil
	}
	if why := s.ending.Load(); why != nil && errors.Is(err, s.ctx.Err()) && s.ctx.Err() != nil {
		return "NO", errEnding
	}
	r, fatal := s.refusalOf(c, err)
	if fatal != nil {
		return "NO", fatal
	}
	if s.sel != nil && !c.quiet {
		s.sync(!e.noExpunge || c.uid, nil)
		if s.ending.Load() != nil && s.sel == nil {
			return "NO", errEnding
		}
	}
	s.w.Begin()
	b := append(s.w.B, c.tag...)
	if r == nil {
		status = "OK"
		b = append(b, " OK "...)
		if c.code != "" {
			b = append(b, '[')
			b = append(b, c.code...)
			b = append(b, ']', ' ')
		}
		if c.text == "" {
			b = append(b, c.name...)
			b = append(b, " completed"...)
		}
		b = append(b, c.text...)
	} else {
		status = r.status
		b = append(b, ' ')
		b = append(b, r.status...)
		b = append(b, ' ')
		if r.code != "" {
			b = append(b, '[')
			b = append(b, r.code...)
			b = append(b, ']', ' ')
		}
		b = append(b, r.text...)
	}
	s.w.B = append(b, '\r', '\n')
	s.w.Done()
	return status, nil
}
