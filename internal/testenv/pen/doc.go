// Package pen is an OpenID provider that signs whatever a test tells it: tokens with
// true claims and with false ones, by its own keys.
package pen
