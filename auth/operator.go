package auth

import (
	"context"
	"errors"
)

// Operator checks the access token of somebody who manages the installation: by the
// installation's issuer, for our resource, with the operators' group among its groups.
// Whoever operates need not be a person here, and a program may; if they are one, they
// must not be disabled. The principal opens no account: Account is 0 and Scopes none.
// Errors are those of Bearer; a good token without the group gives ErrScope.
func (a *Authenticator) Operator(ctx context.Context, at Attempt, token string) (*Principal, error) {
	at.Username, at.Scope = "", 0
	return a.judge(ctx, at, token, a.checkOperator)
}

func (a *Authenticator) checkOperator(ctx context.Context, _ Attempt, token string) (*Principal, error) {
	c, bound, err := a.signed(ctx, token)
	if err != nil {
		return nil, err
	}
	of := a.providers.cfg.Installation
	if bound.fixed || c.issuer != of.URL {
		return nil, errors.New("the issuer is not the installation's")
	}
	if _, err := c.meant([]IssuerBinding{of}); err != nil {
		return nil, err
	}
	groups, _ := of.groups(c.all)
	p := &Principal{
		Method: ByBearer, Issuer: c.issuer, Session: c.session(token), Expires: c.Expires.Time,
		Groups: groups, Roles: of.roles(groups) & Operator,
	}
	if !p.Has(Operator) {
		return nil, ErrScope
	}
	if c.AuthTime != nil {
		p.AuthTime = c.AuthTime.Time
	}
	person, err := a.cfg.People.PersonBySubject(ctx, c.issuer, c.Subject)
	switch {
	case errors.Is(err, ErrUnavailable):
		return nil, err
	case err != nil: // no person here, or one in each of several tenants
		p.DisplayName = c.Subject
	case person.Disabled:
		return nil, errors.New("the person is disabled")
	default:
		p.Address, p.DisplayName = person.Address, person.DisplayName
		// A token of before they left the group counts for no more than what is left.
		p.Groups = a.groups.note(ctx, person.AccountRef, of, groups, c.issued())
		if p.Roles &= of.roles(p.Groups); !p.Has(Operator) {
			return nil, ErrScope
		}
	}
	return p, nil
}
