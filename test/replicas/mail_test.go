package replicas

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"fachwerk/test/system/harness"
)

// patience is how long an event is waited for, on the slowest machine. What people
// are promised is a second; the figures are printed.
const patience = time.Minute

// watcher is a client that is told of things.
type watcher struct {
	*imapclient.Client
	exists  chan uint32
	expunge chan uint32
	flags   chan []imap.Flag
}

// watch signs in and selects INBOX.
func watch(t *testing.T, r *replica, who harness.Account) *watcher {
	t.Helper()
	w := &watcher{exists: make(chan uint32, 1000), expunge: make(chan uint32, 1000), flags: make(chan []imap.Flag, 1000)}
	c, err := imapclient.DialTLS(r.IMAPS, &imapclient.Options{TLSConfig: r.TLS(t), UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				w.exists <- *data.NumMessages
			}
		},
		Expunge: func(seq uint32) { w.expunge <- seq },
		Fetch: func(m *imapclient.FetchMessageData) {
			if b, err := m.Collect(); err == nil {
				w.flags <- b.Flags
			}
		},
	}})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.Login(who.Address, who.AppPassword).Wait())
	w.Client = c
	harness.Select(t, c, "INBOX")
	return w
}

// await waits for an event that fits.
func await[T any](t *testing.T, events <-chan T, what string, fits func(T) bool) time.Duration {
	t.Helper()
	began := time.Now()
	late := time.After(patience)
	for {
		select {
		case e := <-events:
			if fits(e) {
				return time.Since(began)
			}
		case <-late:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// What one replica stores, the other one's clients hear of while they idle; what they
// ask for they see at once.
func TestMail(t *testing.T) {
	each(t, func(t *testing.T, w way) {
		h := start(t, w, options{})
		t.Run("idle", h.idle)
		t.Run("seen at once", h.seenAtOnce)
		t.Run("flags and expunge", h.flagsAndExpunge)
		t.Run("uids", h.uids)
		h.demo.Check(t)
	})
}

func (h *house) idle(t *testing.T) {
	a, b := h.both()
	anna := watch(t, a, a.Anna())
	before := harness.Select(t, anna.Client, "INBOX")
	idle, err := anna.Idle()
	must(t, err)
	var took []time.Duration
	for n := range uint32(8) {
		b.Deliver(t, harness.Message(fmt.Sprintf("Nachricht %d", n), 2000), a.Anna().Address)
		took = append(took, await(t, anna.exists, "EXISTS while idling", func(got uint32) bool { return got == before+n+1 }))
	}
	must(t, idle.Close())
	must(t, idle.Wait())
	slices.Sort(took)
	t.Logf("IDLE on one replica heard of deliveries on the other: median %v, longest %v", took[len(took)/2], took[len(took)-1])
}

func (h *house) seenAtOnce(t *testing.T) {
	a, b := h.both()
	one, two := a.IMAP(t, a.Anna()), b.IMAP(t, a.Anna())
	must(t, one.Create("Ablage", nil).Wait())
	for n := range uint32(20) {
		from, to := one, two
		if n%2 == 1 {
			from, to = two, one
		}
		size := 1000
		if n%5 == 0 {
			size = 100 << 10 // an object
		}
		message := harness.Message(fmt.Sprintf("Vorgang %d", n), size)
		uid := harness.Append(t, from, "Ablage", message)
		// NOOP and STATUS tell; SELECT has to know too.
		if got := harness.Select(t, to, "Ablage"); got != n+1 {
			t.Fatalf("APPEND on one, SELECT on the other: %d messages, want %d", got, n+1)
		}
		if got := harness.Bodies(t, to)[uid]; !bytes.Equal(got, message) {
			t.Fatalf("UID %d has %d bytes, want %d", uid, len(got), len(message))
		}
		status, err := from.Status("Ablage", &imap.StatusOptions{NumMessages: true, UIDNext: true}).Wait()
		must(t, err)
		if *status.NumMessages != n+1 || status.UIDNext != uid+1 {
			t.Fatalf("STATUS: %d messages, UIDNEXT %d after UID %d", *status.NumMessages, status.UIDNext, uid)
		}
	}
	// A mailbox made here is there.
	must(t, one.Create("Neu", nil).Wait())
	must(t, two.Rename("Neu", "Alt", nil).Wait())
	if _, err := one.Select("Neu", nil).Wait(); err == nil {
		t.Error("the old name is still there")
	}
	harness.Select(t, one, "Alt")
	must(t, one.Unselect().Wait())
	must(t, two.Delete("Alt").Wait())
}

func (h *house) flagsAndExpunge(t *testing.T) {
	a, b := h.both()
	for n := range 3 {
		a.Deliver(t, harness.Message(fmt.Sprintf("Markiert %d", n), 1000), a.Jan().Address)
	}
	idler := watch(t, a, a.Jan())
	count := harness.Select(t, idler.Client, "INBOX")
	idle, err := idler.Idle()
	must(t, err)
	other := b.IMAP(t, a.Jan())
	if got := harness.Select(t, other, "INBOX"); got != count {
		t.Fatalf("%d messages on one replica, %d on the other", count, got)
	}
	last := imap.SeqSetNum(count)
	must(t, other.Store(last, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged, imap.FlagDeleted}}, nil).Close())
	await(t, idler.flags, "the flags that were set elsewhere", func(f []imap.Flag) bool { return slices.Contains(f, imap.FlagFlagged) })
	_, err = other.Expunge().Collect()
	must(t, err)
	await(t, idler.expunge, "the expunge elsewhere", func(seq uint32) bool { return seq == count })
	must(t, idle.Close())
	must(t, idle.Wait())
	if got := harness.Select(t, idler.Client, "INBOX"); got != count-1 {
		t.Errorf("%d messages after the expunge, want %d", got, count-1)
	}
}

// Both append to one mailbox at once: no UID is given twice.
func (h *house) uids(t *testing.T) {
	a, b := h.both()
	must(t, a.IMAP(t, a.Anna()).Create("Eingang", nil).Wait())
	const each = 40
	type given struct {
		uid imap.UID
		id  string
	}
	uids := make(chan given, 4*each)
	done := make(chan struct{}, 4)
	for i := range 4 {
		r := h.replicas[i%2]
		c := r.IMAP(t, a.Anna())
		go func() {
			defer func() { done <- struct{}{} }()
			for n := range each {
				id := fmt.Sprintf("Stück %d.%d", i, n)
				message := harness.Message(id, 800)
				cmd := c.Append("Eingang", int64(len(message)), nil)
				_, errWrite := cmd.Write(message)
				errClose := cmd.Close()
				data, err := cmd.Wait()
				if err != nil || errWrite != nil || errClose != nil {
					t.Error(err, errWrite, errClose)
					return
				}
				uids <- given{data.UID, id}
			}
		}()
	}
	for range 4 {
		<-done
	}
	close(uids)
	want := map[imap.UID]string{}
	for g := range uids {
		if want[g.uid] != "" {
			t.Errorf("UID %d was given to %q and %q", g.uid, want[g.uid], g.id)
		}
		want[g.uid] = g.id
	}
	for _, r := range []*replica{a, b} {
		c := r.IMAP(t, a.Anna())
		harness.Select(t, c, "Eingang")
		for uid, body := range harness.Bodies(t, c) {
			if !bytes.Contains(body, []byte("Subject: "+want[uid]+"\r\n")) {
				t.Errorf("replica %s: UID %d is not %q", r.name, uid, want[uid])
			}
			if r == b {
				delete(want, uid)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("%d messages are not there", len(want))
	}
}
