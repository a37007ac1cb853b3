package imap

import (
	"context"
	"strconv"
	"strings"
	"time"

	"fachwerk/mail"
	"fachwerk/mail/imap/wire"

	goimap "github.com/emersion/go-imap/v2"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// accountsFor is how long the list of accounts is kept. Rights are checked by package mail at each call; only a newly
// granted account may stay unseen that long.
const accountsFor = 5 * time.Second

const otherUsers = mail.OtherUsers + mail.Separator

// access lists the accounts of the session's person, their own first.
func (s *session) access(ctx context.Context) ([]mail.Access, error) {
	if s.accounts != nil && time.Since(s.accountsRead) < accountsFor {
		return s.accounts, nil
	}
	list, err := s.srv.cfg.Mail.Accounts(ctx, s.principal)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || !list[0].Own {
		return nil, mail.ErrDisabled
	}
	s.accounts, s.accountsRead = list, time.Now()
	return list, nil
}

// locate finds the account that a mailbox name leads to, and the mailbox's name there: "Other Users/ADDRESS/NAME" is
// NAME of another account (RFC 2342). The inner name is empty for levels that are no mailboxes.
func (s *session) locate(name string) (mail.Access, string, error) {
	list, err := s.access(s.ctx)
	if err != nil {
		return mail.Access{}, "", err
	}
	if name == mail.OtherUsers {
		return mail.Access{}, "", mail.ErrNotFound
	}
	rest, other := strings.CutPrefix(name, otherUsers)
	if !other {
		return list[0], name, nil
	}
	address, inner, _ := strings.Cut(rest, mail.Separator)
	for _, a := range list {
		if !a.Own && strings.EqualFold(a.Address, address) {
			if len(inner) == 5 && strings.EqualFold(inner, mail.Inbox) {
				inner = mail.Inbox
			}
			return a, inner, nil
		}
	}
	return mail.Access{}, "", mail.ErrNotFound
}

// prefixOf is what stands before an account's mailbox names.
func prefixOf(a mail.Access) string {
	if a.Own {
		return ""
	}
	return otherUsers + a.Address + mail.Separator
}

// find is locate and the mailbox itself.
func (s *session) find(name string) (mail.Access, mail.Mailbox, error) {
	a, inner, err := s.locateMailbox(name)
	if err != nil {
		return a, mail.Mailbox{}, err
	}
	mb, err := s.srv.cfg.Mail.Mailbox(s.ctx, a, inner)
	return a, mb, err
}

// locateMailbox is locate for a name that may be a mailbox's.
func (s *session) locateMailbox(name string) (mail.Access, string, error) {
	a, inner, err := s.locate(name)
	if err == nil && inner == "" {
		err = mail.ErrNotFound
	}
	return a, inner, err
}

// target is find for the destination of APPEND, COPY and MOVE, with what its account uses: a client may create it and
// try again (RFC 9051 6.3.12).
func (s *session) target(name string) (mail.Access, mail.Mailbox, mail.Quota, error) {
	a, inner, err := s.locateMailbox(name)
	var mb mail.Mailbox
	var q mail.Quota
	if err == nil {
		mb, q, err = s.srv.cfg.Mail.Target(s.ctx, a, inner)
	}
	if err != nil && isNotFound(err) {
		err = no(goimap.ResponseCodeTryCreate, "There is no such mailbox")
	}
	return a, mb, q, err
}

// oneMailbox reads " mailbox" and the end of the command.
func (s *session) oneMailbox(c *command) (string, error) {
	c.p.SP()
	name := c.p.Mailbox(s.utf8)
	c.p.End()
	return name, c.p.Err()
}

// doNamespace answers NAMESPACE (RFC 9051 6.3.10).
func (s *session) doNamespace(c *command) error {
	c.p.End()
	if err := c.p.Err(); err != nil {
		return err
	}
	s.w.Line(`* NAMESPACE (("" "/")) (("` + otherUsers + `" "/")) NIL`)
	return nil
}

// specialUses are the attributes of RFC 6154 by what package mail calls them.
var specialUses = map[string]goimap.MailboxAttr{
	mail.Sent: goimap.MailboxAttrSent, mail.Drafts: goimap.MailboxAttrDrafts, mail.Trash: goimap.MailboxAttrTrash,
	mail.Junk: goimap.MailboxAttrJunk, mail.Archive: goimap.MailboxAttrArchive,
}

// doCreate answers CREATE, with USE (RFC 6154 3) and MAILBOXID (RFC 8474 4.2).
func (s *session) doCreate(c *command) error {
	p := c.p
	p.SP()
	name := p.Mailbox(s.utf8)
	var uses []string
	if p.Accept(' ') {
		p.List(5, func() {
			if p.Name() != "USE" {
				p.Fail("unknown parameter of CREATE")
			}
			p.SP()
			p.List(10, func() { uses = append(uses, p.Flag()) })
		})
	}
	p.End()
	if err := p.Err(); err != nil {
		return err
	}
	use, err := specialUse(uses)
	if err != nil {
		return err
	}
	// A name that ends with the separator says that inferiors will follow (RFC 9051 6.3.4); every mailbox may have them.
	name = strings.TrimSuffix(name, mail.Separator)
	a, inner, err := s.locate(name)
	if err != nil {
		if isNotFound(err) {
			return no(goimap.ResponseCodeNoPerm, "Mailboxes of other users are made in their accounts only")
		}
		return err
	}
	if inner == "" {
		return no(goimap.ResponseCodeAlreadyExists, "This level exists")
	}
	mb, err := s.srv.cfg.Mail.Create(s.ctx, a, inner, use)
	if err != nil {
		return err
	}
	c.code = "MAILBOXID (" + mb.MailboxID() + ")"
	if s.rev2 && prefixOf(a)+mb.Name != name { // RFC 9051 6.3.4
		s.writeName(a, mb, name)
	}
	return nil
}

func specialUse(uses []string) (string, error) {
	switch len(uses) {
	case 0:
		return "", nil
	case 1:
		for use, attr := range specialUses {
			if strings.EqualFold(string(attr), uses[0]) {
				return use, nil
			}
		}
	}
	return "", mail.ErrSpecialUse
}

func (s *session) doDelete(c *command) error {
	name, err := s.oneMailbox(c)
	if err != nil {
		return err
	}
	a, inner, err := s.locate(name)
	if err != nil {
		return err
	}
	if inner == "" {
		return no(goimap.ResponseCodeCannot, "This level cannot be deleted")
	}
	if err := s.srv.cfg.Mail.Delete(s.ctx, a, inner); err != nil {
		return err
	}
	if s.sel != nil && s.sel.view.Access().Account == a.Account && s.sel.name == name {
		// The session's own doing: back to the authenticated state, instead of the BYE that others get.
		s.unselect()
		s.w.Line("* OK [CLOSED] The mailbox is gone")
	}
	return nil
}

func (s *session) doRename(c *command) error {
	p := c.p
	p.SP()
	from := p.Mailbox(s.utf8)
	p.SP()
	to := strings.TrimSuffix(p.Mailbox(s.utf8), mail.Separator)
	p.End()
	if err := p.Err(); err != nil {
		return err
	}
	a, inner, err := s.locate(from)
	if err != nil {
		return err
	}
	b, innerTo, err := s.locate(to)
	if err != nil || b.Account != a.Account || b.Tenant != a.Tenant || inner == "" || innerTo == "" {
		if err != nil && !isNotFound(err) {
			return err
		}
		return no(goimap.ResponseCodeCannot, "A mailbox is renamed within its account only")
	}
	return s.srv.cfg.Mail.Rename(s.ctx, a, inner, innerTo)
}

func (s *session) doSubscribe(c *command) error {
	name, err := s.oneMailbox(c)
	if err != nil {
		return err
	}
	on := c.name == "SUBSCRIBE"
	a, inner, err := s.locate(name)
	if err == nil && inner == "" {
		err = mail.ErrNotFound
	}
	if err != nil {
		if !on && isNotFound(err) {
			return nil // nothing to take away: the account may have been granted once
		}
		return err
	}
	return s.srv.cfg.Mail.Subscribe(s.ctx, a, inner, on)
}

// doGetQuota answers GETQUOTA (RFC 9208 4.1.2). An account is one quota root: "" is the person's own, "Other
// Users/ADDRESS" that of another.
func (s *session) doGetQuota(c *command) error {
	c.p.SP()
	root := c.p.AString()
	c.p.End()
	if err := c.p.Err(); err != nil {
		return err
	}
	list, err := s.access(s.ctx)
	if err != nil {
		return err
	}
	for _, a := range list {
		if strings.EqualFold(quotaRoot(a), root) {
			return s.writeQuota(a)
		}
	}
	return no(goimap.ResponseCodeNonExistent, "There is no such quota root")
}

func (s *session) doGetQuotaRoot(c *command) error {
	name, err := s.oneMailbox(c)
	if err != nil {
		return err
	}
	a, _, err := s.find(name)
	if err != nil {
		return err
	}
	s.w.Begin()
	b := append(s.w.B, "* QUOTAROOT "...)
	b = wire.AppendMailbox(b, name, s.utf8)
	b = append(b, ' ')
	b = wire.AppendMailbox(b, quotaRoot(a), s.utf8)
	s.w.B = append(b, '\r', '\n')
	return s.writeQuota(a)
}

func quotaRoot(a mail.Access) string { return strings.TrimSuffix(prefixOf(a), mail.Separator) }

// writeQuota reports an account's quota; resources without a limit are left out (RFC 9208 4.2.1).
func (s *session) writeQuota(a mail.Access) error {
	q, err := s.srv.cfg.Mail.Quota(s.ctx, a)
	if err != nil {
		return err
	}
	s.w.Begin()
	b := append(s.w.B, "* QUOTA "...)
	b = wire.AppendMailbox(b, quotaRoot(a), s.utf8)
	b = append(b, " ("...)
	sep := ""
	if q.LimitBytes > 0 { // in units of 1024 octets (RFC 9208 5.1)
		b = append(b, "STORAGE "+decimal(kib(q.UsedBytes))+" "+decimal(max(1, q.LimitBytes/1024))...)
		sep = " "
	}
	if q.LimitMessages > 0 {
		b = append(b, sep+"MESSAGE "+decimal(q.UsedMessages)+" "+decimal(q.LimitMessages)...)
	}
	s.w.B = append(b, ")\r\n"...)
	return s.w.Commit()
}

// kib returns bytes in units of 1024, rounded up.
func kib(n int64) int64 { return (n + 1023) / 1024 }
