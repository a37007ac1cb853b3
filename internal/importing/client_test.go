package importing

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

func serve(t *testing.T, h http.HandlerFunc) (*Client, *httptest.Server) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := NewClient(Server{URL: s.URL + "/dav/", User: "anna", Password: "geheim"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, s
}

// A password goes over TLS, or to this machine, and to the server that was named.
func TestOnlySafeSourcesAreTaken(t *testing.T) {
	for _, u := range []string{"http://cloud.example/", "ftp://127.0.0.1/", "https://anna:geheim@cloud.example/", "cloud.example", "https://", "https://cloud.example/?a=b", "http://127.0.0.1.cloud.example/"} {
		if _, err := NewClient(Server{URL: u}); err == nil {
			t.Errorf("%s was taken", u)
		}
	}
	for _, u := range []string{"https://cloud.example", "http://127.0.0.1:5232/", "http://localhost/", "http://[::1]:80/"} {
		if _, err := NewClient(Server{URL: u}); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
	for address, loopback := range map[string]bool{"169.254.169.254:80": false, "127.0.0.1:443": false, "[::ffff:127.0.0.1]:443": false, "0.0.0.0:1": false,
		"[fe80::1]:443": false, "224.0.0.1:1": false, "10.0.0.1:80": true} {
		if mayDial(address, loopback) == nil {
			t.Errorf("%s is asked (loopback named: %v)", address, loopback)
		}
	}
	for address, loopback := range map[string]bool{"10.1.2.3:443": false, "192.0.2.1:443": false, "[2001:db8::1]:443": false, "127.0.0.1:5232": true} {
		if err := mayDial(address, loopback); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// Redirects on the server are followed with the method; others are told and get no
// password.
func TestRedirects(t *testing.T) {
	var stolen atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stolen.Store(true)
	}))
	defer elsewhere.Close()
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/dav/":
			http.Redirect(w, r, "/neu/", http.StatusMovedPermanently)
		case "/neu/":
			body, _ := io.ReadAll(r.Body)
			if user, password, _ := r.BasicAuth(); r.Method != "PROPFIND" || user+password != "annageheim" || !strings.Contains(string(body), "getetag") {
				t.Errorf("after the redirect: %s %s", r.Method, body)
			}
			w.WriteHeader(http.StatusMultiStatus)
			fmt.Fprint(w, `<multistatus xmlns="DAV:"/>`)
		case "/kreis":
			http.Redirect(w, r, "/kreis", http.StatusFound)
		default:
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		}
	})
	if _, err := c.Propfind(t.Context(), "/dav/", 1, ETag); err != nil {
		t.Error(err)
	}
	for _, href := range []string{"/kreis", "/weg", elsewhere.URL + "/direkt"} {
		if _, err := c.Get(t.Context(), href); !errors.Is(err, ErrSource) || !isFinal(err) {
			t.Errorf("%s: %v", href, err)
		}
	}
	if stolen.Load() {
		t.Error("another server was asked")
	}
}

// Answers of every kind are read or refused, none takes the process down.
func TestOddAnswers(t *testing.T) {
	answers := map[string]string{
		"tief":        `<multistatus xmlns="DAV:">` + strings.Repeat("<response>", 100_000),
		"breit":       `<multistatus xmlns="DAV:"><response>` + strings.Repeat("<a/>", 30_000) + `</response></multistatus>`,
		"lang":        `<multistatus xmlns="DAV:"><response><href>` + strings.Repeat("x", 5<<20) + `</href></response></multistatus>`,
		"abgehackt":   `<multistatus xmlns="DAV:"><response><href>/a</href>`,
		"etwas":       `<html/>`,
		"nichts":      ``,
		"entitäten":   `<!DOCTYPE a [<!ENTITY b "c">]><multistatus xmlns="DAV:"><response><href>&b;</href></response></multistatus>`,
		"kein Ende":   `<multistatus xmlns="DAV:"><response></a></response></multistatus>`,
		"falsch":      `<multistatus xmlns="falsch:"><response/></multistatus>`,
		"umschlossen": `<a xmlns="DAV:"><multistatus/></a>`,
	}
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		fmt.Fprint(w, answers[strings.TrimPrefix(r.URL.Path, "/")])
	})
	for name := range answers {
		if list, err := c.Propfind(t.Context(), "/"+name, 1); err == nil {
			t.Errorf("%s: %+v", name, list)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.Base.String()+"../tief", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.URL = r.URL.JoinPath()
	if answer, err := c.Do(r); err == nil {
		answer.Body.Close()
		t.Error("a library's decoder gets an answer of 100,000 levels")
	}
}

// Members are what lies directly below, whatever form their hrefs have.
func TestMembers(t *testing.T) {
	c, s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		fmt.Fprint(w, `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">`)
		one := func(href, props string) {
			fmt.Fprintf(w, `<D:response><D:href>%s</D:href><D:propstat><D:prop>%s</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
				<D:propstat><D:prop><D:getetag>nicht das</D:getetag></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>`, href, props)
		}
		one("/dav/anna%40alt.example/", "<D:resourcetype><D:collection/></D:resourcetype>")
		one("http://"+r.Host+"/dav/anna@alt.example/b%2Fc.ics", "<D:getcontentlength>12</D:getcontentlength><D:getlastmodified>Fri, 17 May 2019 11:30:00 GMT</D:getlastmodified>")
		one("/dav/anna@alt.example/a%20b.ics", `<D:getetag>"1"</D:getetag>`)
		one("/dav/anna@alt.example/Ordner/", "<D:resourcetype><D:collection/></D:resourcetype>")
		one("/dav/anna@alt.example/Ordner/tief.ics", "")
		one("/dav/", "<D:resourcetype><D:collection/></D:resourcetype>")
		one("http://anderswo.example/dav/anna@alt.example/x.ics", "")
		fmt.Fprint(w, `</D:multistatus>`)
	})
	list, err := c.Members(t.Context(), s.URL+"/dav/anna@alt.example/", ETag)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range list {
		got = append(got, r.Base())
	}
	if strings.Join(got, "|") != "Ordner|a b.ics|b/c.ics|x.ics" {
		t.Fatalf("members %q", got)
	}
	if !list[0].Collection() || list[1].Version() != `"1"` || list[1].Size() != -1 || list[2].Size() != 12 ||
		list[2].Modified().Unix() != time.Date(2019, 5, 17, 11, 30, 0, 0, time.UTC).Unix() || list[2].Version() == "" || list[2].Key() != "dav/anna@alt.example/b%2Fc.ics" {
		t.Errorf("%+v", list)
	}
}

