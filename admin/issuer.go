package admin

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// IssuerID is the opaque name of an issuer in paths: its URL is full of slashes.
func IssuerID(url string) string {
	sum := sha256.Sum256([]byte("fachwerk issuer\x00" + url))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func (s *Server) issuers(r *http.Request) (answer, error) {
	list, err := s.cfg.Backend.Issuers(r.Context(), r.PathValue("tenant"))
	return listed(r, list, err, func(i Issuer) string { return i.URL })
}

// bound finds the issuer that a request names.
func (s *Server) bound(r *http.Request) (Issuer, error) {
	list, err := s.cfg.Backend.Issuers(r.Context(), r.PathValue("tenant"))
	for _, i := range list {
		if i.ID == r.PathValue("issuer") {
			return i, err
		}
	}
	if err == nil {
		err = refusal(NotFound, nothing)
	}
	return Issuer{}, err
}

func (s *Server) issuer(r *http.Request) (answer, error) {
	i, err := s.bound(r)
	return answer{body: i, etag: tagOf(i)}, err
}

func (s *Server) bindIssuer(r *http.Request) (answer, error) {
	var b IssuerBinding
	if err := decode(r, &b); err != nil {
		return answer{}, err
	}
	tenant := r.PathValue("tenant")
	s.changing.Lock()
	defer s.changing.Unlock()
	list, err := s.cfg.Backend.Issuers(r.Context(), tenant)
	if err != nil {
		return answer{}, err
	}
	for _, i := range list {
		if i.URL == b.URL {
			return answer{}, refusal(Exists, "The issuer is bound to this tenant already; PUT at its own address changes how.")
		}
	}
	i, err := s.cfg.Backend.BindIssuer(r.Context(), tenant, b)
	return answer{status: http.StatusCreated, body: i, etag: tagOf(i), location: "/v1/tenants/" + tenant + "/issuers/" + i.ID}, err
}

func (s *Server) changeIssuer(r *http.Request) (answer, error) {
	var b IssuerBinding
	if err := decode(r, &b); err != nil {
		return answer{}, err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	i, err := s.bound(r)
	if err != nil {
		return answer{}, err
	}
	if err := match(r, tagOf(i)); err != nil {
		return answer{}, err
	}
	if b.URL != "" && b.URL != i.URL {
		return answer{}, refusal(Invalid, "An issuer keeps its URL: another URL is another issuer, with other people.")
	}
	b.URL = i.URL
	i, err = s.cfg.Backend.BindIssuer(r.Context(), r.PathValue("tenant"), b)
	return answer{body: i, etag: tagOf(i)}, err
}

func (s *Server) unbindIssuer(r *http.Request) (answer, error) {
	i, err := s.bound(r)
	if err == nil {
		err = s.cfg.Backend.UnbindIssuer(r.Context(), r.PathValue("tenant"), i.URL)
	}
	return answer{}, err
}
