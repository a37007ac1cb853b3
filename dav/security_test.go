package dav_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/dav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/store/storetest"
)

// Stored content runs nothing in a browser.
func TestStoredContentIsTame(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	home := "/files/" + c.Address + "/"
	for name, want := range map[string]string{
		"a.html": "attachment", "a.svg": "attachment", "a.xml": "attachment", "a.pdf": "attachment", "a.js": "attachment", "a": "attachment",
		"a.txt": "inline", "a.png": "inline", "Übersicht \"1\"; x.html": "attachment",
	} {
		href := home + (strings.NewReplacer(" ", "%20", `"`, "%22", ";", "%3B", "Ü", "%C3%9C")).Replace(name)
		c.Want(t, 201, "PUT", href, "<script>alert(1)</script>")
		for _, method := range []string{"GET", "HEAD"} {
			h := c.Want(t, 200, method, href, "").Header
			for k, v := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'",
				"Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": "", "Set-Cookie": "",
			} {
				if h.Get(k) != v {
					t.Errorf("%s %s: %s is %q", method, name, k, h.Get(k))
				}
			}
			if d := h.Get("Content-Disposition"); !strings.HasPrefix(d, want+";") || strings.ContainsAny(d, "\r\n") {
				t.Errorf("%s: %q, want %s", name, d, want)
			}
			if h.Get("Content-Type") == "" {
				t.Errorf("%s: no type: the browser would guess", name)
			}
		}
	}
	// Errors, too.
	h := c.Do(t, "GET", home+"nie", "").Header
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") == "" {
		t.Errorf("an error: %v", h)
	}
}

// Pages of other origins change nothing, and cookies open nothing.
func TestForeignPages(t *testing.T) {
	env := open(t, storetest.Embedded, func(c *dav.Config) { c.Origin = "https://dav.musterstadt.example" })
	c := env.Client(t, "anna")
	at := "/files/" + c.Address + "/a.txt"
	for _, h := range [][]string{
		{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", "https://dav.musterstadt.example.evil.example"},
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://portal.musterstadt.example"},
	} {
		for _, method := range []string{"PUT", "DELETE", "MKCOL", "MOVE", "PROPPATCH", "LOCK", "POST"} {
			c.Want(t, 403, method, at, "", h...)
		}
		c.Want(t, 404, "GET", at, "", h...)
	}
	c.Want(t, 201, "PUT", at, "a", "Origin", "https://dav.musterstadt.example", "Sec-Fetch-Site", "same-origin")
	c.Want(t, 204, "PUT", at, "a", "Origin", env.URL)
	nobody := &davtest.Client{URL: env.URL, HTTP: c.HTTP}
	req, _ := http.NewRequest("GET", env.URL+at, nil)
	req.AddCookie(&http.Cookie{Name: "__Host-session", Value: c.Password})
	res, err := nobody.HTTP.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 {
		t.Errorf("a cookie opened it: %d", res.StatusCode)
	}
	// No answer to a browser's question whether another origin may.
	a := nobody.Do(t, "OPTIONS", at, "", "Origin", "https://evil.example", "Access-Control-Request-Method", "PUT")
	for k := range a.Header {
		if strings.HasPrefix(k, "Access-Control-") {
			t.Errorf("%s: %v", k, a.Header[k])
		}
	}
}

func TestLogin(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	raw := func(authorization string) *davtest.Answer {
		t.Helper()
		req, _ := http.NewRequest("PROPFIND", env.URL+"/", nil)
		req.Header.Set("Depth", "0")
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		res, err := c.HTTP.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return &davtest.Answer{Status: res.StatusCode, Header: res.Header, Body: string(b)}
	}
	a := raw("")
	if a.Status != 401 || len(a.Header.Values("WWW-Authenticate")) != 2 || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), `Basic realm="Fachwerk"`) {
		t.Errorf("without a login: %d %v", a.Status, a.Header)
	}
	for value, status := range map[string]int{
		"Bearer nonsense": 401, "Digest x": 401, "Basic !": 400, "Basic YQ==": 400, "Basic": 400, "Basic " + strings.Repeat("A", 70_000): 400,
	} {
		if a := raw(value); a.Status != status {
			t.Errorf("%.20s: %d, want %d", value, a.Status, status)
		}
	}
	wrong := *c
	wrong.Password = "falsch"
	wrong.Want(t, 401, "PROPFIND", "/", "", "Depth", "0")
	wrong.Want(t, 401, "OPTIONS", "/", "")
	(&davtest.Client{URL: env.URL, HTTP: c.HTTP}).Want(t, 401, "GET", "/files/"+c.Address+"/", "")
	// One for calendars only opens no files, nor does one for mail open anything.
	only := *c
	only.Password = env.Password(t, c.Principal, auth.Calendars)
	only.Want(t, 207, "PROPFIND", "/calendars/"+c.Address+"/", "", "Depth", "1")
	if a := only.Want(t, 403, "PROPFIND", "/files/"+c.Address+"/", "", "Depth", "1"); !strings.Contains(a.Body, "app password") {
		t.Errorf("no sentence: %s", a.Body)
	}
	only.Want(t, 201, "PUT", "/calendars/"+c.Address+"/calendar/x", "x")
	only.Want(t, 403, "COPY", "/calendars/"+c.Address+"/calendar/x", "", "Destination", "/files/"+c.Address+"/x")
	if got := only.Propfind(t, "/", "1", "<D:resourcetype/>"); got.Find("/files/") != nil {
		t.Errorf("the root shows what the login does not cover: %+v", got)
	}
	mail := *c
	mail.Password = env.Password(t, c.Principal, auth.MailRead|auth.MailSend)
	mail.Want(t, 403, "PROPFIND", "/", "", "Depth", "0")
	// Guessing is slowed down.
	throttled := false
	for i := 0; i < 400 && !throttled; i++ {
		wrong.Address = fmt.Sprintf("x%d@musterstadt.example", i)
		a := wrong.Do(t, "PROPFIND", "/", "", "Depth", "0")
		throttled = a.Status == 429 && a.Header.Get("Retry-After") != ""
	}
	if !throttled {
		t.Error("400 wrong passwords were all judged")
	}
}

