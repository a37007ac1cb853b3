// Package locationtest has what a location.Ledger must pass, and a ledger in memory for
// tests of what uses one.
package locationtest
