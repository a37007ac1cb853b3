// Package davbench measures calendars, contacts and files beside Cyrus, Radicale
// and Apache's mod_dav on the same machine: the same requests over HTTP on
// loopback, in alternating runs, with the answers checked, and prints ratios. It
// asserts no speed: machines are noisy. What was found stands in
// docs/performance.md. Run it by make bench-dav.
package davbench
