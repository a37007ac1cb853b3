// Package authtest holds what tests of login share: Memory, a small
// implementation of what package auth asks of the store, and Run, the suite
// that every implementation must pass, the store's own included.
package authtest
