// Package contacts keeps what people know of other people: vCards in address books, and
// the tenant's own people, function mailboxes, rooms and groups as an address book that
// nobody has to fill, the directory.
//
// A card is stored byte for byte as its client sent it ([Accept] only judges it). Beside
// it, sealed, lies its searchable form: all properties but what is as large as a photo.
// A query (RFC 6352 section 10.5, [Filter]) reads that form alone, from memory where the
// book was asked before: [Books] keeps, bounded in bytes, books as columns of folded
// text, so that a search through 10,000 cards is a few searches through long strings.
// The result is checked card by card with the same filter; columns only find candidates.
//
// The package knows of no HTTP and no XML; package dav/carddav puts these on top.
package contacts
