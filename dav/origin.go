package dav

import (
	"net/http"
	"net/url"
	"slices"
)

// reading are the methods that change nothing.
var reading = []string{http.MethodGet, http.MethodHead, http.MethodOptions, "PROPFIND", "REPORT"}

// checkOrigin refuses writes that a page of another origin made a browser send: the
// browser adds the password that it remembers (DESIGN: three origins). Programs send
// neither header.
func (s *Server) checkOrigin(r *http.Request) error {
	if slices.Contains(reading, r.Method) {
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return refused(http.StatusForbidden, "A page of another site may not change anything here.")
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !s.ourHost(u.Host, r.Host) {
			return refused(http.StatusForbidden, "A page of another origin may not change anything here.")
		}
	}
	return nil
}

// secure sets what every answer carries.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
}
