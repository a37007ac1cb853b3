// Package meta keeps the store's rows: accounts, collections, items, tombstones
// and the journal that orders their changes, in one SQL text for every engine.
//
// An [Engine] is a database: it runs statements in transactions. A [DB] is the
// journal on top of an engine: every operation the store needs, written once.
// The engines live in sqlite and postgres; metatest proves each by one suite.
//
// Every writing transaction begins by locking its account row and raising its
// modseq (the lock is the correctness, not a database sequence), then makes at
// most two round trips until COMMIT: one that reads what the decision needs and
// one that writes. Waiting writers share a transaction.
package meta
