// Package importer brings one person's mail over from another IMAP server:
// mailboxes, special uses, subscriptions, flags, keywords, internal dates and
// every message byte for byte.
//
// The source is only read (EXAMINE, BODY.PEEK). An import may be interrupted and
// run again any number of times: each message is stored together with a note of
// where it came from, in one transaction, so nothing is doubled and only what is
// new is fetched. At the end both sides are counted, and every imported message
// is read back from the store and compared by digest with what the source gave.
package importer
