package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/admin"
	"fachwerk/admin/admintest"
	"fachwerk/auth"
	"fachwerk/internal/store"
)

// openTwo opens an installation of two sites; metadata is what the second one's database
// is said to be.
func openTwo(t *testing.T, dir, metadata string) *Installation {
	t.Helper()
	text := strings.Replace(twoSites, "sqlite:sued.db", metadata, 1)
	if err := os.WriteFile(filepath.Join(dir, ConfigName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := Open(t.Context(), Where{Data: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// silent is the address of a server that takes connections and says nothing, or with
// closed of none.
func silent(t *testing.T, closed bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if closed {
		l.Close()
		return l.Addr().String()
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// While one site is away the overviews answer for what is there, and name what is not;
// what cannot be answered says which site it is.
func TestOverviewsWhileASiteIsAway(t *testing.T) {
	for name, closed := range map[string]bool{"nobody listens": true, "it hangs": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			in := openTwo(t, dir, "sqlite:sued.db")
			ids := map[string]string{}
			for town, site := range map[string]string{"Nordstadt": "nord", "Suedstadt": "sued"} {
				made, err := in.CreateTenant(t.Context(), NewTenant{Name: town, Site: site, Domain: strings.ToLower(town) + ".example"})
				if err != nil {
					t.Fatal(err)
				}
				ids[town] = made.ID
				if _, err := in.AddAccount(t.Context(), NewAccount{Address: "anna@" + strings.ToLower(town) + ".example", Kind: "person"}); err != nil {
					t.Fatal(err)
				}
			}
			if err := in.Close(); err != nil {
				t.Fatal(err)
			}
			in = openTwo(t, dir, "postgres://fachwerk@"+silent(t, closed)+"/fachwerk?sslmode=disable")
			defer in.Close()
			api, err := admin.New(admin.Config{Backend: control{in}, Operator: func(context.Context, auth.Attempt, string) (*auth.Principal, error) {
				return &auth.Principal{Roles: auth.Operator}, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(api)
			defer server.Close()
			get := asOperator(t, server.URL)

			var tenants struct {
				Items       []admin.Tenant
				Unavailable []string
			}
			get("/v1/tenants", "/v1/tenants", 200, &tenants)
			if len(tenants.Items) != 2 || tenants.Items[0].Unavailable || !tenants.Items[1].Unavailable || !slices.Equal(tenants.Unavailable, []string{"sued"}) {
				t.Errorf("tenants: %+v", tenants)
			}
			var one admin.Tenant
			if get("/v1/tenants/"+ids["Suedstadt"], "/v1/tenants/{tenant}", 200, &one); !one.Unavailable {
				t.Errorf("%+v", one)
			}
			var sites struct{ Items []admin.Site }
			get("/v1/sites", "/v1/sites", 200, &sites)
			if len(sites.Items) != 2 || sites.Items[0].Unavailable || !sites.Items[1].Unavailable || sites.Items[1].Tenants != 1 || sites.Items[1].State != "not_observed" {
				t.Errorf("sites: %+v", sites)
			}
			var queue admin.QueueLength
			if get("/v1/queue", "/v1/queue", 200, &queue); !slices.Equal(queue.Unavailable, []string{"sued"}) {
				t.Errorf("queue: %+v", queue)
			}
			var where struct{ Items []admin.Whereabouts }
			get("/v1/tenants/"+ids["Nordstadt"]+"/where", "/v1/tenants/{tenant}/where", 200, &where)
			if slices.ContainsFunc(where.Items, func(w admin.Whereabouts) bool { return w.Unavailable || w.Site != "nord" }) {
				t.Errorf("where: %+v", where)
			}
			get("/v1/tenants/"+ids["Suedstadt"]+"/where", "/v1/tenants/{tenant}/where", 200, &where)
			if len(where.Items) != 1 || !where.Items[0].Unavailable || where.Items[0].Site != "sued" || where.Items[0].Operator != "Landesrechenzentrum" {
				t.Errorf("where: %+v", where)
			}
			var accounts struct{ Items []admin.Account }
			get("/v1/tenants/"+ids["Nordstadt"]+"/accounts", "/v1/tenants/{tenant}/accounts", 200, &accounts)
			if len(accounts.Items) != 1 {
				t.Errorf("accounts: %+v", accounts)
			}
			if text := get("/v1/tenants/"+ids["Suedstadt"]+"/accounts", "/v1/tenants/{tenant}/accounts", 503, nil); !strings.Contains(text, "sued") {
				t.Errorf("the site is not named: %s", text)
			}

			// The command line's.
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			rows, err := in.Where(ctx, "anna@suedstadt.example")
			if err != nil || len(rows) != 1 || !rows[0].Unavailable || rows[0].Place != "Tal" || rows[0].Account == "" {
				t.Errorf("where: %+v, %v", rows, err)
			}
			list, err := in.Accounts(ctx, "")
			if err = in.Explain(ctx, err); len(list) != 1 || err == nil || !strings.Contains(err.Error(), "site sued") {
				t.Errorf("accounts: %+v, %v", list, err)
			}
			if err := in.Queue(ctx, func(QueueMessage) error { return nil }); err == nil || !strings.Contains(err.Error(), "site sued") {
				t.Errorf("queue: %v", err)
			}
		})
	}
}

// asOperator gets paths, compares the answers with the document, and gives their text.
func asOperator(t *testing.T, url string) func(path, pattern string, want int, into any) string {
	doc, err := admintest.Load()
	if err != nil {
		t.Fatal(err)
	}
	return func(path, pattern string, want int, into any) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer x")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("%s: %d %s, %v", path, resp.StatusCode, text, err)
		}
		if err := doc.Answer("GET", pattern, resp.StatusCode, resp.Header.Get("Content-Type"), text); err != nil {
			t.Error(err)
		}
		if into != nil {
			if err := json.Unmarshal(text, into); err != nil {
				t.Fatal(err)
			}
		}
		return string(text)
	}
}

func TestExplainLeavesRefusalsAlone(t *testing.T) {
	in := openTwo(t, t.TempDir(), "sqlite:sued.db")
	defer in.Close()
	for _, err := range []error{nil, store.ErrNotFound, refuse(admin.Invalid, store.ErrTemporary, "no"), store.ErrTemporary} {
		if got := in.Explain(t.Context(), err); !errors.Is(got, err) || got != nil && got.Error() != err.Error() {
			t.Errorf("%v became %v", err, got)
		}
	}
}
