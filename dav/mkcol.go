package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"

	"fachwerk/internal/resource"
)

// mkcol is MKCOL (RFC 4918 section 9.3), extended MKCOL (RFC 5689) and MKCALENDAR (RFC
// 4791 section 5.3.1): all of it is made or nothing.
func mkcol(ctx context.Context, r *Request, t *Target) error {
	if err := r.mayMake(t); err != nil {
		return err
	}
	root := D("mkcol")
	if r.Method == "MKCALENDAR" {
		root = CalDAV("mkcalendar")
	}
	if r.http.ContentLength != 0 && !r.saysXML() {
		return refused(http.StatusUnsupportedMediaType, "The body of %s must be XML, or there must be none.", r.Method)
	}
	body, err := r.expect(r.s.c.Limits.Body, root)
	if err != nil {
		return err
	}
	c := &Creation{Request: r, Target: t, Method: r.Method}
	failures, err := c.read(ctx, body)
	if err != nil {
		return err
	}
	if failures != nil {
		return r.answerUnmade(t, root, failures)
	}
	first := true
	err = r.decide(ctx, func() error {
		if !first {
			if t, err = r.again(ctx); err != nil {
				return err
			}
			if err := r.s.allowed(r, t); err != nil {
				return err
			}
		}
		first = false
		return r.make(ctx, t, c)
	})
	if errors.Is(err, resource.ErrExists) {
		return taken(r.Method)
	}
	if err != nil {
		return r.refusal(t, err)
	}
	r.w.Header().Set("Cache-Control", "no-cache")
	return r.empty(http.StatusCreated)
}

// taken is 405 for MKCOL (RFC 4918 section 9.3.1); MKCALENDAR has a precondition for it
// (RFC 4791 section 5.3.1.1).
func taken(method string) *Precondition {
	status := http.StatusMethodNotAllowed
	if method == "MKCALENDAR" {
		status = http.StatusForbidden
	}
	return Refusal(status, D("resource-must-be-null"), "There is something of that name already.")
}

func (r *Request) mayMake(t *Target) error {
	switch {
	case t.Mount.ReadOnly != "":
		return refused(http.StatusForbidden, "%s", t.Mount.ReadOnly)
	case r.Method == "MKCALENDAR" && (!t.Mount.calendars() || t.Level != AtCollection):
		return Refusal(http.StatusForbidden, CalDAV("calendar-collection-location-ok"), "A calendar cannot be made here, only in a calendar home.")
	case t.Level == AtMember && !t.Mount.Tree:
		return refused(http.StatusForbidden, "There are no folders inside of this collection.")
	case t.Level == AtMember:
		return r.may(t, resource.Write, "bind")
	}
	return r.may(t, resource.Manage, "bind")
}

// outcome is what became of one property of a PROPPATCH, MKCOL or MKCALENDAR.
type outcome struct {
	name xml.Name
	why  *Precondition // nil: nothing stands against it
}

// read takes the properties of a body; failures are not nil where one of them cannot be.
func (c *Creation) read(ctx context.Context, body *Element) (failures []outcome, err error) {
	bad := false
	for _, set := range body.children() {
		if set.Name != D("set") {
			continue
		}
		for _, e := range set.Child(D("prop")).children() {
			if len(failures) >= maxSelected {
				return nil, refused(http.StatusBadRequest, "There are more than %d properties.", maxSelected)
			}
			why, err := c.property(ctx, e)
			if err != nil {
				return nil, err
			}
			bad = bad || why != nil
			failures = append(failures, outcome{e.Name, why})
			if sizeOf(c.Properties) > maxChanged {
				return nil, tooManyProperties()
			}
		}
	}
	if !bad {
		return nil, nil
	}
	return failures, nil
}

