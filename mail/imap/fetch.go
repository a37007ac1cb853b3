package imap

import (
	"errors"
	"time"

	"fachwerk/mail"
	"fachwerk/mail/imap/wire"
	"fachwerk/mail/message"

	goimap "github.com/emersion/go-imap/v2"
)

const (
	// structuresAtOnce is how many messages' structures are asked for together.
	structuresAtOnce = 500
	// contentsAtOnce is the same when bodies follow: their structures are kept meanwhile.
	contentsAtOnce = 32
)

// fetch is a FETCH being answered.
type fetch struct {
	s    *session
	args fetchArgs
	told map[uint32]bool // messages that got \Seen: their FLAGS are sent

	structure, content bool // what the items need

	missing    bool  // a message is gone: EXPUNGEISSUED
	unknownCTE bool  // a part could not be decoded
	failure    error // content that could not be read
}

func (s *session) doFetch(c *command) error {
	args, err := s.parseFetch(c)
	if err != nil {
		return err
	}
	if args.modSeq {
		s.enableCondstore()
	}
	idx, missing, err := s.messages(args.set, c.uid)
	if err != nil {
		return err
	}
	if c.uid { // UID FETCH always tells the UID (RFC 9051 6.4.9)
		args.items = append([]fetchItem{{item: itemUID, label: "UID"}}, without(args.items, itemUID)...)
	}
	f := &fetch{s: s, args: args, missing: missing}
	for i := range args.items {
		f.structure = f.structure || args.items[i].needsStructure()
		f.content = f.content || args.items[i].needsContent()
	}
	if args.vanished {
		if err := s.fetchVanished(args); err != nil {
			return err
		}
	}
	if args.changedSince != nil {
		idx = changedSince(s.sel.snap, idx, *args.changedSince)
	}
	if args.seen && !s.sel.readOnly {
		if idx, err = f.markSeen(idx); err != nil {
			return err
		}
	}
	if err := f.run(idx); err != nil {
		return err
	}
	switch {
	case f.failure != nil:
		return f.failure
	case f.missing && !c.uid:
		return expungeIssued(true)
	case f.unknownCTE:
		return no(goimap.ResponseCodeUnknownCTE, "A part has an unknown transfer encoding")
	}
	return nil
}

func without(items []fetchItem, kind dataItem) []fetchItem {
	var out []fetchItem
	for _, f := range items {
		if f.item != kind {
			out = append(out, f)
		}
	}
	return out
}

// fetchVanished answers the VANISHED modifier (RFC 7162 3.2.6).
func (s *session) fetchVanished(a fetchArgs) error {
	known := a.set.Resolve(max(s.sel.largestUID(), s.sel.snap.UIDNext-1))
	if a.set.Saved {
		known = wire.RangesOf(s.saved)
	}
	ranges, err := s.vanishedSince(*a.changedSince, known, 0)
	if err != nil {
		return err
	}
	s.writeVanishedEarlier(ranges)
	return nil
}

// changedSince keeps the messages with a higher mod-sequence.
func changedSince(snap *mail.Snapshot, idx []mail.IndexRange, since uint64) (out []mail.IndexRange) {
	for _, r := range idx {
		for i, m := range snap.Range(r.First, r.Last+1) {
			if m.ModSeq <= since {
				continue
			}
			if n := len(out); n > 0 && out[n-1].Last == i-1 {
				out[n-1].Last = i
			} else {
				out = append(out, mail.IndexRange{First: i, Last: i})
			}
		}
	}
	return out
}

// markSeen sets \Seen on the messages whose bodies are fetched, before they are, and returns where they now are.
func (f *fetch) markSeen(idx []mail.IndexRange) ([]mail.IndexRange, error) {
	s, x := f.s, f.s.sel
	var unseen []uint32
	for _, r := range idx {
		for _, m := range x.snap.Range(r.First, r.Last+1) {
			if !m.Flags.Has(mail.FlagSeen) {
				unseen = append(unseen, m.UID)
			}
		}
	}
	if len(unseen) == 0 {
		return idx, nil
	}
	uids := x.uidsOf(idx)
	_, err := x.view.Store(s.ctx, mail.FlagChange{UIDs: unseen, Op: mail.AddFlags, Flags: mail.FlagSeen})
	if err != nil {
		// Reading must not fail because nothing can be written now.
		s.log.Warn("imap: setting \\Seen", "err", err)
		return idx, nil
	}
	if err := s.refresh(); err != nil {
		return nil, err
	}
	f.told = setOf(unseen)
	s.sync(false, f.told)
	if s.sel == nil {
		return nil, errEnding
	}
	now := x.byUID(wire.RangesOf(uids))
	n := 0
	for _, r := range now {
		n += r.Last - r.First + 1
	}
	f.missing = f.missing || n < len(uids)
	return now, nil
}

