// Package budget bounds the memory that all requests of the process take together for large things. Who is about to
// hold a large object says first how many bytes that takes, waits until so many are free, and gives them back.
//
// A [Budget] is fair: who came first is served first, however much was asked for, and one holder (a person) can have
// only a share at a time and waits for its own share before it stands in the queue with the others. So ten requests
// of one person delay somebody else's by one of them at most.
//
// It cannot deadlock as long as nobody asks while holding something of the same Budget: a request adds up what it
// needs and asks once. Nothing may be held while a client is waited for that sends; who gathers a body spools it
// first.
package budget
