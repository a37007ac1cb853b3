package ical

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"slices"
	"strings"

	"fachwerk/internal/contentline"
)

// split divides a calendar as programs export it into calendars that hold one
// calendar object resource each (RFC 4791 4.1): the components of one UID, with
// the VTIMEZONEs that they name and the calendar's own properties but METHOD
// and those that describe the whole calendar (X-WR-…, RFC 7986). They come in the order of the
// export and share its properties.
//
// A component without UID gets one made of its content, so that the same export
// gives the same objects again. Components that no calendar holds stay alone,
// for [NewObject] to say what is wrong with them.
func split(calendar *Component) []*Component {
	zones := map[string]*Component{}
	var shared []Property
	for _, p := range calendar.Properties {
		switch p.Name {
		case "VERSION", "PRODID", "CALSCALE":
			shared = append(shared, p)
		}
	}
	for _, c := range calendar.Components {
		if c.Name == "VTIMEZONE" {
			if p := c.Property("TZID"); p != nil && zones[p.Text()] == nil {
				zones[p.Text()] = c
			}
		}
	}
	type key struct{ kind, uid string }
	byKey := map[key]*Component{}
	var all []*Component
	for _, c := range calendar.Components {
		if c.Name == "VTIMEZONE" || strings.HasPrefix(c.Name, "X-") {
			continue
		}
		c = withUID(c)
		k := key{c.Name, c.Value("UID")}
		object := byKey[k]
		if object == nil {
			object = &Component{Name: "VCALENDAR", Properties: shared}
			byKey[k] = object
			all = append(all, object)
		}
		object.Components = append(object.Components, c)
	}
	for _, object := range all {
		object.Components = append(usedZones(object, zones), object.Components...)
	}
	return all
}

func withUID(c *Component) *Component {
	if p := c.Property("UID"); p != nil && strings.TrimSpace(p.Value) != "" || KindOf(c.Name) == 0 {
		return c
	}
	sum := sha256.Sum256(c.Append(nil))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a UUID of version 8 (RFC 9562 5.8)
	s := hex.EncodeToString(sum[:16])
	uid := s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	properties := slices.DeleteFunc(slices.Clone(c.Properties), func(p Property) bool { return p.Name == "UID" })
	return &Component{Name: c.Name, Properties: append(properties, Property{Name: "UID", Value: uid}), Components: c.Components}
}

// usedZones returns the time zones that a calendar's times name, each once.
func usedZones(calendar *Component, zones map[string]*Component) []*Component {
	var list []*Component
	seen := map[string]bool{}
	var look func(c *Component)
	look = func(c *Component) {
		for _, p := range c.Properties {
			tzid, ok := p.Param("TZID")
			if !ok || seen[tzid] {
				continue
			}
			seen[tzid] = true
			if zone := zones[contentline.UnescapeText(tzid)]; zone != nil {
				list = append(list, zone)
			}
		}
		for _, sub := range c.Components {
			look(sub)
		}
	}
	look(calendar)
	return list
}

// calendars reads the calendars of a file one after the other, each as if it were alone.
func calendars(data []byte) iter.Seq2[*Component, error] {
	return func(yield func(*Component, error) bool) {
		var one []byte
		for line := range bytes.Lines(data) {
			one = append(one, line...)
			if strings.EqualFold(strings.TrimSpace(string(line)), "END:VCALENDAR") {
				if !yield(Parse(one)) {
					return
				}
				one = nil
			}
		}
		if len(bytes.TrimSpace(one)) > 0 {
			yield(Parse(one))
		}
	}
}
