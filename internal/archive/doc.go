// Package archive takes an account out of the house and brings it back: everything a
// person or a function mailbox has, as a folder of files in open formats that other
// programs read, with a manifest that says what each of them is.
//
// The folder:
//
//	LIESMICH-README.txt              what this is, for people
//	manifest.json                    JSON lines: [Header], [Collection], [Item], [Totals]
//	mail/Akten/2026/{cur,new,tmp}    mailboxes as Maildirs, or mail/Akten/2026.mbox
//	calendars/arbeit/1.ics           an object a file, with collection.json, displayname, color
//	addressbooks/contacts/1.vcf      a card a file, likewise
//	files/…                          the drive as it is
//	trash/…                          what was deleted from it
//	removed.json                     JSON lines: what later runs took away
//	.fachwerk/                       while an export is not finished, and its lock
//
// An export reads the account's journal up to a mark, a modseq of the account, while
// the account is used. It reads listings first and content after that; what changed
// meanwhile is in the journal and is read again, until nothing has changed between the
// beginning and the end of a reading and the content of all that was listed is here.
// Then the folder is the account as it was at the mark. Under writers that never pause
// for the milliseconds this takes, the export ends after [ExportOptions.Settle] with
// every collection as it was at one moment, though not all at the same one; the header
// says so.
//
// Every file that is written is noted before it gets its name, so an export that was
// killed goes on where it was, and a later run fetches only what is new.
package archive
