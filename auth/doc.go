// Package auth answers who is asking: it checks app passwords and bearer
// tokens, keeps portal sessions, throttles guessing, and tells open
// connections when their login has ended.
//
// It declares what it needs to know about people ([People], [AppPasswords],
// [Sessions], [Tickets]); the store implements it. Protocol heads ask an
// [Authenticator] and get a [Principal].
package auth
