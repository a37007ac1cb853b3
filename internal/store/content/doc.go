// Package content turns plain bytes into sealed ones and back, and keeps the
// keys: everything that people wrote or received is compressed, encrypted and
// authenticated here before it reaches a database row, a blob or a spool file.
//
// A KeyDir holds the operator's key and, wrapped by it, one key a tenant. An
// Account, opened with the account key that its metadata row holds wrapped by
// the tenant key, seals and opens:
//
//   - content: streams of any size in chunks of 64 KiB, readable in ranges
//     (Seal, NewSealed, Open; SealBytes and OpenBytes for what is in memory);
//   - meta: the small records that views read by the thousand (SealMeta, OpenMeta);
//   - small secrets in columns (SealSmall, OpenSmall).
//
// Destroying a tenant's key, or an account's, makes all that it sealed
// unreadable. The format is written down byte by byte in
// docs/decisions/0002-content-codec.md and pinned by a golden test.
package content
