// Package thunderbird runs a real Thunderbird for a test, on a screen that nobody looks
// at, and does in it what a person does: set up an account by the mail address, read,
// move and send mail, see new mail arrive, make and change events and contacts.
//
// It is driven through Marionette, the remote control that Mozilla's programs have
// built in, by scripts that call what Thunderbird's own windows call. What it cannot do
// within minutes fails the test.
package thunderbird
