// Package issuers runs the built server with three tenants that sign in at three
// providers: the embedded one, an independent one, and one that is hostile and mints
// whatever it likes. What the hostile one says opens and links nothing but its own
// tenant's accounts: at the portal, by IMAP, by SMTP and by DAV.
package issuers
