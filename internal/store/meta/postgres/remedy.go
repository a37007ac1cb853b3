package postgres

import (
	"crypto/x509"
	"errors"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// remedies are by SQLSTATE (PostgreSQL's manual, appendix A).
var remedies = map[string]string{
	"28P01": "the password or the user is wrong: compare the password file with the database's role",
	"28000": "the database lets this user in neither from here nor in this way: look at pg_hba.conf and sslmode",
	"3D000": "there is no such database: create it, or correct the name in the DSN",
	"42501": "the database's role lacks a right: it must own the database or its schema",
	"53300": "the database has no connection left: raise max_connections or put a pooler in front",
	"53100": "the database's disk is full: free or add space; nothing is lost",
	"25006": "this is a standby, or the database is read-only: name the primary in the DSN",
	"57P03": "the database is starting or stopping: wait",
}

// Remedy says what an administrator can do about an error of this engine, "" for
// errors that are not its own. It quotes nothing of the error.
func Remedy(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return remedies[refused.Code]
	}
	var connect *pgconn.ConnectError
	if !errors.As(err, &connect) {
		return ""
	}
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var dns *net.DNSError
	switch {
	case errors.As(err, &authority):
		return "the database's certificate is of an authority that is not known here: name it in tls.ca"
	case errors.As(err, &name):
		return "the database's certificate is for another name: use the name in the DSN that the certificate has"
	case errors.As(err, &dns):
		return "the database's name does not resolve: correct the DSN or the DNS"
	}
	return "the database cannot be reached: is it running, and do firewalls let this machine through?"
}
