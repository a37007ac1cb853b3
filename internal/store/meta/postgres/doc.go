// Package postgres keeps the metadata of one site in PostgreSQL.
//
// Statements of a batch travel in one pipeline, BEGIN with the first of them. A
// connection that holds a lock and says nothing for 5 seconds is ended by the
// server, a lock is waited for 2 seconds, and a COMMIT whose answer is lost is told
// as an unknown outcome.
package postgres
