package caldav

import (
	"context"
	"encoding/xml"
	"net/http"
	"slices"

	"fachwerk/calendar"
	"fachwerk/dav"
	"fachwerk/internal/resource"
)

// MakeCollection judges MKCALENDAR and extended MKCOL (RFC 4791 5.3.1, RFC 5689). A
// plain MKCOL would make a collection that is no calendar: there are none here.
func (h *Head) MakeCollection(_ context.Context, c *dav.Creation) error {
	if c.Target.Level != dav.AtCollection {
		return dav.Refusal(http.StatusForbidden, dav.CalDAV("calendar-collection-location-ok"),
			"A calendar can be made in a calendar home only.")
	}
	if c.Method == "MKCALENDAR" {
		return nil
	}
	if len(c.Types) != 1 || c.Types[0] != dav.CalDAV("calendar") {
		return dav.Refusal(http.StatusForbidden, dav.D("valid-resourcetype"),
			"Only calendars can be made here: by MKCALENDAR, or by MKCOL with the resource type calendar.")
	}
	return nil
}

// setComponents takes the supported-calendar-component-set of a new calendar; later
// it is protected (RFC 4791 5.2.3).
func setComponents(_ context.Context, c *dav.Change) ([]resource.PropertyChange, error) {
	if !c.Creating {
		return nil, dav.Refusal(http.StatusForbidden, dav.D("cannot-modify-protected-property"),
			"What a calendar holds is decided when it is made.")
	}
	if c.Remove {
		return nil, nil
	}
	value := c.Element.Verbatim()
	names := calendar.ComponentNames(value)
	if len(names) == 0 {
		return nil, dav.Refusal(http.StatusForbidden, dav.CalDAV("supported-calendar-component"), "No component is named.")
	}
	for _, n := range names {
		if !slices.Contains(calendar.AllComponents(), n) {
			return nil, dav.Refusal(http.StatusForbidden, dav.CalDAV("supported-calendar-component"), "Calendars cannot hold %s.", n)
		}
	}
	return []resource.PropertyChange{{Name: c.Name, Value: value}}, nil
}

// setTimezone takes a calendar-timezone, and the calendar-timezone-id that belongs to
// it (RFC 7809 5.2).
func setTimezone(_ context.Context, c *dav.Change) ([]resource.PropertyChange, error) {
	if c.Remove {
		return []resource.PropertyChange{{Name: calendar.Timezone}, {Name: calendar.TimezoneID}}, nil
	}
	_, tzid, err := calendar.ParseZone([]byte(c.Element.Text))
	if err != nil {
		return nil, explain(err)
	}
	id := resource.PropertyChange{Name: calendar.TimezoneID}
	if _, err := calendar.NamedZone(tzid); err == nil {
		id.Value = calendar.TextElement(calendar.TimezoneID, tzid)
	}
	return []resource.PropertyChange{{Name: c.Name, Value: c.Element.Verbatim()}, id}, nil
}

// setTimezoneID takes a zone by its name; calendar-timezone then says the same.
func setTimezoneID(_ context.Context, c *dav.Change) ([]resource.PropertyChange, error) {
	if c.Remove {
		return []resource.PropertyChange{{Name: calendar.Timezone}, {Name: calendar.TimezoneID}}, nil
	}
	tzid := c.Element.Value()
	zone, err := calendar.NamedZone(tzid)
	if err != nil {
		return nil, explain(err)
	}
	text := calendar.TextElement(calendar.Timezone, string(calendar.ZoneText(zone, tzid)))
	return []resource.PropertyChange{{Name: c.Name, Value: c.Element.Verbatim()}, {Name: calendar.Timezone, Value: text}}, nil
}

// setTransparency takes schedule-calendar-transp (RFC 6638 9.1).
func setTransparency(_ context.Context, c *dav.Change) ([]resource.PropertyChange, error) {
	if c.Remove {
		return []resource.PropertyChange{{Name: c.Name}}, nil
	}
	if c.Element.Child(dav.CalDAV("opaque")) == nil && c.Element.Child(dav.CalDAV("transparent")) == nil {
		return nil, dav.Refusal(http.StatusConflict, xml.Name{}, "It is either opaque or transparent.")
	}
	return []resource.PropertyChange{{Name: c.Name, Value: c.Element.Verbatim()}}, nil
}
