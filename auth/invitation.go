package auth

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// InvitationsFor is how long an invitation counts.
const InvitationsFor = 7 * 24 * time.Hour

const ticketInvite = "rp.invite" // by the hash of its code

// invitation says whose account it opens to whoever signs in with it at the issuer.
type invitation struct {
	Tenant, Account int64
	Issuer          string
}

// invited names an invitation's ticket.
type invited struct {
	Tenant int64
	ID     string // the hash of its code
}

// Invite makes the code of a link by which a person binds their account at an issuer to
// the account ref: once, within [InvitationsFor]. For nothing else that the issuer says
// of somebody selects an account, and their subject need not be known to who invites.
// A newer invitation of the same account ends the earlier. issuerURL may be empty where
// the tenant has one.
// ErrNotFound if the person is not there or the issuer is not bound to their tenant.
func (rp *RelyingParty) Invite(ctx context.Context, ref AccountRef, issuerURL string) (code string, err error) {
	person, err := rp.cfg.People.PersonByRef(ctx, ref)
	if err == nil && person.Disabled {
		err = ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("invitation: %w", err)
	}
	b, err := rp.providers.current(ctx)
	if err != nil {
		return "", fmt.Errorf("invitation: %w", err)
	}
	if list := b.byTenant[ref.Tenant]; issuerURL == "" && len(list) == 1 {
		issuerURL = list[0].URL
	}
	if b.clientAt(issuerURL, ref.Tenant) == nil || rp.cfg.Subjects == nil {
		return "", fmt.Errorf("invitation: %w: the issuer is not the tenant's", ErrNotFound)
	}
	value, err := json.Marshal(invitation{ref.Tenant, ref.Account, issuerURL})
	if err != nil {
		return "", fmt.Errorf("invitation: %w", err)
	}
	owner := ref.Owner()
	if err := rp.cfg.Tickets.DeleteTickets(ctx, ref.Tenant, ticketInvite, owner); err != nil {
		return "", fmt.Errorf("invitation: %w", unavailable(err))
	}
	code = HomeToken(ref.Tenant, token())
	err = rp.cfg.Tickets.PutTicket(ctx, Ticket{
		Tenant: ref.Tenant, Kind: ticketInvite, ID: hex.EncodeToString(digest(code)), Owner: owner, Value: value, Expires: rp.now().Add(InvitationsFor),
	})
	if err != nil {
		return "", fmt.Errorf("invitation: %w", unavailable(err))
	}
	return code, nil
}

// invited looks at an invitation without using it up; ErrState if there is none.
func (rp *RelyingParty) invited(ctx context.Context, code string) (name invited, in invitation, err error) {
	code = strings.TrimSpace(code)
	if len(code) > 200 {
		return name, in, ErrState
	}
	name = invited{TokenHome(code), hex.EncodeToString(digest(code))}
	t, err := rp.cfg.Tickets.Ticket(ctx, name.Tenant, ticketInvite, name.ID)
	err = readInvitation(t, err, &in)
	return name, in, err
}

func readInvitation(t Ticket, err error, in *invitation) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return ErrState
	case err != nil:
		return unavailable(err)
	case json.Unmarshal(t.Value, in) != nil:
		return ErrState
	}
	return nil
}

// accept binds the subject to the account of the invitation, in place of those that the
// account had at the issuer: an invitation hands an account over, and gives nobody a second
// key to it of which its owner knows nothing.
func (rp *RelyingParty) accept(ctx context.Context, c *client, sub string, name invited) (Person, error) {
	var in invitation
	t, err := rp.cfg.Tickets.TakeTicket(ctx, name.Tenant, ticketInvite, name.ID)
	if err := readInvitation(t, err, &in); err != nil {
		return Person{}, err
	}
	if in.Issuer != c.binding.URL || !c.serves(in.Tenant) || rp.cfg.Subjects == nil {
		return Person{}, ErrState
	}
	person, err := rp.cfg.People.PersonByRef(ctx, AccountRef{in.Tenant, in.Account})
	if err != nil || person.Disabled {
		return person, err
	}
	// Whoever is a person here already does not become two by following a link: the one
	// whom another tenant's admin made could take their sign-in from them.
	before, err := rp.cfg.People.PersonBySubject(ctx, in.Issuer, sub)
	switch {
	case err == nil && before.AccountRef != person.AccountRef, errors.Is(err, ErrSeveral):
		return Person{}, ErrTaken
	case err != nil && !errors.Is(err, ErrNotFound):
		return Person{}, err
	}
	if err := rp.cfg.Subjects.ReplaceSubject(ctx, person.AccountRef, in.Issuer, sub); err != nil {
		return Person{}, err
	}
	return person, nil
}
