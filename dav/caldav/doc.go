// Package caldav is the CalDAV head (RFC 4791): what package dav needs to know of
// calendars. It turns hrefs, properties and reports into calls of package calendar
// and its refusals into preconditions; HTTP, conditions and sync are dav's.
package caldav
