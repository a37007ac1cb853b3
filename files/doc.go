// Package files keeps drives: the files and folders of a person, a team or an
// office, what their names may be, the digests they were sent with, and the trash
// that deleted ones wait in.
//
// It knows no HTTP: package dav/webdav reads headers and asks a [Service], the
// portal's trash page asks the same one. How files are stored is resource's affair.
//
// # Names
//
// A name is kept in Unicode normalisation form C, whatever form it comes in, and
// looked up in that form: a Mac's decomposed "Übersicht.odt" and a Linux program's
// composed one are the same file, and two that differ in nothing else cannot exist.
// Case counts. Names that Windows cannot hold are kept; docs/clients.md says what
// Windows makes of them. See [Name] for what is refused.
package files
