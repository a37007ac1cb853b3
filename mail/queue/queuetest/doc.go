// Package queuetest opens a house for tests of what carries mail: a store on
// the embedded engines with people in it, the mail service, logins, a queue that
// runs, and a smarthost that misbehaves on request.
package queuetest
