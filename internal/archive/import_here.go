package archive

import (
	"context"
	"slices"

	"fachwerk/mail"
)

// spot is where a message lies.
type spot struct{ mailbox, uid int64 }

// hereMail is what mail the account had when the import came to it. An export may be
// brought into the account that it was taken of, to get back what was lost since: then
// the messages that it still has are known by UID, and those that moved by what EMAILID
// is made of, which moves with them.
type hereMail struct {
	objects map[int64][]spot  // by what EMAILID is made of
	named   map[spot]bool     // the export has a message there, and it is that one
	names   map[string]string // of mailboxes in the export that have another name now
}

// own reports whether the export is of the account that it is brought into.
func (im *importer) own() bool {
	h := &im.report.Header
	return h.Tenant == im.to.Key.Tenant && h.Account == im.to.Key.Account
}

// name is what a mailbox of the export is called here.
func (im *importer) name(there string) string {
	if here, ok := im.mail.names[there]; ok {
		return here
	}
	return there
}

// renamed notes which mailboxes of the account's own export have another name now.
func (im *importer) renamed(here []mail.Mailbox) {
	im.mail.names = map[string]string{}
	if !im.own() {
		return
	}
	for _, c := range im.collections {
		n := slices.IndexFunc(here, func(m mail.Mailbox) bool { return m.ID == c.ID })
		if c.Kind == kindMailbox && n >= 0 && here[n].Name != c.Name {
			im.mail.names[c.Name] = here[n].Name
			im.note(c.Name, "this mailbox is called %s now", here[n].Name)
		}
	}
}

// messages reads what mail is here.
func (im *importer) messages(ctx context.Context) error {
	h := &im.mail
	h.objects, h.named = map[int64][]spot{}, map[spot]bool{}
	boxes, err := im.h.Mail.Mailboxes(ctx, im.access)
	if err != nil {
		return err
	}
	for _, box := range boxes {
		for after := int64(0); ; {
			list, err := im.h.Store.Items(ctx, im.to.Key, box.ID, after, page)
			if err != nil {
				return err
			}
			for _, i := range list {
				h.objects[i.ObjectID] = append(h.objects[i.ObjectID], spot{box.ID, i.UID})
				after = i.UID
			}
			if len(list) < page {
				break
			}
		}
	}
	if !im.own() {
		return nil
	}
	_, _, err = im.read(visitor{item: func(i *Item) error {
		at := spot{i.Collection, i.UID}
		if i.Type == typeMessage && slices.Contains(h.objects[i.Email], at) {
			h.named[at] = true
		}
		return nil
	}})
	return err
}

// where is what became of a message that was here once.
type where int

const (
	gone where = iota
	inPlace
	elsewhere // in another mailbox
)

// find looks for a message that an earlier run brought, or one that was here all the
// time and has another UID now. One message here stands for one of the export.
func (h *hereMail) find(object, mailbox int64, own bool) where {
	found := -1
	for n, at := range h.objects[object] {
		if own && h.named[at] {
			continue
		}
		if found = n; at.mailbox == mailbox {
			break
		}
	}
	if found < 0 {
		return gone
	}
	at := h.objects[object][found]
	if own {
		h.named[at] = true
	}
	if at.mailbox == mailbox {
		return inPlace
	}
	return elsewhere
}
