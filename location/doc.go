// Package location knows where data may lie and finds out where it does: the
// declared sites, the guard that every write path asks before it stores
// anything, the verifier that looks at what databases and object stores show of
// themselves, and the signed reports.
//
// There is no default site and no default region: a site that is not declared
// whole does not exist, and what is not allowed is refused (fail closed).
//
// The parts, in the order of their use:
//
//   - [Site] is a declaration: who runs a database and a bucket, and where.
//   - [Guard] answers whether data of a tenant may be written at a site. It
//     compares the tenant's policy with the declaration, and heeds what the
//     verifier found.
//   - [Observer] shows what a site's engines can see: [DatabaseFacts] and
//     [ObjectsFacts]. Compare holds them against the declaration; each
//     comparison is an [Observation] with its evidence.
//   - [Verifier] does that on a schedule and keeps it in a [Ledger].
//   - [Report] says for a tenant or a person what lies where, how that is known,
//     and is signed and chained to the one before.
//
// The package imports no store and no protocol: the store implements Ledger and
// counts, its engines are adapted to Observer.
package location
