package admintest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"fachwerk/admin"
	"fachwerk/auth"
)

// Options of a suite: a backend on an empty store with two sites, and the issuer of
// its installation.
type Options struct {
	Backend admin.Backend
	// Other is another process of the same installation; nil: there can be none.
	Other        admin.Backend
	SiteA, SiteB string
	Issuer       string
}

// Tokens that the suite's check of operators knows; the real one is package auth's.
const (
	operatorToken = "operator"
	personToken   = "person"
	brokenToken   = "unreachable"
)

func check(_ context.Context, at auth.Attempt, token string) (*auth.Principal, error) {
	switch {
	case at.Protocol != "admin" || !at.Remote.IsLoopback():
		return nil, errors.New("the attempt does not say who asks")
	case token == operatorToken:
		return &auth.Principal{DisplayName: "ops", Roles: auth.Operator}, nil
	case token == personToken:
		return nil, auth.ErrScope
	case token == brokenToken:
		return nil, auth.ErrUnavailable
	}
	return nil, auth.ErrDenied
}

// api is a client that compares every answer with the document.
type api struct {
	t    testing.TB
	url  string
	doc  *Document
	done map[string]bool // operations that succeeded
}

// reply is what came back.
type reply struct {
	status int
	etag   string
	header http.Header
	body   []byte
}

// request says what to send; in a path, names in braces are filled from at.
type request struct {
	at      []string // name, value, …
	query   string
	body    any // JSON, or []byte with kind
	kind    string
	ifMatch string
	token   string
}

func (a *api) call(method, path string, q request) reply {
	a.t.Helper()
	address := path
	for i := 0; i+1 < len(q.at); i += 2 {
		address = strings.ReplaceAll(address, "{"+q.at[i]+"}", url.PathEscape(q.at[i+1]))
	}
	if q.query != "" {
		address += "?" + q.query
	}
	var body io.Reader
	switch b := q.body.(type) {
	case nil:
	case []byte:
		body = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			a.t.Fatal(err)
		}
		body, q.kind = bytes.NewReader(text), "application/json"
	}
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+address, body)
	if err != nil {
		a.t.Fatal(err)
	}
	if q.token == "" {
		q.token = "Bearer " + operatorToken
	}
	for name, value := range map[string]string{"Authorization": q.token, "Content-Type": q.kind, "If-Match": q.ifMatch} {
		if value != "" && value != "none" {
			req.Header.Set(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if a.doc.Paths[path] != nil && a.doc.Paths[path][method] != nil {
		if err := a.doc.Answer(method, path, resp.StatusCode, kind, text); err != nil {
			a.t.Errorf("%v\n%d %s", err, resp.StatusCode, text)
		}
	}
	if resp.StatusCode < 300 {
		a.done[method+" "+path] = true
	}
	return reply{resp.StatusCode, resp.Header.Get("ETag"), resp.Header, text}
}

// ok wants a status and gives the answer's JSON, if any, to into.
func (a *api) ok(want int, into any, method, path string, q request) reply {
	a.t.Helper()
	r := a.call(method, path, q)
	if r.status != want {
		a.t.Fatalf("%s %s %v: %d, want %d\n%s", method, path, q.at, r.status, want, r.body)
	}
	if into != nil {
		if err := json.Unmarshal(r.body, into); err != nil {
			a.t.Fatalf("%s %s: %v\n%s", method, path, err, r.body)
		}
	}
	return r
}

// refused wants a problem of a kind, with a sentence, and gives its body.
func (a *api) refused(kind admin.Kind, method, path string, q request) string {
	a.t.Helper()
	r := a.call(method, path, q)
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal(r.body, &p); err != nil || !strings.HasPrefix(r.header.Get("Content-Type"), "application/problem+json") {
		a.t.Errorf("%s %s %v: no problem: %d %s", method, path, q.at, r.status, r.body)
	}
	if p.Type != "urn:fachwerk:problem:"+string(kind) || p.Status != r.status || p.Title == "" || len(p.Detail) < 10 || r.status < 400 {
		a.t.Errorf("%s %s %v: %d %s, want %s", method, path, q.at, r.status, r.body, kind)
	}
	return string(r.body)
}

// serve runs the API on a backend until the test ends, and gives its address.
func serve(t *testing.T, b admin.Backend) string {
	t.Helper()
	s, err := admin.New(admin.Config{Backend: b, Operator: check})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// Suite proves the API on a backend.
func Suite(t *testing.T, o Options) {
	doc, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{api: &api{t: t, url: serve(t, o.Backend), doc: doc, done: map[string]bool{}}, o: o}
	w.other = w.url
	if o.Other != nil {
		w.other = serve(t, o.Other)
	}
	for _, part := range []struct {
		name string
		do   func()
	}{
		{"door", w.door}, {"tenants", w.tenants}, {"changes", w.changes}, {"bodies", w.bodies}, {"logo", w.logo}, {"domains", w.domains},
		{"issuers", w.issuers}, {"accounts", w.accounts}, {"persons", w.persons}, {"grants", w.grants}, {"pages", w.pages},
		{"races", w.races}, {"overview", w.overview}, {"other tenants", w.others}, {"removal", w.removal},
	} {
		t.Run(part.name, func(t *testing.T) {
			w.t = t
			part.do()
		})
		if t.Failed() {
			return // the parts stand on each other
		}
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			if !w.done[method+" "+path] {
				t.Errorf("%s %s of the document was never answered well", method, path)
			}
		}
	}
}
