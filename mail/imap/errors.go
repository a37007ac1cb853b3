package imap

import (
	"context"
	"errors"

	"fachwerk/auth"
	"fachwerk/mail"
	"fachwerk/mail/imap/wire"

	goimap "github.com/emersion/go-imap/v2"
)

// refusal is a command's NO or BAD.
type refusal struct {
	status string
	code   goimap.ResponseCode // with its arguments, without brackets
	text   string
}

func (r *refusal) Error() string { return r.status + " " + r.text }

func bad(text string) *refusal { return &refusal{"BAD", "", text} }

func no(code goimap.ResponseCode, text string) *refusal { return &refusal{"NO", code, text} }

// Response codes that package goimap does not name.
const (
	codeExpungeIssued goimap.ResponseCode = "EXPUNGEISSUED"
	codeUseAttr       goimap.ResponseCode = "USEATTR" // RFC 6154 6
)

// refusalOf maps an error to the answer for the client (RFC 5530 and RFC 9051 7.1); fatal is set for those that end
// the session. It is the one place where errors become response codes.
func (s *session) refusalOf(c *command, err error) (r *refusal, fatal error) {
	var syntax *wire.SyntaxError
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &r):
		return r, nil
	case errors.As(err, &syntax):
		return bad("Syntax error: " + syntax.Text), nil
	case errors.Is(err, errEnding), s.w.Err() != nil:
		return nil, err
	case errors.Is(err, mail.ErrDenied):
		return no(goimap.ResponseCodeNoPerm, "You may not do this here"), nil
	case errors.Is(err, mail.ErrNotFound):
		return no(goimap.ResponseCodeNonExistent, "There is no such mailbox"), nil
	case errors.Is(err, mail.ErrExists):
		return no(goimap.ResponseCodeAlreadyExists, "There is a mailbox of that name"), nil
	case errors.Is(err, mail.ErrHasChildren):
		return no(goimap.ResponseCodeHasChildren, "The mailbox has child mailboxes"), nil
	case errors.Is(err, mail.ErrInbox):
		return no(goimap.ResponseCodeCannot, "INBOX can be neither created nor deleted"), nil
	case errors.Is(err, mail.ErrName):
		return no(goimap.ResponseCodeCannot, "A mailbox cannot have that name"), nil
	case errors.Is(err, mail.ErrSpecialUse):
		return no(codeUseAttr, "The special use is unknown or belongs to another mailbox"), nil
	case errors.Is(err, mail.ErrKeyword):
		return no(goimap.ResponseCodeLimit, "A keyword is not valid, or there are too many"), nil
	case errors.Is(err, mail.ErrQuota):
		return no(goimap.ResponseCodeOverQuota, "The account is over its quota"), nil
	case errors.Is(err, mail.ErrTooLarge):
		return no(goimap.ResponseCodeTooBig, "The message is too large"), nil
	case errors.Is(err, mail.ErrTooMany):
		return no(goimap.ResponseCodeLimit, "Too many at once, try fewer"), nil
	case errors.Is(err, mail.ErrDisabled):
		return no(goimap.ResponseCodeAuthorizationFailed, "The account is disabled"), nil
	case errors.Is(err, mail.ErrCorrupt):
		s.log.Error("imap: command failed", "command", c.name, "err", err)
		return no(goimap.ResponseCodeCorruption, "What is stored is damaged, please tell the administrator"), nil
	case errors.Is(err, mail.ErrTemporary), errors.Is(err, auth.ErrUnavailable),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		s.log.Warn("imap: command failed", "command", c.name, "err", err)
		if errors.Is(err, mail.ErrPlacement) {
			return no(goimap.ResponseCodeUnavailable, "Nothing may be written now where your data lies; ask the operator"), nil
		}
		return no(goimap.ResponseCodeUnavailable, "Temporarily unavailable, try again later"), nil
	}
	var fault interface{ Timeout() bool }
	if errors.As(err, &fault) || errors.Is(err, wire.ErrOverflow) || isConnError(err) {
		return nil, err
	}
	// A fault that nobody foresaw says nothing about the next attempt.
	s.log.Error("imap: command failed", "command", c.name, "err", err)
	return no(goimap.ResponseCodeUnavailable, "Temporarily unavailable, try again later"), nil
}
