// Package importing brings collections of another server, or of files on this
// machine, into an account: what the imports of calendars, contacts and files have
// in common.
//
// A [Source] lists collections and what is in them, a [Domain] judges each object as
// it would judge a client's, and [Import] does the rest. Every object is stored in
// one transaction with a note of where it came from and a digest of its bytes
// (store.Origin). So an import may be broken off and run again any number of times:
// nothing is doubled, what is new or changed at the source comes, and what a person
// changed or removed here since stays as it is; where both sides changed, that is
// listed. The source is only read, and nothing is removed here because it is gone
// there. At the end all that came is read back from the store and compared by digest.
//
// The note is also the mark of what was imported: an object whose object id is that
// of an origin came by an import and from no client. Scheduling must send no
// invitation for such an object before somebody changes it here, which gives it
// another object id.
//
// All requests to a source go through one [Client], which talks to the server that
// the operator named and to no other, and through one dialer that checks the address
// which its name resolved to.
package importing
