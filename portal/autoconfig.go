package portal

import (
	"bytes"
	"encoding/xml"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// The document that Thunderbird and others ask for, built by the encoder.
type clientConfig struct {
	XMLName  xml.Name      `xml:"clientConfig"`
	Version  string        `xml:"version,attr"`
	Provider emailProvider `xml:"emailProvider"`
	// The mail autoconfig draft of the IETF has these beside the provider.
	AddressBook *webServer `xml:"addressbook"`
	Calendar    *webServer `xml:"calendar"`
	FileShare   *webServer `xml:"fileShare"`
}

// webServer is a server that a URL names.
type webServer struct {
	Type           string `xml:"type,attr"`
	URL            string `xml:"url"`
	Authentication string `xml:"authentication"`
	Username       string `xml:"username"`
}

type emailProvider struct {
	ID          string       `xml:"id,attr"`
	Domain      string       `xml:"domain"`
	DisplayName string       `xml:"displayName"`
	ShortName   string       `xml:"displayShortName"`
	Incoming    []mailServer `xml:"incomingServer"`
	Outgoing    []mailServer `xml:"outgoingServer"`
}

type mailServer struct {
	Type           string `xml:"type,attr"`
	Hostname       string `xml:"hostname"`
	Port           string `xml:"port"`
	SocketType     string `xml:"socketType"`
	Username       string `xml:"username"`
	Authentication string `xml:"authentication"`
}

// autoconfig answers the same for every address, so that nobody learns from it
// which ones there are.
func (p *Portal) autoconfig(w http.ResponseWriter, r *http.Request) {
	domain := p.mailDomain(r)
	doc := clientConfig{Version: "1.1", Provider: emailProvider{
		ID: domain, Domain: domain, DisplayName: "Fachwerk " + domain, ShortName: "Fachwerk",
		Incoming: mailServers("imap", p.incoming()),
		Outgoing: mailServers("smtp", p.outgoing()),
	}}
	if p.offersDAV() {
		server := func(kind string, at endpoint) *webServer {
			return &webServer{kind, p.address(at, ""), "basic", "%EMAILADDRESS%"}
		}
		doc.AddressBook, doc.Calendar, doc.FileShare = server("carddav", atBase), server("caldav", atBase), server("webdav", atDrives)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	e := xml.NewEncoder(&b)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		p.fail(w, r, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// mailDomain is the domain of the address asked about, or the host's own with
// the customary label taken off. Whether it is one of ours is not said.
func (p *Portal) mailDomain(r *http.Request) string {
	address := r.URL.Query().Get("emailaddress")
	if _, domain, ok := strings.Cut(address, "@"); ok && validDomain(domain) {
		return strings.ToLower(domain)
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host = strings.TrimPrefix(strings.ToLower(host), "autoconfig."); validDomain(host) {
		return host
	}
	return p.host
}

func validDomain(d string) bool {
	return len(d) > 0 && len(d) <= 253 && !strings.ContainsFunc(d, func(r rune) bool {
		return r != '.' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func mailServers(kind string, list []Server) (out []mailServer) {
	for _, s := range list {
		socket := "STARTTLS"
		switch {
		case s.TLS:
			socket = "SSL"
		case s.Plain:
			socket = "plain"
		}
		out = append(out, mailServer{
			Type: kind, Hostname: s.Host, Port: strconv.Itoa(s.Port), SocketType: socket,
			Username: "%EMAILADDRESS%", Authentication: "password-cleartext",
		})
	}
	return out
}
