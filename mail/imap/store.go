package imap

import (
	"strings"

	"fachwerk/mail"
	"fachwerk/mail/imap/wire"

	goimap "github.com/emersion/go-imap/v2"
)

// storeArgs is a STORE as parsed (RFC 9051 6.4.6, RFC 7162 3.1.3).
type storeArgs struct {
	set      wire.Set
	op       mail.FlagOp
	silent   bool
	since    *uint64
	flags    mail.Flags
	keywords []string
}

func (s *session) parseStore(p *wire.Parser) (a storeArgs, err error) {
	p.SP()
	a.set = p.Set()
	p.SP()
	if p.Peek() == '(' {
		p.List(2, func() {
			if p.Name() != "UNCHANGEDSINCE" {
				p.Fail("unknown modifier of STORE")
			}
			p.SP()
			n := p.Number64()
			a.since = &n
		})
		p.SP()
	}
	switch {
	case p.Accept('+'):
		a.op = mail.AddFlags
	case p.Accept('-'):
		a.op = mail.RemoveFlags
	}
	switch p.Name() {
	case "FLAGS":
	case "FLAGS.SILENT":
		a.silent = true
	default:
		p.Fail("expected FLAGS")
	}
	p.SP()
	var list []string
	if p.Peek() == '(' {
		list = p.FlagList()
	} else {
		for p.Err() == nil && len(list) < wire.MaxFlags {
			list = append(list, p.Flag())
			if !p.Accept(' ') {
				break
			}
		}
	}
	p.End()
	if err := p.Err(); err != nil {
		return a, err
	}
	a.flags, a.keywords, err = flagsOf(list)
	return a, err
}

func (s *session) doStore(c *command) error {
	args, err := s.parseStore(c.p)
	if err != nil {
		return err
	}
	if args.since != nil {
		s.enableCondstore()
	}
	idx, missing, err := s.messages(args.set, c.uid)
	if err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	x := s.sel
	uids := x.uidsOf(idx)
	if len(uids) == 0 {
		return expungeIssued(missing)
	}
	before := make([]*mail.Message, 0, len(uids))
	for _, r := range idx {
		for _, m := range x.snap.Range(r.First, r.Last+1) {
			before = append(before, m)
		}
	}
	old := x.snap
	res, err := x.view.Store(s.ctx, mail.FlagChange{
		UIDs: uids, Op: args.op, Flags: args.flags, Keywords: args.keywords, UnchangedSince: args.since,
	})
	if err != nil {
		return err
	}
	if err := s.refresh(); err != nil {
		return err
	}
	modified := setOf(res.Modified)
	told := make(map[uint32]bool, len(uids))
	for _, uid := range uids {
		told[uid] = !modified[uid]
	}
	s.sync(false, told)
	if s.sel == nil {
		return errEnding
	}
	s.writeStored(c, args, before, old, modified)
	if len(res.Modified) > 0 {
		c.code = "MODIFIED " + s.numbers(res.Modified, c.uid)
		c.text = "Some messages were changed by others" // RFC 7162 3.1.3: still OK
	}
	return expungeIssued(missing || len(res.Missing) > 0 && !c.uid)
}

// writeStored answers with each message's new flags, or, when silent, only what the client cannot know itself: the
// mod-sequence (RFC 7162 3.1.3), and flags that others changed meanwhile.
func (s *session) writeStored(c *command, args storeArgs, before []*mail.Message, old *mail.Snapshot, modified map[uint32]bool) {
	x := s.sel
	for _, was := range before {
		i, there := x.snap.IndexOf(was.UID)
		if !there || modified[was.UID] {
			continue
		}
		m := x.snap.At(i)
		flags := !args.silent || !asExpected(args, was, m, old, x.snap)
		if flags || s.condstore && m.ModSeq != was.ModSeq {
			s.writeFlags(i, m, flags)
		}
		if s.w.Err() != nil {
			return
		}
	}
}

// asExpected tells whether a message's flags are what the client knows them to be after its STORE.
func asExpected(args storeArgs, was, is *mail.Message, old, now *mail.Snapshot) bool {
	want := args.flags
	switch args.op {
	case mail.AddFlags:
		want = was.Flags | args.flags
	case mail.RemoveFlags:
		want = was.Flags &^ args.flags
	}
	if is.Flags != want {
		return false
	}
	keywords := map[string]bool{}
	if args.op != mail.ReplaceFlags {
		for _, k := range old.Keywords(was) {
			keywords[strings.ToLower(k)] = true
		}
	}
	for _, k := range args.keywords {
		if args.op == mail.RemoveFlags {
			delete(keywords, strings.ToLower(k))
		} else {
			keywords[strings.ToLower(k)] = true
		}
	}
	have := now.Keywords(is)
	if len(have) != len(keywords) {
		return false
	}
	for _, k := range have {
		if !keywords[strings.ToLower(k)] {
			return false
		}
	}
	return true
}

