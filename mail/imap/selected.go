package imap

import (
	"errors"
	"slices"
	"sort"
	"time"

	"fachwerk/mail"
	"fachwerk/mail/imap/wire"
)

// selected is the mailbox a session has open, as its client counts it.
//
// The client's numbering is that of the messages in snap together with the UIDs in gone: messages that were expunged
// but of which it has not been told. Until the view is needed, snap is nil and the counters of SELECT stand for it.
type selected struct {
	view     *mail.View
	name     string // as the client calls it
	mailbox  mail.Mailbox
	readOnly bool

	snap   *mail.Snapshot
	gone   []uint32 // ascending
	exists int      // what EXISTS last said, less what was expunged since
	// keywords are those that FLAGS announced.
	keywords map[string]bool

	// checked is when the rights on an account of others were last looked at.
	checked time.Time
}

// unselect closes the mailbox, if one is open.
func (s *session) unselect() {
	if s.sel == nil {
		return
	}
	s.sel.view.Close()
	s.sel, s.saved = nil, nil
}

// load makes sure that there is a snapshot. The counters that SELECT told came from the database a moment earlier:
// what was expunged in between is put among the gone, what was added is told at the next chance.
func (s *session) load() error {
	x := s.sel
	if x.snap != nil {
		return nil
	}
	snap, err := x.view.Refresh(s.ctx)
	if err != nil {
		return err
	}
	if snap.Gone {
		return s.mailboxGone()
	}
	known, _ := snap.IndexOf(x.mailbox.UIDNext) // messages the client counts
	if known != x.exists {
		vanished, full, err := x.view.Vanished(s.ctx, x.mailbox.HighestModSeq)
		if err != nil {
			return err
		}
		for _, uid := range vanished {
			if _, there := snap.IndexOf(uid); uid < x.mailbox.UIDNext && !there {
				x.gone = append(x.gone, uid)
			}
		}
		if full || known+len(x.gone) != x.exists {
			// Numbers that cannot be known must not be guessed.
			s.log.Warn("imap: a mailbox changed beyond its history while it was selected")
			s.endWith("[UNAVAILABLE] The mailbox has changed, select it again")
			return errEnding
		}
	}
	x.snap = snap
	s.announceKeywords()
	s.announceExists()
	return nil
}

// mailboxGone ends the session: its mailbox was deleted, by another session.
func (s *session) mailboxGone() error {
	s.endWith("The selected mailbox was deleted")
	s.unselect()
	return errEnding
}

// refresh asks the database for what is new; sync then tells the client. A session that may not read the mailbox any
// more ends.
func (s *session) refresh() error {
	err := s.askAnew()
	if errors.Is(err, mail.ErrDenied) {
		s.endWith("[NOPERM] You may not read this mailbox any more")
		s.unselect()
		return errEnding
	}
	return err
}

func (s *session) askAnew() error {
	x := s.sel
	if x.snap == nil {
		mb, err := s.srv.cfg.Mail.Status(s.ctx, x.view.Access(), x.mailbox.ID)
		if isNotFound(err) {
			return s.mailboxGone()
		}
		if err != nil {
			return err
		}
		if mb.HighestModSeq == x.mailbox.HighestModSeq && int(mb.Messages) == x.exists {
			return nil
		}
		return s.load()
	}
	_, err := x.view.Refresh(s.ctx)
	return err
}

// stillAllowed ends the session of one whose grant on the mailbox was taken away; it asks at most every few seconds.
func (s *session) stillAllowed() error {
	x := s.sel
	if x.view.Access().Own || time.Since(x.checked) < accountsFor {
		return nil
	}
	x.checked = time.Now()
	return s.refresh()
}

