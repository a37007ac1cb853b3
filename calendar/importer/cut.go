package importer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"fachwerk/calendar/ical"
	"fachwerk/internal/contentline"
)

// A piece is a component of an export as it stands in the file, or a property of the
// calendar around.
type piece struct {
	name string // of the component, upper case
	text []byte // with BEGIN and END
	uid  string
	part bool     // has a RECURRENCE-ID: one instance of a series
	zone string   // TZID of a VTIMEZONE
	uses []string // TZIDs that its times name
	bad  string   // why it cannot be taken
}

// container is what is read of one VCALENDAR, or of components outside one.
type container struct {
	head       []byte            // VERSION, PRODID, CALSCALE
	properties map[string]string // the others by name, unescaped; the first of each
	pieces     []piece
}

// maxHead and maxZone bound what every object of a file is given, bytes. Real ones
// are a hundredth of it.
const (
	maxHead = 4 << 10
	maxZone = 256 << 10
)

// maxObjects bounds what one file may hold.
const maxObjects = 1_000_000

// read takes a file apart line by line, in one pass. Whatever it holds, every
// component of it is in some piece.
func read(data []byte) []container {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(data, '\n') < 0 { // lines of an old Mac
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\r\n"))
	}
	var list []container
	c := container{properties: map[string]string{}}
	inside, total := false, 0
	flush := func() {
		if len(c.pieces) > 0 || len(c.properties) > 0 {
			list = append(list, c)
		}
		c = container{properties: map[string]string{}}
	}
	for len(data) > 0 && total < maxObjects {
		raw, rest := logical(data)
		name, value := nameValue(raw)
		switch {
		case name == "BEGIN" && strings.EqualFold(value, "VCALENDAR"):
			flush()
			inside = true
		case name == "END" && strings.EqualFold(value, "VCALENDAR"):
			flush()
			inside = false
		case name == "BEGIN":
			var p piece
			p, rest = component(data, strings.ToUpper(value))
			c.pieces = append(c.pieces, p)
			total++
		case !inside:
		case name == "VERSION", name == "PRODID", name == "CALSCALE":
			if _, twice := c.properties[name]; !twice && len(raw) <= maxHead {
				c.properties[name] = ""
				c.head = append(c.head, raw...)
			}
		case name != "":
			if _, ok := c.properties[name]; !ok {
				c.properties[name] = contentline.UnescapeText(value)
			}
		}
		data = rest
	}
	flush()
	return list
}

// logical splits off a line with its continuations (RFC 5545 section 3.1).
func logical(data []byte) (line, rest []byte) {
	end := 0
	for {
		n := bytes.IndexByte(data[end:], '\n')
		if n < 0 {
			return data, nil
		}
		end += n + 1
		if end == len(data) || data[end] != ' ' && data[end] != '\t' {
			return data[:end], data[end:]
		}
	}
}

var unfolding = strings.NewReplacer("\r\n ", "", "\r\n\t", "", "\n ", "", "\n\t", "")

// unfold is a logical line without folds and end.
func unfold(line []byte) string { return strings.TrimRight(unfolding.Replace(string(line)), "\r\n") }

// nameValue is the name of a property, upper case, and its value without parameters.
func nameValue(line []byte) (name, value string) {
	text := unfold(line)
	n := strings.IndexAny(text, ";:")
	if n < 0 {
		return "", ""
	}
	name, rest := strings.ToUpper(strings.TrimSpace(text[:n])), text[n:]
	quoted := false
	for i := range len(rest) {
		switch rest[i] {
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				return name, strings.TrimSpace(rest[i+1:])
			}
		}
	}
	return name, ""
}

// component splits off a component that begins at data, up to the END that belongs
// to its BEGIN, or to the end of the calendar where that is missing.
func component(data []byte, name string) (piece, []byte) {
	p := piece{name: name}
	rest := data
	for depth := 0; len(rest) > 0; {
		line, after := logical(rest)
		property, value := nameValue(line)
		switch {
		case property == "BEGIN":
			depth++
		case property == "END" && strings.EqualFold(value, "VCALENDAR"):
			p.bad = "the end of the component is missing"
			p.text = data[:len(data)-len(rest)]
			return p, rest
		case property == "END":
			depth--
		case depth == 1 && property == "UID" && p.uid == "":
			p.uid = contentline.UnescapeText(value)
		case depth == 1 && property == "RECURRENCE-ID":
			p.part = true
		case depth == 1 && property == "TZID" && name == "VTIMEZONE":
			p.zone = contentline.UnescapeText(value)
		}
		p.uses = appendZone(p.uses, line)
		rest = after
		if depth == 0 {
			p.text = data[:len(data)-len(rest)]
			return p, rest
		}
	}
	p.bad = "the end of the component is missing"
	p.text = data
	return p, nil
}

// appendZone adds the TZID parameter of a line.
func appendZone(list []string, line []byte) []string {
	if !bytes.Contains(bytes.ToUpper(line[:min(len(line), 400)]), []byte("TZID")) {
		return list
	}
	text := unfold(line)
	for n := strings.IndexByte(text, ';'); n >= 0; {
		text = text[n+1:]
		end, quoted := len(text), false
		n = -1
		for i := range len(text) {
			if text[i] == '"' {
				quoted = !quoted
			}
			if !quoted && (text[i] == ';' || text[i] == ':') {
				if end = i; text[i] == ';' {
					n = i
				}
				break
			}
		}
		if key, value, ok := strings.Cut(text[:end], "="); ok && strings.EqualFold(strings.TrimSpace(key), "TZID") {
			return append(list, contentline.UnescapeText(strings.Trim(value, `"`)))
		}
	}
	return list
}

