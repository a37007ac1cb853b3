// Package listen is what stands between a socket and the protocol served on it: a
// listener whose connections begin with a header of the PROXY protocol, a limit on how
// many are open, and a set of certificates chosen by the name that the client asks for.
package listen
