// Package sqlite keeps the metadata of one machine in one SQLite file.
//
// One connection writes, a few others read, each on the snapshot that WAL gives
// it. Every COMMIT is on the disk before it is acknowledged (synchronous=FULL);
// package meta makes that cheap by letting waiting writers share one.
package sqlite
