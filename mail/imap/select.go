package imap

import (
	"errors"
	"fachwerk/mail"
	"fachwerk/mail/imap/wire"

	goimap "github.com/emersion/go-imap/v2"
)

// loadAtOnce is how many messages a mailbox may have for its view to be loaded by SELECT. A larger one that nobody has
// open is answered from counters and loaded when it is needed.
const loadAtOnce = 1000

// resync is what a client knows of a mailbox (RFC 7162 3.2.5).
type resync struct {
	uidValidity uint32
	modSeq      uint64
	known       *wire.Set // UIDs it has; nil: all
	matchSeq    *wire.Set // pairs of number and UID it has
	matchUID    *wire.Set
}

// parseSelect reads the parameters of SELECT.
func (s *session) parseSelect(p *wire.Parser) (condstore bool, q *resync) {
	if !p.Accept(' ') {
		return false, nil
	}
	p.List(5, func() {
		switch p.Name() {
		case "CONDSTORE":
			condstore = true
		case "QRESYNC":
			if !s.qresync {
				p.Fail("QRESYNC has not been enabled") // RFC 7162 3.2.5
			}
			p.SP()
			q = parseResync(p)
		default:
			p.Fail("unknown parameter of SELECT")
		}
	})
	return condstore, q
}

func parseResync(p *wire.Parser) *resync {
	q := &resync{}
	p.Expect('(')
	q.uidValidity = p.NzNumber()
	p.SP()
	q.modSeq = p.Number64()
	if p.Accept(' ') && p.Peek() != '(' {
		known := p.Set()
		q.known = &known
		if !p.Accept(' ') {
			p.Expect(')')
			return q
		}
	}
	if p.Accept('(') {
		seqs := p.Set()
		p.SP()
		uids := p.Set()
		q.matchSeq, q.matchUID = &seqs, &uids
		p.Expect(')')
	}
	p.Expect(')')
	return q
}

// doSelect answers SELECT and EXAMINE (RFC 9051 6.3.2).
func (s *session) doSelect(c *command) error {
	p := c.p
	p.SP()
	name := p.Mailbox(s.utf8)
	condstore, q := s.parseSelect(p)
	p.End()
	if err := p.Err(); err != nil {
		return err
	}
	// Whatever comes of it, the mailbox selected before is closed (RFC 9051 6.3.2).
	if s.sel != nil {
		s.unselect()
		s.w.Line("* OK [CLOSED] The mailbox selected before is closed")
	}
	a, mb, err := s.find(name)
	if err != nil {
		return err
	}
	view, err := s.srv.cfg.Mail.Open(s.ctx, a, mb.ID)
	if err != nil {
		return err
	}
	x := &selected{
		view: view, name: name, mailbox: mb, exists: int(mb.Messages),
		readOnly: c.name == "EXAMINE" || !a.May(mail.RightWrite),
	}
	s.sel = x
	c.quiet = true
	if condstore {
		s.condstore = true
	}
	if view.Snapshot() != nil || mb.Messages <= loadAtOnce || q != nil {
		if x.snap, err = view.Refresh(s.ctx); err != nil {
			s.unselect()
			return err
		}
		if x.snap.Gone {
			s.unselect()
			return mail.ErrNotFound
		}
		x.exists = x.snap.Len()
		mb.UIDNext, mb.HighestModSeq, mb.UIDValidity = x.snap.UIDNext, x.snap.HighestModSeq, x.snap.UIDValidity
		x.mailbox = mb
	}
	s.writeSelect(x)
	if q != nil && q.uidValidity == mb.UIDValidity {
		if err := s.writeResync(q); err != nil {
			s.unselect()
			return err
		}
	}
	c.code = "READ-WRITE"
	if x.readOnly {
		c.code = "READ-ONLY"
	}
	return nil
}

