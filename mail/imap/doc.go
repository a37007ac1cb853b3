// Package imap is the IMAP server: it speaks IMAP4rev1 (RFC 3501) and IMAP4rev2 (RFC 9051) with their extensions over
// package mail. docs/rfc.md lists what of which document is there.
//
// A [Server] accepts connections; each is served by one goroutine, its session. A session reads a whole command, locks
// itself, runs it, and reads the next. While it idles (RFC 9051 6.3.13) other goroutines may lock it to report what
// changed; nothing else writes to a connection that is not theirs.
//
// Sequence numbers are the session's own: it holds the newest snapshot of its mailbox together with the UIDs that
// its client still counts though they are expunged, and reports these only where RFC 9051 7.5.1 permits. A FETCH of
// such a message is answered with NO [EXPUNGEISSUED].
//
// BODY[] answers carry 0x80 in the place of NUL, which no literal may hold (RFC 9051 4.3); the length stays right, and
// BINARY[] gives the bytes exactly.
package imap
