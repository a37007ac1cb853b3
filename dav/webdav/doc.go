// Package webdav is the thin head for files: what drives and their trash have beside
// what package dav gives to all. It reads the headers that sync clients add to a PUT
// (times, digests, lengths), has the properties they ask for, and shows a folder to
// people who open its address in a browser.
//
// [Files] is mounted at /files/, [Trash] at /trash/; both show the one drive of an
// account, from two roots.
package webdav
