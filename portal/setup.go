package portal

import (
	"net/http"
	"slices"
	"strings"

	"fachwerk/auth"
)

// Security is the text key for how the connection is protected.
func (s Server) Security() string {
	switch {
	case s.TLS:
		return "security.tls"
	case s.Plain:
		return "security.plain"
	}
	return "security.starttls"
}

// incoming and outgoing are the servers offered, the best protected first.
func (p *Portal) incoming() []Server { return offered(p.c.IMAP, p.c.IMAPStartTLS) }
func (p *Portal) outgoing() []Server { return offered(p.c.Submissions, p.c.SubmissionStartTLS) }

func offered(list ...Server) (servers []Server) {
	for _, s := range list {
		if s.Host != "" {
			servers = append(servers, s)
		}
	}
	return servers
}

// clientCard leads to a client's page and says what works in it.
type clientCard struct {
	Name, Title string
	Kinds       []string
}

// cards are the clients for a kind; "" means any that is offered.
func (p *Portal) cards(kind string) (list []clientCard) {
	for _, c := range clients {
		if kinds := p.kindsOf(c); len(kinds) > 0 && (kind == "" || slices.Contains(kinds, kind)) {
			list = append(list, clientCard{c.Name, c.Title, kinds})
		}
	}
	return list
}

// kindsOf are the offered kinds that a client is for.
func (p *Portal) kindsOf(c client) (list []string) {
	for _, k := range p.kinds() {
		if slices.ContainsFunc(c.Parts, func(x part) bool { return slices.Contains(x.Kinds, k) }) {
			list = append(list, k)
		}
	}
	return list
}

type setupPage struct {
	Name, Title, Note string
	Address           string // the visitor's; "" of who is not signed in
	Profile           bool   // a configuration profile can be made
	ProfileKinds      []string
	Password          string // path of the form for an app password, filled in
	Parts             []setupPart
}

type setupPart struct {
	Kinds     []string
	Steps     []step
	Addresses []clientAddress
	Servers   []serverList
	Note      string
	Secure    bool // needs https, and there is none
}

// clientAddress is an address to be copied; Label is a text key.
type clientAddress struct{ Label, URL string }

// serverList are the servers for one purpose; Title is a text key.
type serverList struct {
	Title   string
	Servers []Server
}

// setup explains one client, with the right names, ports and addresses. Anyone
// may read it.
func (p *Portal) setup(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r.Context(), r)
	if err != nil {
		p.fail(w, r, nil, err)
		return
	}
	c, ok := clientNamed(r.PathValue("client"))
	if !ok || len(p.kindsOf(c)) == 0 {
		p.message(w, r, v, http.StatusNotFound, "error.page")
		return
	}
	p.render(w, r, v, http.StatusOK, "setup", p.setupPage(c, v, p.language(r, p.look(r.Context(), v).language)))
}

func (p *Portal) setupPage(c client, v *visitor, l lang) setupPage {
	page := setupPage{Name: c.Name, Title: c.Title, Note: c.Note, Profile: c.Apple && p.offersProfile(), ProfileKinds: p.profileKinds()}
	owner := l.text("setup.placeholder")
	if v != nil {
		page.Address, owner = v.Address, v.Address
	}
	form := appPasswordForm{Name: l.text(c.Title), Client: c.Name}
	for _, k := range p.kindsOf(c) {
		form.Scopes |= kindScopes[k]
	}
	form.For = presetOf(form.Scopes)
	page.Password = "/devices?" + form.query() + "#new"
	page.Parts = p.setupParts(c, owner)
	return page
}

// setupParts are those of what is offered here.
func (p *Portal) setupParts(c client, owner string) (list []setupPart) {
	for _, x := range c.Parts {
		if made := p.setupPart(x, owner); len(made.Kinds) > 0 {
			list = append(list, made)
		}
	}
	return list
}

func (p *Portal) setupPart(x part, owner string) setupPart {
	made := setupPart{Note: x.Note, Secure: x.Secure && p.offersDAV() && p.dav.Scheme != "https"}
	for _, k := range p.kinds() {
		if slices.Contains(x.Kinds, k) {
			made.Kinds = append(made.Kinds, k)
		}
	}
	if slices.Contains(made.Kinds, mailKind) {
		made.Servers = []serverList{{"setup.incoming", p.incoming()}, {"setup.outgoing", p.outgoing()}}
	}
	if !p.offersDAV() {
		made.Steps = x.Steps
		return made
	}
	made.Addresses = p.addresses(x.At, owner)
	drive := p.address(atFiles, owner)
	fill := strings.NewReplacer("{user}", quote(owner), "{files}", quote(drive), "{address}", owner, "{url}", drive)
	for _, s := range x.Steps {
		made.Steps = append(made.Steps, step{s.Text, fill.Replace(s.Command)})
	}
	return made
}

func (p *Portal) addresses(list []endpoint, owner string) (out []clientAddress) {
	for _, at := range list {
		out = append(out, clientAddress{endpointLabels[at], p.address(at, owner)})
	}
	return out
}

type servicePage struct {
	Kind      string
	Addresses []clientAddress
	Servers   []serverList
	Clients   []clientCard
	Trash     bool
}

// serviceEndpoints are the addresses that a service's page shows.
var serviceEndpoints = map[string][]endpoint{
	calendarKind: {atBase, atCalendars}, contactsKind: {atBase, atAddressBooks}, filesKind: {atFiles, atDrives},
}

// service tells what one service is for and which programs know it. Anyone may
// read it; addresses are shown to their owner.
func (p *Portal) service(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r.Context(), r)
	if err != nil {
		p.fail(w, r, nil, err)
		return
	}
	kind := r.PathValue("kind")
	if !slices.Contains(p.kinds(), kind) {
		p.message(w, r, v, http.StatusNotFound, "error.page")
		return
	}
	page := servicePage{Kind: kind, Clients: p.cards(kind), Trash: v != nil && kind == filesKind && p.c.Trash != nil}
	if kind == mailKind {
		page.Servers = []serverList{{"setup.incoming", p.incoming()}, {"setup.outgoing", p.outgoing()}}
	} else if v != nil {
		page.Addresses = p.addresses(serviceEndpoints[kind], v.Address)
	}
	p.render(w, r, v, http.StatusOK, "service", page)
}

// scopes are what app passwords can be made for here.
func (p *Portal) scopes() (s auth.Scope) {
	for _, k := range p.kinds() {
		s |= kindScopes[k]
	}
	return s
}
