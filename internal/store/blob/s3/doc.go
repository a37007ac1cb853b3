// Package s3 keeps the objects of a blob store in a bucket of an S3 service:
// Ceph RGW, Garage, versitygw or any other provider.
//
// It asks little of the service: PUT, GET with ranges, HEAD, DELETE, LIST and
// multipart upload. It relies neither on conditional writes nor on what an ETag
// means. A body up to 64 MiB is one PUT of known length; a longer one is a
// multipart upload, aborted on failure. A bucket should have a lifecycle rule
// that removes unfinished uploads after some days, for those that a crash left.
//
// Every PUT carries the SHA-256 of its bytes inside the signature, so a service
// refuses what was damaged on the way; what is damaged later does not open in
// package content. Nothing is buffered whole: what comes with an unknown size waits
// in files without a name until there is more than one PUT may hold, and then goes
// part by part while more comes.
package s3
