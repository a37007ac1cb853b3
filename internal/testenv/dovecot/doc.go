// Package dovecot starts a real Dovecot for tests: the peer to import from, to
// compare answers with, and to measure against.
package dovecot
