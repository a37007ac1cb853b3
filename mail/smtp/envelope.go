package smtp

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"fachwerk/mail"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// handleMail begins a transaction.
func (s *session) handleMail(c command) {
	switch {
	case s.hello == "":
		s.refuse(say(503, "5.5.1", "Say who you are first"))
		return
	case s.srv.cfg.Mode == Submission && s.principal == nil:
		s.refuse(say(530, "5.7.0", "Authentication required"))
		return
	case s.loginEnded():
		s.say(say(421, "4.7.0", "The login has ended"))
		s.closing = true
		return
	case s.tx != nil:
		s.refuse(replyBadSequence)
		return
	}
	from, rest, ok := pathArgument(c.rest, "FROM")
	if !ok || !from.null() && from.domain == "" {
		s.refuse(say(501, "5.1.7", "Malformed reverse-path"))
		return
	}
	params, r := parseMailParams(rest, s.offersBinary(), s.srv.cfg.Mode == Submission)
	if r = s.checkMail(from, params, r); !r.ok() {
		s.refuse(r)
		return
	}
	s.tx = &transaction{id: rand.Text()[:16], from: from, params: params}
	s.say(say(250, "2.1.0", "Sender OK"))
}

// checkMail decides on a sender.
func (s *session) checkMail(from path, params mailParams, r reply) reply {
	switch {
	case !r.ok():
		return r
	case params.size > s.srv.limits.MessageBytes:
		return replyTooLarge
	case !from.ascii() && !params.utf8:
		return say(553, "5.6.7", "SMTPUTF8 is needed for this address")
	case s.srv.cfg.Mode != Submission:
		return r
	}
	// The null reverse-path is for notifications (RFC 6409 6.1 with RFC 8098
	// 3); whose they are the header says.
	if !from.null() {
		ctx, cancel := context.WithTimeout(s.srv.ctx, s.srv.limits.DeliveryTime)
		defer cancel()
		may, err := s.srv.cfg.Mail.MaySend(ctx, s.principal, from.String())
		if err != nil {
			return s.replyFor(err)
		}
		if !may {
			return say(550, "5.7.1", "This login may not send from that address")
		}
	}
	if !s.srv.rates.allow(s.principal.Account, s.srv.limits.MessagesPerMin, s.srv.now()) {
		return say(450, "4.7.1", "Too many messages in this minute, try again later")
	}
	return r
}

// handleRcpt adds a recipient.
func (s *session) handleRcpt(c command) {
	if s.tx == nil || s.tx.intake != nil {
		s.refuse(replyBadSequence)
		return
	}
	to, rest, ok := pathArgument(c.rest, "TO")
	if !ok || to.null() {
		s.refuse(say(501, "5.1.3", "Malformed forward-path"))
		return
	}
	params, r := parseRcptParams(rest)
	switch {
	case !r.ok():
	case !to.ascii() && !s.tx.params.utf8:
		r = say(553, "5.6.7", "SMTPUTF8 is needed for this address")
	case len(s.tx.rcpts) >= s.srv.limits.Recipients:
		r = say(452, "4.5.3", "Too many recipients")
	default:
		r = s.addRecipient(to, params)
	}
	if r.ok() || r.code < 500 {
		s.say(r)
		return
	}
	// A mailing list's dead members are no attack by a relay that is trusted.
	if s.srv.cfg.Mode == Submission {
		s.refuse(r)
	} else {
		s.say(r)
	}
}

// addRecipient looks a forward-path up.
func (s *session) addRecipient(p path, params rcptParams) reply {
	address := p.String()
	if p.domain == "" {
		if address = s.srv.cfg.Postmaster; address == "" {
			return say(550, "5.1.1", "No such user")
		}
	}
	ctx, cancel := context.WithTimeout(s.srv.ctx, s.srv.limits.DeliveryTime)
	defer cancel()
	rcpt := recipient{path: p, params: params, local: true}
	var err error
	rcpt.to, err = s.srv.cfg.Mail.Resolve(ctx, address)
	switch {
	case errors.Is(err, mail.ErrNotLocal):
		return s.addRemote(rcpt)
	case err != nil:
		return s.replyFor(err)
	}
	if err := s.srv.cfg.Mail.CheckQuota(ctx, rcpt.to, s.tx.params.size); err != nil {
		return s.replyFor(err)
	}
	if s.srv.cfg.Mode == Relay {
		if err := s.srv.cfg.Queue.Admit(ctx, rcpt.to.Tenant); err != nil {
			return s.replyFor(err)
		}
	}
	return s.take(rcpt)
}

// take adds a recipient to the transaction. One who is named twice, by an alias too, gets
// the message once from the queue; LMTP answers for each forward-path (RFC 2033 4.2) and
// sees to it itself.
func (s *session) take(rcpt recipient) reply {
	known := slices.IndexFunc(s.tx.rcpts, rcpt.same)
	if known < 0 || s.srv.cfg.Mode == LMTP {
		s.tx.rcpts = append(s.tx.rcpts, rcpt)
	} else {
		n := &s.tx.rcpts[known].params.notify
		*n = widerNotify(*n, rcpt.params.notify)
	}
	return say(250, "2.1.5", "Recipient OK")
}

// same reports whether both lead to one place.
func (r recipient) same(other recipient) bool {
	if r.local != other.local {
		return false
	}
	if r.local {
		return r.to.Tenant == other.to.Tenant && r.to.Account == other.to.Account && r.to.Detail == other.to.Detail
	}
	// What a local part means is the other side's to say (RFC 5321 2.4).
	return r.path.local == other.path.local && strings.EqualFold(r.path.domain, other.path.domain)
}

// addRemote accepts a recipient elsewhere from people who signed in only.
func (s *session) addRemote(rcpt recipient) reply {
	if s.srv.cfg.Mode == LMTP {
		return say(550, "5.1.2", "This domain is not served here")
	}
	if s.srv.cfg.Mode == Relay {
		return say(550, "5.7.1", "Relaying denied")
	}
	if rcpt.path.domain == "" || rcpt.path.domain[0] == '[' {
		return say(550, "5.1.2", "Address literals are not delivered to")
	}
	if _, err := idna.Lookup.ToASCII(rcpt.path.domain); err != nil {
		return say(550, "5.1.2", "Not a domain name")
	}
	rcpt.local = false
	return s.take(rcpt)
}

// replyFor turns an error of package mail into a reply.
func (s *session) replyFor(err error) reply {
	switch {
	case errors.Is(err, mail.ErrNoSuchUser), errors.Is(err, mail.ErrNotLocal), errors.Is(err, mail.ErrNotFound):
		return say(550, "5.1.1", "No such user")
	case errors.Is(err, mail.ErrDisabled):
		return say(550, "5.2.1", "Mailbox is disabled")
	case errors.Is(err, mail.ErrTenantQuota):
		// An admin can help, and nobody's own mailbox is to be told full.
		s.log.Warn("the tenant's quota is used up; senders try again", "err", err)
		return say(452, "4.3.1", "Storage is used up here, try again later")
	case errors.Is(err, mail.ErrQuota):
		if s.srv.cfg.QuotaTemporary {
			return say(452, "4.2.2", "Mailbox is full")
		}
		return say(552, "5.2.2", "Mailbox is full")
	case errors.Is(err, mail.ErrTooLarge):
		return replyTooLarge
	}
	s.log.Warn("cannot serve now", "err", err)
	return replyTemporary
}
