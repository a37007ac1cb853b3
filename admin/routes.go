package admin

import (
	"net/http"
)

// route is one method at one path.
type route struct {
	method, pattern string
	do              handler
}

// routes are everything that the API answers, but its own document.
func (s *Server) routes() []route {
	const tenant, account = "/v1/tenants/{tenant}", "/v1/tenants/{tenant}/accounts/{account}"
	get, post, put, patch, del := http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	return []route{
		{get, "/v1/sites", s.sites},
		{get, "/v1/queue", s.queue},
		{get, "/v1/tenants", s.tenants},
		{post, "/v1/tenants", s.createTenant},
		{get, tenant, s.tenant},
		{patch, tenant, s.updateTenant},
		{del, tenant, s.removeTenant},
		{get, tenant + "/logo", s.logo},
		{put, tenant + "/logo", s.setLogo},
		{del, tenant + "/logo", s.removeLogo},
		{get, tenant + "/where", s.where},
		{get, tenant + "/domains", s.domains},
		{put, tenant + "/domains/{domain}", s.addDomain},
		{del, tenant + "/domains/{domain}", s.removeDomain},
		{get, tenant + "/issuers", s.issuers},
		{post, tenant + "/issuers", s.bindIssuer},
		{get, tenant + "/issuers/{issuer}", s.issuer},
		{put, tenant + "/issuers/{issuer}", s.changeIssuer},
		{del, tenant + "/issuers/{issuer}", s.unbindIssuer},
		{get, tenant + "/accounts", s.accounts},
		{post, tenant + "/accounts", s.createAccount},
		{get, account, s.account},
		{patch, account, s.updateAccount},
		{del, account, s.removeAccount},
		{get, account + "/where", s.where},
		{get, account + "/aliases", s.aliases},
		{put, account + "/aliases/{address}", s.addAlias},
		{del, account + "/aliases/{address}", s.removeAlias},
		{post, account + "/subjects", s.bindSubject},
		{post, account + "/invitations", s.invite},
		{get, account + "/groups", s.groups},
		{get, account + "/grants", s.grants},
		{post, account + "/grants", s.setGrant},
		{del, account + "/grants", s.removeGrant},
	}
}

// listed answers a page of a list.
func listed[T any](r *http.Request, list []T, err error, key func(T) string) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	p, err := paged(r, list, key)
	return answer{body: p}, err
}

func (s *Server) sites(r *http.Request) (answer, error) {
	list, err := s.cfg.Backend.Sites(r.Context())
	return listed(r, list, err, func(one Site) string { return one.Name })
}

func (s *Server) queue(r *http.Request) (answer, error) {
	n, err := s.cfg.Backend.Queue(r.Context())
	return answer{body: n}, err
}

func (s *Server) where(r *http.Request) (answer, error) {
	list, err := s.cfg.Backend.Where(r.Context(), r.PathValue("tenant"), r.PathValue("account"))
	if list == nil {
		list = []Whereabouts{}
	}
	return answer{body: page[Whereabouts]{Items: list}}, err
}
