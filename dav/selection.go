package dav

import (
	"cmp"
	"context"
	"encoding/xml"
	"net/http"
	"slices"
)

// maxSelected bounds how many properties one request names.
const maxSelected = 500

// registry is what live properties the resources of a mount have, or those above.
type registry struct {
	live map[xml.Name]*LiveProperty
	list []*LiveProperty // by name, for allprop and propname
}

// register asks the heads for their properties and joins them to those of the core. A
// head's takes the place of the core's where both have one.
func (s *Server) register() {
	core := coreProperties(s)
	s.top = newRegistry(core, nil)
	for _, m := range s.order {
		own := m.head.Properties()
		m.registry = newRegistry(core, own)
		above := make([]LiveProperty, 0, len(own))
		for _, p := range own {
			if p.On&(AtRoot|AtPrincipal) != 0 {
				p.On &= AtRoot | AtPrincipal
				above = append(above, p)
			}
		}
		s.top.add(above)
	}
	s.top.sort()
}

func newRegistry(core, own []LiveProperty) *registry {
	g := &registry{live: map[xml.Name]*LiveProperty{}}
	g.add(core)
	g.add(own)
	g.sort()
	return g
}

func (g *registry) add(list []LiveProperty) {
	for _, p := range list {
		g.live[p.Name] = &p
	}
}

func (g *registry) sort() {
	g.list = g.list[:0]
	for _, p := range g.live {
		g.list = append(g.list, p)
	}
	slices.SortFunc(g.list, func(a, b *LiveProperty) int {
		return cmp.Or(cmp.Compare(a.Name.Space, b.Name.Space), cmp.Compare(a.Name.Local, b.Name.Local))
	})
}

// property finds a live property of a target, nil where it has none of that name.
func (g *registry) property(n xml.Name, at Level) *LiveProperty {
	if p := g.live[n]; p != nil && p.On&at != 0 {
		return p
	}
	return nil
}

func (t *Target) registry(s *Server) *registry {
	if t.mount != nil {
		return t.mount.registry
	}
	return s.top
}

// keeps reports whether properties can be stored for the target.
func (t *Target) keeps() bool { return t.Exists && t.Level&(AtCollection|AtFolder|AtMember) != 0 }

// Selection is which properties a request asks for: prop, allprop with include, or
// propname.
type Selection struct {
	all, names bool
	asked      []asked // of prop, or of include
	minimal    bool

	// what asked is for the resources of one registry and level: a listing has
	// few kinds
	at       Level
	registry *registry
	compiled []compiled
	need     Need
	streams  bool // all that needs the content takes a large one by Target.Open
}

type asked struct {
	name    xml.Name
	element *Element // nil where the core asks
}

type compiled struct {
	asked
	live *LiveProperty // nil: a dead one
	dull bool          // named by allprop: not worth a 404 where it is not there
}

// Selection reads the prop, allprop or propname child of a request's body. Without one
// only hrefs and statuses are answered.
func (r *Request) Selection(body *Element) (*Selection, error) {
	s := &Selection{minimal: r.Prefers("return=minimal")}
	if s.minimal {
		r.w.Header().Set("Preference-Applied", "return=minimal")
	}
	prop, all, names := body.Child(D("prop")), body.Child(D("allprop")), body.Child(D("propname"))
	var list []*Element
	switch {
	case names != nil && prop == nil && all == nil:
		s.names = true
	case all != nil && prop == nil && names == nil:
		s.all = true
		if include := body.Child(D("include")); include != nil {
			list = include.Children
		}
	case prop != nil && all == nil && names == nil:
		list = prop.Children
	case prop == nil:
		return s, nil
	default:
		return nil, refused(http.StatusBadRequest, "Only one of prop, allprop and propname can be asked for.")
	}
	if len(list) > maxSelected {
		return nil, refused(http.StatusBadRequest, "More than %d properties are asked for.", maxSelected)
	}
	seen := make(map[xml.Name]bool, len(list))
	for _, e := range list {
		if !seen[e.Name] {
			seen[e.Name] = true
			s.asked = append(s.asked, asked{e.Name, e})
		}
	}
	return s, nil
}

// Wants finds the element of a property that was asked for by name, nil if not, so that
// a report can look at it before it loads anything.
func (s *Selection) Wants(space, local string) *Element {
	for _, a := range s.asked {
		if a.name.Space == space && a.name.Local == local {
			return a.element
		}
	}
	return nil
}

