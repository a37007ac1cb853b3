package contacts

import (
	"encoding/base64"
	"slices"
	"strings"

	"fachwerk/internal/contentline"
)

// Convert answers the card in another version, for a client that asks for it by the
// attributes of CARDDAV:address-data (RFC 6352 section 10.4). What both versions know
// says the same in the other; what only one knows stays as it is where a reader passes
// over it and goes where it would be wrong. A card in the version asked for is answered
// as it is. The stored card never changes.
func (c *Card) Convert(to Version) *Card {
	if c.Version == to {
		return c
	}
	out := &Card{Version: to, Properties: make([]Property, 0, len(c.Properties)+2)}
	out.add(Property{Name: "VERSION", Value: to.String()})
	for i := range c.Properties {
		p := c.Properties[i]
		p.Params = cloneParams(p.Params)
		switch {
		case p.Name == "VERSION":
		case to == Version4:
			out.upgrade(p, c)
		default:
			out.downgrade(p)
		}
	}
	out.complete()
	return out
}

func (c *Card) add(p Property) { c.Properties = append(c.Properties, p) }

func cloneParams(list []contentline.Param) []contentline.Param {
	out := make([]contentline.Param, len(list))
	for i, p := range list {
		out[i] = contentline.Param{Name: p.Name, Values: slices.Clone(p.Values)}
	}
	return out
}

// inlineData are the properties whose value may be inline data.
func inlineData(name string) bool {
	return name == "PHOTO" || name == "LOGO" || name == "SOUND" || name == "KEY"
}

// upgrade adds a property of version 3 as version 4 writes it.
func (c *Card) upgrade(p Property, from *Card) {
	if p.Has("TYPE", "pref") {
		p.removeType("pref")
		p.Params = append(p.Params, param("PREF", "1"))
	}
	switch p.Name {
	case "X-ADDRESSBOOKSERVER-KIND":
		p.Name = "KIND"
	case "X-ADDRESSBOOKSERVER-MEMBER":
		p.Name = "MEMBER"
	case "NAME", "PROFILE", "SORT-STRING", "LABEL", "AGENT": // gone in RFC 6350, or a parameter now
		return
	case "N":
		if s := from.First("SORT-STRING"); s != nil {
			p.Params = append(p.Params, param("SORT-AS", s.Text()))
		}
	case "ADR":
		if l := from.labelFor(&p); l != nil {
			p.Params = append(p.Params, param("LABEL", l.Text()))
		}
	case "GEO":
		if lat, lon, ok := strings.Cut(p.Value, ";"); ok {
			p.Value = "geo:" + strings.TrimSpace(lat) + "," + strings.TrimSpace(lon)
		}
	case "TZ":
		if isOffset(p.Value) {
			p.setParam("VALUE", "utc-offset")
			p.Value = strings.ReplaceAll(p.Value, ":", "")
		}
	case "BDAY", "REV":
		p.Value = basicTime(p.Value)
	}
	encoding := strings.ToLower(p.Param("ENCODING"))
	if encoding == "b" || encoding == "base64" {
		p.dataURI()
	}
	if p.Has("VALUE", "binary") {
		p.removeParam("VALUE")
	}
	c.add(p)
}

// dataURI turns inline data of version 3 into a URI (RFC 6350 section 6.2.4).
func (p *Property) dataURI() {
	kind := p.Param("TYPE")
	if !inlineData(p.Name) {
		kind = ""
	}
	p.removeParam("ENCODING")
	media := "application/octet-stream"
	switch {
	case strings.Contains(kind, "/"):
		media = strings.ToLower(kind)
	case kind == "":
	case p.Name == "PHOTO", p.Name == "LOGO":
		media = "image/" + strings.ToLower(kind)
	case p.Name == "SOUND":
		media = "audio/" + strings.ToLower(kind)
	case strings.EqualFold(kind, "PGP"):
		media = "application/pgp-keys"
	case strings.EqualFold(kind, "X509"):
		media = "application/pkix-cert"
	}
	if inlineData(p.Name) {
		p.removeParam("TYPE")
	}
	p.Value = "data:" + media + ";base64," + strings.Join(strings.Fields(p.Value), "")
}

// labelFor finds the LABEL that belongs to an ADR: that of its group, or of its types.
func (c *Card) labelFor(adr *Property) *Property {
	types := typesOf(adr)
	for i := range c.Properties {
		l := &c.Properties[i]
		if l.Name == "LABEL" && strings.EqualFold(l.Group, adr.Group) && slices.Equal(typesOf(l), types) {
			return l
		}
	}
	return nil
}

