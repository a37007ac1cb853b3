package admin

import (
	"net/http"
	"slices"
	"strings"
)

// tagOfAccount covers what UpdateAccount changes.
func tagOfAccount(a Account) string {
	return tagOf([]any{a.ID, a.Address, a.Name, a.State, a.QuotaBytes, a.QuotaItems})
}

// at are the tenant and the account that a request names.
func at(r *http.Request) (tenant, account string) {
	return r.PathValue("tenant"), r.PathValue("account")
}

func (s *Server) accounts(r *http.Request) (answer, error) {
	list, err := s.cfg.Backend.Accounts(r.Context(), r.PathValue("tenant"))
	q := r.URL.Query()
	if address := q.Get("address"); address != "" {
		list = slices.DeleteFunc(list, func(a Account) bool { return !strings.EqualFold(a.Address, address) })
	}
	if kind := q.Get("kind"); kind != "" {
		list = slices.DeleteFunc(list, func(a Account) bool { return a.Kind != kind })
	}
	return listed(r, list, err, func(a Account) string { return a.Address })
}

func (s *Server) createAccount(r *http.Request) (answer, error) {
	var n NewAccount
	if err := decode(r, &n); err != nil {
		return answer{}, err
	}
	tenant := r.PathValue("tenant")
	a, err := s.cfg.Backend.CreateAccount(r.Context(), tenant, n)
	return answer{
		status: http.StatusCreated, body: a, etag: tagOfAccount(a), location: "/v1/tenants/" + tenant + "/accounts/" + a.ID,
	}, err
}

func (s *Server) account(r *http.Request) (answer, error) {
	tenant, id := at(r)
	a, err := s.cfg.Backend.Account(r.Context(), tenant, id)
	return answer{body: a, etag: tagOfAccount(a)}, err
}

func (s *Server) updateAccount(r *http.Request) (answer, error) {
	var c AccountChange
	if err := decode(r, &c); err != nil {
		return answer{}, err
	}
	matches, err := matching(r)
	if err != nil {
		return answer{}, err
	}
	tenant, id := at(r)
	a, err := s.cfg.Backend.UpdateAccount(r.Context(), tenant, id, c, func(now Account) error { return matches(tagOfAccount(now)) })
	return answer{body: a, etag: tagOfAccount(a)}, err
}

func (s *Server) removeAccount(r *http.Request) (answer, error) {
	tenant, id := at(r)
	a, err := s.cfg.Backend.Account(r.Context(), tenant, id)
	if err == nil && r.URL.Query().Get("confirm") != a.Address {
		err = refusal(Unconfirmed, "This destroys all data of the account and cannot be undone. If it is meant, repeat its address as the parameter confirm.")
	}
	if err == nil {
		err = s.cfg.Backend.RemoveAccount(r.Context(), tenant, id)
	}
	return answer{}, err
}

func (s *Server) aliases(r *http.Request) (answer, error) {
	tenant, id := at(r)
	list, err := s.cfg.Backend.Aliases(r.Context(), tenant, id)
	return listed(r, list, err, func(a Alias) string { return a.Address })
}

func (s *Server) addAlias(r *http.Request) (answer, error) {
	tenant, id := at(r)
	a, err := s.cfg.Backend.AddAlias(r.Context(), tenant, id, r.PathValue("address"))
	return answer{body: a}, err
}

func (s *Server) removeAlias(r *http.Request) (answer, error) {
	tenant, id := at(r)
	return answer{}, s.cfg.Backend.RemoveAlias(r.Context(), tenant, id, r.PathValue("address"))
}

func (s *Server) bindSubject(r *http.Request) (answer, error) {
	var one Subject
	if err := decode(r, &one); err != nil {
		return answer{}, err
	}
	tenant, id := at(r)
	return answer{}, s.cfg.Backend.BindSubject(r.Context(), tenant, id, one)
}

func (s *Server) invite(r *http.Request) (answer, error) {
	var which struct {
		Issuer string `json:"issuer"`
	}
	if err := decode(r, &which); err != nil {
		return answer{}, err
	}
	tenant, id := at(r)
	i, err := s.cfg.Backend.Invite(r.Context(), tenant, id, which.Issuer)
	return answer{status: http.StatusCreated, body: i}, err
}

func (s *Server) groups(r *http.Request) (answer, error) {
	tenant, id := at(r)
	list, err := s.cfg.Backend.Groups(r.Context(), tenant, id)
	return listed(r, list, err, func(g string) string { return g })
}

func (s *Server) grants(r *http.Request) (answer, error) {
	tenant, id := at(r)
	list, err := s.cfg.Backend.Grants(r.Context(), tenant, id)
	return listed(r, list, err, func(g Grant) string { return g.Person + "\x00" + g.Group })
}

// toOne refuses a grant that names nobody, or two.
func (g Grant) toOne() error {
	if (g.Person == "") == (g.Group == "") {
		return refusal(Invalid, "A grant is to a person, named by address, or to a group: name one of them, in person or group.")
	}
	return nil
}

func (s *Server) setGrant(r *http.Request) (answer, error) {
	var g struct {
		Person string `json:"person"`
		Group  string `json:"group"`
		Rights string `json:"rights"`
	}
	if err := decode(r, &g); err != nil {
		return answer{}, err
	}
	grant := Grant{Person: g.Person, Group: g.Group, Rights: g.Rights}
	if err := grant.toOne(); err != nil {
		return answer{}, err
	}
	tenant, id := at(r)
	grant, err := s.cfg.Backend.SetGrant(r.Context(), tenant, id, grant)
	return answer{body: grant}, err
}

func (s *Server) removeGrant(r *http.Request) (answer, error) {
	q := r.URL.Query()
	g := Grant{Person: q.Get("person"), Group: q.Get("group")}
	if err := g.toOne(); err != nil {
		return answer{}, err
	}
	tenant, id := at(r)
	return answer{}, s.cfg.Backend.RemoveGrant(r.Context(), tenant, id, g)
}
