package replicas

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"fachwerk/test/system/harness"
)

// A load is clients at work who know what they were told. Each connects to one
// replica and, when that fails, to the other.
type load struct {
	h       *house
	t       *testing.T
	secure  *tls.Config
	workers []worker
	running sync.WaitGroup
	stop    context.CancelFunc
	turn    atomic.Int64
}

// A worker does one thing after another until ctx ends, and can tell how much of it
// was acknowledged, and at the end whether it is there.
type worker interface {
	name() string
	work(ctx context.Context, r *replica) // until the connection fails
	done() int64
	verify(t *testing.T, r *replica)
}

// count is how much was acknowledged.
type count struct{ n atomic.Int64 }

func (c *count) done() int64 { return c.n.Load() }

func newLoad(t *testing.T, h *house) *load {
	t.Helper()
	l := &load{h: h, t: t, secure: h.replicas[0].TLS(t)}
	for i := range 4 {
		who := h.demo.Person(i % 2)
		l.workers = append(l.workers, &lmtpWorker{l: l, who: who, id: fmt.Sprintf("lmtp%d", i), sent: map[string]*sent{}})
		l.workers = append(l.workers, &imapWorker{l: l, who: who, id: fmt.Sprintf("imap%d", i), sent: map[string]*sent{}})
		l.workers = append(l.workers, &davWorker{l: l, who: who, id: fmt.Sprintf("dav%d", i), may: map[string][]string{}})
	}
	for i := range 4 {
		who := h.demo.Person(i % 2)
		must(t, h.replicas[0].IMAP(t, who).Create(fmt.Sprintf("imap%d", i), nil).Wait())
		davOf(t, h.replicas[0], who).want(t, http.StatusCreated, "MKCOL", fmt.Sprintf("/files/%s/dav%d/", who.Address, i), "")
	}
	return l
}

func (l *load) begin() {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	for _, w := range l.workers {
		l.running.Go(func() {
			for ctx.Err() == nil {
				w.work(ctx, l.next())
				time.Sleep(20 * time.Millisecond) // not a storm
			}
		})
	}
}

// next takes turns; a replica that is down costs one attempt.
func (l *load) next() *replica { return l.h.replicas[int(l.turn.Add(1))%len(l.h.replicas)] }

