package idp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"fachwerk/auth"
)

// family is what all refresh tokens that come of one code have in common. It is written
// once, with the first of them, and while it is there they count: so its end holds also
// for one that is being changed into the next at that moment.
type family struct {
	Client string
	Scopes []string
	Since  time.Time
	From   string // network
}

// A Notifier tells people what happened to their login.
type Notifier interface {
	// ProgramSignedIn tells a person that a program got its first refresh token.
	ProgramSignedIn(ctx context.Context, p auth.Person, program auth.Program) error
}

type networkKey struct{}

// fromNetwork lets what the library calls know where a request comes from.
func (p *Provider) fromNetwork(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), networkKey{}, auth.Network(p.cfg.Remote(r)))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func networkOf(ctx context.Context) string {
	network, _ := ctx.Value(networkKey{}).(string)
	return network
}

// begin makes a family and tells its person.
func (p *Provider) begin(ctx context.Context, g *grant, who auth.Person) error {
	f := family{Client: g.Request.ClientID, Scopes: g.Request.Scopes, Since: p.now(), From: networkOf(ctx)}
	if err := p.put(ctx, ticketFamily, g.Family, g.Subject, f, familyFor); err != nil {
		return err
	}
	if p.cfg.Notifier == nil {
		return nil
	}
	// The program is in; a message that cannot be sent does not undo it.
	if err := p.cfg.Notifier.ProgramSignedIn(ctx, who, f.program(hashed(g.Family))); err != nil {
		p.log.Error("a program signed in, its person could not be told", "subject", g.Subject, "err", err)
	}
	return nil
}

// lives tells whether a grant's family has not been ended.
func (p *Provider) lives(ctx context.Context, g *grant) (bool, error) {
	return p.get(ctx, ticketFamily, g.Family, &family{})
}

// keep gives a grant's next refresh token; "" if its family was ended meanwhile.
func (p *Provider) keep(ctx context.Context, g *grant) (token string, err error) {
	g.Used, g.UsedFrom = p.now(), networkOf(ctx)
	token = secretOf(g.Subject)
	if err := p.put(ctx, ticketRefresh, token, g.Subject, g, refreshFor); err != nil {
		return "", err
	}
	// Whoever ends a family does that first and its tokens then: they have found this one,
	// or it is found here that the family is gone.
	ok, err := p.lives(ctx, g)
	if ok && err == nil {
		return token, nil
	}
	_, taken := p.take(ctx, ticketRefresh, token, &grant{})
	return "", errors.Join(err, taken)
}

// endFamily ends every refresh token that came of one code.
func (p *Provider) endFamily(ctx context.Context, subject, id string) error {
	ref, ok := refOf(subject)
	if !ok {
		return nil
	}
	err := Programs{p.cfg.Tickets}.EndProgram(ctx, ref, hashed(id))
	if errors.Is(err, auth.ErrNotFound) {
		return nil
	}
	return err
}

func (f family) program(id string) auth.Program {
	x := auth.Program{ID: id, Client: f.Client, Since: f.Since, From: f.From, Used: f.Since, UsedFrom: f.From}
	for _, name := range f.Scopes {
		if s, err := auth.ParseScopes(name); err == nil {
			x.Scopes |= s
		}
	}
	return x
}

// Programs are those that people have let in at the embedded provider.
type Programs struct{ Tickets auth.Tickets }

// Programs lists a person's, the one that was used last first. One that has not been used
// for thirty days is none.
func (x Programs) Programs(ctx context.Context, ref auth.AccountRef) ([]auth.Program, error) {
	families, err := x.Tickets.TicketsOf(ctx, ref.Tenant, ticketFamily, Subject(ref))
	if err != nil {
		return nil, fmt.Errorf("programs of a person: %w", err)
	}
	tokens, err := x.tokens(ctx, ref)
	if err != nil {
		return nil, err
	}
	var list []auth.Program
	for _, t := range families {
		var f family
		if err := json.Unmarshal(t.Value, &f); err != nil {
			return nil, fmt.Errorf("programs of a person: %w", err)
		}
		program, used := f.program(t.ID), false
		for _, k := range tokens {
			if hashed(k.Family) != t.ID {
				continue
			}
			used = true
			if k.Used.After(program.Used) {
				program.Used, program.UsedFrom = k.Used, k.UsedFrom
			}
		}
		if used {
			list = append(list, program)
		}
	}
	slices.SortFunc(list, func(a, b auth.Program) int {
		if c := b.Used.Compare(a.Used); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// A kept is a refresh token and its ticket.
type kept struct {
	grant
	ticket string
}

func (x Programs) tokens(ctx context.Context, ref auth.AccountRef) (list []kept, err error) {
	tickets, err := x.Tickets.TicketsOf(ctx, ref.Tenant, ticketRefresh, Subject(ref))
	if err != nil {
		return nil, fmt.Errorf("refresh tokens of a person: %w", err)
	}
	for _, t := range tickets {
		k := kept{ticket: t.ID}
		if json.Unmarshal(t.Value, &k.grant) == nil {
			list = append(list, k)
		}
	}
	return list, nil
}

// EndProgram ends one of a person's; what it holds for the hour still ends by itself.
// [auth.ErrNotFound] if they have none of that id.
func (x Programs) EndProgram(ctx context.Context, ref auth.AccountRef, id string) error {
	t, err := x.Tickets.Ticket(ctx, ref.Tenant, ticketFamily, id)
	if err == nil && t.Owner != Subject(ref) {
		err = auth.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("a program of a person: %w", err)
	}
	// The family first, see keep.
	if _, err := x.Tickets.TakeTicket(ctx, ref.Tenant, ticketFamily, id); err != nil {
		return fmt.Errorf("a program of a person: %w", err)
	}
	tokens, err := x.tokens(ctx, ref)
	if err != nil {
		return err
	}
	for _, k := range tokens {
		if hashed(k.Family) != id {
			continue
		}
		if _, err := x.Tickets.TakeTicket(ctx, ref.Tenant, ticketRefresh, k.ticket); err != nil && !errors.Is(err, auth.ErrNotFound) {
			return fmt.Errorf("a refresh token: %w", err)
		}
	}
	return nil
}

// EndPrograms ends all of a person's, and the sessions that browsers have at the
// provider.
func (x Programs) EndPrograms(ctx context.Context, ref auth.AccountRef) error {
	return Forget(ctx, x.Tickets, ref)
}
