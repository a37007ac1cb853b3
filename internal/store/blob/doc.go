// Package blob keeps large sealed bytes outside the metadata database: as files
// of a directory (package dir) or as objects of an S3 service (package s3).
//
// What is stored here is already sealed by package content; a blob store sees
// neither plain bytes nor keys. Objects are written once under a key that is
// never used again, read any number of times, whole or in ranges, and deleted.
//
// Retry wraps a Store so that short outages do not reach its callers. Every
// engine passes the one suite in package blobtest.
package blob
