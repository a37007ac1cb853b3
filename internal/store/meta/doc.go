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
//
// # What cannot be mended once data exists
//
//  1. Every key begins with the tenant, then the account where there is one. Tenant
//     and account ids are random 63-bit numbers; every other id but a content's
//     comes from the account row, under its lock.
//  2. Three tables: item (what a view and a sync need), item_meta (immutable, with
//     the version of its encoder), content. Flags touch item alone.
//  3. Content is named by items through a foreign key and has no counter. Object
//     keys are never used again; an object goes only after the retention time.
//  4. Content and meta are sealed above this package (package content).
//  5. One transaction, one modseq. The order is (modseq, item id), so an answer may
//     be cut inside one modseq. What came and went since a token is still told.
//  6. A restore begins a new generation: modseqs, UIDNEXT and all counters jump, and
//     items answer the greater of their own modseq and the base. A storage whose
//     identity changed without that is refused.
//  7. \Seen is shared, or each person's own in rows beside the item; the modseq a
//     person sees is the greater one.
//  8. The object id is given at first storage and kept by copies and moves; the
//     thread id is given once; UIDVALIDITY is greater than any before it in the
//     account.
//  9. A drive is one collection whose items name their folder, so that renaming a
//     folder writes a constant number of rows; folders carry the modseq of what is
//     below them.
//
// Each has a test in metatest that fails without it.
package meta