func typesOf(p *Property) (list []string) {
	for _, v := range contentline.Values(p.Params, "TYPE") {
		for part := range strings.SplitSeq(strings.ToLower(v), ",") {
			if part != "pref" {
				list = append(list, part)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// downgrade adds a property of version 4 as version 3 writes it.
func (c *Card) downgrade(p Property) {
	if p.Param("PREF") == "1" {
		p.Params = append(p.Params, param("TYPE", "pref"))
	}
	for _, name := range []string{"PREF", "ALTID", "PID", "MEDIATYPE", "CALSCALE"} {
		p.removeParam(name)
	}
	switch p.Name {
	case "KIND":
		p.Name = "X-ADDRESSBOOKSERVER-KIND"
	case "MEMBER":
		p.Name = "X-ADDRESSBOOKSERVER-MEMBER"
	case "ANNIVERSARY", "GENDER":
		p.Name = "X-" + p.Name
	case "CLIENTPIDMAP":
		return
	case "FN", "N":
		if c.First(p.Name) != nil {
			return // once in RFC 2426; the others are translations
		}
		if s := p.Param("SORT-AS"); s != "" {
			p.removeParam("SORT-AS")
			c.add(Property{Name: "SORT-STRING", Value: contentline.EscapeText(s)})
		}
	case "ADR":
		if l := p.Param("LABEL"); l != "" {
			p.removeParam("LABEL")
			label := Property{Group: p.Group, Name: "LABEL", Value: contentline.EscapeText(l)}
			if t := typesOf(&p); len(t) > 0 {
				label.Params = append(label.Params, param("TYPE", t...))
			}
			c.add(label)
		}
	case "GEO":
		if coordinates, ok := cutPrefixFold(p.Value, "geo:"); ok {
			coordinates, _, _ = strings.Cut(coordinates, ";") // accuracy and system
			p.Value = strings.Replace(coordinates, ",", ";", 1)
			p.removeParam("VALUE")
		}
	case "TEL":
		if number, ok := cutPrefixFold(p.Value, "tel:"); ok {
			number, extension, _ := strings.Cut(number, ";ext=")
			if extension != "" {
				number += " ext. " + extension
			}
			p.Value = contentline.EscapeText(number)
			p.removeParam("VALUE")
		}
	}
	if inlineData(p.Name) {
		p.inline()
	}
	c.add(p)
}

// inline turns a data URI into the inline data of version 3.
func (p *Property) inline() {
	rest, ok := cutPrefixFold(p.Value, "data:")
	if !ok {
		if strings.Contains(p.Value, ":") {
			p.setParam("VALUE", "uri")
		}
		return
	}
	head, data, ok := strings.Cut(rest, ",")
	media, isBase64 := strings.CutSuffix(head, ";base64")
	if !ok || !isBase64 {
		p.setParam("VALUE", "uri")
		return
	}
	if _, err := base64.StdEncoding.DecodeString(data); err != nil {
		p.setParam("VALUE", "uri")
		return
	}
	media, _, _ = strings.Cut(media, ";")
	_, kind, _ := strings.Cut(media, "/")
	p.removeParam("VALUE")
	p.setParam("ENCODING", "b")
	switch media {
	case "application/pgp-keys":
		kind = "PGP"
	case "application/pkix-cert":
		kind = "X509"
	}
	if kind != "" {
		p.setParam("TYPE", strings.ToUpper(kind))
	}
	p.Value = data
}

// complete adds the names that a version wants and the other does without.
func (c *Card) complete() {
	n, fn := c.First("N"), c.First("FN")
	switch {
	case c.Version == Version3 && n == nil && fn != nil:
		c.add(Property{Name: "N", Value: contentline.EscapeText(fn.Text()) + ";;;;"})
	case fn == nil:
		c.add(Property{Name: "FN", Value: contentline.EscapeText(c.anyName())})
	}
}

// anyName is what to call a card that has no FN.
func (c *Card) anyName() string {
	if n := c.First("N"); n != nil {
		parts := contentline.SplitStructured(n.Value)
		var words []string
		for _, i := range []int{3, 1, 2, 0, 4} { // prefix, given, additional, family, suffix
			if i < len(parts) && parts[i] != "" {
				words = append(words, contentline.UnescapeText(parts[i]))
			}
		}
		if len(words) > 0 {
			return strings.Join(words, " ")
		}
	}
	for _, name := range []string{"NICKNAME", "ORG", "EMAIL"} {
		if p := c.First(name); p != nil && p.Text() != "" {
			return strings.TrimRight(p.Text(), ";")
		}
	}
	return c.UID()
}

func (p *Property) setParam(name string, values ...string) {
	p.removeParam(name)
	p.Params = append(p.Params, param(name, values...))
}

func (p *Property) removeParam(name string) {
	p.Params = slices.DeleteFunc(p.Params, func(q contentline.Param) bool { return q.Name == name })
}

// removeType takes one value out of all TYPE parameters.
func (p *Property) removeType(value string) {
	for i := range p.Params {
		if q := &p.Params[i]; q.Name == "TYPE" {
			q.Values = slices.DeleteFunc(q.Values, func(v string) bool { return strings.EqualFold(v, value) })
		}
	}
	p.Params = slices.DeleteFunc(p.Params, func(q contentline.Param) bool { return q.Name == "TYPE" && len(q.Values) == 0 })
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// isOffset tells "-05:00" from "Europe/Berlin".
func isOffset(s string) bool {
	return len(s) >= 3 && (s[0] == '+' || s[0] == '-') && strings.Trim(s[1:], "0123456789:") == ""
}

// basicTime writes a date or time of ISO 8601's extended format in the basic one, which
// is all that RFC 6350 section 4.3 allows. Anything else stays.
func basicTime(s string) string {
	date, clock, timed := strings.Cut(s, "T")
	if len(date) != len("2006-01-02") || date[4] != '-' || date[7] != '-' {
		return s
	}
	date = date[:4] + date[5:7] + date[8:]
	if !timed {
		return date
	}
	return date + "T" + strings.ReplaceAll(clock, ":", "")
}
