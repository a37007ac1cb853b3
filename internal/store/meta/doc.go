// Package meta keeps the store's rows: accounts, collections, items, tombstones
// and the journal that orders their changes, in one SQL text for every engine.
//
// An [Engine] is a database: it runs statements in transactions. A [DB] is the
// journal on top of an engine: every operation the store needs, written once.
// The engines live in sqlite and postgres; metatest proves each by one suite.
//
// Every writing transaction begins by locking its account row and raising its
// modseq (the lock is the correctness, not a database sequence). What the decision
// needs is read in the round trip that takes the lock, the decision is made on rows
// in memory, and what came of it is written in one more round trip before COMMIT.
// Writers who wait for the same account share a transaction, each with a modseq of
// its own; on SQLite writers of all accounts do.
package meta
