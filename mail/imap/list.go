package imap

import (
	"errors"
	"slices"
	"sort"
	"strings"

	"fachwerk/mail"
	"fachwerk/mail/imap/wire"

	goimap "github.com/emersion/go-imap/v2"
)

func isNotFound(err error) bool { return errors.Is(err, mail.ErrNotFound) }

// listed is one name that LIST may show.
type listed struct {
	name        string
	mailbox     *mail.Mailbox // nil: a level that is no mailbox, or a name only subscribed to
	access      mail.Access
	missing     bool // only subscribed to: \NonExistent
	subscribed  bool
	hasChildren bool
	childInfo   bool // an inferior matches the selection (RFC 5258 3.5)
}

// names lists every name of the session's accounts, sorted so that inferiors follow. With subscriptions, names that
// are only subscribed to are among them.
func (s *session) names(subscriptions bool) ([]*listed, error) {
	accounts, err := s.access(s.ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]*listed{}
	add := func(l *listed) { byName[l.name] = l }
	if len(accounts) > 1 {
		add(&listed{name: mail.OtherUsers})
	}
	for _, a := range accounts {
		prefix := prefixOf(a)
		boxes, err := s.srv.cfg.Mail.Mailboxes(s.ctx, a)
		if err != nil {
			if !a.Own && (errors.Is(err, mail.ErrDenied) || isNotFound(err)) {
				continue // the grant has just ended
			}
			return nil, err
		}
		if !a.Own {
			add(&listed{name: quotaRoot(a), access: a})
		}
		for i := range boxes {
			add(&listed{name: prefix + boxes[i].Name, mailbox: &boxes[i], access: a, subscribed: boxes[i].Subscribed})
		}
		if !subscriptions {
			continue
		}
		names, err := s.srv.cfg.Mail.Subscriptions(s.ctx, a)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if l := byName[prefix+n]; l != nil {
				l.subscribed = true
			} else {
				add(&listed{name: prefix + n, access: a, missing: true, subscribed: true})
			}
		}
	}
	return link(byName), nil
}

// link adds levels that are missing above names, sorts, and notes who has children.
func link(byName map[string]*listed) []*listed {
	list := make([]*listed, 0, len(byName))
	for _, l := range byName {
		list = append(list, l)
	}
	for _, l := range list[:len(list):len(list)] {
		for name := l.name; ; {
			i := strings.LastIndex(name, mail.Separator)
			if i <= 0 {
				break
			}
			name = name[:i]
			parent := byName[name]
			if parent == nil {
				parent = &listed{name: name, missing: l.missing}
				byName[name] = parent
				list = append(list, parent)
			}
			if !l.missing {
				parent.hasChildren, parent.missing = true, parent.missing && parent.subscribed
			}
		}
	}
	sort.Slice(list, func(i, j int) bool { return sortKey(list[i].name) < sortKey(list[j].name) })
	return list
}

// sortKey puts INBOX first and inferiors behind their superior.
func sortKey(name string) string {
	key := strings.ReplaceAll(name, mail.Separator, "\x00")
	if name == mail.Inbox || strings.HasPrefix(name, mail.Inbox+mail.Separator) {
		return "\x00" + key
	}
	return "\x01" + key
}

// listOptions are those of an extended LIST (RFC 9051 6.3.9).
type listOptions struct {
	reference string
	patterns  []string
	extended  bool

	selectSubscribed, selectSpecialUse, recursive bool

	returnSubscribed, returnChildren bool
	status                           []string // nil: none wanted
}

func (s *session) parseList(p *wire.Parser) listOptions {
	var o listOptions
	p.SP()
	if p.Peek() == '(' {
		o.extended = true
		p.List(10, func() {
			switch p.Name() {
			case "SUBSCRIBED":
				o.selectSubscribed = true
			case "SPECIAL-USE":
				o.selectSpecialUse = true
			case "RECURSIVEMATCH":
				o.recursive = true
			case "REMOTE": // there are no remote mailboxes
			default:
				p.Fail("unknown selection option")
			}
		})
		if o.recursive && !o.selectSubscribed && !o.selectSpecialUse {
			p.Fail("RECURSIVEMATCH needs an option that selects") // RFC 5258 3.1; REMOTE is none that does
		}
		p.SP()
	}
	o.reference = p.Mailbox(s.utf8)
	p.SP()
	if p.Peek() == '(' {
		o.extended = true
		p.List(maxPatterns, func() { o.patterns = append(o.patterns, p.Pattern(s.utf8)) })
	} else {
		o.patterns = []string{p.Pattern(s.utf8)}
	}
	if p.Accept(' ') {
		o.extended = true
		if p.Name() != "RETURN" {
			p.Fail("expected RETURN")
		}
		p.SP()
		p.List(10, func() { s.parseReturn(p, &o) })
	}
	p.End()
	return o
}

func (s *session) parseReturn(p *wire.Parser, o *listOptions) {
	switch p.Name() {
	case "SUBSCRIBED":
		o.returnSubscribed = true
	case "CHILDREN":
		o.returnChildren = true
	case "SPECIAL-USE": // always shown
	case "STATUS": // RFC 5819
		p.SP()
		o.status = s.parseStatusItems(p)
	default:
		p.Fail("unknown return option")
	}
}

