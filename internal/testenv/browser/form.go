package browser

import (
	"html"
	"net/url"
	"regexp"
)

// A Form of a page, with what its input fields would send: of boxes and choices those
// that are ticked. Fields of other kinds, such as selections, are not among them.
type Form struct {
	Action string
	Fields url.Values
}

var (
	forms  = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	inputs = regexp.MustCompile(`<input[^>]*>`)
	ticked = regexp.MustCompile(`\schecked[\s/>]`)
)

// Forms are those of a page, in its order.
func (p Page) Forms() (list []Form) {
	for _, m := range forms.FindAllStringSubmatch(p.Text, -1) {
		f := Form{Action: html.UnescapeString(m[1]), Fields: url.Values{}}
		for _, tag := range inputs.FindAllString(m[2], -1) {
			kind, name := attribute(tag, "type"), attribute(tag, "name")
			if name == "" || (kind == "radio" || kind == "checkbox") && !ticked.MatchString(tag) {
				continue
			}
			f.Fields.Add(name, attribute(tag, "value"))
		}
		list = append(list, f)
	}
	return list
}

// Field is what the first field of a name holds on a page; "" without one.
func (p Page) Field(name string) string {
	for _, f := range p.Forms() {
		if f.Fields.Has(name) {
			return f.Fields.Get(name)
		}
	}
	return ""
}
