// Package importer brings calendars over from any CalDAV server and from iCalendar
// files, as package importing has it: names, colours, descriptions, order and
// component sets of the calendars, and every object byte for byte.
//
// A file of many objects is cut into calendar object resources (RFC 4791 section
// 4.1): the components of one UID, byte for byte as they stand, between the file's own
// VERSION and PRODID and with the time zones that they name. METHOD is left out: what
// is stored in a calendar is no message.
package importer
