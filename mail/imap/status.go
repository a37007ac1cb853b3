package imap

import (
	"errors"

	"fachwerk/mail"
	"fachwerk/mail/imap/wire"
)

// parseStatusItems reads the data items of STATUS.
func (s *session) parseStatusItems(p *wire.Parser) []string {
	items := []string{}
	p.List(30, func() {
		item := p.Name()
		switch item {
		case "MESSAGES", "RECENT", "UIDNEXT", "UIDVALIDITY", "UNSEEN", "DELETED", "SIZE", "MAILBOXID", "APPENDLIMIT",
			"DELETED-STORAGE":
		case "HIGHESTMODSEQ": // enables CONDSTORE (RFC 7162 3.1)
			s.enableCondstore()
		default:
			p.Fail("unknown status item")
		}
		items = append(items, item)
	})
	if len(items) == 0 {
		p.Fail("expected status items")
	}
	return items
}

func (s *session) doStatus(c *command) error {
	p := c.p
	p.SP()
	name := p.Mailbox(s.utf8)
	p.SP()
	items := s.parseStatusItems(p)
	p.End()
	if err := p.Err(); err != nil {
		return err
	}
	a, mb, err := s.find(name)
	if err != nil {
		return err
	}
	return s.writeStatus(name, a, mb, items)
}

// writeStatus reports a mailbox's counters, as the account's collection row has them (RFC 9051 6.3.11).
func (s *session) writeStatus(name string, a mail.Access, mb mail.Mailbox, items []string) error {
	deletedSize := int64(0)
	for _, item := range items {
		if item == "DELETED-STORAGE" && mb.Deleted > 0 {
			n, err := s.deletedSize(a, mb)
			if err != nil && !errors.Is(err, mail.ErrNotFound) {
				return err
			}
			deletedSize = n
		}
	}
	s.w.Begin()
	b := append(s.w.B, "* STATUS "...)
	b = wire.AppendMailbox(b, name, s.utf8)
	b = append(b, " ("...)
	for i, item := range items {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, item...)
		b = append(b, ' ')
		switch item {
		case "MESSAGES":
			b = wire.AppendUint(b, uint64(mb.Messages))
		case "RECENT": // \Recent is never set (RFC 9051 appendix E lets it go)
			b = append(b, '0')
		case "UIDNEXT":
			b = wire.AppendUint(b, uint64(mb.UIDNext))
		case "UIDVALIDITY":
			b = wire.AppendUint(b, uint64(mb.UIDValidity))
		case "UNSEEN":
			b = wire.AppendUint(b, uint64(mb.Unseen))
		case "DELETED":
			b = wire.AppendUint(b, uint64(mb.Deleted))
		case "SIZE":
			b = wire.AppendUint(b, uint64(mb.Size))
		case "HIGHESTMODSEQ":
			b = wire.AppendUint(b, mb.HighestModSeq)
		case "MAILBOXID":
			b = append(b, "("+mb.MailboxID()+")"...)
		case "APPENDLIMIT":
			b = wire.AppendUint(b, uint64(s.appendLimit()))
		case "DELETED-STORAGE": // in units of 1024 octets (RFC 9208 5.1)
			b = wire.AppendUint(b, uint64(kib(deletedSize)))
		}
	}
	s.w.B = append(b, ")\r\n"...)
	return s.w.Commit()
}

// deletedSize is what an expunge would free.
func (s *session) deletedSize(a mail.Access, mb mail.Mailbox) (int64, error) {
	v, err := s.srv.cfg.Mail.Open(s.ctx, a, mb.ID)
	if err != nil {
		return 0, err
	}
	defer v.Close()
	snap, err := v.Refresh(s.ctx)
	if err != nil {
		return 0, err
	}
	size := int64(0)
	for _, m := range snap.Range(0, snap.Len()) {
		if m.Flags.Has(mail.FlagDeleted) {
			size += m.Size
		}
	}
	return size, nil
}
