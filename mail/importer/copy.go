package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"fachwerk/mail"
)

// message is one message of the source.
type message struct {
	uid   imap.UID
	size  int64
	flags []imap.Flag
	date  time.Time
}

// work is the import of one mailbox.
type work struct {
	im     *Import
	m      *SourceMailbox
	box    mail.Mailbox
	source []byte

	uidValidity uint32
	messages    []message
	missing     []message
	known       map[imap.UID]mail.Origin // of this UIDVALIDITY

	mu     sync.Mutex
	older  map[string][]mail.Origin // by digest, of UIDVALIDITYs that are gone
	copied int
	failed map[imap.UID]bool
}

// survey reads what the source has and what is here already.
func (w *work) survey(ctx context.Context) error {
	c, selected, err := w.examine(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	w.uidValidity = selected.UIDValidity
	w.messages = w.messages[:0]
	if selected.NumMessages > 0 {
		if err := w.fetchList(c); err != nil {
			return err
		}
	}
	// A list that is shorter than what the source announced is no list.
	if n := len(w.messages); n < int(selected.NumMessages) {
		return fmt.Errorf("%w: mailbox %s announces %d messages and lists %d", ErrSource, w.m.Name, selected.NumMessages, n)
	}
	origins, err := w.im.mail.Origins(ctx, w.im.to, w.source)
	if err != nil {
		return err
	}
	w.known, w.older, w.failed = map[imap.UID]mail.Origin{}, map[string][]mail.Origin{}, map[imap.UID]bool{}
	for _, o := range origins {
		if o.UIDValidity == int64(w.uidValidity) {
			w.known[imap.UID(o.UID)] = o
		} else {
			w.older[string(o.Digest)] = append(w.older[string(o.Digest)], o)
		}
	}
	w.missing = w.missing[:0]
	for _, msg := range w.messages {
		if _, ok := w.known[msg.uid]; ok {
			w.im.done.Add(1)
		} else {
			w.missing = append(w.missing, msg)
		}
	}
	w.im.progress(w.m.Name, false)
	return nil
}

// examine signs in and opens the mailbox read-only.
func (w *work) examine(ctx context.Context) (*imapclient.Client, *imap.SelectData, error) {
	c, err := w.im.from.connect(ctx, w.im.limit)
	if err != nil {
		return nil, nil, err
	}
	data, err := c.Select(w.m.Name, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		c.Close()
		return nil, nil, fmt.Errorf("%w: EXAMINE %s: %w", ErrSource, w.m.Name, err)
	}
	return c, data, nil
}

// open makes a further connection to the mailbox that was surveyed.
func (w *work) open(ctx context.Context) (*imapclient.Client, error) {
	c, data, err := w.examine(ctx)
	if err == nil && data.UIDValidity != w.uidValidity {
		c.Close()
		return nil, fmt.Errorf("the source renumbered mailbox %s during the import; run it again", w.m.Name)
	}
	return c, err
}

func (w *work) fetchList(c *imapclient.Client) error {
	var all imap.UIDSet
	all.AddRange(1, 0)
	cmd := c.Fetch(all, &imap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true})
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		b, err := msg.Collect()
		if err != nil {
			break
		}
		w.messages = append(w.messages, message{uid: b.UID, size: b.RFC822Size, flags: b.Flags, date: b.InternalDate})
	}
	if err := cmd.Close(); err != nil {
		return fmt.Errorf("%w: FETCH: %w", ErrSource, err)
	}
	slices.SortFunc(w.messages, func(a, b message) int { return int(a.uid) - int(b.uid) })
	w.messages = slices.CompactFunc(w.messages, func(a, b message) bool { return a.uid == b.uid })
	return nil
}

