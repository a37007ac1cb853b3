package system

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"fachwerk/test/system/harness"
)

const (
	killRounds  = 20
	killLMTP    = 12
	killAppend  = 4
	killPersons = 4
)

// The server is killed at random moments under 12 LMTP and 4 APPEND clients. What
// it acknowledged is there exactly once and intact, UIDs are never reused, and
// the store checks clean.
func TestKill(t *testing.T) {
	harness.Each(t, func(t *testing.T, e harness.Engines) {
		d := harness.Start(t, harness.Options{Engines: e, Accounts: killPersons})
		l := &killLedger{sent: map[string]*killMessage{}, uids: map[killUID]string{}}
		for round := range killRounds {
			ctx, stop := context.WithCancel(t.Context())
			var clients sync.WaitGroup
			for i := range killLMTP {
				clients.Go(func() { l.lmtp(ctx, d, i%killPersons, fmt.Sprintf("r%02d-lmtp%02d", round, i)) })
			}
			for i := range killAppend {
				clients.Go(func() { l.append(ctx, t, d, i%killPersons, fmt.Sprintf("r%02d-append%d", round, i)) })
			}
			time.Sleep(50*time.Millisecond + rand.N(250*time.Millisecond))
			d.Kill(t)
			stop()
			clients.Wait()
			d.Restart(t)
			l.see(t, d, false)
		}
		l.see(t, d, true)
		l.report(t)
		d.Check(t)
		d.Stop(t)
	})
}

// A killMessage is one attempt to store one message.
type killMessage struct {
	size   int
	person int
	acked  bool
	uid    imap.UID // told by APPENDUID, else 0
	found  int
}

type killUID struct {
	person int
	uid    imap.UID
}

// killLedger is what clients know. Attempts are never repeated, so each id stands
// for one.
type killLedger struct {
	mu   sync.Mutex
	sent map[string]*killMessage
	uids map[killUID]string // message seen under a UID
}

// begin notes an attempt before its first byte goes out. One in sixteen is large
// enough for the blob store.
func (l *killLedger) begin(id string, person int) []byte {
	size := 500 + rand.IntN(6000)
	if rand.IntN(16) == 0 {
		size = 80<<10 + rand.IntN(100<<10)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[id] = &killMessage{size: size, person: person}
	return harness.Message(id, size)
}

func (l *killLedger) acked(id string, uid imap.UID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[id].acked, l.sent[id].uid = true, uid
}

// lmtp delivers until the server is gone.
func (l *killLedger) lmtp(ctx context.Context, d *harness.Demo, person int, name string) {
	conn, err := net.Dial("tcp", d.LMTP)
	if err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	for i := 0; ctx.Err() == nil; i++ {
		id := fmt.Sprintf("%s-%04d", name, i)
		if c.Mail("sender@elsewhere.example", nil) != nil || c.Rcpt(d.Person(person).Address, nil) != nil {
			return
		}
		w, err := c.Data()
		if err != nil {
			return
		}
		if _, err := w.Write(l.begin(id, person)); err != nil {
			return
		}
		if _, err := w.CloseWithLMTPResponse(); err != nil {
			return
		}
		l.acked(id, 0)
	}
}

// append stores until the server is gone.
func (l *killLedger) append(ctx context.Context, t *testing.T, d *harness.Demo, person int, name string) {
	c, err := imapclient.DialTLS(d.State.IMAPS, &imapclient.Options{TLSConfig: d.TLS(t)})
	if err != nil {
		return
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if c.Login(d.Person(person).Address, d.Person(person).AppPassword).Wait() != nil {
		return
	}
	for i := 0; ctx.Err() == nil; i++ {
		id := fmt.Sprintf("%s-%04d", name, i)
		message := l.begin(id, person)
		cmd := c.Append("INBOX", int64(len(message)), nil)
		_, errWrite := cmd.Write(message)
		errClose := cmd.Close()
		data, err := cmd.Wait()
		if errWrite != nil || errClose != nil || err != nil {
			return
		}
		l.acked(id, data.UID)
	}
}

// see looks into every mailbox: a UID must stand for the message that it always
// stood for; whole also compares every byte and counts.
func (l *killLedger) see(t *testing.T, d *harness.Demo, whole bool) {
	t.Helper()
	for person := range killPersons {
		c := d.IMAP(t, d.Person(person))
		if harness.Select(t, c, "INBOX") == 0 {
			continue
		}
		if whole {
			for uid, body := range harness.Bodies(t, c) {
				l.compare(t, person, uid, body)
			}
		} else {
			l.subjects(t, c, person)
		}
		if err := c.Logout().Wait(); err != nil {
			t.Errorf("LOGOUT: %v", err)
		}
	}
}

func (l *killLedger) subjects(t *testing.T, c *imapclient.Client, person int) {
	t.Helper()
	list, err := c.Fetch(imap.UIDSet{imap.UIDRange{Start: 1}}, &imap.FetchOptions{UID: true, Envelope: true}).Collect()
	if err != nil {
		t.Fatalf("FETCH: %v", err)
	}
	for _, m := range list {
		l.same(t, killUID{person, m.UID}, m.Envelope.Subject)
	}
}

func (l *killLedger) same(t *testing.T, at killUID, id string) {
	t.Helper()
	if before, known := l.uids[at]; known && before != id {
		t.Errorf("UID %d of person %d was %s and is now %s", at.uid, at.person, before, id)
	}
	l.uids[at] = id
}

func (l *killLedger) compare(t *testing.T, person int, uid imap.UID, body []byte) {
	t.Helper()
	_, rest, _ := bytes.Cut(body, []byte("\r\nSubject: "))
	line, _, _ := bytes.Cut(rest, []byte("\r\n"))
	id := string(line)
	m := l.sent[id]
	if m == nil {
		t.Errorf("UID %d of person %d is nothing that was sent: %q", uid, person, id)
		return
	}
	l.same(t, killUID{person, uid}, id)
	m.found++
	if want := harness.Message(id, m.size); !bytes.HasSuffix(body, want) {
		t.Errorf("%s has not the bytes that were sent: %d bytes, want %d and a trace header", id, len(body), len(want))
	}
	if m.uid != 0 && m.uid != uid {
		t.Errorf("%s was acknowledged as UID %d and is UID %d", id, m.uid, uid)
	}
	if m.person != person {
		t.Errorf("%s went to person %d, not %d", id, person, m.person)
	}
}

// report tells of acknowledged messages that are not there exactly once.
func (l *killLedger) report(t *testing.T) {
	t.Helper()
	acked, extra := 0, 0
	for id, m := range l.sent {
		switch {
		case m.acked && m.found != 1:
			t.Errorf("%s was acknowledged and is there %d times", id, m.found)
		case m.found > 1:
			t.Errorf("%s was sent once and is there %d times", id, m.found)
		case m.acked:
			acked++
		case m.found == 1:
			extra++
		}
	}
	t.Logf("%d acknowledged, all there once; %d committed without an acknowledgement; %d rounds", acked, extra, killRounds)
	if acked < killRounds*10 {
		t.Errorf("only %d messages were acknowledged: the test has not tested much", acked)
	}
}
