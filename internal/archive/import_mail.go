package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"fachwerk/mail"
)

// mailboxes makes the mailboxes with their special uses and subscriptions. An empty
// account loses those that the export does not have: it was made with them.
func (im *importer) mailboxes(ctx context.Context) error {
	here, err := im.h.Mail.Mailboxes(ctx, im.access)
	if err != nil {
		return err
	}
	im.renamed(here)
	want := map[string]string{} // special use by name
	var order []string
	for _, c := range im.collections {
		if c.Kind == kindMailbox {
			want[im.name(c.Name)] = c.SpecialUse
			order = append(order, im.name(c.Name))
		}
	}
	if len(order) == 0 {
		return nil
	}
	if im.empty {
		slices.Reverse(here) // inferiors before what they lie in
		for _, m := range here {
			if use, ok := want[m.Name]; m.Name == mail.Inbox || ok && use == m.SpecialUse {
				continue
			}
			if err := im.h.Mail.Delete(ctx, im.access, m.Name); err != nil && !errors.Is(err, mail.ErrHasChildren) {
				return err
			}
		}
	}
	slices.Sort(order) // levels above come first, as mailboxes of their own
	for _, name := range order {
		if name == mail.Inbox {
			continue
		}
		_, err := im.h.Mail.Create(ctx, im.access, name, want[name])
		if errors.Is(err, mail.ErrSpecialUse) {
			im.note(name, "another mailbox has the use %q already", want[name])
			_, err = im.h.Mail.Create(ctx, im.access, name, "")
		}
		if err != nil && !errors.Is(err, mail.ErrExists) {
			return fmt.Errorf("make mailbox %s: %w", name, err)
		}
	}
	return im.subscribe(ctx)
}

