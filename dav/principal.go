package dav

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"

	"fachwerk/auth"
	"fachwerk/internal/resource"
)

// principalHref is where the principal of an address is found.
func principalHref(address string) string { return href(true, principals, address) }

// principal finds a person or shared account of the asking person's tenant.
func (r *Request) principal(ctx context.Context, address string) (*Target, error) {
	p, err := r.s.c.People.Principal(ctx, r.Principal, address)
	if err != nil {
		return nil, err
	}
	if err := r.mayKnow(ctx, &p); err != nil {
		return nil, err
	}
	return r.principalTarget(p, href(true, principals, address)), nil
}

// mayLook reports whether the login covers looking for the people of the tenant, whom the
// directory address book shows: one for files alone does not.
func (r *Request) mayLook() bool {
	return r.Principal.Allows(auth.Calendars) || r.Principal.Allows(auth.Contacts)
}

// mayKnow refuses the principals of those whom the login has nothing to do with: without
// the scopes of mayLook all but oneself and the accounts that are granted.
func (r *Request) mayKnow(ctx context.Context, p *Person) error {
	if r.mayLook() || p.Account == r.Principal.Account {
		return nil
	}
	accounts, err := r.readable(ctx)
	if err != nil {
		return err
	}
	for i := range accounts {
		if accounts[i].Key.Account == p.Account {
			return nil
		}
	}
	return resource.ErrNotFound
}

func (r *Request) principalTarget(p Person, at string) *Target {
	return &Target{Level: AtPrincipal, Exists: true, Href: at, person: &p}
}

// principalProperties are those of RFC 3744 sections 4 and 5.8 and RFC 5397, with what
// calendars and address books add to principals.
func principalProperties(s *Server) []LiveProperty {
	list := []LiveProperty{
		{Name: D("current-user-principal"), On: everywhere, Value: currentUser},
		{Name: D("principal-collection-set"), On: everywhere, Value: principalCollections},
		{Name: D("principal-URL"), On: AtPrincipal, Value: principalURL},
		{Name: D("alternate-URI-set"), On: AtPrincipal, Value: alternateURIs},
		{Name: D("group-membership"), On: AtPrincipal, Value: emptyOf("group-membership")},
		{Name: D("group-member-set"), On: AtPrincipal, Value: emptyOf("group-member-set")},
		{Name: CalDAV("calendar-user-address-set"), On: AtPrincipal, Value: userAddresses},
		{Name: CalDAV("calendar-user-type"), On: AtPrincipal, Value: userType},
		{Name: CS("email-address-set"), On: AtPrincipal, Value: emailAddresses},
	}
	for _, m := range s.order {
		if m.HomeSet.Local != "" {
			list = append(list, LiveProperty{Name: m.HomeSet, On: AtPrincipal | AtRoot | AtHome, Value: m.homeSet})
		}
	}
	return list
}

func currentUser(_ context.Context, v *Value) (bool, error) {
	v.XML.Open(D("current-user-principal"))
	v.XML.Href(principalHref(v.Principal.Address))
	v.XML.Close(D("current-user-principal"))
	return true, nil
}

func principalCollections(_ context.Context, v *Value) (bool, error) {
	v.XML.Open(D("principal-collection-set"))
	v.XML.Href(href(true, principals))
	v.XML.Close(D("principal-collection-set"))
	return true, nil
}

func principalURL(_ context.Context, v *Value) (bool, error) {
	v.XML.Open(D("principal-URL"))
	v.XML.Href(principalHref(v.Target.person.Address))
	v.XML.Close(D("principal-URL"))
	return true, nil
}

func alternateURIs(_ context.Context, v *Value) (bool, error) {
	v.XML.Open(D("alternate-URI-set"))
	v.XML.Href(mailto(v.Target.person.Address))
	v.XML.Close(D("alternate-URI-set"))
	return true, nil
}

func emptyOf(local string) func(context.Context, *Value) (bool, error) {
	return func(_ context.Context, v *Value) (bool, error) {
		v.XML.Empty(D(local))
		return true, nil
	}
}

// mailto writes an address as a URL (RFC 6068).
func mailto(address string) string { return string(appendSegment([]byte("mailto:"), address)) }

