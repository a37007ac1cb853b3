// Package idp is the embedded OpenID provider, for installations that have
// none of their own: it asks people for their password and tells the portal
// and mail clients who they are.
//
// It is an http.Handler for an origin of its own, stands on zitadel/oidc for
// the protocol's messages, and keeps all its state in auth.Tickets, so that
// any replica can continue what another began. The rules it keeps are in
// docs/decisions/0004-login.md.
package idp