// sync brings the client up to the newest snapshot that is loaded: messages expunged, if they may be told of now, the
// number of messages, and changed flags. Messages in told are left out of the flags, for the command has answered for
// them.
func (s *session) sync(expunge bool, told map[uint32]bool) {
	x := s.sel
	if x == nil || x.snap == nil {
		return
	}
	newest := x.view.Snapshot()
	var changed []int
	if newest != nil && newest != x.snap {
		if newest.Gone {
			_ = s.mailboxGone() // ending is set; whoever called looks at it
			return
		}
		d := x.snap.Diff(newest)
		for _, i := range d.Vanished {
			x.gone = append(x.gone, x.snap.At(i).UID)
		}
		if len(d.Vanished) > 0 {
			slices.Sort(x.gone)
		}
		changed = d.Changed
		x.snap = newest
	}
	if expunge {
		s.writeExpunged()
	}
	s.announceKeywords()
	s.announceExists()
	for _, i := range changed {
		if m := x.snap.At(i); !told[m.UID] {
			s.writeFlags(i, m, true)
		}
	}
}

// announceExists tells the number of messages if it has grown.
func (s *session) announceExists() {
	x := s.sel
	if n := x.snap.Len() + len(x.gone); n != x.exists {
		x.exists = n
		s.w.Line("* " + decimal(int64(n)) + " EXISTS")
	}
}

// writeExpunged tells of the gone, as VANISHED (RFC 7162 3.2.10) or as EXPUNGE, the highest number first so that none
// shifts.
func (s *session) writeExpunged() {
	x := s.sel
	if len(x.gone) == 0 {
		return
	}
	s.w.Begin()
	if s.qresync {
		b := append(s.w.B, "* VANISHED "...)
		b = wire.AppendUIDs(b, x.gone)
		s.w.B = append(b, '\r', '\n')
	} else {
		for j := len(x.gone) - 1; j >= 0; j-- {
			b := append(s.w.B, '*', ' ')
			b = wire.AppendUint(b, uint64(x.goneSeq(j)))
			s.w.B = append(b, " EXPUNGE\r\n"...)
			s.w.Done()
		}
	}
	s.w.Done()
	x.exists -= len(x.gone)
	x.gone = nil
}

// writeFlags tells of a message's flags, unasked: with UID (RFC 9051 7.5.2) and, once CONDSTORE is on, MODSEQ.
func (s *session) writeFlags(i int, m *mail.Message, flags bool) {
	s.w.Begin()
	b := append(s.w.B, '*', ' ')
	b = wire.AppendUint(b, uint64(s.sel.seq(i, m)))
	b = append(b, " FETCH (UID "...)
	b = wire.AppendUint(b, uint64(m.UID))
	if flags {
		b = append(b, " FLAGS "...)
		b = appendFlags(b, m, s.sel.snap)
	}
	if s.condstore {
		b = append(b, " MODSEQ ("...)
		b = wire.AppendUint(b, m.ModSeq)
		b = append(b, ')')
	}
	s.w.B = append(b, ')', '\r', '\n')
	s.w.Done()
}

// flagNames are the system flags in the order of package mail's bits.
var flagNames = [...]string{`\Seen`, `\Answered`, `\Flagged`, `\Deleted`, `\Draft`}

// flagLists are all lists of system flags, without parentheses.
var flagLists = func() (lists [1 << len(flagNames)]string) {
	for f := range lists {
		for i, name := range flagNames {
			if f&(1<<i) != 0 {
				if lists[f] != "" {
					lists[f] += " "
				}
				lists[f] += name
			}
		}
	}
	return lists
}()

// appendFlags appends a message's flags and keywords in parentheses.
func appendFlags(b []byte, m *mail.Message, snap *mail.Snapshot) []byte {
	b = append(b, '(')
	list := flagLists[int(m.Flags)%len(flagLists)]
	b = append(b, list...)
	for i, k := range snap.Keywords(m) {
		if i > 0 || list != "" {
			b = append(b, ' ')
		}
		b = append(b, k...)
	}
	return append(b, ')')
}

