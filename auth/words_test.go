package auth_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
)

// slowly is groups that let somebody else speak between a look at the last word and
// the step that changes it.
type slowly struct {
	*authtest.Memory
	once  sync.Once
	first func()
}

func (s *slowly) ChangeWord(ctx context.Context, ref auth.AccountRef, issuer string, next func(auth.Word) (auth.Word, error)) (auth.Word, error) {
	s.once.Do(func() {
		// As a store may that reads before it locks: what comes of it does not count.
		last, err := s.Word(ctx, ref, issuer)
		if err == nil {
			_, _ = next(last)
		}
		s.first()
	})
	return s.Memory.ChangeWord(ctx, ref, issuer, next)
}

// bearing is an authenticator of towns on other groups.
func (s *towns) bearing(t *testing.T, g auth.Groups, p *auth.Providers) *auth.Authenticator {
	t.Helper()
	a, err := auth.New(auth.Config{
		People: s.count, AppPasswords: s.count, Changes: s.Memory, HashKeys: oneKey, Providers: p, Groups: g, Now: s.now,
	})
	must(t, err)
	t.Cleanup(a.Close)
	return a
}

// An older token that is judged in the same moment as a newer one writes nothing back.
func TestTheNewestWordWins(t *testing.T) {
	s := openTowns(t)
	admin := map[string]any{"groups": []string{"admins of Musterstadt", "Bauamt"}}
	old := s.ours.AccessToken("sub-1", resource, "mail.read", s.made(admin))
	s.later(2 * time.Second)
	out := s.ours.AccessToken("sub-1", resource, "mail.read", s.made(map[string]any{"groups": []string{"Bauamt"}}))
	groups := &slowly{Memory: s.Memory}
	one, other := s.bearing(t, groups, s.providers), s.bearing(t, s.Memory, s.providers) // two processes
	groups.first = func() {
		_, err := other.Bearer(t.Context(), at("", auth.MailRead), out)
		must(t, err)
	}
	p, err := one.Bearer(t.Context(), at("", auth.MailRead), old)
	must(t, err)
	if p.Roles != 0 || !slices.Equal(p.Groups, []string{"Bauamt"}) {
		t.Errorf("the older token: %b by %v", p.Roles, p.Groups)
	}
	if kept, _ := s.GroupsOf(t.Context(), s.anna); !slices.Equal(kept, []string{"Bauamt"}) {
		t.Errorf("the store has %v", kept)
	}
}

// Of tokens that were made in one second, in whatever order they come, what all say
// holds; of others what the newest says, also when it says nothing new.
func TestWordsInAnyOrder(t *testing.T) {
	type token struct {
		second int
		groups string
	}
	for name, c := range map[string]struct {
		tokens []token
		want   string
	}{
		"the newest":         {[]token{{1, "a b"}, {2, "b c"}, {3, "c"}}, "c"},
		"of one second":      {[]token{{1, "a b"}, {1, "b c"}}, "b"},
		"then a newer":       {[]token{{1, "a b"}, {1, "b c"}, {2, "a"}}, "a"},
		"in and out again":   {[]token{{1, ""}, {2, "a"}, {3, ""}}, ""},
		"out and in again":   {[]token{{1, "a"}, {2, ""}, {3, "a"}}, "a"},
		"nothing new at all": {[]token{{1, "a"}, {2, "a"}, {3, "a"}}, "a"},
	} {
		for _, order := range permutations(len(c.tokens)) {
			s := openTowns(t)
			made := make([]string, len(c.tokens))
			for i, k := range c.tokens {
				iat := s.now().Truncate(time.Second).Add(time.Duration(k.second-10) * time.Second).Unix()
				made[i] = s.ours.AccessToken("sub-1", resource, "mail.read", map[string]any{"iat": iat, "groups": strings.Fields(k.groups)})
			}
			// Twice: nothing that was said before comes back.
			for range 2 {
				for _, i := range order {
					_, err := s.Bearer(t.Context(), at("", auth.MailRead), made[i])
					must(t, err)
				}
			}
			if kept, _ := s.GroupsOf(t.Context(), s.anna); strings.Join(kept, " ") != c.want {
				t.Errorf("%s, in the order %v: the store has %v, want %q", name, order, kept, c.want)
			}
		}
	}
}

