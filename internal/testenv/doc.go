// Package testenv runs the whole server inside the test's process, on free
// ports and embedded engines, for tests of a protocol from outside. Tests of the
// built program are in test/system.
package testenv