// object is one calendar object resource that was cut out.
type object struct {
	uid  string
	text func() []byte // composes it
	bad  string
}

// cut makes calendar object resources of a calendar.
func (c *container) cut() []object {
	zones := map[string][]byte{}
	for _, p := range c.pieces {
		if p.name == "VTIMEZONE" && p.bad == "" && zones[p.zone] == nil && len(p.text) <= maxZone {
			zones[p.zone] = p.text
		}
	}
	type key struct{ name, uid string }
	at := map[key]int{}
	var list []object
	var parts [][]piece
	for _, p := range c.pieces {
		switch {
		case p.name == "VTIMEZONE" || strings.HasPrefix(p.name, "X-"):
			continue
		case p.bad != "" || ical.KindOf(p.name) == 0:
			if p.bad == "" {
				p.bad = "calendars hold no " + label(p.name)
			}
			list, parts = append(list, object{uid: p.uid, bad: p.bad}), append(parts, nil)
			continue
		case strings.TrimSpace(p.uid) == "":
			p = withUID(p)
		}
		k := key{p.name, p.uid}
		n, ok := at[k]
		if !ok {
			n = len(list)
			at[k] = n
			list, parts = append(list, object{uid: p.uid}), append(parts, nil)
		}
		parts[n] = append(parts[n], p)
	}
	for n := range list {
		if list[n].bad == "" {
			list[n].text = func() []byte { return c.compose(parts[n], zones) }
		}
	}
	return list
}

// gather brings single instances of a series to the series, where a program wrote each
// into a calendar of its own. The zones they name come with them.
func gather(list []container) {
	type key struct{ name, uid string }
	at := map[key]int{}
	for n := range list {
		c := &list[n]
		zones := map[string]piece{}
		for _, p := range c.pieces {
			if p.name == "VTIMEZONE" {
				zones[p.zone] = p
			}
		}
		var stay []piece
		for _, p := range c.pieces {
			k := key{p.name, p.uid}
			home, ok := at[k]
			if p.bad != "" || p.uid == "" || !p.part || !ok || home == n {
				if _, known := at[k]; !known && p.bad == "" && p.uid != "" {
					at[k] = n
				}
				stay = append(stay, p)
				continue
			}
			for _, tzid := range p.uses {
				if z, ok := zones[tzid]; ok {
					list[home].pieces = append(list[home].pieces, z)
				}
			}
			list[home].pieces = append(list[home].pieces, p)
		}
		c.pieces = stay
	}
}

// label keeps strange component names out of sentences.
func label(name string) string {
	if len(name) > 40 || strings.IndexFunc(name, func(r rune) bool { return (r < 'A' || r > 'Z') && r != '-' }) >= 0 {
		return "component of that name"
	}
	return name
}

// compose puts the components of one object together again.
func (c *container) compose(parts []piece, zones map[string][]byte) []byte {
	end := "\r\n"
	if !bytes.Contains(parts[0].text, []byte("\r\n")) {
		end = "\n"
	}
	b := []byte("BEGIN:VCALENDAR" + end)
	if !bytes.Contains(bytes.ToUpper(c.head), []byte("VERSION")) {
		b = append(b, "VERSION:2.0"+end...)
	}
	if !bytes.Contains(bytes.ToUpper(c.head), []byte("PRODID")) {
		b = append(b, "PRODID:-//Fachwerk//Import//DE"+end...)
	}
	b = line(append(b, c.head...), end)
	given := map[string]bool{}
	for _, p := range parts {
		for _, z := range p.uses {
			if zones[z] != nil && !given[z] {
				given[z] = true
				b = line(append(b, zones[z]...), end)
			}
		}
	}
	for _, p := range parts {
		b = line(append(b, p.text...), end)
	}
	return append(b, "END:VCALENDAR"+end...)
}

// line ends the last line where its end is missing.
func line(b []byte, end string) []byte {
	if len(b) > 0 && b[len(b)-1] != '\n' {
		b = append(b, end...)
	}
	return b
}

// withUID gives a component a UID made of its content, so that the same export gives
// the same object again.
func withUID(p piece) piece {
	sum := sha256.Sum256(p.text)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // a UUID of version 8 (RFC 9562 section 5.8)
	s := hex.EncodeToString(sum[:16])
	p.uid = s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	first, rest := logical(p.text)
	end := "\r\n"
	if !bytes.HasSuffix(first, []byte("\r\n")) {
		end = "\n"
	}
	text := line(bytes.Clone(first), end)
	text = append(text, "UID:"+p.uid+end...)
	for len(rest) > 0 { // an empty UID goes
		l, after := logical(rest)
		if name, value := nameValue(l); name != "UID" || strings.TrimSpace(value) != "" {
			text = append(text, l...)
		}
		rest = after
	}
	p.text = text
	return p
}