func permutations(n int) (all [][]int) {
	var add func(done []int)
	add = func(done []int) {
		if len(done) == n {
			all = append(all, slices.Clone(done))
			return
		}
		for i := range n {
			if !slices.Contains(done, i) {
				add(append(done, i))
			}
		}
	}
	add(nil)
	return all
}

// Two issuers of one tenant lend each other no roles, though they call groups alike.
func TestIssuersLendNoRoles(t *testing.T) {
	s := openTowns(t)
	second := authtest.NewIssuer(t)
	b := s.own()
	b.URL, b.ClientID, b.GroupsClaim, b.AdminGroup, b.PrivacyGroup = second.URL, "", "groups", "chiefs", "" // tokens alone
	s.bind(b)
	s.Bind(s.dora, second.URL, "sub-2")
	s.later(5 * time.Second)
	bearer := func(by *authtest.Issuer, sub, claim string, groups ...string) *auth.Principal {
		t.Helper()
		p, err := s.Bearer(t.Context(), at("", auth.MailRead), by.AccessToken(sub, resource, "mail.read", s.made(map[string]any{claim: groups})))
		must(t, err)
		return p
	}
	old := s.theirs.AccessToken("sub-1", resource, "mail.read", s.made(map[string]any{"roles": []string{"chiefs", "officers"}}))
	opened, err := s.signIn(t, s.theirs, auth.StartOptions{Tenant: "Nachbarstadt"}, s.made(map[string]any{"roles": []string{"chiefs"}}))
	must(t, err)
	if opened.Principal.Roles != auth.TenantAdmin {
		t.Fatalf("the session has %b", opened.Principal.Roles)
	}
	// The second says that she is everything, the first that she is nothing any more.
	s.later(2 * time.Second)
	if p := bearer(second, "sub-2", "groups", "chiefs", "officers", "operators"); p.Roles != auth.TenantAdmin {
		t.Errorf("by the second: %b", p.Roles)
	}
	s.later(2 * time.Second)
	if p := bearer(s.theirs, "sub-1", "roles"); p.Roles != 0 {
		t.Errorf("by the first: %b", p.Roles)
	}
	if p, err := s.Bearer(t.Context(), at("", auth.MailRead), old); err != nil || p.Roles != 0 || len(p.Groups) != 0 {
		t.Errorf("an older token of the first has %+v, %v: the second's groups count for it", p, err)
	}
	if p, _, err := s.rp.Lookup(t.Context(), opened.CookieValue); err != nil || p.Roles != 0 {
		t.Errorf("a session of the first has %+v, %v", p, err)
	}
	// Nor does the first's silence take the second's.
	if p := bearer(second, "sub-2", "groups", "chiefs"); p.Roles != auth.TenantAdmin {
		t.Errorf("by the second, later: %b", p.Roles)
	}
	// Grants count the groups of both, under one name.
	if kept, _ := s.GroupsOf(t.Context(), s.dora); !slices.Equal(kept, []string{"chiefs"}) {
		t.Errorf("the store has %v", kept)
	}
}

// An issuer that has no say in groups any more: what it said is over.
func TestNoSayInGroups(t *testing.T) {
	s := openTowns(t)
	b := s.own()
	s.bind()
	bearer := func() *auth.Principal {
		t.Helper()
		p, err := s.Bearer(t.Context(), at("", auth.MailRead), s.theirs.AccessToken("sub-1", resource, "mail.read", s.made(map[string]any{"roles": []string{"chiefs"}})))
		must(t, err)
		return p
	}
	if p := bearer(); p.Roles != auth.TenantAdmin {
		t.Fatalf("it is %+v", p)
	}
	b.GroupsClaim = ""
	s.SetBindings(auth.Bindings{Issuers: []auth.IssuerBinding{b}, Tenants: map[int64]string{2: "Nachbarstadt"}})
	s.later(10 * time.Second)
	if p := bearer(); p.Roles != 0 || len(p.Groups) != 0 {
		t.Errorf("it is %+v", p)
	}
	if kept, _ := s.GroupsOf(t.Context(), s.dora); len(kept) != 0 {
		t.Errorf("the store has %v", kept)
	}
}