// writeSelect sends what SELECT tells of a mailbox.
func (s *session) writeSelect(x *selected) {
	line := func(text string) { s.w.Line("* " + text) }
	s.announceKeywords()
	line(decimal(int64(x.exists)) + " EXISTS")
	if !s.rev2 {
		line("0 RECENT")
		if i := firstUnseen(x.snap); i >= 0 {
			line("OK [UNSEEN " + decimal(int64(i+1)) + "] First unseen")
		}
	}
	line("OK [UIDVALIDITY " + decimal(int64(x.mailbox.UIDValidity)) + "] UIDs are valid")
	line("OK [UIDNEXT " + decimal(int64(x.mailbox.UIDNext)) + "] Next UID")
	line("OK [HIGHESTMODSEQ " + decimal(int64(x.mailbox.HighestModSeq)) + "] Highest")
	line("OK [MAILBOXID (" + x.mailbox.MailboxID() + ")] Identifier")
	if s.rev2 { // RFC 9051 6.3.2
		s.writeName(x.view.Access(), x.mailbox, x.name)
	}
}

// firstUnseen finds the first message without \Seen; -1 if there is none or the view is not loaded: the response is
// a courtesy (RFC 3501 7.1).
func firstUnseen(snap *mail.Snapshot) int {
	if snap == nil {
		return -1
	}
	for i, m := range snap.Range(0, snap.Len()) {
		if !m.Flags.Has(mail.FlagSeen) {
			return i
		}
	}
	return -1
}

// writeResync tells a client that comes back what vanished and what changed (RFC 7162 3.2.5.1).
func (s *session) writeResync(q *resync) error {
	x := s.sel
	known := []wire.Range{{First: 1, Last: 1<<32 - 1}}
	if q.known != nil {
		known = q.known.Resolve(0)
	}
	ranges, err := s.vanishedSince(q.modSeq, known, s.matched(q))
	if err != nil {
		return err
	}
	s.writeVanishedEarlier(ranges)
	for i, m := range x.snap.Range(0, x.snap.Len()) {
		if m.ModSeq > q.modSeq && (q.known == nil || wire.Contains(known, m.UID)) {
			s.writeFlags(i, m, true)
			if s.w.Err() != nil {
				return s.w.Err()
			}
		}
	}
	return nil
}

// matched uses the pairs of number and UID that the client gave: below a pair that is right nothing has vanished, so
// the highest such UID bounds what must be told when history does not reach back (RFC 7162 3.2.5.2).
func (s *session) matched(q *resync) uint32 {
	if q.matchSeq == nil {
		return 0
	}
	x := s.sel
	seqs, uids := q.matchSeq.Resolve(0), q.matchUID.Resolve(0)
	upTo := uint32(0)
	for len(seqs) > 0 && len(uids) > 0 {
		// The next run of both: pair k of it is (seq+k, uid+k).
		n := min(seqs[0].Last-seqs[0].First, uids[0].Last-uids[0].First)
		for k := uint32(0); k <= n; k++ {
			i := int64(seqs[0].First) + int64(k) - 1
			if i >= int64(x.snap.Len()) {
				return upTo
			}
			if uid := uids[0].First + k; x.snap.At(int(i)).UID == uid {
				upTo = uid
			}
		}
		seqs, uids = advance(seqs, n), advance(uids, n)
	}
	return upTo
}

// advance takes n+1 numbers from the front of ranges.
func advance(r []wire.Range, n uint32) []wire.Range {
	if r[0].First+n >= r[0].Last {
		return r[1:]
	}
	r[0].First += n + 1
	return r
}

// vanishedSince lists, among the UIDs known to the client, those expunged since a mod-sequence. When history does not
// reach back that far these are all that are not there, above a UID up to which all is known to be right.
func (s *session) vanishedSince(modSeq uint64, known []wire.Range, above uint32) ([]wire.Range, error) {
	x := s.sel
	uids, full, err := x.view.Vanished(s.ctx, modSeq)
	if err != nil {
		return nil, err
	}
	if full {
		return x.absent(known, above), nil
	}
	var in []uint32
	for _, uid := range uids {
		if _, there := x.snap.IndexOf(uid); !there && wire.Contains(known, uid) {
			in = append(in, uid)
		}
	}
	// The journal's answer leaves out what came after that mod-sequence and has gone since. A client may have seen it
	// all the same, when its connection broke before it learnt of a newer mod-sequence: so UIDs above all that are
	// sure to be older are told wherever there is no message.
	old := x.newestUnchanged(modSeq)
	if n := len(uids); n > 0 {
		old = max(old, uids[n-1])
	}
	return append(wire.RangesOf(in), x.absent(known, old)...), nil
}

