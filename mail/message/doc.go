// Package message reads Internet messages (RFC 5322, MIME) for those who store and serve them: it finds the
// envelope, the tree of parts and the byte range of each in one streaming pass, writes them in IMAP's wire form,
// and turns parts into text for search and preview.
//
// Nothing here refuses a message. What cannot be understood is read as the least that makes sense (an opaque leaf,
// a field as received), because one malformed message must never make a mailbox unreadable. Every reader is
// bounded in size, depth, count and time, whatever the input; see [Limits].
//
// The way in is a [Scanner]: write the message to it in pieces of any size, then call Finish for the [Message].
// Parts are known by byte ranges of the original, so sections are answered by reading ranges, exactly as received.
package message
