// Package house keeps the rules of the house: who may import whom, that every
// package says what it is, and that no file names a place outside the project.
//
// Its tests parse the files themselves. Asking `go list` in a subprocess would
// let the test cache answer after a forbidden import was added.
package house