// What cannot be a name, a place or a method is refused, and nothing is done.
func TestOddRequests(t *testing.T) {
	env := open(t, storetest.Embedded)
	c := env.Client(t, "anna")
	home := "/files/" + c.Address + "/"
	c.Want(t, 201, "PUT", home+"a.txt", "a")
	for path, status := range map[string]int{
		home + "a%2Fb": 400, home + "../x": 400, home + "%2e%2e/x": 400, home + "a%00": 400, home + "a%0d%0a": 400,
		home + strings.Repeat("a", 300): 414, home + strings.Repeat("a/", 300): 414, "/nie/x": 404, "/calendars/" + c.Address + "/calendar/a/b": 409,
		home + "a.txt/b": 409, home + "nie/b": 409, "/principals/x": 404, "/": 405, "/calendars/" + c.Address + "/neu": 405, home: 405, home + "neu/": 405,
	} {
		if a := raw(t, env, c, "PUT", path, "x"); a.Status != status {
			t.Errorf("PUT %.60s: %d, want %d: %s", path, a.Status, status, a.Body)
		}
	}
	for _, method := range []string{"TRACE", "POST", "PATCH", "BIND", "CONNECTX", "SEARCH"} {
		a := raw(t, env, c, method, home+"a.txt", "")
		if a.Status != 405 || a.Header.Get("Allow") == "" {
			t.Errorf("%s: %d %v", method, a.Status, a.Header)
		}
	}
	if a := c.Want(t, 405, "GET", home, ""); !strings.Contains(a.Header.Get("Allow"), "PROPFIND") || strings.Contains(a.Header.Get("Allow"), "GET") {
		t.Errorf("GET of a folder: %v", a.Header)
	}
	for destination, status := range map[string]int{
		"": 400, "http://other.example" + home + "b": 502, "b": 400, env.URL + home + "%2e%2e/b": 400, env.URL + home + "a%2Fb": 400,
		"/calendars/" + c.Address + "/calendar/b": 403, home: 403, home + "nie/b": 409, home + "a.txt": 403, "/files/ben@musterstadt.example/b": 409,
		"/principals/" + c.Address + "/": 403,
	} {
		for _, method := range []string{"COPY", "MOVE"} {
			if a := c.Do(t, method, home+"a.txt", "", "Destination", destination); a.Status != status {
				t.Errorf("%s to %q: %d, want %d: %s", method, destination, a.Status, status, a.Body)
			}
		}
	}
	c.Want(t, 400, "COPY", home+"a.txt", "", "Destination", home+"b", "Overwrite", "x")
	c.Want(t, 400, "COPY", home+"a.txt", "", "Destination", home+"b", "Depth", "1")
	c.Want(t, 201, "MKCOL", home+"F", "")
	c.Want(t, 403, "MOVE", home+"F", "", "Destination", home+"F/G")
	c.Want(t, 412, "MOVE", home+"F", "", "Destination", home+"a.txt", "Overwrite", "F")
	c.Want(t, 400, "MOVE", home+"F", "", "Destination", home+"H", "Depth", "0")
	c.Want(t, 400, "DELETE", home+"F", "", "Depth", "0")
	c.Want(t, 403, "MOVE", "/calendars/"+c.Address+"/calendar/", "", "Destination", home+"x/")
	c.Want(t, 403, "MOVE", home, "", "Destination", "/files/"+c.Address+"/x/")
	c.Want(t, 403, "ACL", home+"a.txt", `<D:acl xmlns:D="DAV:"/>`)
	c.Want(t, 404, "GET", home+"a.txt/", "")
	if got := c.Propfind(t, home, "1", "<D:resourcetype/>"); len(got.Responses) != 3 {
		t.Errorf("something was left behind: %+v", got)
	}
	env.Sound(t)
}

