package importer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"regexp"
	"slices"
	"strings"

	"github.com/emersion/go-webdav/caldav"

	"fachwerk/calendar"
	"fachwerk/internal/importing"
	"fachwerk/internal/resource"
)

func cal(local string) xml.Name { return xml.Name{Space: calendar.Namespace, Local: local} }

var description = cal("calendar-description")

// Server is the calendars of a user of a CalDAV server.
func Server(c *importing.Client, user string) importing.Source {
	return &importing.Home{
		Client: c, User: user, Type: cal("calendar"), WellKnown: "/.well-known/caldav", Suffix: suffix,
		Find:  func(ctx context.Context, address string) ([]string, error) { return find(ctx, c, address) },
		Props: []xml.Name{description, importing.Color, importing.Order, calendar.ComponentSet, calendar.Timezone, calendar.TimezoneID},
		Describe: func(r *importing.Resource) []resource.Property {
			return describe(about{title: r.Text(importing.DisplayName), description: r.Text(description), color: r.Text(importing.Color),
				order: r.Text(importing.Order), components: components(r.Prop(calendar.ComponentSet)),
				zone: r.Text(calendar.Timezone), tzid: r.Text(calendar.TimezoneID)})
		},
	}
}

// find discovers calendars: principal, home, members (RFC 4791 section 6.2.1).
func find(ctx context.Context, c *importing.Client, address string) ([]string, error) {
	client, err := caldav.NewClient(c, address)
	if err != nil {
		return nil, err
	}
	members := func(ctx context.Context, home string) (paths []string, err error) {
		list, err := client.FindCalendars(ctx, home)
		for _, found := range list {
			paths = append(paths, found.Path)
		}
		return paths, err
	}
	return importing.Discovery{Principal: client.FindCurrentUserPrincipal, Home: client.FindCalendarHomeSet, Members: members}.Find(ctx, address)
}

// components are the names of a supported-calendar-component-set that are known here.
func components(set *importing.Element) []string {
	if set == nil {
		return nil
	}
	var names []string
	for i := range set.Children {
		name := strings.ToUpper(set.Children[i].Attr("name"))
		if slices.Contains(calendar.AllComponents(), name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// about is what a source says of a calendar.
type about struct {
	title, description, color, order string
	zone, tzid                       string // calendar-timezone, calendar-timezone-id
	components                       []string
}

var (
	hexColor = regexp.MustCompile(`^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?$`)
	number   = regexp.MustCompile(`^[0-9]{1,9}$`)
)

// describe makes the properties of a calendar here.
func describe(a about) []resource.Property {
	var list []resource.Property
	text := func(name xml.Name, value string) {
		if value != "" {
			list = append(list, resource.Property{Name: name, Value: calendar.TextElement(name, value)})
		}
	}
	text(importing.DisplayName, a.title)
	text(description, a.description)
	if hexColor.MatchString(a.color) {
		text(importing.Color, a.color)
	}
	if number.MatchString(a.order) {
		text(importing.Order, a.order)
	}
	if len(a.components) > 0 {
		var b bytes.Buffer
		b.WriteString(`<supported-calendar-component-set xmlns="` + calendar.Namespace + `">`)
		for _, c := range a.components {
			b.WriteString(`<comp name="` + c + `"/>`)
		}
		b.WriteString(`</supported-calendar-component-set>`)
		list = append(list, resource.Property{Name: calendar.ComponentSet, Value: b.Bytes()})
	}
	if a.zone != "" {
		if _, tzid, err := calendar.ParseZone([]byte(a.zone)); err == nil {
			text(calendar.Timezone, a.zone)
			a.tzid = cmp.Or(a.tzid, tzid)
		}
	}
	if _, err := calendar.NamedZone(a.tzid); err == nil {
		text(calendar.TimezoneID, a.tzid)
	}
	return list
}