// progress waits until every worker has been acknowledged something more.
func (l *load) progress(after string) {
	l.t.Helper()
	before := make([]int64, len(l.workers))
	for i, w := range l.workers {
		before[i] = w.done()
	}
	began := time.Now()
	for i, w := range l.workers {
		for w.done() == before[i] {
			if time.Since(began) > 3*patience {
				l.t.Fatalf("%s: %s gets nothing done", after, w.name())
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	l.t.Logf("%-34s all clients went on after %v", after, time.Since(began).Round(10*time.Millisecond))
}

func (l *load) end() {
	l.stop()
	l.running.Wait()
}

func (l *load) verify() {
	l.t.Helper()
	var acked int64
	for _, w := range l.workers {
		for _, r := range l.h.replicas {
			w.verify(l.t, r)
		}
		acked += w.done()
	}
	l.t.Logf("%d acknowledged requests, all of them there once", acked)
}

// text makes a message or file of which some cannot be compressed, and go to the
// object store; the id decides.
func text(id string) []byte {
	var seed [32]byte
	copy(seed[:], id)
	random := rand.New(rand.NewChaCha8(seed))
	size := 200 + random.IntN(5000)
	if random.IntN(6) == 0 {
		size = 60<<10 + random.IntN(100<<10)
	}
	raw := make([]byte, size)
	for i := range raw {
		raw[i] = byte(random.Uint32())
	}
	b := bytes.NewBuffer(harness.Message(id, 1))
	for line := base64.StdEncoding.EncodeToString(raw); line != ""; {
		n := min(76, len(line))
		b.WriteString(line[:n] + "\r\n")
		line = line[n:]
	}
	return b.Bytes()
}

// sent is a message of which something is known.
type sent struct {
	uid      imap.UID
	there    knowledge
	flagged  knowledge
	seenHere int // by verify
}

type knowledge int8

const (
	no knowledge = iota
	maybe
	yes
)

// An lmtpWorker delivers; no id is sent twice.
type lmtpWorker struct {
	count
	l    *load
	who  harness.Account
	id   string
	n    int
	sent map[string]*sent
}

func (w *lmtpWorker) name() string { return w.id }

func (w *lmtpWorker) work(ctx context.Context, r *replica) {
	conn, err := net.DialTimeout("tcp", r.LMTP, 10*time.Second)
	if err != nil {
		return
	}
	c := smtp.NewClientLMTP(conn)
	c.CommandTimeout, c.SubmissionTimeout = patience, 3*patience
	defer c.Close()
	for ctx.Err() == nil {
		w.n++
		id := fmt.Sprintf("%s.%05d", w.id, w.n)
		w.sent[id] = &sent{there: no}
		if c.Mail("absender@elsewhere.example", nil) != nil || c.Rcpt(w.who.Address, nil) != nil {
			return
		}
		data, err := c.Data()
		if err != nil {
			return
		}
		w.sent[id].there = maybe
		if _, err := data.Write(text(id)); err != nil {
			return
		}
		if _, err := data.CloseWithLMTPResponse(); err != nil {
			return
		}
		w.sent[id].there = yes
		w.n1()
	}
}

func (c *count) n1() { c.n.Add(1) }

func (w *lmtpWorker) verify(t *testing.T, r *replica) {
	t.Helper()
	verifyMailbox(t, r, w.who, "INBOX", w.id+".", w.sent)
}

// An imapWorker is alone in its mailbox.
type imapWorker struct {
	count
	l    *load
	who  harness.Account
	id   string
	n    int
	sent map[string]*sent
}

func (w *imapWorker) name() string { return w.id }

func (w *imapWorker) work(ctx context.Context, r *replica) {
	conn, err := (&tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: w.l.secure}).Dial("tcp", r.IMAPS)
	if err != nil {
		return
	}
	_ = conn.SetDeadline(time.Now().Add(3 * patience))
	c := imapclient.New(conn, nil)
	defer c.Close()
	if c.Login(w.who.Address, w.who.AppPassword).Wait() != nil {
		return
	}
	if _, err := c.Select(w.id, nil).Wait(); err != nil {
		return
	}
	for ctx.Err() == nil {
		_ = conn.SetDeadline(time.Now().Add(3 * patience))
		var err error
		switch pick := w.pick(); {
		case pick == nil || rand.IntN(10) < 7:
			err = w.append(c)
		case rand.IntN(3) > 0:
			pick.flagged = maybe
			err = c.Store(imap.UIDSetNum(pick.uid), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close()
			if err == nil {
				pick.flagged = yes
			}
		default:
			err = w.expunge(c, pick)
		}
		if err != nil {
			return
		}
		w.n1()
	}
}

// pick is a message that is surely there, if one of a few is.
func (w *imapWorker) pick() *sent {
	looked := 0
	for _, s := range w.sent {
		if s.there == yes {
			return s
		}
		if looked++; looked > 20 {
			break
		}
	}
	return nil
}

func (w *imapWorker) append(c *imapclient.Client) error {
	w.n++
	id := fmt.Sprintf("%s.%05d", w.id, w.n)
	s := &sent{there: maybe}
	w.sent[id] = s
	message := text(id)
	cmd := c.Append(w.id, int64(len(message)), nil)
	if _, err := cmd.Write(message); err != nil {
		return err
	}
	if err := cmd.Close(); err != nil {
		return err
	}
	data, err := cmd.Wait()
	if err == nil {
		s.there, s.uid = yes, data.UID
	}
	return err
}

func (w *imapWorker) expunge(c *imapclient.Client, s *sent) error {
	s.there = maybe // from here on
	deleted := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
	if err := c.Store(imap.UIDSetNum(s.uid), deleted, nil).Close(); err != nil {
		return err
	}
	if _, err := c.UIDExpunge(imap.UIDSetNum(s.uid)).Collect(); err != nil {
		return err
	}
	s.there = no
	return nil
}

func (w *imapWorker) verify(t *testing.T, r *replica) {
	t.Helper()
	verifyMailbox(t, r, w.who, w.id, w.id+".", w.sent)
}

// verifyMailbox compares the messages whose ids begin with prefix.
func verifyMailbox(t *testing.T, r *replica, who harness.Account, mailbox, prefix string, all map[string]*sent) {
	t.Helper()
	c := r.IMAP(t, who)
	defer c.Close()
	for _, s := range all {
		s.seenHere = 0
	}
	if harness.Select(t, c, mailbox) > 0 {
		section := &imap.FetchItemBodySection{Peek: true}
		list, err := c.Fetch(imap.UIDSet{imap.UIDRange{Start: 1}}, &imap.FetchOptions{UID: true, Flags: true, Envelope: true,
			BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		must(t, err)
		for _, m := range list {
			id := m.Envelope.Subject
			s := all[id]
			switch {
			case !strings.HasPrefix(id, prefix):
				continue
			case s == nil:
				t.Errorf("%s holds %q, which nobody sent", mailbox, id)
				continue
			}
			s.seenHere++
			if body := m.FindBodySection(section); !bytes.HasSuffix(body, text(id)) {
				t.Errorf("%s has %d other bytes than were sent", id, len(body))
			}
			if s.uid != 0 && s.uid != m.UID {
				t.Errorf("%s was acknowledged as UID %d and is UID %d", id, s.uid, m.UID)
			}
			flagged := false
			for _, f := range m.Flags {
				flagged = flagged || f == imap.FlagFlagged
			}
			if flagged && s.flagged == no || !flagged && s.flagged == yes {
				t.Errorf("%s: \\Flagged is %v, known %d", id, flagged, s.flagged)
			}
		}
	}
	for id, s := range all {
		if s.seenHere > 1 || s.seenHere == 0 && s.there == yes || s.seenHere == 1 && s.there == no {
			t.Errorf("replica %s: %s is there %d times, known %d", r.name, id, s.seenHere, s.there)
		}
	}
}

// A davWorker is alone in its folder; may is what each of its files may hold, "" for
// not being there.
type davWorker struct {
	count
	l   *load
	who harness.Account
	id  string
	n   int
	may map[string][]string
}

func (w *davWorker) name() string { return w.id }

func (w *davWorker) path(name string) string {
	return "/files/" + w.who.Address + "/" + w.id + "/" + name
}

func (w *davWorker) work(ctx context.Context, r *replica) {
	d := &dav{origin: r.HTTP, who: w.who, client: &http.Client{Timeout: 3 * patience, Transport: &http.Transport{}}}
	defer d.client.CloseIdleConnections()
	for ctx.Err() == nil {
		name := fmt.Sprintf("Blatt %02d.txt", rand.IntN(20))
		if w.may[name] == nil {
			w.may[name] = []string{""}
		}
		before := w.may[name]
		if rand.IntN(4) == 0 {
			w.may[name] = append(before[:len(before):len(before)], "")
			a, err := d.try("DELETE", w.path(name), "")
			if err != nil {
				return
			}
			switch {
			case a.status == http.StatusNoContent, a.status == http.StatusNotFound && contains(before, ""):
				w.may[name] = []string{""}
			case a.status == http.StatusNotFound:
				w.l.t.Errorf("DELETE of %s: it is not there and should be", w.path(name))
			default:
				return
			}
		} else {
			w.n++
			id := fmt.Sprintf("%s.%05d", w.id, w.n)
			w.may[name] = append(before[:len(before):len(before)], id)
			a, err := d.try("PUT", w.path(name), string(text(id)))
			if err != nil || a.status != http.StatusCreated && a.status != http.StatusNoContent {
				return
			}
			w.may[name] = []string{id}
		}
		w.n1()
	}
}

func contains(list []string, one string) bool {
	for _, s := range list {
		if s == one {
			return true
		}
	}
	return false
}

func (w *davWorker) verify(t *testing.T, r *replica) {
	t.Helper()
	d := davOf(t, r, w.who)
	listed := d.members(t, w.path(""))
	for name, may := range w.may {
		a, err := d.try("GET", w.path(name), "")
		must(t, err)
		is := "?"
		for _, id := range may {
			if id == "" && a.status == http.StatusNotFound || id != "" && a.status == http.StatusOK && a.body == string(text(id)) {
				is = id
			}
		}
		if is == "?" {
			t.Errorf("replica %s: %s answers %d with %d bytes, which is none of %q", r.name, w.path(name), a.status, len(a.body), may)
		}
		if _, there := listed[w.path(name)]; there != (a.status == http.StatusOK) {
			t.Errorf("replica %s: %s is listed: %v, answers %d", r.name, w.path(name), there, a.status)
		}
	}
}
