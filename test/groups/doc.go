// Package groups runs the built server and asks what people may do with shared
// accounts by grants to themselves and to their groups. IMAP, SMTP, CalDAV, CardDAV and
// WebDAV have to give one answer, whoever says of the group and however people sign in;
// and when a grant or a membership ends, so does what is open.
package groups