// run answers for each message.
func (f *fetch) run(idx []mail.IndexRange) error {
	if !f.structure && !f.content {
		return f.runPlain(idx)
	}
	atOnce := structuresAtOnce
	if f.content {
		atOnce = contentsAtOnce
	}
	var at []int
	var msgs []*mail.Message
	flush := func() error {
		if len(msgs) == 0 {
			return nil
		}
		var err error
		if f.content {
			err = f.runContents(at, msgs)
		} else {
			err = f.runStructures(at, msgs)
		}
		at, msgs = at[:0], msgs[:0]
		return err
	}
	for _, r := range idx {
		for i, m := range f.s.sel.snap.Range(r.First, r.Last+1) {
			at, msgs = append(at, i), append(msgs, m)
			if len(msgs) == atOnce {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

// runPlain answers from the snapshot alone.
func (f *fetch) runPlain(idx []mail.IndexRange) error {
	w := f.s.w
	w.Begin()
	for _, r := range idx {
		for i, m := range f.s.sel.snap.Range(r.First, r.Last+1) {
			w.B = f.begin(w.B, i, m)
			w.B = f.plain(w.B, m)
			w.B = append(w.B, ')', '\r', '\n')
			if len(w.B) >= 16<<10 {
				if err := w.Commit(); err != nil {
					return err
				}
				if f.s.ctx.Err() != nil {
					return f.s.ctx.Err()
				}
			}
		}
	}
	return w.Commit()
}

// begin appends a response's beginning, up to the parenthesis.
func (f *fetch) begin(b []byte, i int, m *mail.Message) []byte {
	b = append(b, '*', ' ')
	b = wire.AppendUint(b, uint64(f.s.sel.seq(i, m)))
	return append(b, " FETCH ("...)
}

// plain appends the items that a snapshot answers, in the order asked for.
func (f *fetch) plain(b []byte, m *mail.Message) []byte {
	snap := f.s.sel.snap
	start := len(b)
	flags := false
	for k := range f.args.items {
		item := &f.args.items[k]
		if item.item >= itemEnvelope {
			continue
		}
		if len(b) > start {
			b = append(b, ' ')
		}
		b = append(b, item.label...)
		b = append(b, ' ')
		switch item.item {
		case itemUID:
			b = wire.AppendUint(b, uint64(m.UID))
		case itemFlags:
			b = appendFlags(b, m, snap)
			flags = true
		case itemInternalDate:
			b = wire.AppendDateTime(b, time.UnixMicro(m.InternalDate))
		case itemSize:
			b = wire.AppendUint(b, uint64(m.Size))
		case itemModSeq:
			b = append(b, '(')
			b = wire.AppendUint(b, m.ModSeq)
			b = append(b, ')')
		case itemEmailID:
			b = append(b, "("+m.EmailID()+")"...)
		case itemThreadID:
			b = append(b, "("+m.Thread()+")"...)
		case itemSaveDate:
			b = wire.AppendDateTime(b, time.UnixMicro(m.SaveDate))
		}
	}
	if f.told != nil && f.told[m.UID] && !flags {
		if len(b) > start {
			b = append(b, ' ')
		}
		b = append(b, "FLAGS "...)
		b = appendFlags(b, m, snap)
	}
	return b
}

// structured appends the items that a structure answers; sp tells whether something stands before them.
func (f *fetch) structured(b []byte, st *mail.Structure, sp bool) []byte {
	for k := range f.args.items {
		item := &f.args.items[k]
		if item.item < itemEnvelope || item.item > itemPreview {
			continue
		}
		if sp {
			b = append(b, ' ')
		}
		sp = true
		b = append(b, item.label...)
		b = append(b, ' ')
		switch item.item {
		case itemEnvelope:
			b = append(b, st.Envelope...)
		case itemBody:
			b = append(b, st.Body...)
		case itemBodyStructure:
			b = append(b, st.BodyStructure...)
		case itemPreview:
			b = wire.AppendString(b, st.Preview, f.s.utf8)
		}
	}
	return b
}

// runStructures answers from snapshot and structures.
func (f *fetch) runStructures(at []int, msgs []*mail.Message) error {
	w, n := f.s.w, 0
	err := f.s.sel.view.Structures(f.s.ctx, msgs, func(k int, st *mail.Structure) error {
		n++
		w.Begin()
		w.B = f.begin(w.B, at[k], msgs[k])
		start := len(w.B)
		w.B = f.plain(w.B, msgs[k])
		w.B = f.structured(w.B, st, len(w.B) > start)
		w.B = append(w.B, ')', '\r', '\n')
		return w.Commit()
	})
	f.missing = f.missing || n < len(msgs)
	return f.damage(err)
}

// damage keeps a message that cannot be read from hiding the others: it is told at the end.
func (f *fetch) damage(err error) error {
	if errors.Is(err, mail.ErrCorrupt) {
		f.failure = err
		return nil
	}
	return err
}

// part is what a message's sections are found with.
type part struct {
	text       []byte // the items that need no content, ready
	message    *message.Message
	headerSize int64
	there      bool
}

// runContents answers messages of which sections are wanted. The structures are copied first: while bodies stream to
// the client, nothing may stay open in the store.
func (f *fetch) runContents(at []int, msgs []*mail.Message) error {
	parts := make([]part, len(msgs))
	if f.structure {
		err := f.s.sel.view.Structures(f.s.ctx, msgs, func(k int, st *mail.Structure) error {
			p := &parts[k]
			p.text = f.structured(nil, st, false)
			p.headerSize, p.there = st.HeaderSize, true
			if !f.needsTree() {
				return nil
			}
			var err error
			p.message, err = st.Message()
			return err
		})
		if err := f.damage(err); err != nil {
			return err
		}
	}
	return f.answerAll(at, msgs, parts)
}

// needsTree tells whether a section names a part by number.
func (f *fetch) needsTree() bool {
	for k := range f.args.items {
		if f.args.items[k].needsContent() && len(f.args.items[k].section.Path) > 0 {
			return true
		}
	}
	return false
}
