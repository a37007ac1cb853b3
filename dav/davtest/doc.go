// Package davtest runs a real dav.Server on a real store for the tests of heads: with
// people who have app passwords, on a port of its own, asked over HTTP.
package davtest
