package portal

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"fachwerk/auth"
)

// Programs are those that people have let in at the embedded provider, by tokens instead
// of an app password.
type Programs interface {
	// Programs lists a person's, the one that was used last first.
	Programs(ctx context.Context, ref auth.AccountRef) ([]auth.Program, error)
	// EndProgram ends one; auth.ErrNotFound if the person has none of that id.
	EndProgram(ctx context.Context, ref auth.AccountRef, id string) error
	// EndPrograms ends all, and the sessions that browsers have at the provider.
	EndPrograms(ctx context.Context, ref auth.AccountRef) error
}

type programRow struct {
	auth.Program
	Services []string // text keys
}

func (p *Portal) programs(ctx context.Context, ref auth.AccountRef) (rows []programRow, err error) {
	if p.c.Programs == nil {
		return nil, nil
	}
	list, err := p.c.Programs.Programs(ctx, ref)
	for _, x := range list {
		rows = append(rows, programRow{x, serviceKeys(x.Scopes)})
	}
	return rows, err
}

func (p *Portal) endProgram(w http.ResponseWriter, r *http.Request, v *visitor) {
	err := auth.ErrNotFound
	if p.c.Programs != nil {
		err = p.c.Programs.EndProgram(r.Context(), v.ref(), r.PathValue("id"))
	}
	if err != nil && !errors.Is(err, auth.ErrNotFound) { // who ends what has ended wants just that
		p.fail(w, r, v, err)
		return
	}
	http.Redirect(w, r, "/devices?done=program", http.StatusSeeOther)
}

// endAll ends every other session and all programs: only this browser stays.
func (p *Portal) endAll(w http.ResponseWriter, r *http.Request, v *visitor) {
	if p.c.Programs != nil {
		if err := p.c.Programs.EndPrograms(r.Context(), v.ref()); err != nil {
			p.fail(w, r, v, err)
			return
		}
	}
	sessions, err := p.c.Sessions.SessionsOf(r.Context(), v.ref())
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	for _, s := range sessions {
		if bytes.Equal(s.ID, v.session.ID) {
			continue
		}
		if err := p.c.Sessions.EndSession(r.Context(), v.ref(), s.ID); err != nil && !errors.Is(err, auth.ErrNotFound) {
			p.fail(w, r, v, err)
			return
		}
	}
	http.Redirect(w, r, "/devices?done=all", http.StatusSeeOther)
}
