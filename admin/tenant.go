package admin

import (
	"net/http"
	"slices"
)

// tagOfTenant covers what UpdateTenant changes.
func tagOfTenant(t Tenant) string {
	return tagOf([]any{t.ID, t.Name, t.Settings, t.Policy, t.Quota})
}

func (s *Server) tenants(r *http.Request) (answer, error) {
	list, away, err := s.cfg.Backend.Tenants(r.Context())
	if name := r.URL.Query().Get("name"); name != "" {
		list = slices.DeleteFunc(list, func(t Tenant) bool { return t.Name != name })
	}
	if err != nil {
		return answer{}, err
	}
	p, err := paged(r, list, func(t Tenant) string { return t.Name })
	p.Unavailable = away
	return answer{body: p}, err
}

func (s *Server) createTenant(r *http.Request) (answer, error) {
	var n NewTenant
	if err := decode(r, &n); err != nil {
		return answer{}, err
	}
	t, err := s.cfg.Backend.CreateTenant(r.Context(), n)
	return answer{status: http.StatusCreated, body: t, etag: tagOfTenant(t), location: "/v1/tenants/" + t.ID}, err
}

func (s *Server) tenant(r *http.Request) (answer, error) {
	t, err := s.cfg.Backend.Tenant(r.Context(), r.PathValue("tenant"))
	return answer{body: t, etag: tagOfTenant(t)}, err
}

func (s *Server) updateTenant(r *http.Request) (answer, error) {
	var c TenantChange
	if err := decode(r, &c); err != nil {
		return answer{}, err
	}
	matches, err := matching(r)
	if err != nil {
		return answer{}, err
	}
	t, err := s.cfg.Backend.UpdateTenant(r.Context(), r.PathValue("tenant"), c, func(now Tenant) error { return matches(tagOfTenant(now)) })
	return answer{body: t, etag: tagOfTenant(t)}, err
}

func (s *Server) removeTenant(r *http.Request) (answer, error) {
	return answer{}, s.cfg.Backend.RemoveTenant(r.Context(), r.PathValue("tenant"), r.URL.Query().Get("confirm"))
}

func (s *Server) logo(r *http.Request) (answer, error) {
	kind, bytes, err := s.cfg.Backend.Logo(r.Context(), r.PathValue("tenant"))
	return answer{raw: bytes, mediaType: kind}, err
}

func (s *Server) setLogo(r *http.Request) (answer, error) {
	kind, bytes, err := image(r)
	if err == nil {
		err = s.cfg.Backend.SetLogo(r.Context(), r.PathValue("tenant"), kind, bytes)
	}
	return answer{}, err
}

func (s *Server) removeLogo(r *http.Request) (answer, error) {
	return answer{}, s.cfg.Backend.SetLogo(r.Context(), r.PathValue("tenant"), "", nil)
}

func (s *Server) domains(r *http.Request) (answer, error) {
	list, err := s.cfg.Backend.Domains(r.Context(), r.PathValue("tenant"))
	return listed(r, list, err, func(d Domain) string { return d.Name })
}

func (s *Server) addDomain(r *http.Request) (answer, error) {
	d, err := s.cfg.Backend.AddDomain(r.Context(), r.PathValue("tenant"), r.PathValue("domain"))
	return answer{body: d}, err
}

func (s *Server) removeDomain(r *http.Request) (answer, error) {
	return answer{}, s.cfg.Backend.RemoveDomain(r.Context(), r.PathValue("tenant"), r.PathValue("domain"))
}
