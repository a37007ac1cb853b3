// Package wire reads and writes IMAP's lines: a bounded reader that turns a connection into whole commands, a parser
// for one command's words, a buffered writer of responses, and the small grammars beside them (number sets, modified
// UTF-7, LIST patterns). It knows no mailboxes and no sessions.
//
// A command is read whole, literals included, into one bounded buffer and parsed there, so the parser is a pure
// function of bytes. Only a message on its way in (APPEND) is streamed. Sections named in comments are those of
// RFC 9051 unless another document is named.
package wire
