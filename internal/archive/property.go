package archive

import (
	"encoding/xml"
	"strings"
)

// propertyText is the text of a property, "" where it is not there.
func propertyText(list []Property, space, local string) string {
	for _, p := range list {
		if p.Space != space || p.Local != local {
			continue
		}
		var e struct {
			Text string `xml:",chardata"`
		}
		if xml.Unmarshal([]byte(p.Value), &e) == nil {
			return strings.TrimSpace(e.Text)
		}
	}
	return ""
}

// color is a calendar's as #RRGGBB, "" where it has none: Apple's property may have
// two digits more.
func color(list []Property) string {
	c := propertyText(list, "http://apple.com/ns/ical/", "calendar-color")
	if len(c) == 9 {
		c = c[:7]
	}
	if len(c) != 7 || c[0] != '#' || strings.Trim(c[1:], "0123456789abcdefABCDEF") != "" {
		return ""
	}
	return c
}
