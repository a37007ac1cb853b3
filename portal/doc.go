// Package portal is what a person sees in a browser: how to set up a device for
// mail, calendars, contacts and files, app passwords and sessions and how to end
// them, what was deleted and how to get it back, and where the own data lies.
//
// Pages are rendered here and need no JavaScript. They come in German and
// English, by what the browser asks for. The portal signs in at the configured
// OpenID provider, on an origin of its own, and takes no other login.
package portal
