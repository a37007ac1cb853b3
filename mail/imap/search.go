package imap

import (
	"fachwerk/mail"
	"fachwerk/mail/imap/wire"

	goimap "github.com/emersion/go-imap/v2"
)

// searchArgs is a SEARCH as parsed (RFC 9051 6.4.4).
type searchArgs struct {
	extended                   bool // an ESEARCH response is wanted
	min, max, all, count, save bool
	modSeq                     bool // the MODSEQ key was used
	criteria                   mail.Criteria
}

func (s *session) doSearch(c *command) error {
	if err := s.load(); err != nil {
		return err
	}
	if err := s.refresh(); err != nil {
		return err
	}
	s.sync(c.uid, nil)
	if s.sel == nil {
		return errEnding
	}
	args, err := s.parseSearch(c.p)
	if err != nil {
		return err
	}
	x := s.sel
	found, err := x.view.Search(s.ctx, x.snap, args.criteria)
	if err != nil {
		if args.save { // RFC 5182 2.1: what was saved before is gone too
			s.saved = nil
		}
		return err
	}
	if args.save {
		s.save(found, args)
	}
	switch {
	case args.save && !args.min && !args.max && !args.all && !args.count:
		// RFC 5182 2.1: SAVE alone suppresses the response.
	case args.extended:
		s.writeESearch(c, found, args)
	default:
		s.writeSearch(c, found, args)
	}
	return nil
}

func (s *session) parseSearch(p *wire.Parser) (a searchArgs, err error) {
	p.SP()
	a.extended = s.rev2
	if p.PeekName() == "RETURN" {
		p.Name()
		p.SP()
		a.extended = true
		p.List(10, func() {
			switch p.Name() {
			case "MIN":
				a.min = true
			case "MAX":
				a.max = true
			case "ALL":
				a.all = true
			case "COUNT":
				a.count = true
			case "SAVE":
				a.save = true
			default:
				p.Fail("unknown return option")
			}
		})
		p.SP()
	}
	if a.extended && !a.min && !a.max && !a.count && !a.save {
		a.all = true
	}
	if p.PeekName() == "CHARSET" {
		p.Name()
		p.SP()
		charset := p.AString()
		p.SP()
		if p.Err() == nil && !knownCharset(charset) {
			return a, no(goimap.ResponseCodeBadCharset+" (US-ASCII UTF-8)", "Only US-ASCII and UTF-8 are understood")
		}
	}
	k := keyParser{s: s, p: p, args: &a}
	a.criteria = k.and(false)
	p.End()
	return a, p.Err()
}

func knownCharset(name string) bool {
	return equalFold(name, "UTF-8") || equalFold(name, "US-ASCII")
}

// save keeps the result for "$" (RFC 5182 2.4): all of it, or, when only the ends were asked for, these.
func (s *session) save(found []int, a searchArgs) {
	if (a.min || a.max) && !a.all && !a.count && len(found) > 0 {
		ends := []int{}
		if a.min {
			ends = append(ends, found[0])
		}
		if last := found[len(found)-1]; a.max && (len(ends) == 0 || last != ends[0]) {
			ends = append(ends, last)
		}
		found = ends
	}
	s.saved = make([]uint32, len(found))
	for k, i := range found {
		s.saved[k] = s.sel.snap.At(i).UID
	}
}

// number is the UID or the client's number of the message at index i.
func (s *session) number(i int, uid bool) uint32 {
	m := s.sel.snap.At(i)
	if uid {
		return m.UID
	}
	return s.sel.seq(i, m)
}

// writeSearch sends the response of RFC 3501 7.2.5, with MODSEQ as in RFC 7162 3.1.5.
func (s *session) writeSearch(c *command, found []int, a searchArgs) {
	s.w.Begin()
	s.w.B = append(s.w.B, "* SEARCH"...)
	top := uint64(0)
	for _, i := range found {
		s.w.B = append(s.w.B, ' ')
		s.w.B = wire.AppendUint(s.w.B, uint64(s.number(i, c.uid)))
		top = max(top, s.sel.snap.At(i).ModSeq)
		if s.w.Commit() != nil {
			return
		}
		s.w.Begin()
	}
	if a.modSeq && len(found) > 0 {
		s.w.B = append(s.w.B, " (MODSEQ "+decimal(int64(top))+")"...)
	}
	s.w.B = append(s.w.B, '\r', '\n')
	s.w.Done()
}

// writeESearch sends the response of RFC 9051 7.3.4.
func (s *session) writeESearch(c *command, found []int, a searchArgs) {
	s.w.Begin()
	b := append(s.w.B, "* ESEARCH (TAG "...)
	b = wire.AppendString(b, c.tag, false)
	b = append(b, ')')
	if c.uid {
		b = append(b, " UID"...)
	}
	if n := len(found); n > 0 {
		if a.min {
			b = append(b, " MIN "...)
			b = wire.AppendUint(b, uint64(s.number(found[0], c.uid)))
		}
		if a.max {
			b = append(b, " MAX "...)
			b = wire.AppendUint(b, uint64(s.number(found[n-1], c.uid)))
		}
		if a.all {
			nums := make([]uint32, n)
			for k, i := range found {
				nums[k] = s.number(i, c.uid)
			}
			b = append(b, " ALL "...)
			b = wire.AppendUIDs(b, nums)
		}
	}
	if a.count {
		b = append(b, " COUNT "...)
		b = wire.AppendUint(b, uint64(len(found)))
	}
	if a.modSeq && len(found) > 0 {
		b = append(b, " MODSEQ "...)
		b = wire.AppendUint(b, s.topModSeq(found, a))
	}
	s.w.B = append(b, '\r', '\n')
	s.w.Done()
}

// topModSeq is the highest mod-sequence of what an ESEARCH tells (RFC 7162 3.1.10): of the ends alone, if only they
// were asked for.
func (s *session) topModSeq(found []int, a searchArgs) uint64 {
	at := func(i int) uint64 { return s.sel.snap.At(i).ModSeq }
	top := uint64(0)
	switch {
	case a.all || a.count || !a.min && !a.max:
		for _, i := range found {
			top = max(top, at(i))
		}
		return top
	case a.min:
		top = at(found[0])
	}
	if a.max {
		top = max(top, at(found[len(found)-1]))
	}
	return top
}
