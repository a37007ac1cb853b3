// Package dav speaks WebDAV (RFC 4918) once for calendars, contacts and files:
// methods, conditions, locks, properties, sync, principals.
//
// What is special to one kind of collection is said by a [Head]: which live
// properties and reports it has and what may be stored in it. A head never writes
// HTTP by itself; it answers through [Request] and [Multistatus].
package dav
