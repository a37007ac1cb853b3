// Package carddav serves address books to address book programs: CardDAV (RFC 6352) on
// top of packages dav, which speaks WebDAV, and contacts, which knows what a card is.
package carddav
