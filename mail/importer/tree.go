package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"fachwerk/mail"
)

// SourceMailbox is one mailbox of the source and where it goes.
type SourceMailbox struct {
	Name       string // at the source, decoded
	Target     string // here
	SpecialUse string // "sent", "trash" …, or ""
	Subscribed bool
	Messages   uint32
	Skip       string // why it is left out, or ""
}

// Plan is what an import would do; show it before Run.
type Plan struct {
	Source    Source
	Target    mail.Access
	Mailboxes []SourceMailbox
}

// specialUses maps the attributes of RFC 6154 to the special uses kept here.
var specialUses = map[imap.MailboxAttr]string{
	imap.MailboxAttrSent: "sent", imap.MailboxAttrTrash: "trash", imap.MailboxAttrDrafts: "drafts",
	imap.MailboxAttrJunk: "junk", imap.MailboxAttrArchive: "archive",
}

// list reads the source's personal mailboxes.
func list(c *imapclient.Client) ([]SourceMailbox, error) {
	o := &imap.ListOptions{}
	if has(c, imap.CapListExtended) {
		o.ReturnSubscribed = true
		o.ReturnSpecialUse = has(c, imap.CapSpecialUse)
	}
	found, err := c.List("", "*", o).Collect()
	if err != nil {
		return nil, fmt.Errorf("%w: LIST: %w", ErrSource, err)
	}
	subscribed := map[string]bool{}
	if !o.ReturnSubscribed {
		if subscribed, err = lsub(c); err != nil {
			return nil, err
		}
	}
	personal := personalPrefix(c)
	var mailboxes []SourceMailbox
	for _, d := range found {
		if m, ok := sourceMailbox(d, personal); ok {
			m.Subscribed = m.Subscribed || subscribed[d.Mailbox]
			mailboxes = append(mailboxes, m)
		}
	}
	slices.SortFunc(mailboxes, func(a, b SourceMailbox) int { return strings.Compare(a.Name, b.Name) })
	return mailboxes, nil
}

func lsub(c *imapclient.Client) (map[string]bool, error) {
	found, err := c.List("", "*", &imap.ListOptions{SelectSubscribed: true}).Collect()
	if err != nil {
		return nil, fmt.Errorf("%w: LSUB: %w", ErrSource, err)
	}
	names := make(map[string]bool, len(found))
	for _, d := range found {
		names[d.Mailbox] = true
	}
	return names, nil
}

// personalPrefix is the prefix that the source puts before personal mailboxes,
// such as "INBOX." of Courier and Cyrus.
func personalPrefix(c *imapclient.Client) string {
	if !has(c, imap.CapNamespace) {
		return ""
	}
	data, err := c.Namespace().Wait()
	if err != nil || len(data.Personal) == 0 {
		return ""
	}
	return data.Personal[0].Prefix
}

// sourceMailbox describes one LIST answer; names that cannot be selected hold
// nothing to import.
func sourceMailbox(d *imap.ListData, personal string) (SourceMailbox, bool) {
	m := SourceMailbox{Name: d.Mailbox, Target: targetName(d.Mailbox, d.Delim, personal)}
	for _, a := range d.Attrs {
		switch a {
		case imap.MailboxAttrNoSelect, imap.MailboxAttrNonExistent:
			return m, false
		case imap.MailboxAttrSubscribed:
			m.Subscribed = true
		case imap.MailboxAttrAll, imap.MailboxAttrFlagged:
			m.Skip = "a view of messages that lie in other mailboxes (" + string(a) + ")"
		default:
			if use := specialUses[a]; use != "" {
				m.SpecialUse = use
			}
		}
	}
	return m, true
}

// targetName turns the source's hierarchy into levels joined by '/'. A '/' in a
// level of the source becomes '_'.
func targetName(name string, delim rune, personal string) string {
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	if personal != "" {
		name = strings.TrimPrefix(name, personal)
	}
	if delim == 0 {
		return strings.ReplaceAll(name, "/", "_")
	}
	levels := strings.Split(name, string(delim))
	for i, level := range levels {
		levels[i] = strings.ReplaceAll(level, "/", "_")
	}
	return strings.Join(levels, "/")
}

// placeSpecialUses sends the source's special mailboxes to the target's of the
// same use, whatever either is named, so that there is one Sent and not two. The
// mailboxes below follow.
func placeSpecialUses(mailboxes []SourceMailbox, here []mail.Mailbox) {
	byUse := map[string]string{}
	for _, m := range here {
		if m.SpecialUse != "" {
			byUse[m.SpecialUse] = m.Name
		}
	}
	moved := map[string]string{}
	for i := range mailboxes {
		m := &mailboxes[i]
		target, ok := byUse[m.SpecialUse]
		if m.SpecialUse == "" || !ok || m.Skip != "" {
			continue
		}
		delete(byUse, m.SpecialUse) // a second mailbox of the same use keeps its name
		if m.Target != target {
			moved[m.Target] = target
			m.Target = target
		}
	}
	for i := range mailboxes {
		for from, to := range moved {
			if rest, ok := strings.CutPrefix(mailboxes[i].Target, from+"/"); ok {
				mailboxes[i].Target = to + "/" + rest
			}
		}
	}
}

// prepare makes the target's mailbox where it is missing.
func (im *Import) prepare(ctx context.Context, m *SourceMailbox) (mail.Mailbox, error) {
	box, err := im.mail.Mailbox(ctx, im.to, m.Target)
	if errors.Is(err, mail.ErrNotFound) {
		box, err = im.mail.Create(ctx, im.to, m.Target, m.SpecialUse)
		if errors.Is(err, mail.ErrSpecialUse) {
			box, err = im.mail.Create(ctx, im.to, m.Target, "")
		}
	}
	if err == nil && m.Subscribed {
		err = im.mail.Subscribe(ctx, im.to, m.Target, true)
	}
	return box, err
}
