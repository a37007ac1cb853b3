// Package resource keeps collections of named resources: calendar object resources
// in calendars, address object resources in address books, files and folders in
// drives. It is what these three have in common and what package dav needs of the
// store: rights, names, conditions, dead properties, locks, changes.
//
// A write is decided in two steps. The caller reads ([Service.Find],
// [Service.Locks]), judges the client's conditions on what it read, and says in a
// [Guard] what it has [Seen]. The write compares that again under the account's
// lock, together with all locks that are held, and answers ErrChanged when
// something is otherwise now: the caller reads and judges anew. So of 16 writers
// with one ETag exactly one wins, on every replica.
package resource