// compile looks up what the properties are for this kind of target.
func (s *Selection) compile(server *Server, t *Target) {
	g := t.registry(server)
	if s.registry == g && s.at == t.Level {
		return
	}
	s.registry, s.at = g, t.Level
	s.compiled, s.need, s.streams = s.compiled[:0], 0, true
	if s.all || s.names {
		s.need |= NeedStored
		for _, p := range g.list {
			// What needs the content is a property in name only (RFC 4791
			// section 9.6): it comes when it is asked for.
			if p.On&t.Level != 0 && (s.names || p.All) && p.Need&NeedBody == 0 {
				s.compiled = append(s.compiled, compiled{asked{name: p.Name}, p, true})
			}
		}
	}
	for _, a := range s.asked {
		if s.all && slices.ContainsFunc(s.compiled, func(c compiled) bool { return c.name == a.name }) {
			continue
		}
		s.compiled = append(s.compiled, compiled{a, g.property(a.name, t.Level), false})
	}
	for _, c := range s.compiled {
		if c.live == nil || c.live.Value == nil {
			s.need |= NeedStored
		} else {
			s.need |= c.live.Need
			s.streams = s.streams && (c.live.Streams || c.live.Need&NeedBody == 0)
		}
	}
}

// response writes the DAV:response of one target whose needs are loaded.
func (s *Selection) response(ctx context.Context, r *Request, x *XML, t *Target) error {
	// What is in every response is written as it stands.
	x.b = append(x.b, "<D:response><D:href>"...)
	x.Text(t.Href)
	x.b = append(x.b, "</D:href>"...)
	if err := s.propstats(ctx, r, x, t); err != nil {
		return err
	}
	x.b = append(x.b, "</D:response>"...)
	return nil
}

// failure is a property that has another status than 200 and 404.
type failure struct {
	name xml.Name
	why  *Precondition
}

func (s *Selection) propstats(ctx context.Context, r *Request, x *XML, t *Target) error {
	s.compile(r.s, t)
	begin := x.mark()
	x.b = append(x.b, "<D:propstat><D:prop>"...)
	inside := x.mark()
	v := Value{Request: r, Target: t, XML: x}
	var missing []xml.Name
	var failed []failure
	for i := range s.compiled {
		c := &s.compiled[i]
		v.Element = c.element
		before := x.mark()
		ok, err := s.write(ctx, c, &v)
		if err != nil {
			why, refusal := asPrecondition(err)
			if !refusal {
				return err
			}
			if err := x.cut(before); err != nil {
				return err
			}
			failed = append(failed, failure{c.name, why})
			continue
		}
		if !ok || s.names {
			if err := x.cut(before); err != nil {
				return err
			}
		}
		switch {
		case ok && s.names:
			x.Empty(c.name)
		case !ok && !c.dull:
			missing = append(missing, c.name)
		}
	}
	if s.all || s.names {
		s.dead(x, t)
	}
	if x.mark() == inside && len(missing)+len(failed) > 0 && !s.minimal {
		if err := x.cut(begin); err != nil {
			return err
		}
	} else {
		x.b = append(x.b, "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"...)
	}
	if len(missing) > 0 && !s.minimal {
		x.propstat(missing, http.StatusNotFound, nil)
	}
	for _, f := range failed {
		x.propstat([]xml.Name{f.name}, f.why.Status, f.why)
	}
	return nil
}

// write writes one property, from its function or from what is stored.
func (s *Selection) write(ctx context.Context, c *compiled, v *Value) (ok bool, err error) {
	if c.live != nil && c.live.Value != nil {
		return c.live.Value(ctx, v)
	}
	value, ok := v.Target.Property(c.name)
	if ok {
		v.XML.Raw(value)
	}
	return ok, nil
}

// dead writes the stored properties that no live one stands for (RFC 4918 section 14.2).
func (s *Selection) dead(x *XML, t *Target) {
	for i := range t.Stored {
		p := &t.Stored[i]
		if s.registry.property(p.Name, t.Level) != nil {
			continue
		}
		if s.names {
			x.Empty(p.Name)
		} else {
			x.Raw(p.Value)
		}
	}
}

// propstat writes names with one status, and why.
func (x *XML) propstat(names []xml.Name, status int, why *Precondition) {
	x.Open(D("propstat"))
	x.Open(D("prop"))
	for _, n := range names {
		x.Empty(n)
	}
	x.Close(D("prop"))
	x.status(status)
	x.because(why)
	x.Close(D("propstat"))
}

// because writes the error element and the sentence of a propstat or response.
func (x *XML) because(why *Precondition) {
	if why == nil {
		return
	}
	if why.Name.Local != "" {
		x.Open(D("error"))
		if why.Inner == nil {
			x.Empty(why.Name)
		} else {
			x.Open(why.Name)
			why.Inner(x)
			x.Close(why.Name)
		}
		x.Close(D("error"))
	}
	if why.Text != "" {
		x.Element(D("responsedescription"), why.Text)
	}
}

// status writes DAV:status.
func (x *XML) status(status int) {
	if status == http.StatusOK {
		x.b = append(x.b, "<D:status>HTTP/1.1 200 OK</D:status>"...)
		return
	}
	x.Element(D("status"), "HTTP/1.1 "+statusLine(status))
}
