// Package mailtest furnishes a house for tests: a real store with a tenant, two
// persons, a function mailbox, and the mail service on top. Tests of mail and of
// its heads move in with [New].
package mailtest
