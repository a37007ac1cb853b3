// Package control runs the built server with two towns at two sites, made once by the
// command line and once by the control API, until mail is delivered and read in both
// and one town is removed while the other is used.
package control
