package dav

import "encoding/xml"

// Namespaces of properties and elements.
const (
	NamespaceDAV     = "DAV:"
	NamespaceCalDAV  = "urn:ietf:params:xml:ns:caldav"
	NamespaceCardDAV = "urn:ietf:params:xml:ns:carddav"
	NamespaceCS      = "http://calendarserver.org/ns/"
	NamespaceApple   = "http://apple.com/ns/ical/"
	NamespaceOC      = "http://owncloud.org/ns"
	NamespaceNC      = "http://nextcloud.org/ns"
)

// D is a name in the DAV: namespace.
func D(local string) xml.Name { return xml.Name{Space: NamespaceDAV, Local: local} }

// CalDAV is a name of RFC 4791.
func CalDAV(local string) xml.Name { return xml.Name{Space: NamespaceCalDAV, Local: local} }

// CardDAV is a name of RFC 6352.
func CardDAV(local string) xml.Name { return xml.Name{Space: NamespaceCardDAV, Local: local} }

// CS is a name of CalendarServer's extensions.
func CS(local string) xml.Name { return xml.Name{Space: NamespaceCS, Local: local} }

// prefixes are declared on the root of every answer.
var prefixes = [...]struct{ space, prefix string }{
	{NamespaceDAV, "D"},
	{NamespaceCalDAV, "C"},
	{NamespaceCardDAV, "CR"},
	{NamespaceCS, "CS"},
	{NamespaceApple, "A"},
	{NamespaceOC, "oc"},
	{NamespaceNC, "nc"},
}
