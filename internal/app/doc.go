// Package app puts the server together: it reads the configuration, opens the
// engines that it names, builds store, mail, login and the protocol heads on
// top of each other, and starts and stops listeners in the right order.
//
// It is the only place that knows all parts. Nothing registers itself: what is
// wired is written down here, call by call. Command-line commands come through
// [Installation]; `serve` and `demo` through [Server].
package app
