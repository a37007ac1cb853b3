package archive

import "fmt"

// readme tells people what the folder is, in German first.
func readme(h *Header) string {
	mail := [2]string{
		"mail/          Postfächer als Maildir (cur, new, tmp); Unterordner sind Unterpostfächer.",
		"mail/          mailboxes as Maildirs (cur, new, tmp); folders inside are inferior mailboxes.",
	}
	if h.Mail == Mbox {
		mail = [2]string{
			"mail/          Postfächer als mbox-Dateien (mboxrd).",
			"mail/          mailboxes as mbox files (mboxrd).",
		}
	}
	return fmt.Sprintf(`Daten von %[1]s

Dieser Ordner enthält alles, was dieses Konto hatte (Stand: %[2]s).
Die Formate sind offen; andere Programme lesen sie ohne Fachwerk.

%[3]s
calendars/     Kalender: je Termin oder Aufgabe eine iCalendar-Datei (.ics).
addressbooks/  Adressbücher: je Kontakt eine vCard-Datei (.vcf).
files/         Dateien, wie sie in der Ablage lagen, mit ihren Zeiten.
trash/         Gelöschte Dateien, deren Frist noch lief.
manifest.json  Eine Zeile JSON je Eintrag: Prüfsumme (SHA-256), Größe, Zeiten, Kennzeichen,
               Eigenschaften; am Ende die Summen.
removed.json   Was spätere Läufe des Exports entfernt haben (nur, wenn es das gab).

Zurückholen:   fachwerk import account ORDNER --to ADRESSE
Der Ordner enthält persönliche Daten. Bewahren Sie ihn entsprechend auf.

--------------------------------------------------------------------------------

Data of %[1]s

This folder holds everything that the account had (as of %[2]s).
The formats are open; other programs read them without Fachwerk.

%[4]s
calendars/     calendars: an iCalendar file (.ics) an event or task.
addressbooks/  address books: a vCard file (.vcf) a contact.
files/         files as they lay in the drive, with their times.
trash/         deleted files whose time was not over yet.
manifest.json  a line of JSON an entry: digest (SHA-256), size, times, flags, properties;
               totals at the end.
removed.json   what later runs of the export removed (only if there was any).

To bring it back:   fachwerk import account FOLDER --to ADDRESS
The folder holds personal data. Keep it accordingly.
`, h.Address, h.Taken, mail[0], mail[1])
}
