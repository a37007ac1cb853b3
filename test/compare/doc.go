// Package compare runs scripted IMAP sessions against Dovecot and against the
// product and compares the meaning of the answers. Every difference is in a list
// with the RFC section that allows it.
package compare
