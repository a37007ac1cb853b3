// Package parts starts real servers for one test, on loopback addresses of the
// test's choice: PostgreSQL with standbys, an S3 service, each with certificates
// that can be changed, and relays. A part that is not installed is told by package
// need.
package parts