// newestUnchanged is the highest UID of a message that has not changed since a mod-sequence, and so was there then.
func (x *selected) newestUnchanged(modSeq uint64) uint32 {
	for i := x.snap.Len() - 1; i >= 0; i-- {
		if m := x.snap.At(i); m.ModSeq <= modSeq {
			return m.UID
		}
	}
	return 0
}

// absent lists the UIDs below UIDNEXT that are among known, above a bound, and in no message.
func (x *selected) absent(known []wire.Range, above uint32) (out []wire.Range) {
	end := x.snap.UIDNext - 1
	gap := func(first, last uint32) { // the part of known in first..last
		for _, k := range known {
			if f, l := max(first, k.First), min(last, k.Last); f <= l {
				out = append(out, wire.Range{First: f, Last: l})
			}
		}
	}
	next := above + 1
	i, _ := x.snap.IndexOf(next)
	if len(known) > 100 { // many short ranges: look each up instead
		return x.absentFrom(known, next, end)
	}
	for _, m := range x.snap.Range(i, x.snap.Len()) {
		if m.UID > next {
			gap(next, m.UID-1)
		}
		next = m.UID + 1
	}
	if next <= end {
		gap(next, end)
	}
	return out
}

// absentFrom is absent for many ranges.
func (x *selected) absentFrom(known []wire.Range, from, end uint32) (out []wire.Range) {
	for _, k := range known {
		next, last := max(from, k.First), min(end, k.Last)
		i, _ := x.snap.IndexOf(next)
		for ; next <= last; i++ {
			stop := last
			if i < x.snap.Len() && x.snap.At(i).UID <= last {
				stop = x.snap.At(i).UID - 1
			}
			if next <= stop {
				out = append(out, wire.Range{First: next, Last: stop})
			}
			if stop == last {
				break
			}
			next = stop + 2
		}
	}
	return out
}

func (s *session) writeVanishedEarlier(ranges []wire.Range) {
	if len(ranges) == 0 {
		return
	}
	s.w.Begin()
	b := append(s.w.B, "* VANISHED (EARLIER) "...)
	b = wire.AppendRanges(b, ranges)
	s.w.B = append(b, '\r', '\n')
	s.w.Done()
}

// enableCondstore turns CONDSTORE on; with a mailbox open the client is told where it stands (RFC 7162 3.1).
func (s *session) enableCondstore() {
	if s.condstore {
		return
	}
	s.condstore = true
	if s.sel != nil {
		s.w.Line("* OK [HIGHESTMODSEQ " + decimal(int64(s.sel.modSeq())) + "] Highest")
	}
}

// modSeq is the mailbox's highest mod-sequence as the client knows it.
func (x *selected) modSeq() uint64 {
	if x.snap != nil {
		return x.snap.HighestModSeq
	}
	return x.mailbox.HighestModSeq
}

// doClose answers CLOSE: messages with \Deleted go without a word (RFC 9051 6.4.1). It
// has no other answer than OK: where nothing may be written now, they stay, marked.
func (s *session) doClose(c *command) error {
	c.p.End()
	if err := c.p.Err(); err != nil {
		return err
	}
	if !s.sel.readOnly {
		// The new mod-sequence is not told: what others changed before it has not been either (RFC 7162 3.2.8).
		_, err := s.sel.view.Expunge(s.ctx, nil)
		if err != nil && !isNotFound(err) && !errors.Is(err, mail.ErrTemporary) {
			return err
		}
	}
	s.unselect()
	return nil
}

func (s *session) doUnselect(c *command) error {
	c.p.End()
	if err := c.p.Err(); err != nil {
		return err
	}
	s.unselect()
	return nil
}

// doNoop answers NOOP and CHECK: a chance to hear what is new.
func (s *session) doNoop(c *command) error {
	c.p.End()
	if err := c.p.Err(); err != nil || s.sel == nil {
		return err
	}
	return s.refresh()
}

// writable fails in a mailbox that may only be read.
func (s *session) writable() error {
	switch {
	case !s.sel.readOnly:
		return nil
	case !s.sel.view.Access().May(mail.RightWrite):
		return no(goimap.ResponseCodeNoPerm, "You may only read this mailbox")
	}
	return no(goimap.ResponseCodeCannot, "The mailbox was opened read-only")
}
