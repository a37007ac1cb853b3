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

// tagOfIssuer covers how it is bound, its secret included, of which it tells nothing.
func tagOfIssuer(i Issuer) string { return tagOf([]any{i, i.Mark}) }

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
	return answer{body: i, etag: tagOfIssuer(i)}, err
}

func (s *Server) bindIssuer(r *http.Request) (answer, error) {
	var b IssuerBinding
	if err := decode(r, &b); err != nil {
		return answer{}, err
	}
	tenant := r.PathValue("tenant")
	i, err := s.cfg.Backend.BindIssuer(r.Context(), tenant, b, func(now *Issuer) error {
		if now != nil {
			return refusal(Exists, "The issuer is bound to this tenant already; PUT at its own address changes how.")
		}
		return nil
	})
	return answer{status: http.StatusCreated, body: i, etag: tagOfIssuer(i), location: "/v1/tenants/" + tenant + "/issuers/" + i.ID}, err
}

func (s *Server) changeIssuer(r *http.Request) (answer, error) {
	var b IssuerBinding
	if err := decode(r, &b); err != nil {
		return answer{}, err
	}
	matches, err := matching(r)
	if err != nil {
		return answer{}, err
	}
	i, err := s.bound(r) // for its URL alone
	if err != nil {
		return answer{}, err
	}
	if b.URL != "" && b.URL != i.URL {
		return answer{}, refusal(Invalid, "An issuer keeps its URL: another URL is another issuer, with other people.")
	}
	b.URL = i.URL
	i, err = s.cfg.Backend.BindIssuer(r.Context(), r.PathValue("tenant"), b, func(now *Issuer) error {
		if now == nil {
			return refusal(NotFound, nothing)
		}
		return matches(tagOfIssuer(*now))
	})
	return answer{body: i, etag: tagOfIssuer(i)}, err
}

func (s *Server) unbindIssuer(r *http.Request) (answer, error) {
	i, err := s.bound(r)
	if err == nil {
		err = s.cfg.Backend.UnbindIssuer(r.Context(), r.PathValue("tenant"), i.URL)
	}
	return answer{}, err
}
