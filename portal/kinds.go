package portal

import "fachwerk/auth"

// The four kinds of data, which are the four services: as Place.Kind has them, in
// paths and at the end of text keys.
const (
	mailKind     = "mail"
	calendarKind = "calendar"
	contactsKind = "contacts"
	filesKind    = "files"
)

// kindScopes are what an app password needs for a kind.
var kindScopes = map[string]auth.Scope{
	mailKind: auth.MailRead | auth.MailSend, calendarKind: auth.Calendars, contactsKind: auth.Contacts, filesKind: auth.Files,
}

// kinds are those that this portal offers, in the order in which people see them.
func (p *Portal) kinds() (list []string) {
	if len(p.incoming()) > 0 || !p.offersDAV() {
		list = append(list, mailKind)
	}
	if p.offersDAV() {
		list = append(list, calendarKind, contactsKind, filesKind)
	}
	return list
}
