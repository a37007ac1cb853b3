// Package importer brings address books over from any CardDAV server and from vCard
// files, as package importing has it: names and descriptions of the books, and every
// card byte for byte.
//
// A card without UID cannot be kept (RFC 6352 section 5.1). It is given one made of its
// content, so that the same card comes once only. Cards of version 2.1 are kept as
// version 3.0. The report names each card that was changed.
package importer
