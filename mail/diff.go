package mail

// Diff is what happened between two snapshots of a view.
type Diff struct {
	// Vanished are the indexes in the older snapshot of messages that are not
	// in the newer one, ascending.
	Vanished []int
	// Changed are the indexes in the newer snapshot of messages that are in
	// both with another mod-sequence, ascending.
	Changed []int
	// Added is the index in the newer snapshot of the first message above all
	// that the older one had; from there on, all are new.
	Added int
}

// empty reports whether newer has the messages that the older one had, unchanged.
func (d Diff) empty(newer *Snapshot) bool {
	return len(d.Vanished) == 0 && len(d.Changed) == 0 && d.Added == newer.n
}

// Diff tells what newer, a later snapshot of the same view, brings. Chunks that
// both share are skipped, so that it costs little after small changes.
func (s *Snapshot) Diff(newer *Snapshot) Diff {
	var d Diff
	a, b := cursor{s: s}, cursor{s: newer}
	for a.more() && b.more() {
		if n := a.shared(&b); n > 0 {
			a.skip(n)
			b.skip(n)
			continue
		}
		old, now := a.message(), b.message()
		switch {
		case old.UID == now.UID:
			if old.ModSeq != now.ModSeq || old.Flags != now.Flags {
				d.Changed = append(d.Changed, b.index())
			}
			a.skip(1)
			b.skip(1)
		case old.UID < now.UID:
			d.Vanished = append(d.Vanished, a.index())
			a.skip(1)
		default:
			// UIDs are given in the order of commits, so nothing comes in
			// below what a snapshot has; see builder.
			b.skip(1)
		}
	}
	d.Added = b.index()
	for ; a.more(); a.skip(1) {
		d.Vanished = append(d.Vanished, a.index())
	}
	return d
}

// cursor walks over a snapshot.
type cursor struct {
	s     *Snapshot
	chunk int
	at    int // in the chunk
}

func (c *cursor) more() bool        { return c.chunk < len(c.s.chunks) }
func (c *cursor) message() *Message { return &c.s.chunks[c.chunk][c.at] }

func (c *cursor) index() int {
	if !c.more() {
		return c.s.n
	}
	return c.s.starts[c.chunk] + c.at
}

// skip goes on by n, which must not lead beyond the chunk's end.
func (c *cursor) skip(n int) {
	if c.at += n; c.at == len(c.s.chunks[c.chunk]) {
		c.chunk, c.at = c.chunk+1, 0
	}
}

// shared returns how many messages from here on are the same memory in both.
func (c *cursor) shared(d *cursor) int {
	a, b := c.s.chunks[c.chunk], d.s.chunks[d.chunk]
	if c.at != d.at || &a[0] != &b[0] {
		return 0
	}
	return min(len(a), len(b)) - c.at
}
