package app

import (
	"crypto/tls"

	"fachwerk/auth"
)

// buildWeb builds the embedded provider, the portal and HTTP.
func (s *Server) buildWeb(secure *tls.Config, throttle *auth.Throttle) error {
	return nil
}