func (c *Creation) property(ctx context.Context, e *Element) (why *Precondition, err error) {
	if e.Name == D("resourcetype") && c.Method == "MKCOL" {
		return c.resourceType(e), nil
	}
	level := AtCollection
	if c.Target.Mount.Tree {
		level = AtFolder
	}
	at := *c.Target
	at.Level = level
	changes, err := c.set(ctx, &Change{Request: c.Request, Target: &at, Element: e, Name: e.Name, Creating: true})
	if why, ok := asPrecondition(err); ok {
		return why, nil
	}
	c.Properties = append(c.Properties, changes...)
	return nil, err
}

// resourceType reads RFC 5689's: DAV:collection and what it is beside that.
func (c *Creation) resourceType(e *Element) *Precondition {
	collection := false
	types := []xml.Name{}
	for _, n := range e.Children {
		if n.Name == D("collection") {
			collection = true
		} else {
			types = append(types, n.Name)
		}
	}
	if !collection {
		return Refusal(http.StatusForbidden, D("valid-resourcetype"), "What MKCOL makes is a collection.")
	}
	for _, n := range types {
		known := c.Target.Level == AtCollection
		for _, have := range c.Target.Mount.Types {
			known = known && have == n
		}
		if !known {
			return Refusal(http.StatusForbidden, D("valid-resourcetype"), "A collection of the type %q cannot be made here.", cut(n.Local, 60))
		}
	}
	c.Types = types
	return nil
}

// set asks the live property what to store; a dead one is stored as sent.
func (r *Request) set(ctx context.Context, c *Change) ([]resource.PropertyChange, error) {
	live := c.Target.registry(r.s).property(c.Name, c.Target.Level)
	switch {
	case live == nil, live.Value == nil && live.Set == nil:
		if !c.Target.keeps() && !c.Creating {
			return nil, Refusal(http.StatusForbidden, xml.Name{}, "Properties cannot be kept here.")
		}
		return []resource.PropertyChange{c.Plain()}, nil
	case live.Set == nil:
		return nil, protected()
	}
	return live.Set(ctx, c)
}

func (r *Request) make(ctx context.Context, t *Target, c *Creation) error {
	g, err := r.judged(ctx, t)
	if err != nil {
		return err
	}
	made := *c
	made.Target = t
	if err := t.Head.MakeCollection(ctx, &made); err != nil {
		return err
	}
	if t.Level == AtCollection {
		_, err = r.s.c.Resources.CreateCollection(ctx, t.Account, t.Mount.Kind, t.asked, made.Properties)
		return err
	}
	_, err = r.s.c.Resources.MakeFolder(ctx, resource.Place{Collection: t.Collection, Parent: t.Parent(), Name: t.Name()}, made.Properties, g)
	return err
}

// answerUnmade says for each property why nothing was made: in a mkcol-response (RFC 5689
// section 3), or for MKCALENDAR in a multistatus as for PROPPATCH.
func (r *Request) answerUnmade(t *Target, root xml.Name, list []outcome) error {
	if r.Method == "MKCALENDAR" {
		m := r.Multistatus()
		m.Open(D("response"))
		m.Href(t.Href)
		m.outcomes(list)
		m.Close(D("response"))
		return m.end()
	}
	var x XML
	root.Local += "-response"
	x.root(root)
	x.outcomes(list)
	x.Close(root)
	return r.Answer(http.StatusForbidden, xmlType, x.b)
}

// outcomes writes a propstat for each status (RFC 4918 section 9.2): where one property
// failed, the others are 424.
func (x *XML) outcomes(list []outcome) {
	bad := false
	for _, o := range list {
		bad = bad || o.why != nil
	}
	var fine []xml.Name
	for _, o := range list {
		if o.why == nil {
			fine = append(fine, o.name)
		} else {
			x.propstat([]xml.Name{o.name}, o.why.Status, o.why)
		}
	}
	switch {
	case len(fine) == 0:
	case bad:
		x.propstat(fine, http.StatusFailedDependency, nil)
	default:
		x.propstat(fine, http.StatusOK, nil)
	}
}
