package portal

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// checkDAV reads Config.DAV: an origin, with or without the slash behind it.
func checkDAV(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("portal: %q is not an origin such as https://dav.portal.example", text)
	}
	return u, nil
}

// offersDAV reports whether there are calendars, contacts and files.
func (p *Portal) offersDAV() bool { return p.dav != nil }

// davPort is the port that clients connect to where they ask for it apart.
func (p *Portal) davPort() int {
	if port, err := strconv.Atoi(p.dav.Port()); err == nil {
		return port
	}
	if p.dav.Scheme == "http" {
		return 80
	}
	return 443
}

// endpoint is one of the addresses that clients are told.
type endpoint int

const (
	atBase         endpoint = iota // where clients look around by themselves (RFC 6764)
	atCalendars                    // the calendar home
	atAddressBooks                 // the address book home
	atFiles                        // the drive
	atDrives                       // all drives that the person may read
	atTrash                        // what was deleted from the drive
	atFilesGNOME                   // the drive, in the writing of GNOME's file manager
	atFilesKDE                     // the drive, in the writing of KDE's file manager
)

// endpointLabels are the text keys for what an address is.
var endpointLabels = map[endpoint]string{
	atBase: "at.base", atCalendars: "at.calendars", atAddressBooks: "at.addressbooks", atFiles: "at.files",
	atDrives: "at.drives", atTrash: "at.trash", atFilesGNOME: "at.files", atFilesKDE: "at.files",
}

// address writes an endpoint as a URL for the owner of a mail address. The mail
// address is one path segment; its @ stays (RFC 3986 3.3).
func (p *Portal) address(at endpoint, owner string) string {
	owner = url.PathEscape(owner) + "/"
	switch at {
	case atCalendars:
		return p.dav.String() + "/calendars/" + owner
	case atAddressBooks:
		return p.dav.String() + "/addressbooks/" + owner
	case atFiles:
		return p.dav.String() + "/files/" + owner
	case atDrives:
		return p.dav.String() + "/files/"
	case atTrash:
		return p.dav.String() + "/trash/" + owner
	case atFilesGNOME:
		return p.scheme("dav") + "/files/" + owner
	case atFilesKDE:
		return p.scheme("webdav") + "/files/" + owner
	}
	return p.dav.String() + "/"
}

// scheme is the origin with a file manager's own name for http and https.
func (p *Portal) scheme(name string) string {
	u := *p.dav
	u.Scheme = name + strings.TrimPrefix(u.Scheme, "http")
	return u.String()
}

// quote writes a word for a POSIX shell.
func quote(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("@%+=:,./-_", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
