package importer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"fachwerk/mail"
)

// Options tune an import. The zero value is usable.
type Options struct {
	Connections    int                    // to the source at once; 0: 4, at most 16
	BytesPerSecond int64                  // read from the source; 0: no limit
	Progress       func(Progress)         // told often, from any goroutine; nil: nobody
	Only           func(name string) bool // which mailboxes of the source; nil: all
}

// Progress is how far an import has come.
type Progress struct {
	Mailbox   string
	Done, All int64 // messages
	Bytes     int64 // read so far
	Verifying bool
}

// Failure is a message that did not come, and why.
type Failure struct {
	Mailbox string
	UID     uint32 // at the source; 0: the whole mailbox
	Reason  string
}

// MailboxReport is what became of one mailbox.
type MailboxReport struct {
	Source, Target string
	Messages       int // at the source
	Imported       int // by this run
	Present        int // by earlier runs
	Verified       int // read back here with the source's digest
	Removed        int // imported once, and removed here since
	Bytes          int64
}

// Report is the result of a run.
type Report struct {
	Mailboxes []MailboxReport
	Skipped   []SourceMailbox
	Failures  []Failure
}

// Complete reports whether every message of the source is here, verified.
func (r *Report) Complete() bool {
	for _, m := range r.Mailboxes {
		if m.Imported+m.Present != m.Messages || m.Verified+m.Removed != m.Messages {
			return false
		}
	}
	return len(r.Failures) == 0
}

// Import copies one account.
type Import struct {
	mail  *mail.Service
	to    mail.Access
	from  Source
	o     Options
	limit *rate.Limiter

	done, all, bytes atomic.Int64
	mu               sync.Mutex
	report           Report
}

// New prepares an import into the account to.
func New(service *mail.Service, to mail.Access, from Source, o Options) *Import {
	if o.Connections <= 0 {
		o.Connections = 4
	}
	o.Connections = min(o.Connections, 16)
	return &Import{mail: service, to: to, from: from, o: o, limit: newLimit(o.BytesPerSecond)}
}

// Plan signs in and lists what would be imported, with counts. Nothing is
// written on either side.
func (im *Import) Plan(ctx context.Context) (Plan, error) {
	c, err := im.from.connect(ctx, im.limit)
	if err != nil {
		return Plan{}, err
	}
	defer c.Close()
	p := Plan{Source: im.from, Target: im.to}
	if p.Mailboxes, err = im.tree(ctx, c); err != nil {
		return Plan{}, err
	}
	for i := range p.Mailboxes {
		m := &p.Mailboxes[i]
		if m.Skip != "" {
			continue
		}
		status, err := c.Status(m.Name, &imap.StatusOptions{NumMessages: true}).Wait()
		if err != nil {
			m.Skip = "the source does not open it: " + err.Error()
		} else if status.NumMessages != nil {
			m.Messages = *status.NumMessages
		}
	}
	return p, nil
}

func (im *Import) tree(ctx context.Context, c *imapclient.Client) ([]SourceMailbox, error) {
	mailboxes, err := list(c)
	if err != nil {
		return nil, err
	}
	here, err := im.mail.Mailboxes(ctx, im.to)
	if err != nil {
		return nil, err
	}
	placeSpecialUses(mailboxes, here)
	for i := range mailboxes {
		if im.o.Only != nil && !im.o.Only(mailboxes[i].Name) {
			mailboxes[i].Skip = "not asked for"
		}
	}
	return mailboxes, nil
}

// Run imports what is new and verifies everything. An error says what stopped
// it; the report tells how far it came.
func (im *Import) Run(ctx context.Context) (*Report, error) {
	plan, err := im.Plan(ctx)
	if err != nil {
		return &im.report, err
	}
	for _, m := range plan.Mailboxes {
		if m.Skip == "" {
			im.all.Add(int64(m.Messages))
		}
	}
	for i := range plan.Mailboxes {
		m := &plan.Mailboxes[i]
		if m.Skip != "" {
			im.report.Skipped = append(im.report.Skipped, *m)
			continue
		}
		if err := im.mailbox(ctx, m); err != nil {
			return &im.report, fmt.Errorf("mailbox %s: %w", m.Name, err)
		}
	}
	return &im.report, nil
}

// mailbox imports one mailbox by several connections and verifies it.
func (im *Import) mailbox(ctx context.Context, m *SourceMailbox) error {
	box, err := im.prepare(ctx, m)
	if err != nil {
		im.fail(m.Name, 0, err)
		return fatal(err)
	}
	w := &work{im: im, m: m, box: box, source: im.mail.SourceID(im.from.Address, im.from.Username, m.Name)}
	if err := retry(ctx, func() error { return w.survey(ctx) }); err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	chunks := make(chan []message)
	group.Go(func() error {
		defer close(chunks)
		for rest := w.missing; len(rest) > 0; {
			n := min(chunkMessages, len(rest))
			select {
			case chunks <- rest[:n]:
				rest = rest[n:]
			case <-groupCtx.Done():
				return nil
			}
		}
		return nil
	})
	for range min(im.o.Connections, 1+len(w.missing)/chunkMessages) {
		group.Go(func() error { return w.run(groupCtx, chunks) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return w.verify(ctx)
}

// chunkMessages is how many messages one FETCH asks for.
const chunkMessages = 50

func (im *Import) fail(mailbox string, uid uint32, err error) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.report.Failures = append(im.report.Failures, Failure{Mailbox: mailbox, UID: uid, Reason: err.Error()})
}

func (im *Import) progress(mailbox string, verifying bool) {
	if im.o.Progress != nil {
		im.o.Progress(Progress{Mailbox: mailbox, Done: im.done.Load(), All: im.all.Load(), Bytes: im.bytes.Load(), Verifying: verifying})
	}
}

// fatal errors end the whole import; others are the message's or mailbox's own.
func fatal(err error) error {
	if errors.Is(err, mail.ErrQuota) || errors.Is(err, mail.ErrTemporary) || errors.Is(err, mail.ErrDenied) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// tries is how often a broken connection is made anew before the import stops.
const tries = 4

// retry repeats what a broken connection interrupted.
func retry(ctx context.Context, f func() error) error {
	for n := 1; ; n++ {
		err := f()
		if err == nil || !errors.Is(err, ErrSource) || n == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(time.Duration(n*n) * 250 * time.Millisecond):
		}
	}
}
