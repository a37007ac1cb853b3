package replicas

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/samples"
	"fachwerk/test/system/harness"
)

// A cost is what one operation may ask of database and object store.
type cost struct {
	trips   int // round trips to the database in all
	locked  int // of them from the account's lock, its own not counted, to COMMIT's answer
	objects int // requests to the object store
}

// What each delivered message, each FETCH and whatever writes by IMAP and DAV may cost,
// counted on the wire: at most one request to the object store; two round trips under
// the account's lock, five in all, but where the line says otherwise.
func TestCosts(t *testing.T) {
	m := &meter{}
	dsn, s3 := need.Postgres(t), need.S3(t)
	h := start(t, direct, options{dsn: dsn, s3: s3, env: []string{
		"FACHWERK_METADATA_DSN=" + m.postgres(t, dsn), "FACHWERK_BLOBS_URL=" + m.s3(t, s3),
	}})
	r := h.replicas[0]
	h.replicas[1].stop(t)
	small, large := 4<<10, 200<<10
	limit := cost{5, 2, 1}
	none := cost{5, 2, 0}

	mailer := newMailer(t, r)
	n := 0
	deliver := func(size int) func() {
		return func() {
			n++
			mailer.deliver(t, r.Anna().Address, dense(n, size))
		}
	}
	m.measure(t, "LMTP delivery, 4 KiB", none, deliver(small))
	m.measure(t, "LMTP delivery, 200 KiB", limit, deliver(large))

	c := r.IMAP(t, r.Anna())
	total := harness.Select(t, c, "INBOX")
	m.measure(t, "FETCH of a body, 200 KiB", limit, func() { body(t, c, total) })
	m.measure(t, "FETCH of a body, 4 KiB", none, func() { body(t, c, total-measured-1) })
	m.measure(t, "FETCH of flags", cost{0, 0, 0}, func() {
		_, err := c.Fetch(imap.SeqSetNum(total), &imap.FetchOptions{UID: true, Flags: true}).Collect()
		must(t, err)
	})
	m.measure(t, "STORE", none, func() {
		must(t, c.Store(imap.SeqSetNum(total), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.Flag(fmt.Sprintf("k%d", n))}}, nil).Close())
		n++
	})
	// Into the selected mailbox: with what the session then tells of it.
	m.measure(t, "APPEND, 4 KiB", none, func() { n++; harness.Append(t, c, "INBOX", dense(n, small)) })
	m.measure(t, "APPEND, 200 KiB", limit, func() { n++; harness.Append(t, c, "INBOX", dense(n, large)) })
	must(t, c.Create("Ablage", nil).Wait())
	m.measure(t, "APPEND elsewhere, 4 KiB", none, func() { n++; harness.Append(t, c, "Ablage", dense(n, small)) })
	one := imap.SeqSetNum(1)
	m.measure(t, "COPY", none, func() { _, err := c.Copy(one, "Ablage").Wait(); must(t, err) })
	m.measure(t, "COPY into the same mailbox", none, func() { _, err := c.Copy(one, "INBOX").Wait(); must(t, err) })
	m.measure(t, "MOVE", none, func() { _, err := c.Move(one, "Ablage").Wait(); must(t, err) })
	// What is sealed for one account is read and sealed anew for another: item, content
	// and item_meta are three more reads.
	office := "Other Users/buergeramt@musterstadt.example/INBOX"
	m.measure(t, "COPY into another account", cost{6, 2, 0}, func() { _, err := c.Copy(one, office).Wait(); must(t, err) })
	m.measure(t, "MOVE into another account", cost{7, 2, 0}, func() { _, err := c.Move(one, office).Wait(); must(t, err) })
	deleted := func() {
		must(t, c.Store(one, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close())
	}
	m.prepared(t, "EXPUNGE", none, deleted, func() { must(t, c.Expunge().Close()) })
	m.prepared(t, "UID EXPUNGE", none, deleted, func() { must(t, c.UIDExpunge(imap.UIDSet{imap.UIDRange{Start: 1, Stop: 0}}).Close()) })

	d := davOf(t, r, r.Anna())
	put := func(size int, path func() string, status int) func() {
		return func() {
			n++
			d.want(t, status, "PUT", path(), string(dense(n, size)))
		}
	}
	fresh := func() string { return fmt.Sprintf("%sBlatt %d.txt", d.drive(), n) }
	same := func() string { return d.drive() + "Stand.txt" }
	d.want(t, http.StatusCreated, "PUT", same(), "")
	m.measure(t, "PUT of a new file, 4 KiB", none, put(small, fresh, http.StatusCreated))
	m.measure(t, "PUT of a new file, 200 KiB", limit, put(large, fresh, http.StatusCreated))
	m.measure(t, "PUT over a file, 4 KiB", none, put(small, same, http.StatusNoContent))
	m.measure(t, "PUT over a file, 200 KiB", limit, put(large, same, http.StatusNoContent))
	m.measure(t, "GET of a file, 200 KiB", limit, func() { d.want(t, http.StatusOK, "GET", same(), "") })
	remove := func() { d.want(t, http.StatusNoContent, "DELETE", fresh(), "") }
	m.prepared(t, "DELETE of a file", none, put(small, fresh, http.StatusCreated), remove)
	moved := 0
	// Two paths are walked, each by account, collection and names.
	m.prepared(t, "MOVE of a file", cost{8, 2, 0}, put(small, fresh, http.StatusCreated), func() {
		moved++
		to := fmt.Sprintf("%s%sAblage %d.txt", d.origin, d.drive(), moved)
		d.want(t, http.StatusCreated, "MOVE", fresh(), "", "Destination", strings.ReplaceAll(to, " ", "%20"))
	})
	calendar := d.calendars() + "kosten/"
	d.want(t, http.StatusCreated, "MKCALENDAR", calendar, "")
	href := func() string { return fmt.Sprintf("%sereignis-%d.ics", calendar, n) }
	schedule := func(status int, summary string) {
		d.want(t, status, "PUT", href(), samples.Event(fmt.Sprintf("ereignis-%d", n), summary))
	}
	another := func() { n++; schedule(http.StatusCreated, "Sitzung") }
	m.measure(t, "PUT of an event", none, another)
	changes := 0
	m.measure(t, "PUT over an event", none, func() {
		changes++
		schedule(http.StatusNoContent, fmt.Sprintf("Sitzung %d", changes))
	})
	m.prepared(t, "DELETE of an event", none, another, func() { d.want(t, http.StatusNoContent, "DELETE", href(), "") })
}

