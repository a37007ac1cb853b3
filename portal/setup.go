package portal

import "net/http"

// client is a program or device that the portal explains.
type client struct {
	Name  string // in the path
	Title string // its own name
	Steps []string
	Note  string
	Apple bool
}

// clients are in the order in which they are offered.
var clients = []client{
	{Name: "thunderbird", Title: "Thunderbird", Steps: []string{"thunderbird.1", "thunderbird.2", "thunderbird.3"}},
	{Name: "iphone", Title: "iPhone, iPad, Mac", Steps: []string{"iphone.1", "iphone.2"}, Apple: true},
	{Name: "android", Title: "Android", Steps: []string{"android.1", "android.2", "android.3"}},
	{Name: "evolution", Title: "Evolution (Linux)", Steps: []string{"evolution.1", "evolution.2", "evolution.3"}},
	{Name: "outlook", Title: "Outlook", Steps: []string{"outlook.1", "outlook.2", "outlook.3"}, Note: "outlook.note"},
}

type setupPage struct {
	client
	Address string
	In, Out serverList
	Profile bool // a configuration profile can be made
}

// serverList are the servers for one purpose; Title is a text key.
type serverList struct {
	Title   string
	Servers []Server
}

// setup explains one client, with the right names and ports. Anyone may read it.
func (p *Portal) setup(w http.ResponseWriter, r *http.Request) {
	v, err := p.visitor(r.Context(), r)
	if err != nil {
		p.fail(w, r, nil, err)
		return
	}
	for _, c := range clients {
		if c.Name != r.PathValue("client") {
			continue
		}
		page := setupPage{
			client: c, Profile: c.Apple && p.offersProfile(),
			In: serverList{"setup.incoming", p.incoming()}, Out: serverList{"setup.outgoing", p.outgoing()},
		}
		if v != nil {
			page.Address = v.Address
		}
		p.render(w, r, v, http.StatusOK, "setup", page)
		return
	}
	p.message(w, r, v, http.StatusNotFound, "error.page")
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

type dataPage struct {
	Places []Place
	Items  int64
	Bytes  int64
}

// data answers "Wo liegen meine Daten?".
func (p *Portal) data(w http.ResponseWriter, r *http.Request, v *visitor) {
	places, err := p.c.Places.Places(r.Context(), v.ref())
	if err != nil {
		p.fail(w, r, v, err)
		return
	}
	page := dataPage{Places: places}
	for _, x := range places {
		page.Items += x.Items
		page.Bytes += x.Bytes
	}
	p.render(w, r, v, http.StatusOK, "data", page)
}