// raw sends a path as it stands.
func raw(t *testing.T, env *davtest.Env, c *davtest.Client, method, path, body string) *davtest.Answer {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(env.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	req, _ := http.NewRequest("GET", "http://x/", nil)
	req.SetBasicAuth(c.Address, c.Password)
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s",
		method, path, req.Header.Get("Authorization"), len(body), body)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return &davtest.Answer{Status: res.StatusCode, Header: res.Header, Body: string(b)}
}

// Whoever announces a body and sends none is answered all the same, and holds the
// connection no longer, whatever the answer is.
func TestAnnouncedBodyHoldsNoConnection(t *testing.T) {
	env := open(t, storetest.Embedded, func(c *dav.Config) { c.Limits.Stall = 300 * time.Millisecond })
	c := env.Client(t, "anna")
	req, _ := http.NewRequest("GET", "http://x/", nil)
	req.SetBasicAuth(c.Address, c.Password)
	known := "Authorization: " + req.Header.Get("Authorization") + "\r\n"
	for _, one := range []struct {
		method, path, header string
		status               int
	}{
		{"PUT", "/files/x", "Content-Length: 200000\r\n", 401},
		{"PROPFIND", "/", "Transfer-Encoding: chunked\r\n", 401},
		{"NONE", "/", "Content-Length: 200000\r\n", 405},
		{"OPTIONS", "/", "Content-Length: 200000\r\n", 200},
		{"GET", "/.well-known/caldav", "Content-Length: 200000\r\n", 301},
		{"PUT", "/files/" + c.Address + "/x", known + "Content-Encoding: gzip\r\nContent-Length: 200000\r\n", 415},
		{"DELETE", "/files/" + c.Address + "/none", known + "Content-Length: 200000\r\n", 404},
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(env.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", one.method, one.path, one.header)
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		in := bufio.NewReader(conn)
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != one.status {
			t.Errorf("%s %s: %v, %v; want %d", one.method, one.path, res, err, one.status)
		} else if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Errorf("%s %s: the answer: %v", one.method, one.path, err)
		} else if _, err := in.ReadByte(); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s %s: the connection stays open", one.method, one.path)
		}
		conn.Close()
	}
}

// Bodies that lie, stop, grow or bomb are refused and leave nothing behind.
func TestBadBodies(t *testing.T) {
	env := open(t, storetest.Embedded, func(c *dav.Config) { c.Limits.Stall = 300 * time.Millisecond })
	c := env.Client(t, "anna")
	home := "/files/" + c.Address + "/"
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("text"))
	z.Close()
	for _, method := range []string{"PUT", "PROPFIND", "MKCOL"} {
		at := home + "z"
		if method == "PROPFIND" {
			at = home
		}
		a := c.Want(t, 415, method, at, packed.String(), "Content-Encoding", "gzip", "Depth", "0", "Content-Type", "application/xml")
		if a.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: %v", method, a.Header)
		}
	}
	c.Want(t, 201, "PUT", home+"y", "text", "Content-Encoding", "identity")
	c.Want(t, 400, "PUT", home+"z", "text", "Content-Range", "bytes 0-3/10")
	c.Want(t, 413, "PUT", "/calendars/"+c.Address+"/calendar/z", strings.Repeat("x", 1<<20+1))
	c.Want(t, 413, "PROPFIND", home, strings.Repeat(" ", 1<<20+1), "Depth", "0")
	c.Want(t, 415, "PROPFIND", home, "<a/>", "Depth", "0", "Content-Type", "text/xml; charset=utf-16")
	bomb := `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><propfind xmlns="DAV:"><prop>&b;</prop></propfind>`
	c.Want(t, 400, "PROPFIND", home, bomb, "Depth", "0")
	c.Want(t, 400, "PROPFIND", home, strings.Repeat("<a>", 300_000), "Depth", "0")
	var many strings.Builder
	for i := range 600 {
		fmt.Fprintf(&many, "<p%d/>", i)
	}
	c.Want(t, 400, "PROPFIND", home, `<propfind xmlns="DAV:"><prop>`+many.String()+`</prop></propfind>`, "Depth", "0")
	c.Want(t, 400, "PROPPATCH", home+"y", patch(set(many.String())))
	// One that promises more than it sends, and one that stops.
	for _, end := range []bool{true, false} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(env.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		req, _ := http.NewRequest("GET", "http://x/", nil)
		req.SetBasicAuth(c.Address, c.Password)
		fmt.Fprintf(conn, "PUT %sz HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: 1000\r\n\r\nhalf", home, req.Header.Get("Authorization"))
		if end {
			conn.(*net.TCPConn).CloseWrite()
		}
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != 400 {
			t.Errorf("closed %v: %v, %v", end, res, err)
		}
		conn.Close()
	}
	if got := c.Propfind(t, home, "1", "<D:resourcetype/>"); len(got.Responses) != 2 {
		t.Errorf("something was left behind: %+v", got)
	}
	// A slow one that goes on is served: each piece gives it time.
	pr, pw := io.Pipe()
	go func() {
		for range 8 {
			time.Sleep(100 * time.Millisecond)
			pw.Write([]byte("x"))
		}
		pw.Close()
	}()
	req, _ := http.NewRequest("PUT", env.URL+home+"slow", pr)
	req.SetBasicAuth(c.Address, c.Password)
	res, err := c.HTTP.Do(req)
	if err != nil || res.StatusCode != 201 {
		t.Fatalf("a slow upload: %v, %v", res, err)
	}
	res.Body.Close()
	env.Sound(t)
}