// dense is a message that cannot be compressed.
func dense(n, size int) []byte {
	text := make([]byte, size*3/4)
	_, _ = rand.Read(text)
	lines := base64.StdEncoding.EncodeToString(text)
	var b bytes.Buffer
	b.Write(harness.Message(fmt.Sprintf("Nummer %d", n), 1))
	for len(lines) > 0 {
		b.WriteString(lines[:min(76, len(lines))] + "\r\n")
		lines = lines[min(76, len(lines)):]
	}
	return b.Bytes()
}

const measured = 4 // runs of each operation; the cheapest counts, for others may join in

func body(t *testing.T, c *imapclient.Client, n uint32) {
	t.Helper()
	_, err := c.Fetch(imap.SeqSetNum(n), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
	must(t, err)
}

// ours is false for what the server does by itself: polling and hints, open logins,
// its queue, last-used times, the busiest counters of failures.
func (p trip) ours() bool {
	for _, other := range []string{"pg_notify", "LISTEN", "FROM throttle", "last_used_at = ", "queue_recipient", "/* poll */"} {
		if p.has(other) {
			return false
		}
	}
	return len(p.texts) > 0
}

// measure runs an operation several times and compares what the cheapest run cost.
// The first run fills caches and prepares statements.
func (m *meter) measure(t *testing.T, what string, most cost, do func()) {
	t.Helper()
	m.prepared(t, what, most, func() {}, do)
}

// prepared is measure of what needs something before it, which does not count.
func (m *meter) prepared(t *testing.T, what string, most cost, before, do func()) {
	t.Helper()
	before()
	do()
	var best cost
	var shown []trip
	for run := range measured {
		before()
		time.Sleep(50 * time.Millisecond) // what the run before has left to be done
		m.take()
		do()
		trips, requests := m.take()
		got, own := costOf(trips)
		got.objects = len(requests)
		if run == 0 || got.trips < best.trips {
			best, shown = got, own
		}
	}
	t.Logf("%-28s %d round trips, %d of them under the lock; %d object requests", what, best.trips, best.locked, best.objects)
	if most.trips > 0 && best.trips == 0 {
		t.Errorf("%s: nothing passed the meter", what)
	}
	if best.trips > most.trips || best.locked > most.locked || best.objects > most.objects {
		t.Errorf("%s costs more than %d round trips, %d under the lock, %d object requests:\n%s", what, most.trips, most.locked, most.objects, texts(shown))
	}
}

func costOf(trips []trip) (c cost, own []trip) {
	locked := map[int]bool{}
	for _, p := range trips {
		if !p.ours() {
			continue
		}
		own = append(own, p)
		c.trips++
		if locked[p.conn] {
			c.locked++
		}
		if p.has("UPDATE account SET modseq") {
			locked[p.conn] = true
		}
		if last := p.texts[len(p.texts)-1]; strings.HasPrefix(last, "commit") || strings.HasPrefix(last, "rollback") {
			delete(locked, p.conn)
		}
	}
	return c, own
}

func texts(trips []trip) string {
	var s strings.Builder
	for i, p := range trips {
		fmt.Fprintf(&s, "%d:\n", i+1)
		for _, text := range p.texts {
			fmt.Fprintf(&s, "    %.150s\n", strings.Join(strings.Fields(text), " "))
		}
	}
	return s.String()
}

// A mailer delivers by one LMTP connection.
type mailer struct{ c *smtp.Client }

func newMailer(t *testing.T, r *replica) *mailer {
	t.Helper()
	c := smtp.NewClientLMTP(dial(t, r.LMTP))
	t.Cleanup(func() { c.Close() })
	return &mailer{c}
}

func (m *mailer) deliver(t *testing.T, to string, message []byte) {
	t.Helper()
	must(t, m.c.Mail("absender@elsewhere.example", nil))
	must(t, m.c.Rcpt(to, nil))
	w, err := m.c.Data()
	must(t, err)
	_, err = w.Write(message)
	must(t, err)
	_, err = w.CloseWithLMTPResponse()
	must(t, err)
}