// A source that fails for a time is asked again; one that refuses is not.
func TestRetries(t *testing.T) {
	var asked atomic.Int32
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		switch {
		case r.URL.Path == "/nein":
			w.WriteHeader(http.StatusForbidden)
		case n < 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	get := func(href string) error {
		asked.Store(0)
		return retry(t.Context(), func() error {
			answer, err := c.Get(t.Context(), href)
			if err == nil {
				answer.Body.Close()
			}
			return err
		})
	}
	if err := get("/ja"); err != nil || asked.Load() != 3 {
		t.Errorf("%v after %d times", err, asked.Load())
	}
	if err := get("/nein"); err == nil || asked.Load() != 1 {
		t.Errorf("%v after %d times", err, asked.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := retry(ctx, func() error { return ErrSource }); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

// The limit holds over all connections together.
func TestRate(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 300_000)) }))
	defer s.Close()
	c, err := NewClient(Server{URL: s.URL, BytesPerSecond: 200_000})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	answer, err := c.Get(t.Context(), "/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if n, err := io.Copy(io.Discard, answer.Body); n != 300_000 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if took := time.Since(began); took < time.Second { // less the first 64 KiB: 1.2 s
		t.Errorf("300 kB came in %v", took)
	}
}

// Names of a source become names that can be used.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{"Dienst Plan": "dienst-plan", "a/b:c": "a-b-c", "": "imported", "..": "imported", "Übersicht\x00": "übersicht"} {
		if got := Segment(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"a.ics": "a.ics", "A.ICS": "A.ICS", "uid@host": "uid@host.ics"} {
		if got := ObjectName(name, ".ics"); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"", "..", "a/b", "\x01", strings.Repeat("x", 300), "\xff"} {
		got := ObjectName(name, ".ics")
		if len(got) > maxName || !utf8.ValidString(got) || strings.ContainsAny(got, "/\x01") || !strings.HasSuffix(got, ".ics") {
			t.Errorf("%q becomes %q", name, got)
		}
		if other := OtherName(got, ".ics", "x"); other == got || len(other) > maxName {
			t.Errorf("another name of %q is %q", got, other)
		}
	}
}

// A listing whose addresses are not of what was asked for is no empty one.
func TestAListingOfElsewhereIsNotEmpty(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusMultiStatus)
		fmt.Fprint(w, `<multistatus xmlns="DAV:"><response><href>/innen/a/</href></response><response><href>/innen/a/1.ics</href></response></multistatus>`)
	})
	if list, err := c.Members(t.Context(), "/aussen/a/"); !errors.Is(err, ErrSource) {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := c.Members(t.Context(), "/innen/a"); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// A wrong password is told as such, and asked about once.
func TestWrongPassword(t *testing.T) {
	var asked atomic.Int32
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	})
	h := &Home{Client: c, Find: func(context.Context, string) ([]string, error) { return nil, errors.New("not to be asked") }}
	_, err := h.Collections(t.Context())
	if err == nil || !strings.Contains(err.Error(), "refuses user name or password") || asked.Load() != 1 {
		t.Errorf("%v after %d requests", err, asked.Load())
	}
}

// FuzzResponses: no answer is a panic or takes more than it says.
func FuzzResponses(f *testing.F) {
	f.Add([]byte(`<multistatus xmlns="DAV:"><response><href>/a</href><propstat><prop><getetag>"1"</getetag></prop><status>HTTP/1.1 200 OK</status></propstat></response></multistatus>`))
	f.Add([]byte(`<multistatus xmlns="DAV:"><response>`))
	c, err := NewClient(Server{URL: "https://alt.example/"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = shallow(data)
		_ = responses(strings.NewReader(string(data)), func(e *Element) error {
			if e.Name != (xml.Name{Space: dav, Local: "response"}) {
				t.Fatalf("%v is no response", e.Name)
			}
			if r, ok := c.resource(e); ok && (!strings.HasPrefix(r.Href, "https://alt.example") || r.Size() < -1) {
				t.Fatalf("%+v", r)
			}
			return nil
		})
	})
}