// slowHead takes its time, so that requests pile up.
type slowHead struct {
	*plainHead
	entered, hold chan struct{}
}

func (h *slowHead) Accept(ctx context.Context, in *dav.Incoming) (resource.Draft, error) {
	h.entered <- struct{}{}
	<-h.hold
	return h.plainHead.Accept(ctx, in)
}

// A person has a number of requests at a time; another person is not kept waiting.
func TestConcurrentRequests(t *testing.T) {
	entered, hold := make(chan struct{}, 2), make(chan struct{})
	env := open(t, storetest.Embedded, func(c *dav.Config) {
		c.Limits.Concurrent, c.Limits.Queue = 2, 100*time.Millisecond
		c.Heads[0] = &slowHead{c.Heads[0].(*plainHead), entered, hold}
	})
	anna, ben := env.Client(t, "anna"), env.Client(t, "ben")
	done := make(chan int, 2)
	for i := range 2 {
		go func() {
			a, err := anna.Try("PUT", fmt.Sprintf("/files/%s/%d", anna.Address, i), "x")
			if err != nil {
				t.Error(err)
			}
			done <- a.Status
		}()
	}
	<-entered
	<-entered
	if a := anna.Want(t, 429, "PROPFIND", "/", "", "Depth", "0"); a.Header.Get("Retry-After") == "" {
		t.Errorf("it is not said when to come again: %v", a.Header)
	}
	ben.Want(t, 207, "PROPFIND", "/", "", "Depth", "0")
	close(hold)
	for range 2 {
		if status := <-done; status != 201 {
			t.Errorf("PUT: %d", status)
		}
	}
	anna.Want(t, 207, "PROPFIND", "/", "", "Depth", "0")
}

// brokenHead has a fault.
type brokenHead struct{ *plainHead }

func (brokenHead) Accept(context.Context, *dav.Incoming) (resource.Draft, error) {
	panic("a secret of the program")
}

// A fault ends one request, says nothing to the client and all to the log.
func TestFault(t *testing.T) {
	var log bytes.Buffer
	env := open(t, storetest.Embedded, func(c *dav.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		c.Heads[0] = brokenHead{c.Heads[0].(*plainHead)}
	})
	c := env.Client(t, "anna")
	a := c.Want(t, 500, "PUT", "/files/"+c.Address+"/a", "x")
	if strings.Contains(a.Body, "secret") || !strings.Contains(log.String(), "a secret of the program") {
		t.Errorf("the client reads %q, the log %q", a.Body, log.String())
	}
	c.Want(t, 207, "PROPFIND", "/", "", "Depth", "0")
}

// What cannot be a server is refused at the start.
func TestNew(t *testing.T) {
	env := open(t, storetest.Embedded)
	good := dav.Config{Auth: env.Auth, Resources: env.Service, Heads: plainHeads(env.Env), People: davtest.People{Store: env.Store()},
		Remote: func(*http.Request) netip.Addr { return netip.Addr{} }}
	for what, change := range map[string]func(*dav.Config){
		"no heads":  func(c *dav.Config) { c.Heads = nil },
		"no auth":   func(c *dav.Config) { c.Auth = nil },
		"no people": func(c *dav.Config) { c.People = nil },
		"one twice": func(c *dav.Config) { c.Heads = append(c.Heads, c.Heads[0]) },
		"no origin": func(c *dav.Config) { c.Origin = "dav.musterstadt.example" },
	} {
		c := good
		change(&c)
		if _, err := dav.New(c); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := dav.New(good); err != nil {
		t.Error(err)
	}
}
