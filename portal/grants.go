package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"fachwerk/auth"
)

// rights are those of a grant, in the order in which they are offered. To do anything
// else one must be able to read.
var rights = []string{"read", "write", "manage", "send-as"}

// rightKeys are their text keys.
var rightKeys = map[string]string{"read": "right.read", "write": "right.write", "manage": "right.manage", "send-as": "right.send"}

type grantsPage struct {
	managed
	Account meant
	Errors  formErrors
	Grants  []Grant
	To      string // "person" or "group"
	Who     string // the address, or the group's name
	Chosen  []string
	Rights  []string
	People  []Account // to choose from; none of them where there are too many
}

// peopleOffered bounds how many people a form offers to choose from.
const peopleOffered = 500

// Has tells the page whether a right is ticked.
func (x grantsPage) Has(right string) bool { return slices.Contains(x.Chosen, right) }

// grants shows who may use a shared account.
func (p *Portal) grants(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	p.showGrants(w, r, v, http.StatusOK, grantsPage{managed: p.after(r, v, a.pages.section), Account: a, To: personKind, Chosen: rights[:2]})
}

func (p *Portal) showGrants(w http.ResponseWriter, r *http.Request, v *visitor, status int, page grantsPage) {
	list, err := p.c.Grants.On(r.Context(), page.Account.ref)
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	page.Grants, page.Rights = list, rights
	if page.People, err = p.peopleToChoose(r.Context(), v.Tenant); err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.render(w, r, v, status, "grants", page)
}

// peopleToChoose are those of a tenant, by name, if they are few enough for one form.
func (p *Portal) peopleToChoose(ctx context.Context, tenant int64) ([]Account, error) {
	all, err := p.c.Accounts.Accounts(ctx, tenant)
	if err != nil {
		return nil, err
	}
	people := slices.DeleteFunc(slices.Clone(all), func(a Account) bool { return a.Shared() || a.Disabled })
	if len(people) > peopleOffered {
		return nil, nil
	}
	byName(people)
	return people, nil
}

// grantee reads whom a form means.
func grantee(to, who string) Grantee {
	if to == "group" {
		return Grantee{Group: who}
	}
	return Grantee{Person: who}
}

func (p *Portal) addGrant(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	page := grantsPage{
		managed: p.managed(v, a.pages.section), Account: a,
		To: r.PostForm.Get("to"), Who: strings.TrimSpace(r.PostForm.Get("who")),
	}
	for _, x := range rights {
		if r.PostForm.Get(x) != "" {
			page.Chosen = append(page.Chosen, x)
		}
	}
	switch {
	case page.Who == "" || len(page.Who) > personNameMax:
		page.Errors = append(page.Errors, formError{"who", "wrong.who"})
	case page.To != "group" && !strings.Contains(page.Who, "@"):
		page.Errors = append(page.Errors, formError{"who", "wrong.person"})
	}
	if len(page.Chosen) == 0 {
		page.Errors = append(page.Errors, formError{rights[0], "wrong.rights"})
	}
	if len(page.Errors) == 0 {
		if page.Chosen[0] != rights[0] && !slices.Equal(page.Chosen, []string{"send-as"}) {
			page.Chosen = append([]string{rights[0]}, page.Chosen...)
		}
		err := p.c.Grants.Set(r.Context(), a.ref, grantee(page.To, page.Who), page.Chosen)
		switch {
		case errors.Is(err, auth.ErrNotFound), errors.Is(err, ErrSetting):
			page.Errors = formErrors{{"who", "wrong.person"}}
		case err != nil:
			p.fail(w, r, v, err)
			return
		}
	}
	if len(page.Errors) > 0 {
		p.showGrants(w, r, v, http.StatusUnprocessableEntity, page)
		return
	}
	p.did(w, r, v, a.ID, "granted", a.Path+"/grants")
}

func (p *Portal) endGrant(w http.ResponseWriter, r *http.Request, v *visitor, a meant) {
	if err := p.c.Grants.End(r.Context(), a.ref, grantee(r.PostForm.Get("to"), r.PostForm.Get("who"))); err != nil {
		p.fail(w, r, v, err)
		return
	}
	p.did(w, r, v, a.ID, "ended", a.Path+"/grants")
}
