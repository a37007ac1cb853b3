// Package walk does what docs/admin says from the first line to the last, as an
// operator would: two servers over two sites, each with a PostgreSQL and an S3 service
// of its own on loopback addresses of their own, a bucket of tenants' keys, and a town at
// each site. One town signs in at the installation's provider, the other at one of its
// own. People of both towns work through both servers with real programs, among them
// Thunderbird, which is told a mail address and no more; where the data lies is verified,
// reported and checked without this program; then a site gets a copy that nobody
// declared, and that is found; at last a town leaves.
package walk
