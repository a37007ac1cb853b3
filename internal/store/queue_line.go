package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// QueueShare is what the queue holds of one tenant for one kind of next hop: a line, of
// which recipients are taken in the order in which they are ready.
type QueueShare struct {
	Tenant int64
	Local  bool
}

// queueLine is a share of which something waits.
type queueLine struct {
	QueueShare
	ready int64 // when its first recipient is, Unix microseconds
}

// The columns of the index queue_recipient_line behind the tenant, word for word: a
// database finds an index by the same expression only. A recipient is ready when it is
// due and nobody's lease on it lasts.
const (
	lineLocal = `CASE WHEN next_hop = 'local' THEN 1 ELSE 0 END`
	lineReady = `CASE WHEN lease_until > due_at THEN lease_until ELSE due_at END`
	lineOrder = ` ORDER BY tenant_id, ` + lineLocal + `, ` + lineReady + ` LIMIT 1`
	waiting   = ` FROM queue_recipient /*by queue_recipient_line*/ WHERE state = 0`
	firstIn   = `coalesce((SELECT ` + lineReady + waiting + ` AND tenant_id = w.tenant AND ` + lineLocal + ` = `
)

// readLines goes from one tenant to the next of whom something waits, and reads the first
// row of each line: however many wait, the cost is that of the tenants.
const readLines = `WITH RECURSIVE w (tenant) AS (
		SELECT (SELECT tenant_id` + waiting + lineOrder + `)
		UNION ALL
		SELECT (SELECT tenant_id` + waiting + ` AND tenant_id > w.tenant` + lineOrder + `) FROM w WHERE w.tenant IS NOT NULL)
	SELECT w.tenant, ` +
	firstIn + `0 ORDER BY ` + lineReady + ` LIMIT 1), 0), ` +
	firstIn + `1 ORDER BY ` + lineReady + ` LIMIT 1), 0), {now} FROM w WHERE w.tenant IS NOT NULL`

// takeFromLine leases the first that are ready in a line. Those that another process is
// just taking are passed over. The rows are locked before they are written, in an
// expression of its own: as a condition it might be run more than once.
const takeFromLine = `WITH picked (t, a, m, n) AS MATERIALIZED (
		SELECT tenant_id, account_id, message_id, recipient` + waiting + ` AND tenant_id = $3 AND ` + lineLocal + ` = $4
		AND ` + lineReady + ` <= $5 ORDER BY ` + lineReady + ` LIMIT $6 {free})
	UPDATE queue_recipient SET lease_token = $1, lease_until = {now} + $2 FROM picked
	WHERE tenant_id = t AND account_id = a AND message_id = m AND recipient = n
	RETURNING ` + recipientColumns

// lines are those of a site of which something waits, by tenant, and the database's time.
func (at *site) lines(ctx context.Context) (lines []queueLine, now int64, err error) {
	var b meta.Batch
	b.ByIndex()
	b.Query(eachRow(func(r meta.Rows) error {
		var tenant, remote, local int64
		if err := r.Scan(&tenant, &remote, &local, &now); err != nil {
			return err
		}
		if remote != 0 {
			lines = append(lines, queueLine{QueueShare{tenant, false}, remote})
		}
		if local != 0 {
			lines = append(lines, queueLine{QueueShare{tenant, true}, local})
		}
		return nil
	}), readLines)
	err = at.db.Read(ctx, &b)
	return lines, now, outer(err)
}

// notHeldBack leaves out the lines of tenants that may not be written for at a site now,
// or are being removed: their mail waits as it lies.
func (s *Store) notHeldBack(at *site, lines []queueLine) []queueLine {
	held := map[int64]bool{}
	for _, t := range s.tenants.known() {
		if t.HomeSite == at.Name && (t.Removing || s.o.Placement(at.Name, t.subject(), location.Queue) != nil) {
			held[t.ID] = true
		}
	}
	return slices.DeleteFunc(lines, func(l queueLine) bool { return held[l.Tenant] })
}

// NextDue is when the next waiting recipient is due, by the database's clock;
// false if none waits.
func (s *Store) NextDue(ctx context.Context) (in time.Duration, ok bool, err error) {
	var mu sync.Mutex
	s.eachSite(ctx, func(ctx context.Context, at *site) error {
		lines, now, failed := at.lines(ctx)
		mu.Lock()
		defer mu.Unlock()
		err = errors.Join(err, failed)
		for _, l := range s.notHeldBack(at, lines) {
			if due := time.Duration(l.ready-now) * time.Microsecond; !ok || due < in {
				in, ok = due, true
			}
		}
		return failed
	})
	if ok { // one site that is away keeps no other's mail waiting
		err = nil
	}
	return in, ok, err
}

// turns remembers which line was asked last, so that where there are more lines than a
// claim takes recipients, each comes.
type turns struct {
	mu   sync.Mutex
	last QueueShare
}

// next is at most n lines, beginning behind the last one of before.
func (t *turns) next(lines []queueLine, n int) []queueLine {
	t.mu.Lock()
	defer t.mu.Unlock()
	from := slices.IndexFunc(lines, func(l queueLine) bool { return compareShares(l.QueueShare, t.last) > 0 })
	if from > 0 {
		lines = slices.Concat(lines[from:], lines[:from])
	}
	lines = lines[:min(len(lines), n)]
	if len(lines) > 0 {
		t.last = lines[len(lines)-1].QueueShare
	}
	return lines
}

// compareShares is the order in which a database answers lines.
func compareShares(a, b QueueShare) int {
	return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(bit(a.Local), bit(b.Local)))
}
