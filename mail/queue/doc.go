// Package queue sends what waits to be sent: it takes messages from submission
// and SMTP into durable rows, delivers local recipients at once, hands the others
// to the smarthost with retry and back-off, and tells senders what became of
// their mail (delivery status notifications, RFC 3464).
//
// Rows, leases and sealed bodies are the store's; the policy is here. A worker
// claims due recipients by a short update that leases them, makes the attempt
// with no transaction open, and notes the outcome only if the lease is still its
// own. A process that dies between a peer's acceptance and that note leaves the
// recipient to be sent again: mail may arrive twice, never zero times. A local
// delivery and its mark are one transaction, so it happens exactly once. A process
// that is told to end gives its leases back; those of one that is killed run out,
// and only then are its recipients tried again.
//
// Whatever fails in between, a missing or broken smarthost included, is a
// temporary failure: the message waits, and at the end of its lifetime the
// sender is told.
package queue
