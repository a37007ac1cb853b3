// Package crossing walks every protocol as a person of one tenant against names of
// another. Each answer must be the one that names get which do not exist: byte for
// byte, after the same statements in the databases and the same number of hashes of
// secrets. Work is counted, not timed.
package crossing
