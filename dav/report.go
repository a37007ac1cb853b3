package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
)

// coreReports are those that do not depend on what a collection holds.
func coreReports() []Report {
	return []Report{
		{Name: D("expand-property"), On: everywhere, Run: expandProperty},
		{Name: D("sync-collection"), On: AtCollection, Run: syncCollection},
		{Name: D("principal-property-search"), On: containers | AtPrincipal, Run: principalSearch},
		{Name: D("principal-search-property-set"), On: AtRoot | AtPrincipal, Run: principalSearchProperties},
		{Name: D("principal-match"), On: everywhere, Run: principalMatch},
		{Name: D("acl-principal-prop-set"), On: inHomes, Run: aclPrincipals},
	}
}

// reportFactor is how much larger than other bodies that of a REPORT may be: a multiget
// names many hrefs.
const reportFactor = 4

// report is REPORT (RFC 3253 section 3.6).
func report(ctx context.Context, r *Request, t *Target) error {
	body, err := r.readXML(reportFactor * r.s.c.Limits.Body)
	if err != nil {
		return err
	}
	if body == nil {
		return refused(http.StatusBadRequest, "REPORT needs a body.")
	}
	var found *Report
	if t.mount != nil {
		found = t.mount.reports[body.Name]
	}
	if found == nil {
		found = r.s.reports[body.Name]
	}
	if found == nil || found.On&t.Level == 0 {
		return Refusal(http.StatusForbidden, D("supported-report"), "The report %q is not known here.", cut(body.Name.Local, 60))
	}
	if err := r.judge(ctx, t, nil); err != nil {
		return err
	}
	if err := found.Run(ctx, r, t, body); err != nil {
		return r.refusal(t, err)
	}
	switch {
	case r.multi != nil:
		return r.multi.end()
	case r.w.status == 0:
		return errors.New("a report has not answered")
	}
	return nil
}

// Bounds of expand-property: how deep it follows hrefs, how many hrefs and properties it
// answers in all, and in how many bytes, for the answer is in memory whole.
const (
	expandDepth = 4
	expandMax   = 5000
	expandBytes = 8 << 20
)

func expandedTooMuch() error {
	return refused(http.StatusForbidden, "More than %d properties and hrefs would be expanded, or to more than %d bytes.", expandMax, expandBytes)
}

// expandProperty is RFC 3253 section 3.8: properties that are hrefs are answered with
// properties of what they name.
func expandProperty(ctx context.Context, r *Request, t *Target, body *Element) error {
	m := r.Multistatus()
	left := expandMax
	return r.expand(ctx, m.XML, t, body, 0, &left)
}

func (r *Request) expand(ctx context.Context, x *XML, t *Target, e *Element, depth int, left *int) error {
	if depth > expandDepth {
		return refused(http.StatusForbidden, "Properties are expanded more than %d levels deep.", expandDepth)
	}
	x.Open(D("response"))
	x.Href(t.Href)
	var missing []xml.Name
	x.Open(D("propstat"))
	x.Open(D("prop"))
	for _, p := range e.Children {
		if p.Name != D("property") {
			continue
		}
		if *left--; *left < 0 || len(x.b) > expandBytes {
			return expandedTooMuch()
		}
		n, err := expandName(p)
		if err != nil {
			return err
		}
		ok, err := r.expandOne(ctx, x, t, n, p, depth, left)
		if err != nil {
			return err
		}
		if !ok {
			missing = append(missing, n)
		}
	}
	x.Close(D("prop"))
	x.status(http.StatusOK)
	x.Close(D("propstat"))
	if len(missing) > 0 {
		x.propstat(missing, http.StatusNotFound, nil)
	}
	x.Close(D("response"))
	return nil
}

func expandName(p *Element) (xml.Name, error) {
	local, ok := p.Attribute("name")
	if !ok || !isNCName(local) {
		return xml.Name{}, refused(http.StatusBadRequest, "A property has no name.")
	}
	space, ok := p.Attribute("namespace")
	if !ok {
		space = NamespaceDAV
	}
	if len(space) > maxXMLName {
		return xml.Name{}, refused(http.StatusBadRequest, "A namespace is too long.")
	}
	return xml.Name{Space: space, Local: local}, nil
}

// isNCName keeps to what may stand in a tag that is written; XML allows more characters
// than properties are named with.
func isNCName(s string) bool {
	for i, c := range s {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0xc0 && c != 0xd7 && c != 0xf7 && c < 0x2000
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || c == '-' || c == '.')) {
			return false
		}
	}
	return s != "" && len(s) <= 200
}

// expandOne writes one property; where more is asked about its hrefs, in their place.
func (r *Request) expandOne(ctx context.Context, x *XML, t *Target, n xml.Name, p *Element, depth int, left *int) (ok bool, err error) {
	sel := &Selection{asked: []asked{{name: n}}}
	sel.compile(r.s, t)
	// What needs the content answers nothing here: only reports ask for it by an element.
	if err := r.Load(ctx, []*Target{t}, sel.need&^NeedBody); err != nil {
		return false, err
	}
	deeper := p.Child(D("property")) != nil
	out := x
	if deeper {
		out = &XML{}
	}
	before := len(out.b)
	ok, err = sel.write(ctx, &sel.compiled[0], &Value{Request: r, Target: t, XML: out})
	if _, refusal := asPrecondition(err); refusal || err == nil && !ok {
		out.b = out.b[:before]
		return false, nil
	}
	if err != nil || !deeper {
		return ok, err
	}
	x.Open(n)
	for _, h := range hrefsOf(out.b) {
		if *left--; *left < 0 {
			return false, expandedTooMuch()
		}
		if err := r.expandHref(ctx, x, h, p, depth+1, left); err != nil {
			return false, err
		}
	}
	x.Close(n)
	return true, nil
}

func (r *Request) expandHref(ctx context.Context, x *XML, h string, p *Element, depth int, left *int) error {
	path, ours, err := r.s.localPath(h, r.http.Host)
	if err == nil && ours {
		at, err := r.resolve(ctx, path, false)
		if err == nil && at.Exists {
			return r.expand(ctx, x, at, p, depth, left)
		}
		if _, refusal := asPrecondition(err); err != nil && !refusal && !isMissing(err) {
			return err
		}
	}
	x.Open(D("response"))
	x.Href(h)
	x.status(http.StatusNotFound)
	x.Close(D("response"))
	return nil
}

// hrefsOf finds the hrefs in a property that this package has written.
func hrefsOf(b []byte) (list []string) {
	root, err := parseXML(append([]byte(`<x xmlns:D="DAV:" xmlns:C="`+NamespaceCalDAV+`" xmlns:CR="`+NamespaceCardDAV+
		`" xmlns:CS="`+NamespaceCS+`" xmlns:A="`+NamespaceApple+`" xmlns:oc="`+NamespaceOC+`" xmlns:nc="`+NamespaceNC+`">`),
		append(b, "</x>"...)...))
	if err != nil {
		return nil
	}
	var walk func(e *Element)
	walk = func(e *Element) {
		for _, c := range e.Children {
			if c.Name == D("href") {
				list = append(list, c.Value())
			} else {
				walk(c)
			}
		}
	}
	walk(root)
	return list
}
