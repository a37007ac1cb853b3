// Package smtp is the server side of mail transport: LMTP (RFC 2033) and SMTP
// (RFC 5321) for mail that comes in, and submission (RFC 6409) for mail that
// people send.
//
// One [Server] serves one listener kind, its [Mode]. A connection is one
// goroutine: it reads a command line or message bytes through a wire, parses
// once into a command, and answers through the same wire, which flushes just
// before it would wait for the client (PIPELINING, RFC 2920).
//
// LMTP delivers each recipient in a transaction of its own and answers for each.
// SMTP and submission write one durable queue row for each tenant concerned and
// answer once; package mail/queue delivers from there. Nothing is answered with
// 250 before it is durable.
//
// Only CRLF "." CRLF ends DATA. A CR without LF or a LF without CR in a message
// is refused (554 5.6.11) by SMTP and submission; LMTP, which serves trusted
// networks only, keeps the bytes as they came.
package smtp