// announceKeywords sends FLAGS anew when keywords came into use (RFC 9051 7.3.5).
func (s *session) announceKeywords() {
	x := s.sel
	fresh := x.keywords == nil
	if fresh {
		x.keywords = map[string]bool{}
	}
	if x.snap != nil {
		for _, k := range x.snap.AllKeywords() {
			if !x.keywords[k] {
				x.keywords[k], fresh = true, true
			}
		}
	}
	if !fresh {
		return
	}
	names := make([]string, 0, len(x.keywords))
	for k := range x.keywords {
		names = append(names, k)
	}
	slices.Sort(names)
	s.w.Begin()
	b := append(s.w.B, "* FLAGS ("...)
	b = append(b, flagLists[len(flagLists)-1]...)
	for _, k := range names {
		b = append(b, ' ')
		b = append(b, k...)
	}
	b = append(b, ")\r\n* OK [PERMANENTFLAGS ("...)
	if !x.readOnly {
		b = append(b, flagLists[len(flagLists)-1]...)
		for _, k := range names {
			b = append(b, ' ')
			b = append(b, k...)
		}
		b = append(b, ` \*`...)
	}
	s.w.B = append(b, ")] Kept\r\n"...)
	s.w.Done()
}

// seq is the client's number of the message at index i.
func (x *selected) seq(i int, m *mail.Message) uint32 {
	if len(x.gone) == 0 {
		return uint32(i + 1)
	}
	before := sort.Search(len(x.gone), func(j int) bool { return x.gone[j] > m.UID })
	return uint32(i + 1 + before)
}

// goneSeq is the client's number of gone message j.
func (x *selected) goneSeq(j int) int {
	i, _ := x.snap.IndexOf(x.gone[j])
	return i + j + 1
}

// bySeq returns the indexes of the messages with these numbers, and whether some of them are gone.
func (x *selected) bySeq(ranges []wire.Range) (idx []mail.IndexRange, missing bool) {
	goneUpTo := func(n int) int { // how many gone messages have numbers up to n
		return sort.Search(len(x.gone), func(j int) bool { return x.goneSeq(j) > n })
	}
	for _, r := range ranges {
		first, last := int(r.First), int(r.Last)
		below, within := 0, 0
		if len(x.gone) > 0 {
			below, within = goneUpTo(first-1), goneUpTo(last)
			missing = missing || within > below
		}
		if i, j := first-1-below, last-1-within; i <= j {
			idx = append(idx, mail.IndexRange{First: i, Last: j})
		}
	}
	return idx, missing
}

// byUID returns the indexes of the messages with these UIDs; those that are not there are passed over in silence
// (RFC 9051 6.4.9).
func (x *selected) byUID(ranges []wire.Range) (idx []mail.IndexRange) {
	for _, r := range ranges {
		i, _ := x.snap.IndexOf(r.First)
		j, found := x.snap.IndexOf(r.Last)
		if !found {
			j--
		}
		if i <= j {
			idx = append(idx, mail.IndexRange{First: i, Last: j})
		}
	}
	return idx
}

// largestUID is what "*" means among UIDs; 0 if there are no messages.
func (x *selected) largestUID() uint32 {
	if n := x.snap.Len(); n > 0 {
		return x.snap.At(n - 1).UID
	}
	return 0
}

// messages resolves a command's set to indexes. Numbers above the number of messages are a client's mistake
// (RFC 9051 9, seq-number); so missing is only set for messages that others expunged.
func (s *session) messages(set wire.Set, uid bool) (idx []mail.IndexRange, missing bool, err error) {
	if err := s.load(); err != nil {
		return nil, false, err
	}
	if err := s.stillAllowed(); err != nil {
		return nil, false, err
	}
	x := s.sel
	switch {
	case set.Saved:
		return x.byUID(wire.RangesOf(s.saved)), false, nil
	case uid:
		return x.byUID(set.Resolve(x.largestUID())), false, nil
	}
	if n, _ := set.Largest(); int64(n) > int64(x.exists) {
		return nil, false, bad("There are only " + decimal(int64(x.exists)) + " messages")
	}
	idx, missing = x.bySeq(set.Resolve(uint32(x.exists)))
	return idx, missing, nil
}

// uidsOf lists the UIDs of the messages at these indexes.
func (x *selected) uidsOf(idx []mail.IndexRange) []uint32 {
	n := 0
	for _, r := range idx {
		n += r.Last - r.First + 1
	}
	uids := make([]uint32, 0, n)
	for _, r := range idx {
		for _, m := range x.snap.Range(r.First, r.Last+1) {
			uids = append(uids, m.UID)
		}
	}
	return uids
}
