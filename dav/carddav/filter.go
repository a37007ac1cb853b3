package carddav

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"fachwerk/contacts"
	"fachwerk/dav"
)

// maxConditions bounds what one query may ask.
const maxConditions = 256

// filterReader reads CARDDAV:filter (RFC 6352 section 10.5).
type filterReader struct{ left int }

// malformed is a body that the RFC does not allow; it has no precondition for that.
func malformed(text string) error {
	return dav.Refusal(http.StatusBadRequest, xml.Name{}, text)
}

func unsupportedFilter(e *dav.Element) error {
	p := dav.Refusal(http.StatusForbidden, dav.CardDAV("supported-filter"), "The query has a condition that is not known here: %s.", e.Name.Local)
	return p
}

// readFilter reads the filter of an addressbook-query.
func readFilter(e *dav.Element) (f contacts.Filter, err error) {
	if e == nil {
		return f, malformed("The query has no filter.")
	}
	r := filterReader{left: maxConditions}
	if f.Test, err = readTest(e); err != nil {
		return f, err
	}
	for _, c := range e.Children {
		if c.Name != dav.CardDAV("prop-filter") {
			return f, unsupportedFilter(c)
		}
		p, err := r.prop(c)
		if err != nil {
			return f, err
		}
		f.Props = append(f.Props, p)
	}
	return f, nil
}

func (r *filterReader) count() error {
	if r.left--; r.left < 0 {
		return dav.Refusal(http.StatusForbidden, dav.CardDAV("supported-filter"), "The query has more than %d conditions.", maxConditions)
	}
	return nil
}

func readTest(e *dav.Element) (contacts.Test, error) {
	switch v, _ := e.Attribute("test"); v {
	case "", "anyof":
		return contacts.AnyOf, nil
	case "allof":
		return contacts.AllOf, nil
	}
	return 0, malformed("A test is anyof or allof.")
}

func (r *filterReader) prop(e *dav.Element) (p contacts.PropFilter, err error) {
	if err = r.count(); err != nil {
		return p, err
	}
	name, _ := e.Attribute("name")
	if p.Group, p.Name = contacts.SplitName(name); p.Name == "" {
		return p, malformed("A prop-filter has no name.")
	}
	if p.Test, err = readTest(e); err != nil {
		return p, err
	}
	for _, c := range e.Children {
		switch c.Name {
		case dav.CardDAV("is-not-defined"):
			p.NotDefined = true
		case dav.CardDAV("text-match"):
			t, err := r.text(c)
			if err != nil {
				return p, err
			}
			p.Texts = append(p.Texts, t)
		case dav.CardDAV("param-filter"):
			f, err := r.param(c)
			if err != nil {
				return p, err
			}
			p.Params = append(p.Params, f)
		default:
			return p, unsupportedFilter(c)
		}
	}
	if p.NotDefined && len(p.Texts)+len(p.Params) > 0 {
		return p, malformed("A prop-filter with is-not-defined has no other condition.")
	}
	return p, nil
}

func (r *filterReader) param(e *dav.Element) (f contacts.ParamFilter, err error) {
	if err = r.count(); err != nil {
		return f, err
	}
	if f.Name, _ = e.Attribute("name"); f.Name == "" {
		return f, malformed("A param-filter has no name.")
	}
	for _, c := range e.Children {
		switch {
		case f.NotDefined || f.Text != nil:
			return f, malformed("A param-filter has one condition.")
		case c.Name == dav.CardDAV("is-not-defined"):
			f.NotDefined = true
		case c.Name == dav.CardDAV("text-match"):
			t, err := r.text(c)
			if err != nil {
				return f, err
			}
			f.Text = &t
		default:
			return f, unsupportedFilter(c)
		}
	}
	return f, nil
}

func (r *filterReader) text(e *dav.Element) (t contacts.TextMatch, err error) {
	if err = r.count(); err != nil {
		return t, err
	}
	if len(e.Children) > 0 {
		return t, unsupportedFilter(e.Children[0])
	}
	name, _ := e.Attribute("collation")
	collation, ok := contacts.ParseCollation(name)
	if !ok {
		return t, dav.Refusal(http.StatusForbidden, dav.CardDAV("supported-collation"),
			"The collations are %s.", strings.Join(contacts.Collations(), ", "))
	}
	match := contacts.Contains
	switch v, _ := e.Attribute("match-type"); v {
	case "", "contains":
	case "equals":
		match = contacts.Equals
	case "starts-with", "startswith": // the second as drafts of the RFC had it
		match = contacts.StartsWith
	case "ends-with", "endswith":
		match = contacts.EndsWith
	default:
		return t, malformed("A match-type is equals, contains, starts-with or ends-with.")
	}
	negate := false
	switch v, _ := e.Attribute("negate-condition"); v {
	case "", "no":
	case "yes":
		negate = true
	default:
		return t, malformed("A negate-condition is yes or no.")
	}
	return contacts.NewTextMatch(e.Text, collation, match, negate), nil
}

// readLimit reads CARDDAV:limit (RFC 6352 section 10.6); 0: there is none.
func readLimit(body *dav.Element) (int, error) {
	e := body.Child(dav.CardDAV("limit"))
	if e == nil {
		return 0, nil
	}
	n := e.Child(dav.CardDAV("nresults"))
	if n == nil {
		return 0, malformed("The limit has no nresults.")
	}
	limit, err := strconv.ParseUint(strings.TrimSpace(n.Text), 10, 31)
	if err != nil || limit == 0 {
		return 0, malformed("The limit is a number from 1 on.")
	}
	return int(limit), nil
}
