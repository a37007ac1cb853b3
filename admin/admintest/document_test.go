package admintest

import (
	"context"
	"strings"
	"testing"

	"fachwerk/admin"
	"fachwerk/auth"
)

// The document and the server have the same routes; what the document says elsewhere
// exists.
func TestDocumentHasEveryRoute(t *testing.T) {
	d, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	s, err := admin.New(admin.Config{
		Backend:  struct{ admin.Backend }{},
		Operator: func(context.Context, auth.Attempt, string) (*auth.Principal, error) { return nil, auth.ErrDenied },
	})
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]bool{"GET /v1/openapi.yaml": true}
	for _, r := range s.Routes() {
		routes[r.Method+" "+r.Pattern] = true
		if d.Paths[r.Pattern][r.Method] == nil {
			t.Errorf("%s %s is not in the document", r.Method, r.Pattern)
		}
	}
	ids := map[string]bool{}
	for path, methods := range d.Paths {
		for method, op := range methods {
			if !routes[method+" "+path] {
				t.Errorf("%s %s is in the document alone", method, path)
			}
			id, _ := op["operationId"].(string)
			if id == "" || ids[id] {
				t.Errorf("%s %s has no operationId of its own", method, path)
			}
			ids[id] = true
		}
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, err := d.resolve(v); err != nil {
				t.Error(err)
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(d.root)
}

// The comparison finds what differs.
func TestDocumentFindsDifferences(t *testing.T) {
	d, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ body, want string }{
		{`{"messages": 1, "recipients": 2}`, ""},
		{`{"messages": 1}`, "recipients is missing"},
		{`{"messages": 1, "recipients": 2, "more": 3}`, "more is not in the document"},
		{`{"messages": 1, "recipients": "2"}`, "no integer"},
		{`{"messages": 1.5, "recipients": 2}`, "no integer"},
		{`{"messages": -1, "recipients": 2}`, "less than 0"},
		{`[]`, "no object"},
	} {
		err := d.Answer("GET", "/v1/queue", 200, "application/json", []byte(c.body))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.body, err, c.want)
		}
	}
	if d.Answer("GET", "/v1/queue", 201, "application/json", []byte(`{}`)) == nil {
		t.Error("a status that is not in the document passes")
	}
	if d.Answer("GET", "/v1/queue", 200, "text/html", nil) == nil {
		t.Error("a media type that is not in the document passes")
	}
	if d.Answer("GET", "/v1/nothing", 200, "text/html", nil) == nil {
		t.Error("a path that is not in the document passes")
	}
}
