// Package replicas runs two built servers over one PostgreSQL and one S3 service: what
// one does, the other knows; either may die at any moment; hints between them may be
// cut, and a pooler may stand before the database.
//
// A test starts with
//
//	h := start(t, direct, options{})
//
// and finds two replicas in h.replicas, each with addresses of its own, and behind
// the public addresses a balancer that the test steers.
package replicas