func (s *session) doList(c *command) error {
	o := s.parseList(c.p)
	if err := c.p.Err(); err != nil {
		return err
	}
	if !o.extended && o.patterns[0] == "" { // asks for the separator (RFC 9051 6.3.9)
		s.w.Line(`* LIST (\Noselect) "/" ""`)
		return nil
	}
	match, err := matcher(o.reference, o.patterns)
	if err != nil {
		return err
	}
	list, err := s.names(o.selectSubscribed || o.returnSubscribed)
	if err != nil {
		return err
	}
	if o.recursive {
		markRecursive(list, o)
	}
	for _, l := range list {
		if !o.shows(l) || !match(l.name) {
			continue
		}
		s.writeList("LIST", l, &o)
		if o.status != nil && l.mailbox != nil {
			if err := s.writeStatus(l.name, l.access, *l.mailbox, o.status); err != nil {
				return err
			}
		}
		if err := s.w.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// shows tells whether the selection options choose a name.
func (o *listOptions) shows(l *listed) bool {
	if !o.selectSubscribed && !o.selectSpecialUse {
		return !l.missing
	}
	return o.selects(l) || l.childInfo
}

func (o *listOptions) selects(l *listed) bool {
	return (!o.selectSubscribed || l.subscribed) &&
		(!o.selectSpecialUse || l.mailbox != nil && l.mailbox.SpecialUse != "")
}

// markRecursive notes above each name that is selected that something below it is (RFC 5258 3.5).
func markRecursive(list []*listed, o listOptions) {
	byName := make(map[string]*listed, len(list))
	for _, l := range list {
		byName[l.name] = l
	}
	for _, l := range list {
		if !o.selects(l) {
			continue
		}
		for name := l.name; ; {
			i := strings.LastIndex(name, mail.Separator)
			if i <= 0 {
				break
			}
			name = name[:i]
			byName[name].childInfo = true
		}
	}
}

// matcher returns a function that matches any of the patterns behind the reference.
func matcher(reference string, patterns []string) (func(string) bool, error) {
	ps := make([]wire.Pattern, 0, len(patterns))
	for _, text := range patterns {
		p, ok := wire.NewPattern(reference + text)
		if !ok {
			return nil, no(goimap.ResponseCodeLimit, "A pattern has too many wildcards")
		}
		ps = append(ps, p)
	}
	return func(name string) bool {
		return slices.ContainsFunc(ps, func(p wire.Pattern) bool { return p.Match(name) })
	}, nil
}

// writeList appends one LIST or LSUB response.
func (s *session) writeList(response string, l *listed, o *listOptions) {
	s.w.Begin()
	b := append(s.w.B, "* "...)
	b = append(b, response...)
	b = append(b, " ("...)
	sep := false
	attr := func(a goimap.MailboxAttr) {
		if sep {
			b = append(b, ' ')
		}
		sep = true
		b = append(b, a...)
	}
	switch {
	case l.mailbox != nil:
	case l.missing && (o.extended || s.rev2):
		attr(goimap.MailboxAttrNonExistent)
	default:
		attr(goimap.MailboxAttrNoSelect)
	}
	if !l.missing || o.returnChildren {
		if l.hasChildren {
			attr(goimap.MailboxAttrHasChildren)
		} else {
			attr(goimap.MailboxAttrHasNoChildren)
		}
	}
	if l.subscribed && (o.returnSubscribed || o.selectSubscribed) {
		attr(goimap.MailboxAttrSubscribed)
	}
	if l.mailbox != nil && l.mailbox.SpecialUse != "" && l.access.Own {
		attr(specialUses[l.mailbox.SpecialUse])
	}
	b = append(b, `) "/" `...)
	b = wire.AppendMailbox(b, l.name, s.utf8)
	if l.childInfo {
		var names []string
		if o.selectSubscribed {
			names = append(names, `"SUBSCRIBED"`)
		}
		if o.selectSpecialUse {
			names = append(names, `"SPECIAL-USE"`)
		}
		b = append(b, ` ("CHILDINFO" (`+strings.Join(names, " ")+"))"...)
	}
	s.w.B = append(b, '\r', '\n')
}

// writeName tells a mailbox's name as it is kept, and how the client called it if that differs: names are normalized
// (RFC 9051 5.1, 6.3.9.7).
func (s *session) writeName(a mail.Access, mb mail.Mailbox, called string) {
	name := prefixOf(a) + mb.Name
	s.w.Begin()
	b := append(s.w.B, "* LIST ("...)
	if mb.SpecialUse != "" && a.Own {
		b = append(b, specialUses[mb.SpecialUse]...)
	}
	b = append(b, `) "/" `...)
	b = wire.AppendMailbox(b, name, s.utf8)
	if name != called {
		b = append(b, ` ("OLDNAME" (`...)
		b = wire.AppendString(b, called, s.utf8)
		b = append(b, "))"...)
	}
	s.w.B = append(b, '\r', '\n')
	s.w.Done()
}

// doLsub answers LSUB (RFC 3501 6.3.9): with "%", a level above a subscribed name is shown as \Noselect.
func (s *session) doLsub(c *command) error {
	p := c.p
	p.SP()
	reference := p.Mailbox(s.utf8)
	p.SP()
	pattern := p.Pattern(s.utf8)
	p.End()
	if err := p.Err(); err != nil {
		return err
	}
	match, err := matcher(reference, []string{pattern})
	if err != nil {
		return err
	}
	list, err := s.names(true)
	if err != nil {
		return err
	}
	o := listOptions{selectSubscribed: true}
	if strings.Contains(pattern, "%") {
		markRecursive(list, o)
	}
	for _, l := range list {
		if !match(l.name) || !l.subscribed && !l.childInfo {
			continue
		}
		show := *l
		show.childInfo = false
		if !l.subscribed {
			show.mailbox = nil
		} else if l.missing {
			show.missing = true
		}
		s.writeList("LSUB", &show, &listOptions{})
		if err := s.w.Commit(); err != nil {
			return err
		}
	}
	return nil
}
