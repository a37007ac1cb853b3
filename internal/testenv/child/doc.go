// Package child runs processes beside a test: it keeps what they say and waits for
// their end.
package child
