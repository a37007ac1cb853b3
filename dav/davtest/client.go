package davtest

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"testing"

	"fachwerk/auth"
	"fachwerk/internal/resource"
)

// Client asks as one person.
type Client struct {
	URL, Address, Password string
	Principal              *auth.Principal
	Account                resource.Account
	HTTP                   *http.Client
}

// Answer is a response that was read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Try sends a request. path is absolute and encoded; headers are names and values in turn.
// It may be called from any goroutine.
func (c *Client) Try(method, path, body string, headers ...string) (*Answer, error) {
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, c.URL+path, content)
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(c.Address, c.Password)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return &Answer{res.StatusCode, res.Header, string(b)}, err
}

// Do is Try where an error of the network fails the test.
func (c *Client) Do(t testing.TB, method, path, body string, headers ...string) *Answer {
	t.Helper()
	a, err := c.Try(method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// Want is Do where another status fails the test.
func (c *Client) Want(t testing.TB, status int, method, path, body string, headers ...string) *Answer {
	t.Helper()
	a := c.Do(t, method, path, body, headers...)
	if a.Status != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, a.Status, status, a.Body)
	}
	return a
}

// Propfind asks for properties, given as elements in the namespaces D, C, CR, CS, oc and nc.
func (c *Client) Propfind(t testing.TB, path, depth, properties string) Multistatus {
	t.Helper()
	return c.Want(t, http.StatusMultiStatus, "PROPFIND", path,
		`<D:propfind `+Namespaces+`><D:prop>`+properties+`</D:prop></D:propfind>`, "Depth", depth).Multistatus(t)
}

// Namespaces declares the prefixes that bodies of tests use.
const Namespaces = `xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CR="urn:ietf:params:xml:ns:carddav" ` +
	`xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns"`

// Multistatus is one as it was read.
type Multistatus struct {
	Responses []Response
	SyncToken string
}

// Response is of one resource.
type Response struct {
	Href   string
	Status int // of the response itself; 0: it has propstats
	Props  map[xml.Name]Prop
	Error  string // the content of an error element
}

// Prop is one property.
type Prop struct {
	Status int
	Inner  string // its content as XML
	Text   string // its character data
}

// Find is the response of an href; nil if there is none.
func (m Multistatus) Find(href string) *Response {
	for i := range m.Responses {
		if m.Responses[i].Href == href {
			return &m.Responses[i]
		}
	}
	return nil
}

// Text is the character data of a property that was found, "" else.
func (r *Response) Text(space, local string) string {
	if r == nil {
		return ""
	}
	if p := r.Props[xml.Name{Space: space, Local: local}]; p.Status == http.StatusOK {
		return p.Text
	}
	return ""
}

// Has reports the status of a property, 0 if the answer does not name it.
func (r *Response) Has(space, local string) int {
	if r == nil {
		return 0
	}
	return r.Props[xml.Name{Space: space, Local: local}].Status
}

type wireProp struct {
	XMLName xml.Name
	Inner   string `xml:",innerxml"`
	Text    string `xml:",chardata"`
}

type wireMultistatus struct {
	Responses []struct {
		Href     string `xml:"DAV: href"`
		Status   string `xml:"DAV: status"`
		Propstat []struct {
			Prop struct {
				All []wireProp `xml:",any"`
			} `xml:"DAV: prop"`
			Status string `xml:"DAV: status"`
		} `xml:"DAV: propstat"`
		Error struct {
			Inner string `xml:",innerxml"`
		} `xml:"DAV: error"`
	} `xml:"DAV: response"`
	SyncToken string `xml:"DAV: sync-token"`
}

// Multistatus reads the body.
func (a *Answer) Multistatus(t testing.TB) (m Multistatus) {
	t.Helper()
	var w wireMultistatus
	if err := xml.Unmarshal([]byte(a.Body), &w); err != nil {
		t.Fatalf("the answer (%d) is no multistatus: %v: %s", a.Status, err, a.Body)
	}
	m.SyncToken = w.SyncToken
	for _, r := range w.Responses {
		out := Response{Href: strings.TrimSpace(r.Href), Status: statusOf(r.Status), Props: map[xml.Name]Prop{}, Error: r.Error.Inner}
		for _, p := range r.Propstat {
			for _, x := range p.Prop.All {
				out.Props[x.XMLName] = Prop{statusOf(p.Status), x.Inner, strings.TrimSpace(x.Text)}
			}
		}
		m.Responses = append(m.Responses, out)
	}
	return m
}

// statusOf reads "HTTP/1.1 200 OK".
func statusOf(line string) (n int) {
	parts := strings.Fields(line)
	if len(parts) < 2 {
		return 0
	}
	for _, c := range parts[1] {
		n = n*10 + int(c-'0')
	}
	return n
}
