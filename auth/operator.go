package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// OperatorAlone is how old an operator's token may be while nobody can say whether
	// the operator is a person here who was disabled or has left the group: a site is
	// away. It is then that operators are needed.
	OperatorAlone = 10 * time.Minute

	// operatorPatience bounds how long several tenants are asked for one operator.
	operatorPatience = 3 * time.Second
)

// Operator checks the access token of somebody who manages the installation: by the
// installation's issuer, for our resource, with the operators' group among its groups.
// Whoever operates need not be a person here, and a program may; if they are one, they
// must not be disabled, and if they are several, not all of them. The principal opens no
// account: Account is 0 and Scopes none. While a site is away that may know them, a token
// made within [OperatorAlone] is believed alone. Errors are those of Bearer; a good
// token without the group gives ErrScope, and so does one that opens services, is a mail
// program's, or lacks the binding's OperatorScope.
func (a *Authenticator) Operator(ctx context.Context, at Attempt, token string) (*Principal, error) {
	at.Username, at.Scope = "", 0
	return a.judge(ctx, at, token, a.checkOperator)
}

func (a *Authenticator) checkOperator(ctx context.Context, _ Attempt, token string, slow bool) (*Principal, error) {
	c, bound, err := a.signed(ctx, token, slow)
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
	// What somebody lets into their mail does not thereby manage the installation.
	if err := of.notServices(c); err != nil {
		a.log.Info("a token does not open the control API", "subject", c.Subject, "err", err)
		return nil, ErrScope
	}
	groups := of.groups(c.all)
	p := &Principal{
		Method: ByBearer, Issuer: c.issuer, Session: c.session(token), Expires: c.Expires.Time, DisplayName: c.Subject,
		Groups: groups, Roles: of.roles(groups) & Operator,
	}
	if !p.Has(Operator) {
		return nil, ErrScope
	}
	if c.AuthTime != nil {
		p.AuthTime = c.AuthTime.Time
	}
	persons, away, err := a.operators(ctx, bound.byIssuer[of.URL], c)
	if err != nil {
		return nil, err
	}
	if away != nil {
		if age := a.now().Sub(c.issued()); age > OperatorAlone {
			return nil, fmt.Errorf("%w: while a site is away an operator needs a token of the last %v, this one is of %v ago: %w", ErrUnavailable, OperatorAlone, age, away)
		}
		a.log.Warn("an operator is let in by their token alone: a site that may know them is away", "subject", c.Subject, "err", away)
	}
	disabled := len(persons) > 0
	for _, person := range persons {
		// A token of before they left the group counts for no more than what is left.
		p.Groups = common(p.Groups, a.groups.note(ctx, person.AccountRef, of, groups, c.issued()))
		disabled = disabled && person.Disabled
	}
	if disabled {
		return nil, errors.New("the person is disabled")
	}
	if p.Roles &= of.roles(p.Groups); !p.Has(Operator) {
		return nil, ErrScope
	}
	if len(persons) == 1 {
		p.Address, p.DisplayName = persons[0].Address, persons[0].DisplayName
	}
	return p, nil
}

// notServices refuses tokens that were made for the services of a person, or not for
// operators where the issuer says so.
func (b IssuerBinding) notServices(c *accessToken) error {
	switch {
	case b.scopes(c) != 0:
		return errors.New("it opens services of a person")
	case b.MailClient != "" && (c.ClientID == b.MailClient || c.Party == b.MailClient):
		return errors.New("it is a mail program's")
	case b.OperatorScope != "" && !slices.Contains(c.Scope, b.OperatorScope) && !slices.Contains(c.Scp, b.OperatorScope):
		return fmt.Errorf("it lacks the scope %q", b.OperatorScope)
	}
	return nil
}

// operators are the persons that an operator is here: mostly one or none. away says why
// some may be missing.
func (a *Authenticator) operators(ctx context.Context, bindings []IssuerBinding, c *accessToken) (persons []Person, away, err error) {
	person, err := a.cfg.People.PersonBySubject(ctx, c.issuer, c.Subject)
	switch {
	case err == nil:
		return []Person{person}, nil, nil
	case errors.Is(err, ErrNotFound):
		return nil, nil, nil
	case errors.Is(err, ErrUnavailable):
		return nil, err, nil
	case !errors.Is(err, ErrSeveral):
		return nil, nil, unavailable(err)
	}
	ctx, cancel := context.WithTimeout(ctx, operatorPatience)
	defer cancel()
	for _, b := range bindings {
		person, err := a.cfg.People.PersonIn(ctx, b.Tenant, c.issuer, c.Subject)
		switch {
		case err == nil:
			persons = append(persons, person)
		case ctx.Err() != nil:
			return persons, errors.Join(away, ctx.Err()), nil
		case errors.Is(err, ErrUnavailable):
			away = errors.Join(away, err)
		case !errors.Is(err, ErrNotFound):
			return nil, nil, unavailable(err)
		}
	}
	return persons, away, nil
}
