package idp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"fachwerk/auth"
)

// ID and access tokens tell the person's groups, also that there are none; without
// them there is no token that would say so.
func TestGroupsInTokens(t *testing.T) {
	var groups []string
	var away error
	h := newHouse(t, func(c *Config) {
		c.Groups = func(_ context.Context, ref auth.AccountRef) ([]string, error) {
			if ref.Tenant != 1 {
				t.Errorf("the groups of %v are asked for", ref)
			}
			return groups, away
		}
	})
	for _, groups = range [][]string{{"Bauamt", "operators"}, nil} {
		c := newClient(h)
		status, got := c.exchange(c.code(), c.verifier)
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, got)
		}
		for _, name := range []string{"access_token", "id_token"} {
			_, claims := payload(t, got[name])
			list, ok := claims["groups"].([]any)
			var texts []string
			for _, one := range list {
				texts = append(texts, fmt.Sprint(one))
			}
			if !ok || !slices.Equal(texts, groups) {
				t.Errorf("the %s says %v, want %v", name, claims["groups"], groups)
			}
		}
	}
	c := newClient(h)
	code := c.code()
	away = errors.New("the store is away")
	if status, got := c.exchange(code, c.verifier); status < 500 {
		t.Errorf("with the store away: %d %v", status, got)
	}
}

// The embedded provider's subject is one tenant's person.
func TestPersonIn(t *testing.T) {
	h := newHouse(t)
	other := h.AddPersonIn(2, "dora@nachbarstadt.example")
	h.Bind(other, "https://else.example", "x")
	people := WithSubjects(h, h.issuer)
	for _, c := range []struct {
		tenant      int64
		issuer, sub string
		want        auth.AccountRef
	}{
		{1, h.issuer, Subject(h.anna), h.anna}, {2, h.issuer, Subject(other), other}, {2, "https://else.example", "x", other},
		{2, h.issuer, Subject(h.anna), auth.AccountRef{}}, {1, h.issuer, "x", auth.AccountRef{}}, {1, "https://else.example", "x", auth.AccountRef{}},
		{1, "https://else.example", Subject(h.anna), auth.AccountRef{}},
	} {
		p, err := people.PersonIn(t.Context(), c.tenant, c.issuer, c.sub)
		if p.AccountRef != c.want || (c.want == auth.AccountRef{}) != errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%+v finds %+v, %v", c, p, err)
		}
	}
}
