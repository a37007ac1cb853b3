package idp

import (
	"context"
	"strconv"
	"strings"

	"fachwerk/auth"
)

// Subject is the provider's name of a person: made of the account's ids, so
// that it never changes and needs no table.
func Subject(ref auth.AccountRef) string {
	return ref.Owner()
}

// refOf undoes Subject; false for what Subject would not write.
func refOf(sub string) (auth.AccountRef, bool) {
	tenant, account, ok := strings.Cut(sub, "-")
	if !ok {
		return auth.AccountRef{}, false
	}
	t, errT := strconv.ParseInt(tenant, 36, 64)
	a, errA := strconv.ParseInt(account, 36, 64)
	ref := auth.AccountRef{Tenant: t, Account: a}
	return ref, errT == nil && errA == nil && t > 0 && a > 0 && Subject(ref) == sub
}

// WithSubjects gives people who are known to the embedded provider besides by
// the subjects that the store binds: whoever checks the provider's tokens (the
// portal, the Authenticator) is given these.
func WithSubjects(people auth.People, issuer string) auth.People {
	return subjects{people, issuer}
}

type subjects struct {
	auth.People
	issuer string
}

// PersonBySubject is auth.People's.
func (s subjects) PersonBySubject(ctx context.Context, issuer, sub string) (auth.Person, error) {
	if issuer != s.issuer {
		return s.People.PersonBySubject(ctx, issuer, sub)
	}
	ref, ok := refOf(sub)
	if !ok {
		return auth.Person{}, auth.ErrNotFound
	}
	return s.PersonByRef(ctx, ref)
}

// PersonIn is auth.People's. Whether the provider is bound to the tenant is for the
// directory to say, not for a row of the store: its address may change.
func (s subjects) PersonIn(ctx context.Context, tenant int64, issuer, sub string) (auth.Person, error) {
	if issuer != s.issuer {
		return s.People.PersonIn(ctx, tenant, issuer, sub)
	}
	ref, ok := refOf(sub)
	if !ok || ref.Tenant != tenant {
		return auth.Person{}, auth.ErrNotFound
	}
	return s.PersonByRef(ctx, ref)
}
