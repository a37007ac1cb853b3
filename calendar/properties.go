package calendar

import (
	"bytes"
	"encoding/xml"
	"strings"
	"time"

	"fachwerk/calendar/ical"
	"fachwerk/internal/resource"
)

// Namespace is that of CalDAV (RFC 4791 12.1).
const Namespace = "urn:ietf:params:xml:ns:caldav"

// Properties of a calendar that mean something here; they are stored as they
// were sent.
var (
	ComponentSet = xml.Name{Space: Namespace, Local: "supported-calendar-component-set"}
	Timezone     = xml.Name{Space: Namespace, Local: "calendar-timezone"}
	TimezoneID   = xml.Name{Space: Namespace, Local: "calendar-timezone-id"} // RFC 7809 5.2
)

// AllComponents are what a calendar takes where it was not made for some of them.
func AllComponents() []string { return []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"} }

// Components is the supported-calendar-component-set of a calendar with these
// stored properties.
func Components(stored []resource.Property) []string {
	for _, p := range stored {
		if p.Name == ComponentSet {
			if names := ComponentNames(p.Value); len(names) > 0 {
				return names
			}
		}
	}
	return AllComponents()
}

// ComponentNames reads the comp elements of a supported-calendar-component-set.
func ComponentNames(element []byte) []string {
	var set struct {
		Comp []struct {
			Name string `xml:"name,attr"`
		} `xml:"urn:ietf:params:xml:ns:caldav comp"`
	}
	if xml.Unmarshal(element, &set) != nil {
		return nil
	}
	var names []string
	for _, c := range set.Comp {
		names = append(names, strings.ToUpper(c.Name))
	}
	return names
}

// Zone is the time zone in which a calendar with these stored properties reads
// floating times (RFC 4791 7.3, RFC 7809 5.2); UTC where it says none.
func Zone(stored []resource.Property) *time.Location {
	for _, p := range stored {
		if p.Name == TimezoneID {
			if zone, ok := ical.LookupZone(strings.TrimSpace(elementText(p.Value))); ok {
				return zone
			}
		}
	}
	for _, p := range stored {
		if p.Name == Timezone {
			if zone, _, err := ParseZone([]byte(elementText(p.Value))); err == nil {
				return zone
			}
		}
	}
	return time.UTC
}

// maxZone is how many bytes the text of a time zone may have. Those of programs that know
// each change since 1900 have about 20,000.
const maxZone = 64 << 10

// ParseZone reads the text of a calendar-timezone, which must be a calendar with
// one VTIMEZONE (RFC 4791 5.2.2); tzid is the zone's name. The error is a *Refusal.
func ParseZone(text []byte) (zone *time.Location, tzid string, err error) {
	if len(text) > maxZone {
		return nil, "", refuse("valid-calendar-data", "The time zone has more than %d bytes.", maxZone)
	}
	c, err := ical.Parse(bytes.TrimSpace(text))
	if err == nil {
		zone, tzid, err = ical.CalendarZone(c)
	}
	if err != nil {
		return nil, "", refuse("valid-calendar-data", "The time zone is no calendar with exactly one VTIMEZONE.")
	}
	return zone, tzid, nil
}

// NamedZone finds a time zone by name (RFC 7809 5.2). The error is a *Refusal.
func NamedZone(tzid string) (*time.Location, error) {
	if zone, ok := ical.LookupZone(tzid); ok {
		return zone, nil
	}
	return nil, refuse("valid-timezone", "There is no time zone of that name.")
}

func elementText(element []byte) string {
	var e struct {
		Text string `xml:",chardata"`
	}
	if xml.Unmarshal(element, &e) != nil {
		return ""
	}
	return e.Text
}

// TextElement is a property of that name whose value is text.
func TextElement(name xml.Name, text string) []byte {
	var b bytes.Buffer
	b.WriteString("<x:" + name.Local + ` xmlns:x="` + name.Space + `">`)
	_ = xml.EscapeText(&b, []byte(text)) // a bytes.Buffer takes everything
	b.WriteString("</x:" + name.Local + ">")
	return b.Bytes()
}
