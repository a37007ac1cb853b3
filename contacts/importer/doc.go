// Package importer brings address books over from any CardDAV server and from vCard
// files, as package importing has it: names and descriptions of the books, and every
// card byte for byte.
//
// A card without UID cannot be kept (RFC 6352 section 5.1). It is given one made of its
// content, so that the same card comes once only, and the report says so.
package importer
