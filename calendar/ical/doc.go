// Package ical understands iCalendar (RFC 5545): it parses calendars, says whether one is a calendar object resource
// (RFC 4791 4.1), and answers what happens when: recurrence with overrides, time zones, alarms, busy time.
//
// The way in is [Parse] for the tree of components and [NewObject] for its meaning. Whatever is asked of an [Object]
// is bounded in work as well as in results; [ErrTooManyInstances] says that a bound was met.
//
// # Recurrence
//
// DTSTART is always an instance (RFC 5545 3.8.5.3). Where it does not match the rule, which the RFC leaves undefined, COUNT
// does not count it, as in KDE's library and in python-dateutil. Rules go by the clock of DTSTART's zone, those by the
// hour and less too: an hour that a zone skips or has twice gives one instance. UNTIL as a DATE means the whole day.
//
// # Time zones
//
// A TZID that names an IANA zone, plainly or behind one of the known prefixes (/mozilla.org/…,
// /freeassociation.sourceforge.net/…), means that zone as this program's time zone data has it, whatever a VTIMEZONE
// of that name says: calendars carry old and truncated definitions, and laws change. Any other TZID means the VTIMEZONE
// of that name in the object; without one, the zone that Windows or Outlook call by that name (RFC 7809 lets
// clients leave VTIMEZONE away). What is then still unknown is read as floating time.
package ical
