// Package portaltest tests the portal as a whole: a real store, the embedded
// provider on an origin of its own, and people who come by HTTP or with a real
// browser. It holds tests alone.
package portaltest
