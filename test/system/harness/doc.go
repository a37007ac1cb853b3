// Package harness runs the built program for system tests: the demo in a folder
// of its own, on free ports, on either pair of engines, stopped by process id.
//
// A test starts with
//
//	demo := harness.Start(t, harness.Options{})
//
// and finds addresses and passwords in demo.State, a logged-in IMAP client by
// demo.IMAP, deliveries by demo.Deliver, and the command line by demo.Command.
// Stop, Kill and Restart play an operator and a power cut. When the test fails,
// the server's log is shown.
package harness