// userAddresses is RFC 6638 section 2.4.1: by what addresses invitations name it. The
// first is the preferred one.
func userAddresses(_ context.Context, v *Value) (bool, error) {
	p := v.Target.person
	v.XML.Open(CalDAV("calendar-user-address-set"))
	v.XML.Open(D("href"), "preferred", "1")
	v.XML.Text(mailto(p.Address))
	v.XML.Close(D("href"))
	for _, a := range p.Aliases {
		v.XML.Href(mailto(a))
	}
	v.XML.Href(principalHref(p.Address))
	v.XML.Close(CalDAV("calendar-user-address-set"))
	return true, nil
}

func userType(_ context.Context, v *Value) (bool, error) {
	if v.Target.person.Type == "" {
		return false, nil
	}
	v.XML.Element(CalDAV("calendar-user-type"), string(v.Target.person.Type))
	return true, nil
}

func emailAddresses(_ context.Context, v *Value) (bool, error) {
	p := v.Target.person
	v.XML.Open(CS("email-address-set"))
	v.XML.Element(CS("email-address"), p.Address)
	for _, a := range p.Aliases {
		v.XML.Element(CS("email-address"), a)
	}
	v.XML.Close(CS("email-address-set"))
	return true, nil
}

// homeSet names the home of a principal, to those who may look into it and whose login
// covers it. Above principals, where some clients look first, it is the person's own.
func (m *mount) homeSet(ctx context.Context, v *Value) (bool, error) {
	if !v.Principal.Allows(m.Scope) {
		return false, nil
	}
	address := v.Principal.Address
	switch v.Target.Level {
	case AtPrincipal:
		address = v.Target.person.Address
	case AtHome:
		address = v.Target.Account.Address
	}
	if address != v.Principal.Address {
		_, err := v.s.c.Resources.Account(ctx, v.Principal, address)
		if errors.Is(err, resource.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	v.XML.Open(m.HomeSet)
	v.XML.Href(href(true, m.Segment, address))
	v.XML.Close(m.HomeSet)
	return true, nil
}

// maxPrincipals bounds an answer about principals.
const maxPrincipals = 500

// searchable are the properties that principals are found by (RFC 3744 section 9.5).
var searchable = []struct {
	name  xml.Name
	words string
	set   func(q *PeopleQuery, match string)
}{
	{D("displayname"), "Name", func(q *PeopleQuery, m string) { q.Names = append(q.Names, m) }},
	{CS("email-address-set"), "E-mail address", func(q *PeopleQuery, m string) { q.Addresses = append(q.Addresses, m) }},
	{CalDAV("calendar-user-address-set"), "Calendar user address", func(q *PeopleQuery, m string) {
		q.Addresses = append(q.Addresses, strings.TrimPrefix(strings.ToLower(m), "mailto:"))
	}},
	{CalDAV("calendar-user-type"), "Type", func(q *PeopleQuery, m string) { q.Types = append(q.Types, UserType(strings.ToUpper(m))) }},
}

// principalReport checks what RFC 3744 section 9 asks of all its reports: Depth 0, and one
// DAV:prop at most.
func (r *Request) principalReport(body *Element) error {
	if r.depthSet && r.Depth != Depth0 {
		return refused(http.StatusBadRequest, "Depth must be 0 here.")
	}
	found := 0
	for _, e := range body.Children {
		if e.Name == D("prop") {
			found++
		}
	}
	if found > 1 {
		return refused(http.StatusBadRequest, "There is more than one prop element.")
	}
	return nil
}

func principalSearchProperties(_ context.Context, r *Request, _ *Target, body *Element) error {
	if err := r.principalReport(body); err != nil {
		return err
	}
	var x XML
	x.root(D("principal-search-property-set"))
	for _, s := range searchable {
		x.Open(D("principal-search-property"))
		x.Open(D("prop"))
		x.Empty(s.name)
		x.Close(D("prop"))
		x.Open(D("description"), "xml:lang", "en")
		x.Text(s.words)
		x.Close(D("description"))
		x.Close(D("principal-search-property"))
	}
	x.Close(D("principal-search-property-set"))
	return r.Answer(http.StatusOK, xmlType, x.b)
}

// principalSearch is RFC 3744 section 9.4: it finds those whom the directory address book
// shows, the active accounts of the tenant, for logins that cover calendars or contacts. With test="anyof", CalendarServer's, a
// principal needs to match one of the words.
func principalSearch(ctx context.Context, r *Request, t *Target, body *Element) error {
	if err := r.principalReport(body); err != nil {
		return err
	}
	if !r.mayLook() {
		return Refusal(http.StatusForbidden, D("need-privileges"), "This login is neither for calendars nor for contacts: it finds nobody.")
	}
	sel, err := r.Selection(body)
	if err != nil {
		return err
	}
	anyOf := false
	if test, _ := body.Attribute("test"); test == "anyof" {
		anyOf = true
	}
	queries, possible, err := searchQueries(body, anyOf)
	if err != nil {
		return err
	}
	elsewhere := body.Child(D("apply-to-principal-collection-set")) != nil
	if t.Level != AtRoot && !elsewhere || !possible {
		queries = nil // principals lie below the root alone
	}
	var list []*Target
	seen := map[string]bool{}
	more := false
	for _, q := range queries {
		found, cut, err := r.s.c.People.Search(ctx, r.Principal, q, maxPrincipals)
		if err != nil {
			return err
		}
		more = more || cut
		for _, p := range found {
			if !seen[p.Address] {
				seen[p.Address] = true
				list = append(list, r.principalTarget(p, principalHref(p.Address)))
			}
		}
	}
	m := r.Multistatus()
	if err := m.Resources(ctx, list, sel); err != nil || !more {
		return err
	}
	return m.Status(t.Href, http.StatusInsufficientStorage,
		Refusal(0, D("number-of-matches-within-limits"), "More than %d match. Say more precisely whom you look for.", maxPrincipals))
}

// searchQueries turns property-search elements into one query, or into one each.
// possible is false where a property is asked for that no principal can have.
func searchQueries(body *Element, anyOf bool) (list []PeopleQuery, possible bool, err error) {
	all := PeopleQuery{}
	parts := 0
	possible = true
	for _, e := range body.Children {
		if e.Name != D("property-search") {
			continue
		}
		match := e.Child(D("match")).Value()
		for _, p := range e.Child(D("prop")).children() {
			parts++
			if parts > 20 {
				return nil, false, refused(http.StatusBadRequest, "Too much is searched for at once.")
			}
			known := false
			for _, s := range searchable {
				if s.name == p.Name {
					known = true
					one := PeopleQuery{}
					s.set(&one, match)
					list = append(list, one)
					s.set(&all, match)
				}
			}
			possible = possible && known
		}
	}
	if parts == 0 {
		return nil, false, refused(http.StatusBadRequest, "Nothing is searched for: property-search is missing.")
	}
	if anyOf {
		return list, len(list) > 0, nil
	}
	return []PeopleQuery{all}, possible, nil
}

// children is Children, also of nil.
func (e *Element) children() []*Element {
	if e == nil {
		return nil
	}
	return e.Children
}

// principalMatch is RFC 3744 section 9.3: which resources here are the asking person.
func principalMatch(ctx context.Context, r *Request, t *Target, body *Element) error {
	if err := r.principalReport(body); err != nil {
		return err
	}
	sel, err := r.Selection(body)
	if err != nil {
		return err
	}
	var list []*Target
	switch {
	case body.Child(D("self")) != nil:
		if t.Level == AtRoot {
			own, err := r.principal(ctx, r.Principal.Address)
			if err != nil {
				return err
			}
			list = append(list, own)
		}
	case body.Child(D("principal-property")) != nil:
		if body.Child(D("principal-property")).Child(D("owner")) != nil && t.Level&inHomes != 0 && t.Account.Own() {
			list = append(list, t)
		}
	default:
		return refused(http.StatusBadRequest, "Neither self nor principal-property is asked for.")
	}
	return r.Multistatus().Resources(ctx, list, sel)
}

// aclPrincipals is RFC 3744 section 9.2: the principals that the acl property names.
func aclPrincipals(ctx context.Context, r *Request, t *Target, body *Element) error {
	if err := r.principalReport(body); err != nil {
		return err
	}
	if body.Child(D("prop")) == nil {
		return refused(http.StatusBadRequest, "No properties are asked for.")
	}
	sel, err := r.Selection(body)
	if err != nil {
		return err
	}
	var list []*Target
	if t.Level&inHomes != 0 {
		addresses := []string{t.Account.Address}
		if !t.Account.Own() {
			addresses = append(addresses, r.Principal.Address)
		}
		for _, a := range addresses {
			p, err := r.principal(ctx, a)
			if isMissing(err) {
				continue
			}
			if err != nil {
				return err
			}
			list = append(list, p)
		}
	}
	return r.Multistatus().Resources(ctx, list, sel)
}
