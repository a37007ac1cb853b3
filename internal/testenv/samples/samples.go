package samples

import "strings"

// Event is a calendar object with an event of one hour. What is more are further content
// lines of it, such as "ORGANIZER:mailto:anna@musterstadt.example".
func Event(uid, summary string, more ...string) string {
	return lines("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//musterstadt.example//test//DE", "BEGIN:VEVENT",
		"UID:"+uid, "DTSTAMP:20261122T090000Z", "DTSTART:20261201T090000Z", "DTEND:20261201T100000Z", "SUMMARY:"+summary) +
		lines(more...) + lines("END:VEVENT", "END:VCALENDAR")
}

// Card is a contact card.
func Card(uid, name string) string {
	return lines("BEGIN:VCARD", "VERSION:3.0", "UID:"+uid, "FN:"+name, "N:"+name+";;;;", "END:VCARD")
}

func lines(list ...string) string {
	var b strings.Builder
	for _, line := range list {
		b.WriteString(line + "\r\n")
	}
	return b.String()
}
