// Package blobtest holds the one conformance suite that every engine of package
// blob passes, and Fault, a store that fails as a test tells it to.
package blobtest
