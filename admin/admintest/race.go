package admintest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"fachwerk/admin"
)

// races: of many who send the same ETag at the same time, to two processes, one changes
// it, and the others are told.
func (w *walk) races() {
	w.race("PATCH", tenant, w.ofB(), func(n int) any {
		return admin.TenantChange{Quota: &admin.Quota{Accounts: int64(1000 + n)}}
	})
	var made admin.Account
	w.ok(201, &made, "POST", accounts, request{at: w.ofB(), body: admin.NewAccount{Address: "eva@neudorf.example", Kind: "person"}})
	w.race("PATCH", account, w.ofB("account", made.ID), func(n int) any {
		name := fmt.Sprint("Eva ", n)
		return admin.AccountChange{Name: &name}
	})
	const issuer = tenant + "/issuers/{issuer}"
	binding := func(n int) any {
		secret := fmt.Sprint("secret of the client ", n)
		return admin.IssuerBinding{URL: "https://login.neudorf.example", Own: true, ClientID: "portal", ClientSecret: &secret}
	}
	var bound admin.Issuer
	w.ok(201, &bound, "POST", tenant+"/issuers", request{at: w.ofB(), body: binding(0)})
	w.race("PUT", issuer, w.ofB("issuer", bound.ID), binding) // nothing of it is told, and it counts
	w.ok(204, nil, "DELETE", issuer, request{at: w.ofB("issuer", bound.ID)})
	w.ok(204, nil, "DELETE", account, request{at: w.ofB("account", made.ID), query: "confirm=eva%40neudorf.example"})
}

func (w *walk) race(method, path string, at []string, body func(n int) any) {
	w.t.Helper()
	const many = 8
	tag := w.ok(200, nil, "GET", path, request{at: at}).etag
	statuses := make([]int, many)
	var all sync.WaitGroup
	begin := make(chan struct{})
	for n := range many {
		text, err := json.Marshal(body(n + 1))
		if err != nil {
			w.t.Fatal(err)
		}
		address := []string{w.url, w.other}[n%2] + path
		for i := 0; i+1 < len(at); i += 2 {
			address = strings.ReplaceAll(address, "{"+at[i]+"}", url.PathEscape(at[i+1]))
		}
		req, err := http.NewRequestWithContext(w.t.Context(), method, address, bytes.NewReader(text))
		if err != nil {
			w.t.Fatal(err)
		}
		for name, value := range map[string]string{"Authorization": "Bearer " + operatorToken, "Content-Type": "application/json", "If-Match": tag} {
			req.Header.Set(name, value)
		}
		all.Go(func() {
			<-begin
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				w.t.Error(err)
				return
			}
			resp.Body.Close()
			statuses[n] = resp.StatusCode
		})
	}
	close(begin)
	all.Wait()
	won := 0
	for _, status := range statuses {
		switch status {
		case http.StatusOK:
			won++
		case http.StatusPreconditionFailed:
		default:
			w.t.Errorf("%s %s: %d", method, path, status)
		}
	}
	if won != 1 {
		w.t.Errorf("%s %s: %d have won: %v", method, path, won, statuses)
	}
	if now := w.ok(200, nil, "GET", path, request{at: at}).etag; now == tag {
		w.t.Errorf("%s %s: changed, and its ETag is the same", method, path)
	}
}
