package caldav

import (
	"context"
	"encoding/xml"
	"strconv"

	"fachwerk/calendar"
	"fachwerk/calendar/ical"
	"fachwerk/dav"
)

// apple is a name of Apple's calendar properties.
func apple(local string) xml.Name { return xml.Name{Space: dav.NamespaceApple, Local: local} }

// Properties are those of RFC 4791 5.2 and their kin. As RFC 4791 asks, none of its
// own is in the answer to allprop.
func (h *Head) Properties() []dav.LiveProperty {
	limits := h.calendar.Limits()
	return []dav.LiveProperty{
		{Name: dav.CalDAV("calendar-description"), On: dav.AtCollection},
		{Name: calendar.Timezone, On: dav.AtCollection, Set: setTimezone},
		{Name: calendar.TimezoneID, On: dav.AtCollection, Set: setTimezoneID},
		{Name: calendar.ComponentSet, On: dav.AtCollection, Need: dav.NeedStored, Value: componentSet, Set: setComponents},
		{Name: dav.CalDAV("schedule-calendar-transp"), On: dav.AtCollection, Set: setTransparency},
		{Name: apple("calendar-color"), On: dav.AtCollection, All: true},
		{Name: apple("calendar-order"), On: dav.AtCollection, All: true},
		{Name: dav.CalDAV("supported-calendar-data"), On: dav.AtCollection, Value: supportedData},
		{Name: dav.CalDAV("supported-collation-set"), On: dav.AtCollection | dav.AtHome | dav.AtMember, Value: collationSet},
		fixed("max-resource-size", strconv.FormatInt(limits.Size, 10)),
		fixed("max-instances", strconv.Itoa(limits.Instances)),
		fixed("max-attendees-per-instance", strconv.Itoa(limits.Attendees)),
		fixed("min-date-time", ical.FormatUTC(limits.MinDate)),
		fixed("max-date-time", ical.FormatUTC(limits.MaxDate)),
		{Name: dataName, On: dav.AtMember, Need: dav.NeedBody, Streams: true, Value: h.data},
	}
}

func fixed(local, text string) dav.LiveProperty {
	return dav.LiveProperty{Name: dav.CalDAV(local), On: dav.AtCollection, Value: func(_ context.Context, v *dav.Value) (bool, error) {
		v.XML.Element(dav.CalDAV(local), text)
		return true, nil
	}}
}

func componentSet(_ context.Context, v *dav.Value) (bool, error) {
	v.XML.Open(calendar.ComponentSet)
	for _, name := range calendar.Components(v.Target.Stored) {
		v.XML.Empty(dav.CalDAV("comp"), "name", name)
	}
	v.XML.Close(calendar.ComponentSet)
	return true, nil
}

func supportedData(_ context.Context, v *dav.Value) (bool, error) {
	v.XML.Open(dav.CalDAV("supported-calendar-data"))
	v.XML.Empty(dataName, "content-type", "text/calendar", "version", "2.0")
	v.XML.Close(dav.CalDAV("supported-calendar-data"))
	return true, nil
}

func collationSet(_ context.Context, v *dav.Value) (bool, error) {
	v.XML.Open(dav.CalDAV("supported-collation-set"))
	for _, c := range calendar.Collations() {
		v.XML.Element(dav.CalDAV("supported-collation"), string(c))
	}
	v.XML.Close(dav.CalDAV("supported-collation-set"))
	return true, nil
}
