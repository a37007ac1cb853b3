// Package vdir writes the configurations of programs that keep calendars and contacts
// as folders of files: vdirsyncer, which copies them to and from a server, and khal,
// which shows what is in them.
package vdir
