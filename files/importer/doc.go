// Package importer brings files and folders over from any WebDAV server and from a
// directory of this machine, as package importing has it: into an account's drive,
// with modification times and digests. Digests that a server tells are checked.
//
// Names are kept in NFC, as drives have them; what cannot be a name here is listed.
// Symbolic links and devices are listed and not followed.
package importer