// run copies chunk after chunk over one connection, which it makes anew when it
// breaks.
func (w *work) run(ctx context.Context, chunks <-chan []message) error {
	var c *imapclient.Client
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for chunk := range chunks {
		rest := chunk
		err := retry(ctx, func() (err error) {
			if c == nil {
				if c, err = w.open(ctx); err != nil {
					c = nil
					return err
				}
			}
			rest, err = w.copy(ctx, c, rest)
			if err != nil {
				c.Close()
				c = nil
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copy fetches messages and stores each. It returns those not settled yet.
func (w *work) copy(ctx context.Context, c *imapclient.Client, chunk []message) (rest []message, err error) {
	wanted := make(map[imap.UID]message, len(chunk))
	var uids imap.UIDSet
	for _, m := range chunk {
		wanted[m.uid] = m
		uids.AddNum(m.uid)
	}
	defer func() {
		for _, m := range chunk {
			if _, open := wanted[m.uid]; open {
				rest = append(rest, m)
			}
		}
	}()
	cmd := c.Fetch(uids, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{{Peek: true}}})
	for data := cmd.Next(); data != nil; data = cmd.Next() {
		uid, in, digest, err := w.receive(c, data)
		if in == nil {
			continue
		}
		m, asked := wanted[uid]
		switch {
		case err != nil || !asked:
		case in.Size() == 0 && m.size > 0:
			w.fail(uid, fmt.Errorf("the source says that it has %d bytes and gives none", m.size))
		default:
			err = w.store(ctx, m, in, digest)
		}
		in.Close()
		if err != nil {
			cmd.Close()
			return nil, err
		}
		if asked {
			delete(wanted, uid)
			w.im.done.Add(1)
			w.im.progress(w.m.Name, false)
		}
	}
	if err := cmd.Close(); err != nil {
		return nil, fmt.Errorf("%w: FETCH: %w", ErrSource, err)
	}
	for uid := range wanted { // the source answered OK and left them out
		w.fail(uid, errors.New("the source lists the message and does not give it"))
		delete(wanted, uid)
	}
	return nil, nil
}

// receive reads one FETCH answer: UID and the whole message, in either order.
func (w *work) receive(c *imapclient.Client, data *imapclient.FetchMessageData) (uid imap.UID, in *mail.Incoming, digest []byte, err error) {
	for item := data.Next(); item != nil; item = data.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			uid = item.UID
		case imapclient.FetchItemDataBodySection:
			if in != nil || item.Literal == nil {
				continue
			}
			in = w.im.mail.NewIncoming()
			h := w.im.mail.OriginDigest()
			n, copyErr := io.Copy(writerOnly{io.MultiWriter(h, in)}, item.Literal)
			w.im.bytes.Add(n)
			if copyErr == nil && n < item.Literal.Size() { // a connection that is closed in order ends a literal early
				copyErr = io.ErrUnexpectedEOF
			}
			if copyErr != nil {
				// What is left of the literal is read once more when the next item is asked
				// for: not before the client has ended, which reads as well.
				c.Close()
			}
			if copyErr != nil && in.Err() == nil {
				err = fmt.Errorf("%w: reading a message: %w", ErrSource, copyErr)
			}
			in.Finish()
			digest = h.Sum(nil)
		}
	}
	return uid, in, digest, err
}

// writerOnly keeps io.Copy from stopping at the message limit: Incoming drops
// what is too much and remembers it.
type writerOnly struct{ w io.Writer }

func (w writerOnly) Write(p []byte) (int, error) {
	w.w.Write(p)
	return len(p), nil
}

// store keeps one message, or notes why not. Only fatal errors are returned.
func (w *work) store(ctx context.Context, m message, in *mail.Incoming, digest []byte) error {
	origin := mail.Origin{Source: w.source, UIDValidity: int64(w.uidValidity), UID: int64(m.uid), Digest: digest}
	if old, ok := w.takeOlder(digest); ok {
		origin.ObjectID = old.ObjectID
		if err := w.im.mail.AddOrigin(ctx, w.im.to, origin); err != nil {
			return err
		}
		w.count()
		return nil
	}
	flags, keywords := splitFlags(m.flags)
	one := mail.Append{In: in, Flags: flags, Keywords: keywords, Date: m.date, Origin: &origin}
	_, err := w.im.mail.Append(ctx, w.im.to, w.box.ID, []mail.Append{one})
	if errors.Is(err, mail.ErrKeyword) { // a message is worth more than its keywords
		one.Keywords = nil
		_, err = w.im.mail.Append(ctx, w.im.to, w.box.ID, []mail.Append{one})
		if err == nil {
			w.note(m.uid, fmt.Errorf("came without its keywords %s, which cannot be kept", strings.Join(keywords, " ")))
		}
	}
	if errors.Is(err, mail.ErrExists) { // another run has just brought it
		err = nil
	}
	if err != nil {
		if fatal(err) != nil {
			return err
		}
		w.fail(m.uid, err)
		return nil
	}
	w.count()
	return nil
}

func (w *work) takeOlder(digest []byte) (mail.Origin, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.older[string(digest)]
	if len(list) == 0 {
		return mail.Origin{}, false
	}
	w.older[string(digest)] = list[1:]
	return list[0], true
}

func (w *work) count() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.copied++
}

func (w *work) note(uid imap.UID, err error) { w.im.fail(w.m.Name, uint32(uid), err) }

func (w *work) fail(uid imap.UID, err error) {
	w.mu.Lock()
	w.failed[uid] = true
	w.mu.Unlock()
	w.note(uid, err)
}

var systemFlags = map[imap.Flag]mail.Flags{
	imap.FlagSeen: mail.FlagSeen, imap.FlagAnswered: mail.FlagAnswered, imap.FlagFlagged: mail.FlagFlagged,
	imap.FlagDeleted: mail.FlagDeleted, imap.FlagDraft: mail.FlagDraft,
}

// splitFlags separates system flags from keywords; \Recent and unknown system
// flags belong to the source alone.
func splitFlags(list []imap.Flag) (flags mail.Flags, keywords []string) {
	for _, f := range list {
		if flag, ok := systemFlags[canonical(f)]; ok {
			flags |= flag
		} else if !strings.HasPrefix(string(f), `\`) {
			keywords = append(keywords, string(f))
		}
	}
	return flags, keywords
}

func canonical(f imap.Flag) imap.Flag {
	for known := range systemFlags {
		if strings.EqualFold(string(known), string(f)) {
			return known
		}
	}
	return f
}

// verify counts both sides and reads every imported message back.
func (w *work) verify(ctx context.Context) error {
	r := MailboxReport{Source: w.m.Name, Target: w.m.Target, Messages: len(w.messages), Imported: w.copied}
	origins, err := w.im.mail.Origins(ctx, w.im.to, w.source)
	if err != nil {
		return err
	}
	byUID := make(map[imap.UID]mail.Origin, len(origins))
	for _, o := range origins {
		if o.UIDValidity == int64(w.uidValidity) {
			byUID[imap.UID(o.UID)] = o
		}
	}
	for _, m := range w.messages {
		r.Bytes += m.size
		o, ok := byUID[m.uid]
		if !ok {
			if !w.failed[m.uid] {
				w.note(m.uid, errors.New("it is not here after the import; run it again"))
			}
			continue
		}
		if _, before := w.known[m.uid]; before {
			r.Present++
		}
		digest, found, err := w.im.mail.DigestObject(ctx, w.im.to, o.ObjectID)
		switch {
		case err != nil && fatal(err) != nil:
			return err
		case err != nil:
			w.note(m.uid, fmt.Errorf("reading it back failed: %w", err))
		case !found:
			r.Removed++
		case !bytes.Equal(digest, o.Digest):
			w.note(m.uid, errors.New("what is stored differs from what the source gave"))
		default:
			r.Verified++
		}
		w.im.progress(w.m.Name, true)
	}
	w.im.mu.Lock()
	defer w.im.mu.Unlock()
	w.im.report.Mailboxes = append(w.im.report.Mailboxes, r)
	return nil
}
