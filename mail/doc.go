// Package mail is mailboxes and messages in terms of the store: names and
// special use, delivery and append, flags, expunge, copy and move, search, and
// the view that all sessions on a mailbox share.
//
// A [Service] is the way in. A protocol head asks it for the accounts that a
// principal may use ([Service.Accounts]) and passes one of these, an [Access],
// to every call: each method checks the rights it needs and answers
// [ErrDenied] without them.
//
// An open mailbox is a [View]. Its [Snapshot] is an immutable list of messages,
// so a session keeps the one whose sequence numbers its client knows and asks
// [Snapshot.Diff] what a newer one brings. Snapshots are a cache: conditional
// changes are decided by the database, never by a snapshot.
//
// A message on its way in is an [Incoming]: bytes go through it once, to the
// store's spool and to the MIME scanner, and are never held whole in memory.
package mail
