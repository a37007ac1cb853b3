package importer

import (
	"cmp"
	"strings"

	"fachwerk/calendar/ical"
	"fachwerk/internal/importing"
	"fachwerk/internal/resource"
)

// Files are the calendars of an iCalendar file, or of a folder of such files.
func Files(at string) importing.Source {
	return &importing.Exports{At: at, Suffix: suffix, Take: take,
		Named: func(title, color string) []resource.Property { return describe(about{title: title, color: color}) }}
}

// take takes one file apart.
func take(data []byte) importing.Export {
	list := read(data)
	gather(list)
	x := importing.Export{}
	for i := range list {
		c := &list[i]
		for _, o := range c.cut() {
			made := importing.Object{Key: o.uid, Make: o.text}
			if o.bad != "" {
				made.Err = importing.Refuse(importing.Invalid, "%s", o.bad)
			}
			x.Objects = append(x.Objects, made)
		}
	}
	if len(list) == 0 {
		x.Objects = []importing.Object{{Err: importing.Refuse(importing.Invalid, "there is no calendar in it")}}
		return x
	}
	p := list[0].properties
	x.Title = strings.TrimSpace(cmp.Or(p["NAME"], p["X-WR-CALNAME"]))
	if x.Title == "" && len(x.Objects) == 1 && whole(data) {
		x.Single, x.Objects[0] = true, importing.Object{Key: x.Objects[0].Key, Data: data}
		return x
	}
	if x.Title != "" {
		x.Properties = describe(about{title: x.Title, description: cmp.Or(p["X-WR-CALDESC"], p["DESCRIPTION"]),
			color: cmp.Or(p["X-APPLE-CALENDAR-COLOR"], p["COLOR"]), tzid: p["X-WR-TIMEZONE"]})
	}
	return x
}

// whole reports whether a file is one calendar object resource as it stands.
func whole(data []byte) bool {
	c, err := ical.Parse(data)
	if err != nil {
		return false
	}
	_, err = ical.NewObject(c)
	return err == nil
}
