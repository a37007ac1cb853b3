// Package walk does what docs/admin says from the first line to the last, as an
// operator would: two servers over two sites, each with a PostgreSQL and an S3 service
// of its own on loopback addresses of their own, and a town at each. People of both
// towns work through both servers with real programs; where the data lies is verified,
// reported and checked without this program; then a site gets a copy that nobody
// declared, and that is found.
package walk
