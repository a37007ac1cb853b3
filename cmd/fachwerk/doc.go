// Command fachwerk is the server and its command line: one program for mail,
// login and the portal.
//
// Exit statuses: 0 it worked; 1 it failed; 2 the command line or the
// configuration is wrong; 3 `check` found something.
package main