func (im *importer) subscribe(ctx context.Context) error {
	have, err := im.h.Mail.Subscriptions(ctx, im.access)
	if err != nil {
		return err
	}
	want := im.report.Header.Subscribed
	for _, name := range want {
		if slices.Contains(have, name) || im.name(name) != name { // renaming leaves subscriptions as they are
			continue
		}
		err := im.h.Mail.Subscribe(ctx, im.access, name, true)
		if errors.Is(err, mail.ErrNotFound) { // a mailbox that was gone already
			im.note(name, "it was subscribed to, but is not there")
			err = nil
		}
		if err != nil {
			return err
		}
	}
	for _, name := range have {
		if im.empty && !slices.Contains(want, name) {
			if err := im.h.Mail.Subscribe(ctx, im.access, name, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// mailImport brings the messages of one mailbox.
type mailImport struct {
	im       *importer
	box      mail.Mailbox
	source   []byte
	validity int64
	have     map[int64]mail.Origin // what came before, by UID in the export; the last time

	batch []mail.Append
	files []string // of the batch
	bytes int64
}

// Messages are stored together, up to these bounds.
const (
	batchMessages = 50
	batchBytes    = 4 << 20
)

func (im *importer) beginMailbox(ctx context.Context, c *Collection) (*mailImport, error) {
	box, err := im.h.Mail.Mailbox(ctx, im.access, im.name(c.Name))
	if err != nil {
		return nil, fmt.Errorf("mailbox %s: %w", im.name(c.Name), err)
	}
	h := &im.report.Header
	b := &mailImport{im: im, box: box, validity: c.UIDValidity, have: map[int64]mail.Origin{},
		source: im.h.Mail.SourceID("archive", fmt.Sprint(h.Tenant), fmt.Sprint(h.Account), fmt.Sprint(c.ID))}
	origins, err := im.h.Mail.Origins(ctx, im.access, b.source)
	for _, o := range origins { // ascending by UIDValidity
		if o.UIDValidity&(1<<validityBits-1) == c.UIDValidity {
			b.have[o.UID] = o
		}
	}
	return b, err
}

// validityBits are those of a UIDVALIDITY. In the note of where a message came from the
// bits above count how often it was brought again after it was removed.
const validityBits = 32

// settled counts a message that is not to be brought.
func (b *mailImport) settled(i *Item) bool {
	r, here := &b.im.report, &b.im.mail
	o, came := b.have[i.UID]
	at := gone
	switch {
	case b.im.own() && here.named[spot{i.Collection, i.UID}]:
		at = inPlace
	case came:
		at = here.find(o.ObjectID, b.box.ID, false)
	case b.im.own():
		at = here.find(i.Email, b.box.ID, true)
	}
	switch {
	case at == inPlace:
		r.Present++
	case at == elsewhere:
		r.Moved++
	case came && !b.im.o.Again:
		r.Removed++
	default:
		return false
	}
	b.im.progress()
	return true
}

// origin is the note of where a message came from.
func (b *mailImport) origin(i *Item, digest []byte) *mail.Origin {
	o := &mail.Origin{Source: b.source, UIDValidity: b.validity, UID: i.UID, Digest: digest}
	if before, came := b.have[i.UID]; came {
		o.UIDValidity += (before.UIDValidity>>validityBits + 1) << validityBits
	}
	return o
}

func (b *mailImport) take(ctx context.Context, i *Item) error {
	if b.settled(i) {
		return nil
	}
	one, err := b.read(i)
	if err != nil {
		return b.im.fail(i.File, err)
	}
	b.batch, b.files, b.bytes = append(b.batch, one), append(b.files, i.File), b.bytes+i.Size
	if len(b.batch) >= batchMessages || b.bytes >= batchBytes {
		return b.end(ctx)
	}
	return nil
}

// end stores the messages that wait.
func (b *mailImport) end(ctx context.Context) error {
	defer func() {
		for _, m := range b.batch {
			m.In.Close()
		}
		b.batch, b.files, b.bytes = nil, nil, 0
	}()
	if len(b.batch) == 0 {
		return nil
	}
	_, err := b.im.h.Mail.Append(ctx, b.im.access, b.box.ID, b.batch)
	if err == nil {
		b.im.brought(len(b.batch))
		return nil
	}
	for n := range b.batch { // one of them is at fault: each by itself
		if _, err := b.im.h.Mail.Append(ctx, b.im.access, b.box.ID, b.batch[n:n+1]); errors.Is(err, mail.ErrExists) {
			b.im.present() // another run was faster
		} else if err != nil {
			if err := b.im.fail(b.files[n], err); err != nil {
				return err
			}
		} else {
			b.im.brought(1)
		}
	}
	return nil
}

// read takes one message in and compares its digest.
func (b *mailImport) read(i *Item) (one mail.Append, err error) {
	date, err := parseStamp(i.Date)
	if err != nil {
		return one, err
	}
	file, err := openFile(b.im.root, i.File)
	if err != nil {
		return one, err
	}
	defer file.Close()
	in := b.im.h.Mail.NewIncoming()
	in.Keep(batchBytes / batchMessages)
	defer func() {
		if err != nil {
			in.Close()
		}
	}()
	sum, origin := sha256.New(), b.im.h.Mail.OriginDigest()
	w := writerOnly{io.MultiWriter(sum, origin, in)}
	if i.Offset != nil {
		err = unquoted(w, file, i)
	} else {
		_, err = io.Copy(w, file)
	}
	if err != nil {
		return one, err
	}
	if hex.EncodeToString(sum.Sum(nil)) != i.SHA256 {
		return one, errDigest
	}
	in.Finish()
	one = mail.Append{In: in, Keywords: i.Keywords, Date: date, Origin: b.origin(i, origin.Sum(nil))}
	for _, name := range i.Flags {
		for _, f := range flagLetters {
			if strings.EqualFold(f.name, name) {
				one.Flags |= mail.Flags(f.bit)
			}
		}
	}
	return one, nil
}

// writerOnly keeps io.Copy from stopping at the message limit: Incoming drops what is
// too much and remembers it.
type writerOnly struct{ w io.Writer }

func (w writerOnly) Write(p []byte) (int, error) {
	_, _ = w.w.Write(p)
	return len(p), nil
}