func setOf(uids []uint32) map[uint32]bool {
	m := make(map[uint32]bool, len(uids))
	for _, u := range uids {
		m[u] = true
	}
	return m
}

// expungeIssued is the answer of a command that named messages that are gone (RFC 9051 7.1).
func expungeIssued(missing bool) error {
	if missing {
		return no(codeExpungeIssued, "Some messages have been expunged")
	}
	return nil
}

// numbers writes ascending UIDs as a set of UIDs or of the client's numbers.
func (s *session) numbers(uids []uint32, uid bool) string {
	if uid {
		return string(wire.AppendUIDs(nil, uids))
	}
	var seqs []uint32
	for _, u := range uids {
		if i, there := s.sel.snap.IndexOf(u); there {
			seqs = append(seqs, s.sel.seq(i, s.sel.snap.At(i)))
		}
	}
	return string(wire.AppendUIDs(nil, seqs))
}

// doExpunge answers EXPUNGE and UID EXPUNGE (RFC 9051 6.4.3, 6.4.9).
func (s *session) doExpunge(c *command) error {
	var set wire.Set
	if c.uid {
		c.p.SP()
		set = c.p.Set()
	}
	c.p.End()
	if err := c.p.Err(); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	x := s.sel
	var uids []uint32
	if c.uid {
		idx, _, err := s.messages(set, true)
		if err != nil {
			return err
		}
		if uids = x.uidsOf(idx); len(uids) == 0 {
			return nil
		}
	} else if err := s.load(); err != nil {
		return err
	}
	e, err := x.view.Expunge(s.ctx, uids)
	if err != nil {
		return err
	}
	if e.ModSeq > 0 && s.condstore { // RFC 7162 3.2.7
		c.code = "HIGHESTMODSEQ " + decimal(int64(e.ModSeq))
	}
	return s.refresh()
}

// doCopy answers COPY (RFC 9051 6.4.7).
func (s *session) doCopy(c *command) error {
	uids, missing, a, mb, err := s.parseCopy(c)
	if err != nil {
		return err
	}
	if len(uids) == 0 {
		return expungeIssued(missing)
	}
	done, err := s.srv.cfg.Mail.Copy(s.ctx, s.sel.view, uids, a, mb.ID)
	if err != nil {
		return copyError(err)
	}
	if err := s.refreshIfSelected(a, mb.ID); err != nil {
		return err
	}
	if len(done.Source) > 0 {
		c.code = copyUID(done)
	}
	return expungeIssued(!c.uid && (missing || len(done.Source) < len(uids)))
}

// doMove answers MOVE (RFC 9051 6.4.8): COPYUID before the EXPUNGE responses, the tagged OK after them.
func (s *session) doMove(c *command) error {
	uids, missing, a, mb, err := s.parseCopy(c)
	if err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	if len(uids) == 0 {
		return expungeIssued(missing)
	}
	done, moveErr := s.srv.cfg.Mail.Move(s.ctx, s.sel.view, uids, a, mb.ID)
	if len(done.Source) > 0 { // some may have moved before an error
		s.w.Line("* OK [" + copyUID(done) + "] Moved")
		if err := s.refresh(); err != nil {
			return err
		}
		s.sync(true, nil)
		if s.sel != nil && s.condstore && moveErr == nil { // RFC 7162 3.2.9
			c.code = "HIGHESTMODSEQ " + decimal(int64(s.sel.modSeq()))
		}
	}
	if moveErr != nil {
		return copyError(moveErr)
	}
	return expungeIssued(!c.uid && (missing || len(done.Source) < len(uids)))
}

// parseCopy reads a set and a mailbox and finds both.
func (s *session) parseCopy(c *command) (uids []uint32, missing bool, a mail.Access, mb mail.Mailbox, err error) {
	p := c.p
	p.SP()
	set := p.Set()
	p.SP()
	name := p.Mailbox(s.utf8)
	p.End()
	if err = p.Err(); err != nil {
		return
	}
	var idx []mail.IndexRange
	if idx, missing, err = s.messages(set, c.uid); err != nil {
		return
	}
	uids = s.sel.uidsOf(idx)
	a, mb, _, err = s.target(name)
	return
}

// copyError is the answer to a COPY or MOVE that failed: the target may have been deleted since it was found.
func copyError(err error) error {
	if isNotFound(err) {
		return no(goimap.ResponseCodeTryCreate, "There is no such mailbox")
	}
	return err
}

func copyUID(u mail.CopyUID) string {
	b := append([]byte("COPYUID "), decimal(int64(u.UIDValidity))...)
	b = append(b, ' ')
	b = wire.AppendUIDs(b, u.Source)
	b = append(b, ' ')
	return string(wire.AppendUIDs(b, u.Dest))
}
