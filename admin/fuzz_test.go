package admin

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
)

// Bodies and cursors of any kind are read or refused in words.
func FuzzRequest(f *testing.F) {
	f.Add(`{"name": "Musterstadt", "settings": {"language": "de"}}`, "TXVzdGVyc3RhZHQ", "10")
	f.Add(`{"quota": {"bytes": -1}} x`, "%", "0")
	f.Add(strings.Repeat(`{"a":`, 1000), "", "9999999999999999999")
	f.Fuzz(func(t *testing.T, body, cursor, limit string) {
		var told *Error
		for _, into := range []any{&NewTenant{}, &TenantChange{}, &NewAccount{}, &AccountChange{}, &IssuerBinding{}, &Subject{}} {
			if err := parse([]byte(body), into); err != nil && (!errors.As(err, &told) || told.Sentence == "") {
				t.Errorf("%T: %v", into, err)
			}
		}
		r := httptest.NewRequest("GET", "/v1/tenants", nil)
		q := r.URL.Query()
		q.Set("cursor", cursor)
		q.Set("limit", limit)
		r.URL.RawQuery = q.Encode()
		list := []string{"b", "a", "c"}
		p, err := paged(r, list, func(s string) string { return s })
		if err != nil && !errors.As(err, &told) {
			t.Error(err)
		}
		if err == nil && len(p.Items) > 3 {
			t.Errorf("%d of 3", len(p.Items))
		}
	})
}

// A page after another begins where that one ended.
func TestPagesFollowEachOther(t *testing.T) {
	list := []string{"d", "b", "a", "c", "e"}
	var seen []string
	cursor := ""
	for range 10 {
		r := httptest.NewRequest("GET", "/x?limit=2&cursor="+cursor, nil)
		p, err := paged(r, list, func(s string) string { return s })
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, p.Items...)
		if cursor = p.Next; cursor == "" {
			break
		}
	}
	if got := strings.Join(seen, ""); got != "abcde" {
		t.Errorf("seen %q", got)
	}
}
