// Package thunderbird sets up a real Thunderbird against the running demo, on a
// screen that nobody looks at, and does a clerk's work in it: read, move, send,
// see new mail at once, open the function mailbox; make and change events and
// contacts, see those of others, take an address from the directory.
//
// Thunderbird's own account setup finds the server: it asks for the autoconfig
// document of the mail domain, which its HTTP proxy setting leads to the portal,
// verifies the log-in, and makes the account.
//
// Calendars and address books it finds by the domain's SRV records, which the test
// plays, and over TLS, which a proxy before the server ends.
package thunderbird
